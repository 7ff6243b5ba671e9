#!/bin/bash
# An agent that means harm (tests/hostile/hostile.c) has the helper to itself: whatever it asks, nothing on the machine but vks's own directories
# and units is different afterwards, no secret got out, and the helper still serves.
# once: the helper decides here, there is no API server in it
#
# SANITIZED=1: against the helper built with ASan and UBSan, in its cage (`make check` does so with some of the tests). SEED, REQUESTS: of the first test's random part.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SECRET=hostile-secret-d41d8cd9
DROPIN=/run/systemd/system/vks-helper.service.d

# ---- the machine, before and after ----

# Kind, mode, owner, time and content of every file, but for those that live: the kernel's, logs, what systemd keeps about units that run, apt's
# caches, and vks's own directories. Directories in which such things come and go have no time here.
snapshot() {
    sh_node 'cd /; lives() {
                 find / \( -path /proc -o -path /sys -o -path /dev -o -path /run/vks -o -path /var/lib/vks -o -path /var/cache/vks -o -path /var/log -o -path /run/log \
                     -o -path /run/systemd/units -o -path /run/systemd/transient -o -path /run/systemd/propagate -o -path /run/systemd/inaccessible \
                     -o -path /run/systemd/journal -o -path /run/systemd/sessions -o -path /run/credentials -o -path /run/user -o -path /run/host -o -path /run/udev \
                     -o -path /run/systemd/timesync -o -path /var/lib/systemd/timers -o -path /var/lib/systemd/linger -o -path "/tmp/systemd-private-*" \
                     -o -path "/var/tmp/systemd-private-*" -o -path /var/lib/apt/lists -o -path /var/cache/apt -o -path /srv/hostile/allowed -o -path /srv/hostile/open \
                     -o -path "/run/systemd/system/vks.*" -o -path "/run/systemd/system/run-vks-*" -o -path "/run/systemd/system/vks-helper.service.d" \) -prune -o "$@"
             }
             lives -type d \( -path /run/systemd/system -o -path /tmp -o -path /var/tmp -o -path /run -o -path /run/systemd -o -path /run/systemd/system.control \) -printf "%y %m %u:%g - %p\n" \
                 -o -type d -printf "%y %m %u:%g %T@ %p\n" -o -printf "%y %m %u:%g %s %T@ %l %p\n" | sort
             lives -type f -print0 | xargs -0 sha256sum | sort -k2
             systemctl list-unit-files --no-legend --no-pager | grep -v "^vks\.\|^run-vks\|^vks-install-" | sort
             systemctl list-units --all --no-legend --no-pager --plain --type=service,socket,mount,timer,target |
                 awk "{print \$1, \$2}" | grep -vE "^(vks\.|run-vks|vks-helper\.service|vks-install-|kubepods|user|session|apt-daily|systemd-(tmpfiles-clean|hostnamed|timedated)|run-)" | sort'
}

# A package whose units do what units of Debian's packages do: commands before the daemon's, some of them as root; an instance that is the user's name.
harm_package() {
    sh_node 'rm -rf /root/harm && mkdir -p /root/harm/DEBIAN /root/harm/lib/systemd/system /root/harm/usr/local/bin && cd /root/harm
             printf "Package: harm\nVersion: 1\nArchitecture: all\nMaintainer: vks <vks@localhost>\nDescription: units for a test\n" >DEBIAN/control
             unit() { { printf "[Service]\n"; cat; } >"lib/systemd/system/$1"; }
             H=/usr/local/bin/hostile
             printf "ExecStartPre=$H mark pre\nExecStart=/bin/sleep 100\n" | unit harm-pre.service
             printf "User=daemon\nExecStartPre=+$H mark plus\nExecStart=/bin/sleep 100\n" | unit harm-plus.service
             printf "User=daemon\nExecStartPre=/bin/true ; +$H mark semi\nExecStart=/bin/sleep 100\n" | unit harm-semi.service
             printf "User=daemon\nExecStart=!$H mark bang\n" | unit harm-bang.service
             printf "User=daemon\nPermissionsStartOnly=yes\nExecStartPre=$H mark only\nExecStart=/bin/sleep 100\n" | unit harm-only.service
             printf "User=daemon\nType=notify\nTimeoutStartSec=600\nExecStart=/bin/sleep 1000\n" | unit harm-late.service
             printf "User=%%i\nExecStart=$H mark user\n" | unit harm-user@.service
             printf "User=daemon\nGroup=%%i\nExecStart=$H mark user\n" | unit harm-group@.service
             printf "User=daemon\nSupplementaryGroups=%%i\nExecStart=$H mark user\n" | unit harm-groups@.service
             printf "User=daemon\nExecStartPre=+%%I mark instance\nExecStart=/bin/sleep 100\n" | unit harm-exec@.service
             printf "Type=oneshot\nExecStop=/bin/true\n" | unit harm-stop.service
             printf "ExecStart=/usr/local/bin/harm-script\n" | unit harm-script.service
             printf "[Unit]\nRequires=harm-fall.target\n[Service]\nUser=daemon\nExecStart=/bin/sleep 100\n" >lib/systemd/system/harm-fall.service
             printf "[Unit]\nDescription=the end of a machine\n" >lib/systemd/system/harm-fall.target
             E="ReadWritePaths=/etc/harm /etc/harm-link /etc /etc/vks -/etc/../etc/vks +/etc//vks/ /etc/harm-mount /etc/harm-new /etc/harm/sub\nConfigurationDirectory=harm vks ../etc harm/sub"
             printf "$E\nExecStart=$H mark-etc\n" | unit harm-etc.service
             printf "User=daemon\n$E\nExecStart=$H mark-etc\n" | unit harm-etc-daemon.service
             ln -s /etc/shadow lib/systemd/system/harm-link.service
             printf "#!/bin/sh\n/bin/true\nexec sleep 100\n" >usr/local/bin/harm-script; chmod 755 usr/local/bin/harm-script
             dpkg-deb -b /root/harm /root/harm.deb >/dev/null && dpkg -i /root/harm.deb >/dev/null 2>&1; rm -rf /root/harm /root/harm.deb'
}

