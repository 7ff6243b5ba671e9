#!/bin/bash
# apt, dpkg, the whole installation, the helper or the agent is killed in the midst of an installation: it ends in an installed package and a running pod.
# once: apt and dpkg decide here, not the API server
# FAULT_POINTS=N tries the first N of the points only.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Who is killed, and when: see `strike` below.
POINTS=(
    "helper asked" "all begun" "apt-get resolve" "agent fetch" "apt-get fetch"
    "all fetched" "all list" "all masked" "apt-get install" "helper unpack"
    "apt-get unpack" "dpkg preinst" "all preinst" "dpkg files" "all files"
    "dpkg unpacked" "agent configure" "dpkg configure" "apt-get postinst" "all invoke"
)
[ -z "${FAULT_POINTS:-}" ] || POINTS=("${POINTS[@]:0:FAULT_POINTS}")
WORK=$(mktemp -d)
REPO=/srv/vks-faults # in the node

# A daemon whose maintainer scripts start it as those of a daemon do. The last one does not end before the blow: whoever strikes late still hits something.
deb() { # NAME
    local tree=$WORK/tree
    rm -rf "$tree"
    mkdir -p "$tree/DEBIAN" "$tree/usr/bin" "$tree/lib/systemd/system" "$tree/usr/share/$1"
    printf '%s\n' "Package: $1" "Version: 1" "Architecture: all" "Maintainer: vks <vks@example.org>" "Description: for a test" >"$tree/DEBIAN/control"
    printf '#!/bin/sh\nexec sleep 100000\n' >"$tree/usr/bin/$1"
    printf '[Unit]\nDescription=for a test\n[Service]\nExecStart=/usr/bin/%s\n[Install]\nWantedBy=multi-user.target\n' "$1" >"$tree/lib/systemd/system/$1.service"
    for n in $(seq 200); do echo "$n" >"$tree/usr/share/$1/$n"; done
    printf '#!/bin/sh\nsleep 0.2\n' >"$tree/DEBIAN/preinst"
    printf '#!/bin/sh\nsleep 0.2\ndeb-systemd-invoke start %s.service || true\ntouch /run/vks-faults/%s\nwhile test -e /run/vks-faults/hold; do sleep 0.05; done\n' \
        "$1" "$1" >"$tree/DEBIAN/postinst"
    chmod 755 "$tree/DEBIAN/preinst" "$tree/DEBIAN/postinst" "$tree/usr/bin/$1"
    dpkg-deb -b --root-owner-group -Znone "$tree" "$WORK/repo/$1_1_all.deb" >/dev/null
}

restore() {
    sh_node "rm -rf /run/vks-faults $REPO /etc/apt/sources.list.d/vks-faults.list /root/repo.tar /root/strike
             flock /run/vks/install/lock dpkg -P \$(dpkg-query -W -f '\${Package} ' 'vks-f*')" >/dev/null 2>&1 || true
    rm -rf "$WORK"
}
trap restore EXIT

mkdir "$WORK/repo"
for i in $(seq "${#POINTS[@]}"); do deb "vks-f$i"; done
(cd "$WORK/repo" && dpkg-scanpackages -m . 2>/dev/null >Packages)
tar -C "$WORK/repo" -cf "$WORK/repo.tar" .
"$LAB" node put "$WORK/repo.tar" /root/
sh_node "rm -rf $REPO; mkdir -p $REPO /run/vks-faults; tar -C $REPO -xf /root/repo.tar; echo 'deb [trusted=yes] copy:$REPO ./' >/etc/apt/sources.list.d/vks-faults.list
         flock /run/vks/install/lock apt-get -qq -o Dir::Etc::SourceList=/etc/apt/sources.list.d/vks-faults.list -o Dir::Etc::SourceParts=- -o APT::Get::List-Cleanup=0 update"

