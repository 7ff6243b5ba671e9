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
    for pod in none one some; do
        running $pod
        runs "$(unit_of $pod 'bin\x2fsleep')" "/bin/sleep 1000" # a unit is active before its program is
    done
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


# What a pod's author asks for beyond what there is gives nothing, in whatever words: it is refused, or the container is as any other.
test_asking_for_more_gives_nothing() {
    local n=0 context annotations
    while IFS='|' read -r context annotations; do
        n=$((n + 1))
        apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "m$n", annotations: {$annotations}}
spec:
  hostPID: true
  hostIPC: true
  hostNetwork: true
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: /bin/sh
    securityContext: {$context}
    command: [/bin/sh, -c, 'id -u; sed -nE "/^Cap(Prm|Eff|Amb):[[:space:]]*0*[^0[:space:]]/p" /proc/self/status; for f in /etc/shadow /proc/1/environ /proc/1/root/etc/shadow /proc/kcore /etc/vks/kubeconfig; do cat \$f >/dev/null 2>&1 && echo "reads \$f"; done;
                mount -t tmpfs x /mnt 2>/dev/null && echo mounts; echo 1 2>/dev/null >/proc/sys/kernel/sysrq && echo sysctl; kill -0 1 2>/dev/null && echo kills; mknod /tmp/d b 8 0 2>/dev/null && echo devices; echo end']
YAML
    done <<'LIST'
capabilities: {add: [ALL]}|
capabilities: {add: [SYS_ADMIN, SYS_PTRACE, SETUID, DAC_OVERRIDE, CAP_SYS_ADMIN, sys_admin, all]}|
capabilities: {add: [SYS_ADMIN], drop: [SYS_ADMIN]}|
privileged: true, capabilities: {add: [ALL]}|
allowPrivilegeEscalation: true, privileged: true, readOnlyRootFilesystem: false|
seccompProfile: {type: Unconfined}|seccomp.security.alpha.kubernetes.io/pod: unconfined
|container.apparmor.security.beta.kubernetes.io/main: unconfined
seLinuxOptions: {user: root, role: sysadm_r, type: unconfined_t, level: s0}|
LIST
    for ((; n > 0; n--)); do
        wait_for 60 "m$n has ended" bash -c "k get pod m$n -o 'jsonpath={.status.phase}' | grep -qE 'Succeeded|Failed'"
        wait_for 20 "m$n: what it has said" contains end k logs "m$n"
        [[ "$(k logs "m$n" | paste -sd ' ')" =~ ^[1-9][0-9]*' end'$ ]] || fail "m$n: $(k logs "m$n")"
    done
}

# A profile's name is a path beneath a directory of the kubelet's: here none is read, wherever it leads.
test_no_profile_is_read() {
    local n=0 context
    while read -r context; do
        n=$((n + 1))
        confined "p$n" /bin/sleep "$context" '[/bin/sleep, "1000"]' 2>/dev/null || { n=$((n - 1)) && continue; } # the API server knows better
        event "p$n" '(seccompProfile|appArmorProfile).*cannot be loaded|FieldsIgnored: .*appArmorProfile'
    done <<'LIST'
seccompProfile: {type: Localhost, localhostProfile: profile.json}
seccompProfile: {type: Localhost, localhostProfile: ../../../etc/shadow}
seccompProfile: {type: Localhost, localhostProfile: /etc/shadow}
LIST
    [ "$n" -gt 0 ] || fail "the API server has taken none"
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: armor, annotations: {container.apparmor.security.beta.kubernetes.io/main: localhost/../../etc/shadow}}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: main, image: /bin/sleep, command: [/bin/sleep, "1000"]}]
YAML
    event armor '(annotation|appArmorProfile).*"../../etc/shadow" cannot be loaded'
    k delete pod --all --timeout=300s >/dev/null
}

together a_read_only_root_leaves_the_volumes_to_write capabilities_are_dropped who_has_no_capability_is_who_it_is_to_be system_calls_are_denied what_is_not_given_is_said
run_tests