sanitized() {
    local lib
    make -s -C "$ROOT_DIR" build/san/vks-helper
    for lib in $(ldd "$ROOT_DIR/build/san/vks-helper" | awk '/lib(a|ub)san/ {print $3}'); do
        "$LAB" node put "$(readlink -f "$lib")" "/usr/lib/$(basename "$lib")"
    done
    "$LAB" node put "$ROOT_DIR/build/san/vks-helper" /usr/local/sbin/vks-helper-sanitized
    sh_node "mkdir -p $DROPIN && printf '[Service]\nExecStart=\nExecStart=/usr/local/sbin/vks-helper-sanitized\nLimitDATA=infinity\nEnvironment=ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1\n' >$DROPIN/san.conf && systemctl daemon-reload"
}

# Each job is looked for: a unit that has been asked for is not activating yet while PID 1 has others to hear.
installed() { sh_node '! { systemctl list-jobs --no-legend "vks-install-*"; systemctl list-units --no-legend --state=activating,deactivating "vks-install-*"; } | grep .'; }

prepare() { # what is the same for all of the tests
    make -s -C "$ROOT_DIR" build/hostile build/hostile.so
    "$LAB" node put "$ROOT_DIR/build/hostile" /usr/local/bin/hostile
    "$LAB" node put "$ROOT_DIR/build/hostile.so" /usr/local/lib/hostile.so
    [ -z "${SANITIZED:-}" ] || sanitized
    sh_node 'for other in host use; do ln -f /usr/local/bin/hostile /usr/local/bin/hostile-$other; done; systemctl stop vks-agent.service; id -u vks-pod >/dev/null
             mkdir -p /run/systemd/system.control # as PID 1 makes it when it is first asked for another limit; what it notes there must be gone again
             mkdir -p /var/cache/vks /srv/hostile/allowed /srv/hostile/bound /srv/hostile/open /srv/hostile/ro && chmod 777 /srv/hostile/open && ln -sfn /etc /srv/hostile/link
             ln -sfn /usr/bin /srv/hostile/ulink; chmod 777 /srv/hostile/allowed
             mkdir -p /etc/harm/sub /etc/harm-mount; ln -sfn /etc/vks /etc/harm-link; mountpoint -q /etc/harm-mount || mount --bind /etc/ssl /etc/harm-mount
             echo conf >/etc/harm/conf; echo root-only >/etc/harm/secret; chmod 600 /etc/harm/secret
             mountpoint -q /srv/hostile/bound || mount --bind /etc /srv/hostile/bound
             test -e /root/policy.conf || cp -p /etc/vks/policy.conf /root/policy.conf
             systemctl stop $(systemctl list-units --plain --no-legend --type=timer | cut -d " " -f 1) || true' # midnight changes files, too
    trap undo EXIT
    wait_for 300 "installations of earlier pods are over" installed
    harm_package
    sh_node 'dpkg-query -W harm >/dev/null' || fail "the package for this test is not installed"
    SINCE=$(sh_node 'date +%s')
}
undo() {
    sh_node "umount /srv/hostile/bound /etc/harm-mount; rm -rf /etc/harm /etc/harm-link /etc/harm-mount; systemctl stop harm-fall.target; dpkg --purge harm; rm -rf /srv/hostile /usr/local/bin/hostile* /usr/local/lib/hostile.so /usr/local/sbin/vks-helper-sanitized
             rm -f /usr/lib/libasan.so* /usr/lib/libubsan.so* $DROPIN/san.conf; mv /root/policy.conf /etc/vks/policy.conf
             systemctl daemon-reload; systemctl stop vks-helper.service; systemctl start vks-agent.service timers.target" >/dev/null 2>&1 || true
}