# strike PACKAGE WHAT WHEN: waits until the installation of PACKAGE has come so far, or further, kills, and prints how far that was. What there is of
# it (its processes, files, dpkg's log) is looked at every two milliseconds.
cat >"$WORK/strike" <<'STRIKE'
#!/usr/bin/perl
use strict;
use warnings;
my ($package, $what, $when) = @ARGV;
my ($log, $dpkg) = ('');
open $dpkg, '<', '/var/log/dpkg.log' or die "no log of dpkg's\n";
seek $dpkg, 0, 2;
sub slurp { my $f; open $f, '<', shift or return ''; local $/; my $s = <$f> // ''; $s =~ tr/\0/ /; $s }
sub processes { map { split } map { slurp($_) } glob $_[0] }
my @seen; # command lines of the installation's processes
sub runs { my $like = shift; grep { /$like/ } @seen }
my @stages = (
    [asked      => sub { processes('/sys/fs/cgroup/system.slice/vks-helper.service/cgroup.procs') }],
    [begun      => sub { @seen }],
    [resolve    => sub { runs qr/^apt-get .*--download-only/ }],
    [fetch      => sub { runs qr{/methods/copy} }],
    [fetched    => sub { -e "/var/cache/vks/archives/${package}_1_all.deb" }],
    [list       => sub { runs qr/^dpkg-deb --fsys-tarfile/ }],
    [masked     => sub { -e "/run/systemd/system.control/$package.service" }],
    [install    => sub { runs(qr/^apt-get (?!.*--download-only).* install /) && -e "/run/systemd/system.control/$package.service" }],
    [unpack     => sub { runs qr/dpkg .*--unpack/ }],
    [preinst    => sub { runs qr/preinst install/ }],
    [files      => sub { -e "/usr/share/$package" }],
    [unpacked   => sub { $log =~ /status unpacked \Q$package\E:/ }],
    [configure  => sub { runs qr/dpkg .*--configure/ }],
    [postinst   => sub { runs qr/postinst configure/ }],
    [invoke     => sub { runs(qr/deb-systemd-invoke/) || -e "/run/vks-faults/$package" }],
    [installed  => sub { $log =~ /status installed \Q$package\E:/ }],
);
my ($first) = grep { $stages[$_][0] eq $when } 0 .. $#stages;
defined $first or die "no stage $when\n";
$| = 1;
open my $hold, '>', '/run/vks-faults/hold' or die "nothing holds it\n";
print "ready\n";
my $cgroup = '/sys/fs/cgroup/system.slice/vks-install-*.service/cgroup.procs';
# Whom it has hit, of those who do the installation. Between two of them there is a moment without any.
sub hit {
    my $hit = 0;
    if ($what eq 'agent' || $what eq 'helper') {
        system 'systemctl', 'kill', '-s', 'KILL', "vks-$what.service";
        return 1;
    }
    for my $pid (processes($cgroup)) {
        next unless $what eq 'all' || slurp("/proc/$pid/comm") eq "$what\n";
        $hit += kill 'KILL', $pid;
    }
    return $hit;
}
my $stage;
for (my $n = 0; !defined $stage || !hit(); $n++) {
    $n < 150000 or die "not seen\n";
    select undef, undef, undef, 0.002;
    @seen = grep { length } map { slurp("/proc/$_/cmdline") } processes($cgroup);
    $log .= $_ while defined($_ = readline $dpkg);
    seek $dpkg, 0, 1; # beyond what was its end
    for my $i (reverse $first .. $#stages) {
        $stage = $i, last if $stages[$i][1]->();
    }
}
unlink '/run/vks-faults/hold';
print "$stages[$stage][0]\n";
STRIKE
"$LAB" node put "$WORK/strike" /root/
sh_node "chmod 755 /root/strike"

# Nobody runs but for the pod's unit, nothing stands in for a unit, dpkg has nothing left to do.
is_sound() { # PACKAGE
    sh_node "test \"\$(dpkg-query -W -f '\${db:Status-Abbrev}\${Version}' $1)\" = 'ii 1' && test -z \"\$(dpkg --audit)\" &&
             test \"\$(systemctl is-active $1.service)\" = inactive && test -z \"\$(ls -d /run/systemd/system.control/* 2>/dev/null)\""
}

test_an_installation_is_killed_at_many_points() {
    local i=0 point what hit told="" strike
    for point in "${POINTS[@]}"; do
        i=$((i + 1))
        what=${point% *}
        node systemctl stop vks-helper.service 2>/dev/null
        exec {strike}< <(node /root/strike "vks-f$i" $point 2>&1)
        read -r hit <&"$strike"
        [ "$hit" = ready ] || fail "$hit"
        printf '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "f%d"}, "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "c", "image": "vks-f%d"}]}}' \
            "$i" "$i" | apply
        read -r hit <&"$strike" || fail "$point: no blow"
        [[ $hit =~ ^[a-z]+$ ]] || fail "$point: $hit"
        exec {strike}<&-
        told+=" $what/$hit"
        # The last one is tried again in the agent's own time, the others are not waited for so long.
        [ "$what" = agent ] || [ "$i" -eq "${#POINTS[@]}" ] || node systemctl restart vks-agent
        running "f$i" 60 || fail "$point, struck at $hit"
        wait_for 20 "it is whole" is_sound "vks-f$i" || fail "$point, struck at $hit: $(sh_node "dpkg-query -W vks-f$i; dpkg --audit; systemctl is-active vks-f$i; ls /run/systemd/system.control")"
    done
    echo "  killed:$told"
}

run_tests
