#!/bin/bash
# Packages as images: which unit, whose data, and what is said when a package cannot run.
# once: systemd decides here, not the API server
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

talk() { "$ROOT_DIR/tests/daemons/talk" "$@"; }

redis() { # NAME PORT
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec:
  terminationGracePeriodSeconds: 5
  containers: [{name: redis, image: redis-server, args: [/etc/redis/redis.conf, --port, "$2", --supervised, systemd, --daemonize, "no"]}]
YAML
}

# package NAME UNIT_TEXT: a package of our own, installed in the node, and not while an installation for a pod is under way
package() {
    sh_node "set -e; rm -rf /tmp/$1; mkdir -p /tmp/$1/DEBIAN /tmp/$1/lib/systemd/system; cat >/tmp/$1/lib/systemd/system/$1.service
             printf 'Package: $1\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\nDescription: test\n' >/tmp/$1/DEBIAN/control
             dpkg-deb -b /tmp/$1 /tmp/$1.deb >/dev/null && flock /run/vks/install/lock dpkg -i /tmp/$1.deb >/dev/null" <<<"$2"
}

also() { # NAME PATH [MODE]: one more file of it, from standard input
    sh_node "set -e; mkdir -p '/tmp/$1/${2%/*}'; cat >'/tmp/$1/$2'; chmod ${3:-644} '/tmp/$1/$2'
             dpkg-deb -b --root-owner-group /tmp/$1 /tmp/$1.deb >/dev/null && flock /run/vks/install/lock dpkg -i /tmp/$1.deb >/dev/null"
}

image() { # NAME IMAGE [POD_SPEC]
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec: {containers: [{name: c, image: $2, imagePullPolicy: IfNotPresent}]${3:+, $3}}
YAML
}

test_daemons_just_work() {
    ONLY='redis-server|nginx|memcached' KEEP_NODE=1 "$ROOT_DIR/tests/daemons/run" | sed 's/^/  /'
}

test_two_redis_on_one_node_keep_their_data_apart_and_the_machines_alone() {
    local before
    redis one 7001
    running one 90
    before=$(sh_node "ls -laR --time-style=full-iso /var/lib/redis /var/log/redis")
    redis two 7002
    running two
    talk tcp 7001 'SET whose ones\r\nSAVE\r\n' '+OK\r\n+OK' || fail "the first does not take it"
    talk tcp 7002 'GET whose\r\nSAVE\r\n' '$-1\r\n+OK' || fail "the second has the first's data"
    talk tcp 7001 'GET whose\r\n' 'ones' || fail "the first has lost it"
    node test -s "/run/vks/pods/$(pod_field one '{.metadata.uid}')/var/lib/redis/dump.rdb"
    node systemctl kill -s KILL "$(unit_of one redis-server)"
    wait_for 30 "the first is back with its data" talk tcp 7001 'GET whose\r\n' 'ones'
    [ "$(sh_node "ls -laR --time-style=full-iso /var/lib/redis /var/log/redis")" = "$before" ] || fail "the machine's own /var has changed"
    k delete pod one two --timeout=300s >/dev/null
    assert_clean_node
    [ "$(sh_node "ls -laR --time-style=full-iso /var/lib/redis /var/log/redis")" = "$before" ] || fail "... when they were deleted"
}

test_an_annotation_names_the_unit() {
    package vks-test-units "[Service]
ExecStart=/bin/sleep 1111"
    sh_node "printf '[Service]\nExecStart=/bin/sleep 222%%i\n' >/tmp/vks-test-units/lib/systemd/system/other@.service
             dpkg-deb -b /tmp/vks-test-units /tmp/vks-test-units.deb >/dev/null && flock /run/vks/install/lock dpkg -i /tmp/vks-test-units.deb >/dev/null"
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: named, annotations: {vks.systemd.io/unit.b: other@2.service}}
spec:
  terminationGracePeriodSeconds: 2
  containers: [{name: a, image: vks-test-units, imagePullPolicy: IfNotPresent}, {name: b, image: vks-test-units, imagePullPolicy: IfNotPresent}]