policy() { # LINES; the helper that comes next obeys, and does not wait to see whether the file is whole
    sh_node "printf '%s\n' '$1' 'package = harm hostile-* coreutils dpkg systemd vks cowsay* cowsa.' 'deny-package = hostile-* cowsay' \
                 'host-path = /srv/hostile/allowed rw /srv/hostile/open rw /srv/hostile/ro ro' >/etc/vks/policy.conf
             touch -d '1 minute ago' /etc/vks/policy.conf
             systemctl stop vks-helper.service; systemctl reset-failed vks-helper.service 2>/dev/null; true"
}

hostile() { # ARGUMENT...: as the agent's user
    sh_node "cd / && exec setpriv --reuid=vks --regid=vks --init-groups --inh-caps=-all --bounding-set=-all --no-new-privs /usr/local/bin/hostile $*"
}

journal() { sh_node "journalctl --sync; journalctl --no-pager -o cat --since=@$SINCE $*"; }

# What PID 1 has run last as the helper, which may have gone meanwhile for want of anything to do.
ran_sanitized() {
    contains path=/usr/local/sbin/vks-helper-sanitized node systemctl show -P ExecStart vks-helper.service &&
        sh_node "[ \$(date -d \"\$(systemctl show -P ExecMainStartTimestamp vks-helper.service)\" +%s) -ge $SINCE ]"
}
helper_is_well() {
    [ -z "${SANITIZED:-}" ] || ran_sanitized || fail "that was not the helper with the sanitizers"
    ! journal -u vks-helper.service | grep -E 'Sanitizer|runtime error:|dumped core|code=(killed|dumped)|Failed with result|SIG(SEGV|SYS|ABRT|BUS|ILL|ALRM)' ||
        fail "the helper crashed"
    [ "$(node systemctl show -P Result vks-helper.service)" = success ] || fail "the helper failed: $(node systemctl show -P Result vks-helper.service)"
    [ "$(node systemctl show -P NRestarts vks-helper.service)" = 0 ] || fail "the helper was restarted"
}

files_left() {
    sh_node 'ls -d /run/systemd/system/vks.hostile* /run/systemd/*/vks-exec-* /run/vks/pods/* /var/lib/vks/pods/* 2>/dev/null |
             grep -E "vks.hostile|vks-exec|/(6{8}|7{8}|8{8})-" || true'
}
nothing_is_left() {
    ! node systemctl -q is-active harm-fall.target || fail "a pod took the machine to another target"
    # What has ended, PID 1 forgets in its own time.
    wait_for 30 "no file is left" equals "" files_left || fail "units or directories were left behind: $(files_left)"
    wait_for 30 "no command is left" equals "" node systemctl list-units --all --plain --no-legend 'vks-exec-*' || fail "a command beside a container was left behind"
}

# COMMAND...: afterwards the machine is what it was
unchanged() {
    before=$(mktemp) after=$(mktemp)
    snapshot >"$before"
    "$@" || fail "see above"
    wait_for 300 "installations are over" installed
    snapshot >"$after"
    diff "$before" "$after" >&2 || fail "the machine is not what it was"
    [ "$(wc -l <"$before")" -gt 5000 ] || fail "that was no snapshot"
    rm -f "$before" "$after"
}

# Nobody's and the agent's view: processes, systemd's word, the journal, unit files, every file that may be read.
no_secret_is_out() {
    # shellcheck disable=SC2016
    local search='s=$1; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/[0-9]*/maps 2>/dev/null | grep -a "$s" >/dev/null && echo a process
                  { systemctl show "vks.*" "vks-*"; systemctl cat "vks.*"; } 2>/dev/null | grep -a "$s" >/dev/null && echo systemd
                  grep -rlIas -e "$s" /run /etc /var /tmp /srv /dev/shm /root /home 2>/dev/null; true'
    sh_node "journalctl --sync; journalctl --no-pager -o export -b | grep -aqF $SECRET && echo the journal; true" >"$1"
    sh_node "cd / && exec setpriv --reuid=nobody --regid=nogroup --clear-groups sh -c '$search' sh '${SECRET%9}[9]'" >>"$1" # a pattern that does not find itself
    [ ! -s "$1" ] || fail "a secret is to be read in: $(cat "$1")"
}

# ---- the tests ----

test_an_agent_that_means_harm_gets_nowhere() {
    prepare
    policy ''
    unchanged hostile attack "${SEED:-1}" "${REQUESTS:-10000}"
    no_secret_is_out "$(mktemp)"
    helper_is_well
    nothing_is_left
}

test_where_nothing_may_be_root_nothing_is() {
    prepare
    policy $'root = deny\nmax-units = 20'
    unchanged hostile escape deny
    ! journal | grep hostile-is-root || fail "something was root, or out of its directories"
    helper_is_well
    nothing_is_left
}

