#!/bin/bash
# What a container gives up by its securityContext is gone, for it and for commands beside it; what cannot be given is said or refused.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ends() { wait_for 60 "$1 has ended" equals "$2" pod_field "$1" '{.status.phase}'; } # NAME PHASE
# confined NAME IMAGE SECURITY_CONTEXT COMMAND_JSON [MORE_OF_THE_CONTAINER] [MORE_OF_THE_POD]
confined() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  ${6:-}
  containers: [{name: main, image: "$2", securityContext: {$3}${4:+, command: $4}${5:+, $5}}]
YAML
}
caps() { sh_node "sed -n 's/^CapBnd:[[:space:]]*0*//p' /proc/$(main_pid "$1")/status"; } # UNIT: its bounding set

test_a_read_only_root_leaves_the_volumes_to_write() {
    confined ro /bin/sh 'readOnlyRootFilesystem: true' \
        '[/bin/sh, -c, "for d in /run /var/tmp /tmp /etc /dev/shm /data /tmp/in; do touch $d/x 2>/dev/null && echo $d; done; echo said >/dev/termination-log; exec sleep 1000"]' \
        'volumeMounts: [{name: v, mountPath: /data}, {name: w, mountPath: /tmp/in}]' 'volumes: [{name: v, emptyDir: {}}, {name: w, emptyDir: {medium: Memory}}]'
    running ro
    wait_for 20 "what it could write to" equals "/dev/shm
/data
/tmp/in" logs ro
    ! k exec ro -- touch /tmp/y 2>/dev/null || fail "a command beside it writes"
    k exec ro -- touch /data/y || fail "a command beside it cannot write to the volume"
    ! has_event ro FieldsIgnored || fail "it is said to be ignored"
    confined rw /bin/sh 'readOnlyRootFilesystem: false' '[/bin/sh, -c, "touch /tmp/x /run/lock/x /var/tmp/x"]'
    ends rw Succeeded
}

# Its socket is in a directory that its unit asks for; its log would be in one that is not.
test_a_package_with_a_read_only_root_has_its_directories() {
    confined redis redis-server 'readOnlyRootFilesystem: true' '' 'args: ["/etc/redis/redis.conf", "--supervised", "systemd", "--daemonize", "no", "--port", "0", "--unixsocket", "/run/redis/r.sock", "--logfile", ""]'
    running redis 120
    k exec redis -- sh -c 'test -S /run/redis/r.sock && touch /run/redis/x && ! touch /tmp/x 2>/dev/null && ! touch /var/tmp/x 2>/dev/null' || fail "what redis may write to"
}

test_capabilities_are_dropped() {
    local all pod
    all=$(sh_node "sed -n 's/^CapBnd:[[:space:]]*0*//p' /proc/1/status")
    confined none /bin/sleep 'capabilities: {drop: [ALL]}' '[/bin/sleep, "1000"]'
    confined one /bin/sleep 'capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}' '[/bin/sleep, "1000"]'
    confined some /bin/sleep 'capabilities: {drop: [CHOWN]}' '[/bin/sleep, "1000"]'
    running none && running one && running some
    [ -z "$(caps "$(unit_of none 'bin\x2fsleep')")" ] || fail "none: $(caps "$(unit_of none 'bin\x2fsleep')")"
    [ "$(caps "$(unit_of one 'bin\x2fsleep')")" = 400 ] || fail "one: $(caps "$(unit_of one 'bin\x2fsleep')")"
    [ $((0x$(caps "$(unit_of some 'bin\x2fsleep')"))) = $((0x$all & ~1)) ] || fail "some: $(caps "$(unit_of some 'bin\x2fsleep')") of $all"
    [ "$(k exec none -- sed -n 's/^CapBnd:[[:space:]]*0*//p' /proc/self/status)" = "" ] || fail "a command beside it has some"
    ! has_event none FieldsIgnored || fail "they are said to be ignored"
    # what is dropped gives nothing else (what may be inherited by programs that say so is the machine's own affair)
    for pod in none one some; do
        equals "" sh_node "sed -nE '/^Cap(Prm|Eff|Amb):[[:space:]]*0*[^0[:space:]]/p' /proc/$(main_pid "$(unit_of $pod 'bin\x2fsleep')")/status" || fail "$pod has capabilities"
    done
    confined wrong /bin/sleep 'capabilities: {drop: [FLY]}' '[/bin/sleep, "1000"]'
    event wrong 'there is no capability "FLY"'
}

# vks-exec becomes a user whom the machine does not know, though the container has no capability.
test_who_has_no_capability_is_who_it_is_to_be() {
    confined stranger /bin/sh 'capabilities: {drop: [ALL]}, runAsUser: 4711, seccompProfile: {type: RuntimeDefault}, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false' \
        '[/bin/sh, -c, "id -u; sed -n s/^CapEff:.0*/caps:/p /proc/self/status"]'
    ends stranger Succeeded
    wait_for 20 "who it is" equals "4711
caps:" logs stranger
}

test_system_calls_are_denied() {
    # a user namespace is anybody's to make on the machine
    sh_node 'setpriv --reuid=4711 --regid=4711 --clear-groups unshare -U true'
    confined free /bin/sh '' '[/bin/sh, -c, "unshare -U true && echo made"]'
    confined unconfined /bin/sh 'seccompProfile: {type: Unconfined}' '[/bin/sh, -c, "unshare -U true && echo made"]' '' 'securityContext: {seccompProfile: {type: RuntimeDefault}}'
    confined filtered /bin/sh '' '[/bin/sh, -c, "unshare -U true || echo denied; exec sleep 1000"]' '' 'securityContext: {seccompProfile: {type: RuntimeDefault}}'
    ends free Succeeded
    ends unconfined Succeeded
    running filtered
    wait_for 20 "it is denied" contains denied logs filtered
    contains "denied" k exec filtered -- sh -c 'unshare -U true || echo denied' || fail "not beside it"
    ! has_event filtered FieldsIgnored || fail "it is said to be ignored"
    confined own /bin/sh 'seccompProfile: {type: Localhost, localhostProfile: mine.json}' '[/bin/sleep, "1000"]'
    event own 'seccompProfile: profile "mine.json" cannot be loaded'
}

test_what_is_not_given_is_said() {
    confined p /bin/sleep 'privileged: true' '[/bin/sleep, "1000"]'
    event p 'FieldsIgnored: .*securityContext.privileged'
    confined q /bin/sleep 'privileged: false, procMount: Default' '[/bin/sleep, "1000"]' '' 'shareProcessNamespace: true'
    running q
    ! has_event q FieldsIgnored || fail "$(k get events)"
}

together a_read_only_root_leaves_the_volumes_to_write capabilities_are_dropped who_has_no_capability_is_who_it_is_to_be system_calls_are_denied what_is_not_given_is_said
run_tests