YAML
    running named
    event named "Created container a as .*, from unit vks-test-units.service of package vks-test-units: it has the package's name"
    event named "Created container b as .*, from unit other@2.service of package vks-test-units: the pod asks for it"
    runs "$(unit_of named vks-test-units.b)" "sleep 2222"
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: foreign, annotations: {vks.systemd.io/unit: dbus.service}}
spec: {containers: [{name: a, image: vks-test-units, imagePullPolicy: IfNotPresent}]}
YAML
    event foreign "has the unit dbus.service \(they have: .*vks-test-units.service"
    wait_for 10 "the status has it" equals CreateContainerConfigError pod_field foreign '{.status.containerStatuses[0].state.waiting.reason}'
}

test_conditions_that_are_not_met_are_the_reason() {
    package vks-test-condition "[Unit]
ConditionPathExists=/run/vks-test-there
[Service]
ExecStart=/bin/sleep 1111"
    node rm -f /run/vks-test-there
    image conditional vks-test-condition "terminationGracePeriodSeconds: 2"
    event conditional "not all of its conditions are met: ConditionPathExists=/run/vks-test-there"
    wait_for 10 "the status has it" contains ConditionPathExists=/run/vks-test-there pod_field conditional '{.status.containerStatuses[0].state.waiting.message}'
    node touch /run/vks-test-there
    running conditional 30
    k delete pod conditional --timeout=300s >/dev/null
    package vks-test-brought "[Unit]
ConditionFileNotEmpty=/etc/vks-test-brought/conf
[Service]
ExecStart=/bin/sh -c 'cat /etc/vks-test-brought/conf && exec sleep 1111'"
    k create configmap brought --from-literal=conf=is-there >/dev/null
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: brought}
spec:
  terminationGracePeriodSeconds: 2
  volumes: [{name: v, configMap: {name: brought}}]
  containers: [{name: c, image: vks-test-brought, imagePullPolicy: IfNotPresent, volumeMounts: [{name: v, mountPath: /etc/vks-test-brought}]}]
YAML
    running brought 30
    k delete pod brought --timeout=300s >/dev/null
    assert_clean_node
}

test_a_daemon_that_may_not_be_root_as_its_unit_has_it_says_so_when_it_fails() {
    package vks-test-rootly "[Service]
ExecStart=/bin/sh -c 'test -O / && exec sleep 1111'"
    image asis vks-test-rootly "terminationGracePeriodSeconds: 2"
    running asis 30
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: other}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 2
  containers: [{name: c, image: vks-test-rootly, imagePullPolicy: IfNotPresent, args: ["-c", "test -O / && exec sleep 2222"]}]
YAML
    event other "Error: it ran as vks-pod, but as its package has it vks-test-rootly.service runs as root: policy rule root"
    wait_for 10 "the status has it" contains "policy rule root" pod_field other '{.status.containerStatuses[0].state.terminated.message}'
    k delete pod asis other --timeout=300s >/dev/null
    assert_clean_node
}

# daemon TYPE LINES: a package with a service of that type, and a pod of it that becomes Ready
daemon() {
    package "vks-test-$1" "[Service]
Type=$1
$2"
    image "$1" "vks-test-$1" "terminationGracePeriodSeconds: 2"
    running "$1" 30
}
main_process() { sh_node "tr '\\0' ' ' </proc/$(main_pid "$(unit_of "$1" "vks-test-$1")")/cmdline"; }

test_services_of_every_type_run() {
    daemon simple "ExecStart=/bin/sleep 1111"
    daemon exec "ExecStart=/bin/sleep 1112"
    daemon notify "NotifyAccess=all
ExecStart=/bin/sh -c 'sleep 1; systemd-notify --ready; sleep 1; exec sleep 1113'"
    daemon notify-reload "NotifyAccess=all
ExecStart=/bin/sh -c 'trap : HUP; systemd-notify --ready; exec sleep 1114'"
    daemon forking "RuntimeDirectory=vks-test
PIDFile=/run/vks-test/pid
ExecStart=/bin/sh -c 'sleep 1115 & sleep 1116 & echo \$\$! >/run/vks-test/pid'"
    for t in simple:1111 exec:1112 notify:1113 notify-reload:1114 forking:1116; do
        wait_for 10 "the main process of ${t%:*}" contains "sleep ${t#*:}" main_process "${t%:*}"
    done
    image bus polkitd # Type=dbus
    running bus 120
    contains "PID=$(main_pid "$(unit_of bus polkitd)")" node busctl status org.freedesktop.PolicyKit1 || fail "its name on the bus is not the pod's"
    k delete pod --all --timeout=300s >/dev/null
    assert_clean_node
}