test_where_packages_may_be_root_pods_are_not() {
    prepare
    policy $'root = package\nmax-units = 20'
    unchanged hostile escape package
    journal | grep 'hostile-is-root: pre' >/dev/null || fail "the package's own command line does not run as root: this test shows nothing"
    journal | grep 'layer: written /etc/harm/hostile-was-here' >/dev/null || fail "nothing was written below /etc: this test does not show much"
    ! journal | grep -E 'hostile-is-root: (given|out|user)' || fail "what a pod says was done as root, or out of its directories"
    helper_is_well
    nothing_is_left
}

# What is asked for before, and begins after, PID 1 has read all units again and the machine has got a directory that nobody else enters.
test_what_root_does_in_between_helps_nobody() {
    prepare
    policy 'root = deny'
    trap 'sh_node "rm -rf /var/lib/hostile-later"; undo' EXIT
    hostile between before || fail "see above"
    ! sh_node 'systemctl list-jobs --no-legend "vks-exec-*"' | grep . || fail "commands wait"
    sh_node 'systemctl daemon-reload; install -d -m 700 /var/lib/hostile-later; echo x >/var/lib/hostile-later/key; chmod 644 /var/lib/hostile-later/key'
    hostile between after || fail "see above"
    ! journal | grep hostile-is-root || fail "something was root, or read what is closed"
    helper_is_well
    nothing_is_left
}

test_secrets_of_pods_that_run_are_theirs() {
    local where
    prepare
    policy ''
    where=$(mktemp)
    hostile hold || fail "see above"
    [ "$(sh_node "grep -lraF $SECRET /run/vks/pods | wc -l")" -ge 6 ] || fail "there are no secrets: this test shows nothing"
    wait_for 30 "three pods" equals 3 sh_node 'systemctl list-units --plain --no-legend "vks.hostile.*" --state=active | wc -l' || fail "the pods do not run"
    no_secret_is_out "$where"
    hostile release
    no_secret_is_out "$where"
    rm -f "$where"
    helper_is_well
    nothing_is_left
}

# What a container writes, whatever it is, is the text of messages of that container, and of no other.
test_what_a_container_writes_is_only_ever_the_text_of_its_messages() {
    local unit='vks.hostile.loud.usr\x2flocal\x2fbin\x2fhostile.service'
    prepare
    policy ''
    trap 'hostile hush >/dev/null || true; undo' EXIT
    hostile loud || fail "see above"
    wait_for 120 "all of it is in the journal" contains hostile-noise-done journal VKS_POD=hostile/loud
    wait_for 30 "and another container's line" contains hostile-quiet-line journal VKS_POD=hostile/quiet
    [ "$(journal VKS_POD=hostile/loud | grep -c 'hostile-noise-flood .* HOSTILE_FORGED=1')" = 40000 ] || fail "lines are lost"
    ! journal HOSTILE_FORGED=1 | grep . || fail "a container has made a field"
    [ "$(journal VKS_CONTAINER=forged + OBJECT_SYSTEMD_UNIT=ssh.service | wc -l)" = 0 ] || fail "a container speaks for another"
    [ "$(journal VKS_POD=hostile/loud -o export | sed -n 's/^OBJECT_SYSTEMD_UNIT=//p' | sort -u)" = "$unit" ] ||
        fail "a message has another unit"
    [ "$(node systemctl show -P NRestarts vks-log.service)" = 0 ] || fail "vks-log was restarted"
    ! journal -u vks-log.service | grep -E 'Sanitizer|runtime error:|dumped core|code=(killed|dumped)|Failed with result' || fail "vks-log has failed"
    ! journal VKS_POD=hostile/loud | grep hostile-is-root || fail "a container gets at its pipe's directory"
    hostile hush
    helper_is_well
    nothing_is_left
}

# ---- what a root container leaves in its volumes ----

# tries UID DIR...: tries what is in them (hostile.c); "used: nothing", or what was of use
tries() {
    local uid=$1
    shift
    sh_node "cd / && exec setpriv --reuid=$uid --regid=$uid --clear-groups /usr/local/bin/hostile use $*"
}
times_used() { [ "$(journal SYSLOG_IDENTIFIER=use | wc -l)" -gt "$1" ]; }

