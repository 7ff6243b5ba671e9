#!/bin/bash
# apt, dpkg, the whole installation, the helper or the agent is killed in the midst of an installation: it ends in an installed package and a running pod.
# once: apt and dpkg decide here, not the API server
# FAULT_POINTS=20 tries more points than the few that each run of the tests has time for.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

POINTS=${FAULT_POINTS:-6}
WORK=$(mktemp -d)
REPO=/srv/vks-faults # in the node

# A daemon whose maintainer scripts take their time, and start it as those of a daemon do.
deb() { # NAME
    local tree=$WORK/tree
    rm -rf "$tree"
    mkdir -p "$tree/DEBIAN" "$tree/usr/bin" "$tree/lib/systemd/system" "$tree/usr/share/$1"
    printf '%s\n' "Package: $1" "Version: 1" "Architecture: all" "Maintainer: vks <vks@example.org>" "Description: for a test" >"$tree/DEBIAN/control"
    printf '#!/bin/sh\nexec sleep 100000\n' >"$tree/usr/bin/$1"
    printf '[Unit]\nDescription=for a test\n[Service]\nExecStart=/usr/bin/%s\n[Install]\nWantedBy=multi-user.target\n' "$1" >"$tree/lib/systemd/system/$1.service"
    for n in $(seq 300); do echo "$n" >"$tree/usr/share/$1/$n"; done
    printf '#!/bin/sh\nsleep 0.5\n' >"$tree/DEBIAN/preinst"
    printf '#!/bin/sh\nsleep 0.5\ndeb-systemd-invoke start %s.service || true\n' "$1" >"$tree/DEBIAN/postinst"
    chmod 755 "$tree/DEBIAN/preinst" "$tree/DEBIAN/postinst" "$tree/usr/bin/$1"
    dpkg-deb -b --root-owner-group -Znone "$tree" "$WORK/repo/$1_1_all.deb" >/dev/null
}

restore() {
    sh_node "rm -rf $REPO /etc/apt/sources.list.d/vks-faults.list /root/repo.tar /root/strike
             flock /run/vks/install/lock dpkg -P \$(dpkg-query -W -f '\${Package} ' 'vks-f*')" >/dev/null 2>&1 || true
    rm -rf "$WORK"
}
trap restore EXIT

mkdir "$WORK/repo"
for i in $(seq "$((POINTS + 1))"); do deb "vks-f$i"; done
(cd "$WORK/repo" && dpkg-scanpackages -m . 2>/dev/null >Packages)
tar -C "$WORK/repo" -cf "$WORK/repo.tar" .
"$LAB" node put "$WORK/repo.tar" /root/
sh_node "rm -rf $REPO; mkdir -p $REPO; tar -C $REPO -xf /root/repo.tar; echo 'deb [trusted=yes] copy:$REPO ./' >/etc/apt/sources.list.d/vks-faults.list
         flock /run/vks/install/lock apt-get -qq -o Dir::Etc::SourceList=/etc/apt/sources.list.d/vks-faults.list -o Dir::Etc::SourceParts=- -o APT::Get::List-Cleanup=0 update"

# strike MILLISECONDS WHAT: so long after an installation has begun. Of apt-get and dpkg those that belong to it; where none runs just then, its newest process.
cat >"$WORK/strike" <<'STRIKE'
#!/bin/sh
n=0
until set -- "$1" "$2" $(cat /sys/fs/cgroup/system.slice/vks-install-*.service/cgroup.procs 2>/dev/null); [ $# -gt 2 ]; do
    n=$((n + 1)); [ $n -lt 1000 ] || exit 1
    sleep 0.02
done
sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))"
what=$2 last=
case $what in
agent | helper) exec systemctl kill -s KILL "vks-$what.service" ;;
esac
for pid in $(cat /sys/fs/cgroup/system.slice/vks-install-*.service/cgroup.procs 2>/dev/null); do
    last=$pid
    if [ "$what" = all ] || [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$what" ]; then
        kill -KILL "$pid" && hit=1
    fi
done
[ -n "${hit:-}" ] || [ -z "$last" ] || kill -KILL "$last"
STRIKE
"$LAB" node put "$WORK/strike" /root/
sh_node "chmod 755 /root/strike"

test_an_installation_is_killed_at_many_points() {
    local i what delay victims=(apt-get dpkg all helper agent)
    for i in $(seq "$POINTS"); do
        what=${victims[i % 5]}
        delay=$((i * 2600 / POINTS))
        node /root/strike "$delay" "$what" 2>/dev/null &
        printf '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "f%d"}, "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "c", "image": "vks-f%d"}]}}' \
            "$i" "$i" | apply
        wait $! || fail "no installation was seen"
        running "f$i" 60 || fail "$what was killed after $delay ms"
        equals "ii  1" node dpkg-query -W -f '${db:Status-Abbrev} ${Version}' "vks-f$i" || fail "$what, $delay ms: not installed: $(node dpkg-query -W -f '${db:Status-Abbrev}' "vks-f$i")"
        [ "$(sh_node "systemctl is-active vks-f$i.service || true")" = inactive ] || fail "$what, $delay ms: the package's own daemon runs"
    done
    # A mask that a killed installation left is taken away by the next one.
    i=$((POINTS + 1))
    printf '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "last"}, "spec": {"containers": [{"name": "c", "image": "vks-f%d"}]}}' "$i" | apply
    running last
    [ -z "$(sh_node "ls -d /run/systemd/system/vks-f*.service 2>/dev/null")" ] || fail "units are masked for good"
    [ -z "$(node dpkg --audit)" ] || fail "$(node dpkg --audit)"
}

run_tests