# A FIFO where PID 1 looks for the daemon's number would hold up PID 1, and with it the machine, until somebody writes to it.
test_no_daemon_holds_up_pid_1_by_its_pid_file() {
    daemon fifo "Type=forking
User=daemon
RuntimeDirectory=vks-test
PIDFile=/run/vks-test/pid
ExecStart=/bin/sh -c 'mkfifo /run/vks-test/pid; sleep 1118 &'"
    wait_for 10 "its main process" contains "sleep 1118" main_process fifo
    k delete pod fifo --timeout=300s >/dev/null
}

test_an_init_script_is_a_service() {
    package vks-test-script "" # no unit at all
    node sh -c 'rm /tmp/vks-test-script/lib/systemd/system/vks-test-script.service'
    also vks-test-script etc/init.d/vks-test-script 755 <<'SH'
#!/bin/sh
### BEGIN INIT INFO
# Provides: vks-test-script
# Required-Start: $remote_fs
# Required-Stop: $remote_fs
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
# Short-Description: test
### END INIT INFO
case $1 in
start) sleep 1117 & ;;
stop) echo told to stop ;;
esac
SH
    node systemctl daemon-reload
    image script vks-test-script "terminationGracePeriodSeconds: 2"
    running script 30
    event script "from unit vks-test-script.service of package vks-test-script"
    wait_for 10 "its process" contains "sleep 1117" node systemctl status "$(unit_of script vks-test-script)"
    k delete pod script --timeout=300s >/dev/null
    node journalctl --sync
    contains "told to stop" node journalctl -q -o cat -u "$(unit_of script vks-test-script)"
}

test_an_init_script_that_came_with_a_pod_is_not_enabled() {
    trap 'node rm -rf /etc/apt/sources.list.d/vks-script.list /srv/vks-script' EXIT
    sh_node "flock /run/vks/install/lock dpkg -P vks-test-rc >/dev/null 2>&1; mkdir -p /srv/vks-script /tmp/vks-test-rc/DEBIAN /tmp/vks-test-rc/etc/init.d; cd /srv/vks-script
             printf '#!/bin/sh\nupdate-rc.d vks-test-rc defaults\n' >/tmp/vks-test-rc/DEBIAN/postinst; chmod 755 /tmp/vks-test-rc/DEBIAN/postinst
             cat >/tmp/vks-test-rc/etc/init.d/vks-test-rc; chmod 755 /tmp/vks-test-rc/etc/init.d/vks-test-rc
             printf 'Package: vks-test-rc\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\nDescription: test\n' >/tmp/vks-test-rc/DEBIAN/control
             dpkg-deb -b --root-owner-group /tmp/vks-test-rc vks-test-rc_1_all.deb >/dev/null
             { cat /tmp/vks-test-rc/DEBIAN/control; echo Filename: ./vks-test-rc_1_all.deb; echo Size: \$(stat -c %s *.deb); echo SHA256: \$(sha256sum <vks-test-rc_1_all.deb | cut -c1-64); } >Packages
             echo 'deb [trusted=yes] file:/srv/vks-script ./' >/etc/apt/sources.list.d/vks-script.list" <<'SH'
#!/bin/sh
### BEGIN INIT INFO
# Provides: vks-test-rc
# Required-Start: $remote_fs
# Required-Stop: $remote_fs
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
# Short-Description: test
### END INIT INFO
[ "$1" != start ] || sleep 1121 &
SH
    image rc vks-test-rc "terminationGracePeriodSeconds: 2"
    running rc 90
    wait_for 10 "its process" contains "sleep 1121" node systemctl status "$(unit_of rc vks-test-rc)"
    [ -z "$(sh_node 'ls /etc/rc?.d/S*vks-test-rc 2>/dev/null')" ] || fail "it would be started when the machine is"
    [ "$(node systemctl show -P ActiveState vks-test-rc.service)" = inactive ] || fail "it has been started outside of the pod"
    [ -z "$(sh_node 'ls -d /run/systemd/generator.late/multi-user.target.wants/vks-test-rc.service 2>/dev/null')" ] || fail "multi-user.target wants it"
}