# Programs with set-user-id, set-group-id and capabilities, and devices, made by a container that is root (root = allow: nothing is kept from it but by what this test
# is about), are nothing to another container of its pod, to a user of the machine, and to who has that container's uid and looks through /proc.
test_what_root_leaves_in_volumes_is_of_no_use_to_others() {
    local own='/var/disk /tmp/memory /run /tmp /dev/shm /var/tmp' pid dir through=() out
    prepare
    policy $'root = allow\nuser = 1-60000'
    trap 'hostile sweep >/dev/null || true; undo' EXIT
    # what is made in an ordinary directory is of use: all four
    sh_node 'mkdir -m 755 /srv/hostile/control && cd /srv/hostile && : >planted; /usr/local/bin/hostile plant /srv/hostile/control >planted & p=$!
             until grep -q done planted || ! kill -0 $p; do sleep 0.1; done; kill $p'
    out=$(tries 1 /srv/hostile/control)
    [ "$(grep -c '^used: /srv/hostile/control/' <<<"$out")" = 4 ] || fail "this test shows nothing: $out"

    hostile litter || fail "see above"
    wait_for 60 "all is left that can be in the pod's own volumes" contains 'planted: done' journal SYSLOG_IDENTIFIER=plant
    wait_for 60 "... and in the machine's" contains 'planted: done' journal SYSLOG_IDENTIFIER=plant-host
    out=$(journal SYSLOG_IDENTIFIER=use | wc -l)
    wait_for 30 "the other container has tried since" times_used $((out + 1)) # the last one may have begun before
    for dir in $own; do
        journal SYSLOG_IDENTIFIER=plant | grep -x "planted: $dir 1111" >/dev/null || fail "in $dir there is nothing: this test does not show much"
    done
    ! journal SYSLOG_IDENTIFIER=plant-host | grep -vE ' 0000$|: done$' || fail "that is left on the machine"
    [ -z "$(sh_node 'find /srv/hostile/allowed -perm /6000 -o -type b -o -type c')" ] || fail "something is left on the machine"
    [ "$(tries 1 /srv/hostile/allowed)" = 'used: nothing' ] || fail "of use to the machine's users: $(tries 1 /srv/hostile/allowed)"

    pid=$(main_pid 'vks.hostile.litter.usr\x2flocal\x2fbin\x2fhostile-use.service')
    for dir in $own /mnt; do through+=("/proc/$pid/root$dir"); done
    node setpriv --reuid=1 --regid=1 --clear-groups test -u "${through[0]}/suid" || fail "it cannot be seen through /proc: this test does not show much"
    out=$(tries 1 "${through[@]}")
    [ "$out" = 'used: nothing' ] || fail "of use to who has the container's uid: $out"
    for dir in /run/vks/pods /var/lib/vks/pods; do
        ! node setpriv --reuid=1 --regid=1 --clear-groups ls "$dir" 2>/dev/null || fail "anybody can look into $dir"
    done
    [ "$(journal SYSLOG_IDENTIFIER=use | sort -u)" = 'used: nothing' ] || fail "of use to another container of the pod: $(journal SYSLOG_IDENTIFIER=use | sort -u)"
    hostile sweep
    helper_is_well
    nothing_is_left
}

# ---- a package file that is another one when it is asked for again ----

# A web server that gives out GOOD and EVIL by turns; the file it makes first says on which port.
swap_server() { # GOOD EVIL PORT_FILE
    python3 - "$@" <<'PYTHON' &
import http.server, itertools, sys
turns = itertools.cycle([open(f, "rb").read() for f in sys.argv[1:3]])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = next(turns)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
open(sys.argv[3], "w").write(str(server.server_address[1]))
server.serve_forever()
PYTHON
    SERVER=$!
}

harmless_package() { # FILE POSTINST: the same name, version and file name, whatever is in it
    local dir
    dir=$(mktemp -d)
    mkdir -p "$dir/DEBIAN"
    printf 'Package: harmless\nVersion: 1\nArchitecture: all\nMaintainer: vks <vks@localhost>\nDescription: a file for a test\n' >"$dir/DEBIAN/control"
    printf '#!/bin/sh\n%s\n' "$2" >"$dir/DEBIAN/postinst"
    chmod 755 "$dir" "$dir/DEBIAN/postinst"
    dpkg-deb -b "$dir" "$1" >/dev/null
    rm -r "$dir"
}

# install SHA256: what comes of it: "installed" or "refused"
install_url() {
    hostile install harmless "$URL" "$1" >/dev/null || fail "INSTALL was not taken"
    wait_for 120 "the installation is over" installed
    sh_node 'dpkg-query -W harmless >/dev/null 2>&1 && dpkg --purge harmless >/dev/null && echo installed || echo refused'
}

