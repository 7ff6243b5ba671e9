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

# package NAME UNIT_TEXT: a package of our own, installed in the node
package() {
    sh_node "set -e; rm -rf /tmp/$1; mkdir -p /tmp/$1/DEBIAN /tmp/$1/lib/systemd/system; cat >/tmp/$1/lib/systemd/system/$1.service
             printf 'Package: $1\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\nDescription: test\n' >/tmp/$1/DEBIAN/control
             dpkg-deb -b /tmp/$1 /tmp/$1.deb >/dev/null && dpkg -i /tmp/$1.deb >/dev/null" <<<"$2"
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
    k delete pod one two --timeout=60s >/dev/null
    assert_clean_node
    [ "$(sh_node "ls -laR --time-style=full-iso /var/lib/redis /var/log/redis")" = "$before" ] || fail "... when they were deleted"
}

test_an_annotation_names_the_unit() {
    package vks-test-units "[Service]
ExecStart=/bin/sleep 1111"
    sh_node "printf '[Service]\nExecStart=/bin/sleep 222%%i\n' >/tmp/vks-test-units/lib/systemd/system/other@.service
             dpkg-deb -b /tmp/vks-test-units /tmp/vks-test-units.deb >/dev/null && dpkg -i /tmp/vks-test-units.deb >/dev/null"
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
    contains "sleep 2222" node systemctl status "$(unit_of named vks-test-units.b)"
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: foreign, annotations: {vks.systemd.io/unit: dbus.service}}
spec: {containers: [{name: a, image: vks-test-units, imagePullPolicy: IfNotPresent}]}
YAML
    event foreign "has the unit dbus.service \(they have: .*vks-test-units.service"
    equals CreateContainerConfigError pod_field foreign '{.status.containerStatuses[0].state.waiting.reason}'
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
    k delete pod conditional --timeout=60s >/dev/null
    assert_clean_node
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

run_tests