test_a_packages_other_commands_run_beside_its_daemon() {
    package vks-test-commands "[Service]
Type=notify
NotifyAccess=all
ExecCondition=/bin/echo has the condition
ExecStartPre=/bin/sh -c 'echo has pre; touch /run/pre'
ExecStart=/bin/sh -c 'test -e /run/pre && systemd-notify --ready && exec sleep 1118'
ExecStartPost=/bin/echo has post
ExecStop=/bin/echo has stop
ExecStopPost=/bin/echo has stop-post"
    image commands vks-test-commands "terminationGracePeriodSeconds: 2"
    running commands 30
    k delete pod commands --timeout=300s >/dev/null
    node journalctl --sync
    for what in "the condition" pre post stop stop-post; do
        contains "has $what" node journalctl -q -o cat -u "$(unit_of commands vks-test-commands)" || fail "$what"
    done
}

test_drop_ins_of_the_package_and_the_administrator_hold() {
    trap 'node rm -rf /etc/systemd/system/vks-test-dropin.service.d' EXIT
    package vks-test-dropin "[Service]
Environment=FROM=unit ADMIN=nobody
ExecStart=/bin/false"
    also vks-test-dropin usr/lib/systemd/system/vks-test-dropin.service.d/10-package.conf <<<"[Service]
Environment=FROM=package
ExecStart=
ExecStart=/bin/sh -c 'echo from \${FROM} by \${ADMIN}; exec sleep 1119'"
    sh_node "mkdir -p /etc/systemd/system/vks-test-dropin.service.d; printf '[Service]\nEnvironment=ADMIN=root\n' >/etc/systemd/system/vks-test-dropin.service.d/override.conf"
    image dropin vks-test-dropin "terminationGracePeriodSeconds: 2"
    running dropin 30
    wait_for 10 "it says so" equals "from package by root" k logs dropin
    contains "/etc/systemd/system/vks-test-dropin.service.d/override.conf" node systemctl cat "$(unit_of dropin vks-test-dropin)" || fail "systemctl cat does not show them"
}

test_the_machines_dev_is_nobodys_to_change() {
    local had
    had=$(sh_node "ls /dev /dev/shm")
    # as root, what a package's own unit runs
    package vks-test-dev "[Service]
ExecStart=/bin/sh -c 'for f in new log null; do ln -sfn /tmp /dev/\$f && echo has changed \$f; done; echo x >/dev/null && echo mine >/dev/shm/vks-test && echo can use them; exec sleep 1120'"
    image dev vks-test-dev "terminationGracePeriodSeconds: 2"
    image second vks-test-dev "terminationGracePeriodSeconds: 2"
    running dev 30
    running second 30
    wait_for 10 "it has tried" contains "can use them" k logs dev
    wait_for 10 "so has the other" contains "can use them" k logs second
    ! contains "has changed" k logs dev || fail "$(k logs dev)"
    [ "$(sh_node "ls /dev /dev/shm")" = "$had" ] || fail "the machine's /dev is another one"
    in_pod "$(unit_of dev vks-test-dev)" sh -c 'echo 1 >>/dev/shm/vks-test'
    [ "$(in_pod "$(unit_of second vks-test-dev)" cat /dev/shm/vks-test)" = mine ] || fail "two pods have one /dev/shm"
}