test_a_package_file_swapped_between_check_and_use_is_not_installed() {
    local dir sum
    prepare
    dir=$(mktemp -d)
    harmless_package "$dir/good" 'exit 0'
    harmless_package "$dir/evil" 'touch /etc/hostile-was-here'
    sum=$(sha256sum <"$dir/good")
    sum=${sum%% *}
    "$LAB" node put "$dir/good" /tmp/good
    "$LAB" node put "$dir/evil" /tmp/evil
    sh_node 'chmod 644 /tmp/good /tmp/evil'
    swap_server "$dir/good" "$dir/evil" "$dir/port"
    trap 'kill $SERVER; undo; sh_node "rm -f /tmp/good /tmp/evil /etc/hostile-was-here"' EXIT
    wait_for 10 "the server listens" test -s "$dir/port"
    URL="deb://127.0.0.1:$(cat "$dir/port")/harmless_1_all.deb"
    policy "url = ${URL%/*}
url-needs-sha256 = no
package = harmless"
    # by turns, from the server
    [ "$(install_url "$sum")" = installed ] || fail "the good one is not installed"
    [ "$(install_url "$sum")" = refused ] || fail "another file was installed"
    [ "$(install_url "$sum")" = installed ] || fail "the good one is not installed a second time"
    node test ! -e /etc/hostile-was-here || fail "the evil one was installed"
    journal | grep 'its sha256 is' >/dev/null || fail "it is not said why"
    [ "$(install_url "''")" = installed ] && sh_node 'rm /etc/hostile-was-here' || fail "without a sum the evil one does nothing: this test shows nothing"
    # and on the disk, by who downloads it
    sh_node 'setpriv --reuid=_apt --regid=nogroup --clear-groups sh -c "
                 end=\$((\$(date +%s) + 15)); f=/var/cache/vks/partial/harmless.deb
                 while [ \$(date +%s) -lt \$end ]; do
                     for from in evil good; do cat /tmp/\$from >\$f; cp /tmp/\$from \$f.new && mv \$f.new \$f; done
                 done" >/dev/null 2>&1 &'
    for _ in 1 2 3; do
        install_url "$sum" >/dev/null
        node test ! -e /etc/hostile-was-here || fail "the evil one was installed"
    done
    rm -r "$dir"
    helper_is_well
}

# ---- bounds ----

# The file as an editor leaves it, for the helper that has been serving a connection all the time.
test_a_changed_policy_is_in_force_for_those_who_are_connected() {
    local out pid
    prepare
    policy ''
    out=$(mktemp)
    hostile keep-asking >"$out" &
    pid=$!
    wait_for 30 "it is served" grep -q '^0' "$out"
    sh_node "printf '%s\n' 'program = /opt/*' >/etc/vks/policy.conf"
    wait "$pid" || fail "the old policy stays in force: $(tail -n 2 "$out")"
    grep 'over one connection: -1 policy rule' "$out" >/dev/null || fail "$(tail -n 2 "$out")"
    rm -f "$out"
    policy ''
    hostile sweep
    helper_is_well
    nothing_is_left
}

installs() { sh_node "systemctl list-units --plain --no-legend --state=$1 'vks-install-*' | wc -l"; }

test_installations_without_end_are_a_few_at_a_time() {
    local out processes
    prepare
    policy ''
    processes=$(sh_node 'ls -d /proc/[0-9]* | wc -l')
    out=$(hostile install-flood 600) || fail "$out"
    echo "$out"
    [ "$(installs activating,active,deactivating)" -le 8 ] || fail "$(installs activating) are under way"
    [ "$(sh_node 'ls -d /proc/[0-9]* | wc -l')" -lt $((processes + 100)) ] || fail "processes: $(sh_node 'ls -d /proc/[0-9]* | wc -l'), and there were $processes"
    grep -E '[1-9][0-9]+ later.*installations run or wait already' <<<"$out" >/dev/null || fail "$out"
    journal VKS_RULE=max-installs | grep 'install  *vks-install-.* cowsay-off=0' >/dev/null || fail "no line of it in the journal"
    wait_for 300 "those that were taken come to an end" equals 0 installs activating,active,deactivating
    [ "$(installs failed)" -le 40 ] || fail "systemd remembers $(installs failed)"
    sh_node 'systemctl reset-failed "vks-install-*"' || true
    helper_is_well
}

test_content_without_end_is_bounded() {
    local out
    prepare
    policy $'max-content = 1'
    out=$(hostile fill-flood 60) || fail "$out"
    echo "$out"
    grep -E '^content of one pod: 60 asked, 4 done, 0 later, 56 refused: .*max-pod-content' <<<"$out" >/dev/null || fail "$out"
    grep -E '^content of many pods: .* [1-9][0-9]* later, .*max-content' <<<"$out" >/dev/null || fail "$out"
    journal VKS_RULE=max-pod-content | grep . >/dev/null || fail "no line of it in the journal"
    journal VKS_RULE=max-content | grep . >/dev/null || fail "no line of it in the journal"
    wait_for 30 "nothing of it is left" sh_node '[ -z "$(ls /run/vks/pods/.trash)" ]'
    helper_is_well
    nothing_is_left
}

test_jobs_without_end_are_bounded_and_systemd_still_serves_others() {
    local out
    prepare
    policy ''
    hostile start-flood >/tmp/flood.$$ &
    out=$!
    until_done() { ! kill -0 "$out" 2>/dev/null; }
    while ! until_done; do # others start and stop units all the while
        sh_node 'systemd-run -q --wait /bin/true' || fail "systemd serves nobody any more"
    done
    wait "$out" || fail "$(cat /tmp/flood.$$)"
    cat /tmp/flood.$$
    rm -f /tmp/flood.$$
    journal VKS_RULE=max-jobs | grep 'jobs to do' >/dev/null || fail "no line of it in the journal"
    wait_for 60 "no job is left" sh_node '[ "$(systemctl show -P NJobs)" -lt 10 ]'
    helper_is_well
    nothing_is_left
}

# Many names of few files, as fast as they can be made; the helper is killed in the middle of them.
test_a_pod_that_leaves_very_much_keeps_nobody_waiting() {
    local uid=66666666-6666-4666-8666-000000000099 left
    prepare
    policy ''
    make -s -C "$ROOT_DIR" build/helperctl
    "$LAB" node put "$ROOT_DIR/build/helperctl" /usr/local/bin/hostile-ctl
    ctl() { sh_node "cd / && exec setpriv --reuid=vks --regid=vks --init-groups /usr/local/bin/hostile-ctl $*"; }
    wait_for 10 "the policy is believed" ctl write hostile/much $uid volume=v:disk container=c image=/bin/true command=/bin/true mount=v:/data
    sh_node "cd /var/lib/vks/pods/$uid/volumes/v && perl -e 'for \$d (1 .. 20) { mkdir \$d; open F, \">\$d/f\"; link \"\$d/f\", \"\$d/\$_\" for 1 .. 30000 }'"
    ctl remove hostile/much $uid || fail "REMOVE"
    ctl fill hostile/other $uid v a=b || fail "FILL"
    ctl remove hostile/other $uid || fail "REMOVE"
    # all three are answered, and of the 600,000 many are still there, however late we look: none of them has waited for it
    left=$(sh_node 'find /var/lib/vks/pods/.trash | wc -l')
    [ "$left" -gt 1000 ] || fail "$left are left: they have waited for it"
    sh_node 'kill -9 "$(systemctl show -P MainPID vks-helper.service)"'
    sh_node '[ -n "$(ls /var/lib/vks/pods/.trash)" ]' || fail "it is gone already: this test shows nothing"
    wait_for 120 "the next one removes the rest" sh_node '[ -z "$(ls /var/lib/vks/pods/.trash)" ]'
    sh_node 'systemctl stop vks-helper.service; systemctl reset-failed vks-helper.service' || true
    nothing_is_left
}

# What any pod could take from PID 1 and from journald, on which the machine depends: see policy/DESIGN.md, "Bounds" and the end of step 7.
test_no_pod_keeps_pid_1_or_journald_from_their_work() {
    local uid=66666666-6666-4666-8666-000000000098 unit='vks.hostile.look.usr\x2flocal\x2fbin\x2fhostile-look.service' out since
    prepare
    policy ''
    make -s -C "$ROOT_DIR" build/helperctl
    "$LAB" node put "$ROOT_DIR/build/helperctl" /usr/local/bin/hostile-ctl
    sh_node 'cat >/usr/local/bin/hostile-look; chmod 755 /usr/local/bin/hostile-look; [ -e /dev/fuse ] || { : >/dev/fuse; chmod 666 /dev/fuse; touch /run/hostile-fuse; }' <<'LOOK'
#!/bin/bash
exec >/data/out 2>&1
echo "sockets: $(cd /run/systemd/journal && echo *)"
[ -r /dev/fuse ] && echo "it may mount FUSE"
logger -t hostile-look "a word by /dev/log"
logger --journald <<<'MESSAGE=a word by the socket'
echo "variables: $(env | grep -c '^HOSTILE') $(env | grep -c 'X=long$')"
: >/data/done
exec sleep 1000
LOOK
    ctl() { sh_node "cd / && exec setpriv --reuid=vks --regid=vks --init-groups /usr/local/bin/hostile-ctl $*"; }
    wait_for 10 "the policy is believed" ctl write hostile/look $uid volume=v:disk container=c image=/usr/local/bin/hostile-look mount=v:/data \
        "\$(printf 'env=HOSTILE_%d=x ' \$(seq 1000)) env=\$(printf %0300d 0 | tr 0 X)=long"
    since=$(node date +%s)
    ctl start hostile/look $uid "'$unit'" || fail "START"
    wait_for 30 "it has looked" sh_node "[ -e /var/lib/vks/pods/$uid/volumes/v/done ]"
    out=$(sh_node "cat /var/lib/vks/pods/$uid/volumes/v/out")
    [ "$out" = $'sockets: dev-log socket\nvariables: 1000 1' ] || fail "$out"
    # not by the unit: who has ended by the time that journald looks whose it was has none
    for word in '/dev/log' 'the socket'; do wait_for 10 "$word" sh_node "journalctl -q -o cat -S @$since | grep -x 'a word by $word'"; done
    # PID 1 compares each name in this file with each other one, at each start
    out=$(sh_node "awk -F= 'length(\$1) > 128 { long++ } END { print NR, long + 0 }' /run/vks/pods/$uid/env/c")
    [ "$out" = "512 0" ] || fail "PID 1 reads $out"
    ctl kill hostile/look $uid "'$unit'" || fail "kill"
    wait_for 10 "it has ended" ctl remove hostile/look $uid
    # one more for each container that ever was would fill the machine's /run
    wait_for 20 "nothing of it is left" equals "" sh_node 'find /run -name "*vks.hostile.look*"' || fail "PID 1 has left something of it"
    sh_node 'systemctl stop vks-helper.service; [ ! -e /run/hostile-fuse ] || rm -f /dev/fuse /run/hostile-fuse; rm -f /usr/local/bin/hostile-look'
    nothing_is_left
}