# Its own daemon writes there as root, into a layer of the pod's: the machine has what it had. What only root may read there, others cannot read in the
# layer, and a link that the daemon leaves there leads PID 1 nowhere when it starts the container again.
test_a_layer_over_etc_shows_nothing_and_leads_nowhere() {
    local before unit what
    trap 'node rm -rf /etc/vks-test-etc /etc/vks-test-conf' EXIT
    sh_node 'mkdir -p /etc/vks-test-etc/sub /etc/vks-test-conf
             echo machine >/etc/vks-test-etc/conf; echo geheim-0815 >/etc/vks-test-etc/secret; chmod 600 /etc/vks-test-etc/secret'
    package vks-test-etc "[Service]
ConfigurationDirectory=vks-test-conf
ReadWritePaths=/etc/vks-test-etc /etc/vks-test-etc/sub
ExecStart=/bin/sh -c 'cd /etc/vks-test-etc; echo it has \$\$(cat conf); echo pods >conf; touch new ../vks-test-conf/new; rm -rf sub; ln -s /root sub; for f in ../new ../passwd /usr/new; do echo x >>\$\$f && echo has changed \$\$f; done; [ -e again ] && exec sleep 1121; touch again; exit 1'"
    before=$(sh_node 'ls -lAR --time-style=full-iso /etc/vks-test-etc /etc/vks-test-conf; sha256sum /etc/passwd; cat /etc/vks-test-etc/conf /etc/vks-test-etc/secret')
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: etc}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - {name: c, image: vks-test-etc, imagePullPolicy: IfNotPresent}
  - {name: other, image: vks-test-etc, imagePullPolicy: IfNotPresent, command: [/bin/sleep], args: ["1122"]}
YAML
    unit="$(unit_of etc vks-test-etc)"
    wait_for 60 "it runs again" equals 1 pod_field etc '{.status.containerStatuses[?(@.name=="c")].restartCount}'
    running etc
    runs "${unit%.service}.c.service" "sleep 1121"
    runs "${unit%.service}.other.service" "sleep 1122"
    wait_for 20 "it has what the machine has" contains "it has machine" k logs etc -c c --previous
    wait_for 20 "it has what it wrote after a restart" contains "it has pods" k logs etc -c c
    ! contains "has changed" k logs etc -c c || fail "$(k logs etc -c c)"
    for what in "test ! -e /root/new" "test -L /etc/vks-test-etc/sub" "test -e /etc/vks-test-conf/new" "grep -qx pods /etc/vks-test-etc/conf"; do
        # shellcheck disable=SC2086 # words
        in_pod "${unit%.service}.c.service" $what || fail "in the pod: $what"
    done
    [ "$(in_pod "${unit%.service}.other.service" cat /etc/vks-test-etc/conf)" = pods ] || fail "two containers of the pod have two of them"
    for what in "cat /etc/vks-test-etc/secret" "touch /etc/vks-test-etc/new" "touch /etc/vks-test-conf/x"; do
        # shellcheck disable=SC2086 # words
        ! in_pod "${unit%.service}.other.service" setpriv --reuid=vks-pod --regid=vks-pod --clear-groups $what 2>/dev/null || fail "another user can $what"
    done
    [ "$(sh_node 'ls -lAR --time-style=full-iso /etc/vks-test-etc /etc/vks-test-conf; sha256sum /etc/passwd; cat /etc/vks-test-etc/conf /etc/vks-test-etc/secret')" = "$before" ] ||
        fail "the machine's are others"
    k delete pod etc --timeout=300s >/dev/null
    wait_for 20 "its layers are gone" sh_node "! grep -q '/run/vks/pods/.*/etc' /proc/mounts && test -z \"\$(systemctl list-units --all --no-legend 'run-vks-pods-*-etc.mount')\""
}

test_what_runs_once_is_started_again_by_the_pods_policy() {
    package vks-test-once "[Service]
Type=oneshot
ExecStart=/bin/echo once"
    image always vks-test-once
    wait_for 30 "it has run twice" contains once k logs always --previous
    image never vks-test-once "restartPolicy: Never"
    wait_for 30 "it is over" equals Succeeded pod_field never '{.status.phase}'
}

together services_of_every_type_run two_redis_on_one_node_keep_their_data_apart_and_the_machines_alone an_annotation_names_the_unit \
    conditions_that_are_not_met_are_the_reason a_daemon_that_may_not_be_root_as_its_unit_has_it_says_so_when_it_fails \
    a_packages_other_commands_run_beside_its_daemon \
    drop_ins_of_the_package_and_the_administrator_hold what_runs_once_is_started_again_by_the_pods_policy
run_tests