# What any user of the machine may ask of its daemons is not for an agent that was taken over: a service manager of user vks by logind, outside of the agent's sandbox and
# for longer than it, or all of journald's connections for stdout, of which PID 1 compares each with all others. In the agent's own sandbox; nobody is asked for comparison.
test_an_agent_asks_the_machines_daemons_for_what_it_needs_and_nothing_else() {
    local ask='busctl call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager' out
    trap 'node sh -c "rm -rf /run/systemd/system/vks-agent.service.d /usr/local/bin/hostile-agent; systemctl daemon-reload; systemctl restart vks-agent.service"' EXIT
    sh_node "setpriv --reuid=nobody --regid=nogroup --clear-groups $ask ListUsers" || fail "nobody may not ask it: this test shows nothing"
    sh_node 'cat >/usr/local/bin/hostile-agent; chmod 755 /usr/local/bin/hostile-agent; mkdir -p /run/systemd/system/vks-agent.service.d
             printf "[Service]\nType=oneshot\nRestart=no\nWatchdogSec=0\nExecStart=\nExecStart=/usr/local/bin/hostile-agent\n" >/run/systemd/system/vks-agent.service.d/lab.conf
             systemctl daemon-reload; systemctl stop vks-agent.service systemd-hostnamed.service; systemctl start vks-agent.service' <<AGENT
#!/bin/bash
exec 2>&1 # and all is said by this shell: journald does not know of what unit a process was that has ended before it is read
echo "who: \$(id -un)"
echo "version: \$(busctl get-property org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager Version)"
for words in ListUsers "SetUserLinger ubb \$(id -u) true false" "Inhibit ssss shutdown any any delay"; do echo "logind: \$($ask \$words 2>&1)"; done
for words in "DBus StartServiceByName su org.freedesktop.hostname1 0" "DBus.Debug.Stats GetStats"; do echo "bus: \$(busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.\$words 2>&1)"; done
echo "another: \$(busctl call org.freedesktop.hostname1 /org/freedesktop/hostname1 org.freedesktop.DBus.Peer Ping 2>&1)"
echo "patterns: \$(busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager ListUnitsByPatterns asas 0 1 vks* 2>&1)"
echo "a shutdown: \$(perl -MSocket -e 'socket(my \$s, AF_UNIX, SOCK_STREAM, 0); connect(\$s, pack_sockaddr_un("/run/vks/inhibit.sock")); sysread(\$s, my \$words, 200); print \$words eq "\n" ? "waits" : "no delay, \$words"')"
busctl emit --destination=org.freedesktop.hostname1 / org.vks.Any Signal # by which the bus starts whom it is for
for path in journal/stdout userdb/io.systemd.DynamicUser io.system.ManagedOOM io.systemd.ManagedOOM; do
    echo "\$path: \$(perl -MSocket -e 'socket(my \$s, AF_UNIX, SOCK_STREAM, 0); print connect(\$s, pack_sockaddr_un("/run/systemd/\$ARGV[0]")) ? "open" : "closed"' \$path)"
done
sleep 2 # for a daemon to begin
AGENT
    out=$(sh_node 'journalctl --sync; journalctl -q -o cat _SYSTEMD_INVOCATION_ID=$(systemctl show -P InvocationID vks-agent.service)')
    grep -x 'a shutdown: waits' <<<"$out" >/dev/null || fail "what it needs: $out"
    grep -x 'who: vks' <<<"$out" >/dev/null && grep -E '^version: s "2' <<<"$out" >/dev/null || fail "it does not run as the agent: $out"
    [ "$(grep -cE '^(logind|bus|another|patterns): Call failed: ' <<<"$out")" = 7 ] || fail "it is answered: $out"
    [ "$(grep -c ': closed$' <<<"$out")" = 4 ] || fail "connections that journald and PID 1 keep: $out"
    sh_node '! systemctl -q is-active systemd-hostnamed.service' || fail "a daemon runs since the agent has sent a signal to it"
    sh_node '! ls /var/lib/systemd/linger/vks 2>/dev/null' || fail "a service manager of its own stays"
}

run_tests
