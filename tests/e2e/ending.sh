#!/bin/bash
# How containers and pods end, and what is known of it afterwards.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck disable=SC2034 # for unit_of
SH='bin\x2fsh'

terminated() { pod_field "$1" "{.status.containerStatuses[${3:-0}].state.terminated.$2}"; } # POD FIELD [N]
failed() { wait_for "${2:-30}" "$1 has failed" equals Failed pod_field "$1" '{.status.phase}'; }

# one NAME "SHELL SCRIPT" ["more of the container"]: it runs once
one() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  restartPolicy: Never
  volumes: [{name: w, emptyDir: {}}]
  containers: [{name: main, image: /bin/sh, command: [/bin/sh, -ec, '$2'], volumeMounts: [{name: w, mountPath: /w}] ${3:+, $3}}]
YAML
}

# ---- termination messages ----

test_what_a_container_writes_to_its_message_file_is_told() {
    local uid path
    one app 'echo starting; echo "could not reach the database" >/dev/termination-log; echo more >>/dev/termination-log; exit 7'
    one fine 'echo done >/dev/termination-log'
    one silent 'exit 3'
    for path in /tmp/deep/er/message /w/message /var/log/message /run/message /srv/not/there /etc/hostname; do
        one "at${path//\//-}" "echo \"from $path\" >$path; exit 1" "terminationMessagePath: $path"
    done
    failed app
    uid=$(pod_field app '{.metadata.uid}')
    [ "$(terminated app exitCode)" = 7 ] || fail "the exit code"
    [ "$(terminated app message)" = $'could not reach the database\nmore' ] || fail "app: $(terminated app message)"
    wait_for 30 "fine has succeeded" equals Succeeded pod_field fine '{.status.phase}'
    [ "$(terminated fine message)" = "done" ] || fail "fine"
    failed silent
    [ -z "$(terminated silent message)" ] || fail "silent: $(terminated silent message)"
    for path in /tmp/deep/er/message /w/message /var/log/message /run/message /srv/not/there /etc/hostname; do
        failed "at${path//\//-}"
        [ "$(terminated "at${path//\//-}" message)" = "from $path" ] || fail "$path: $(terminated "at${path//\//-}" message)"
    done
    [ "$(node cat /dev/termination-log)" = "" ] || fail "the machine's own file was written to"
    node test ! -e /srv/not || fail "a mount point was made on the machine"
    k delete pod --all --wait=true --timeout=300s >/dev/null
    wait_for 20 "no file is left" equals "" sh_node "ls /run/vks/messages | grep -F '$uid' || true"
    assert_clean_node
}

test_the_end_of_the_log_is_the_message_where_the_pod_asks_for_it() {
    local policy="terminationMessagePolicy: FallbackToLogsOnError"
    one words 'i=0; while [ $i -lt 100 ]; do echo "line $i"; i=$((i+1)); done; exit 5' "$policy"
    one own 'echo "its own words" >/dev/termination-log; echo "a line"; exit 5' "$policy"
    one fine 'echo "a line"' "$policy"
    one long 'head -c 100000 /dev/zero | tr "\\0" x; echo; exit 1' "$policy"
    failed words
    failed own
    failed long
    wait_for 30 "fine has succeeded" equals Succeeded pod_field fine '{.status.phase}'
    [ "$(terminated words message | head -n 1)" = "line 20" ] || fail "of 100 lines: $(terminated words message | head -n 1)"
    [ "$(terminated words message | tail -n 1)" = "line 99" ] || fail "of 100 lines: $(terminated words message | tail -n 1)"
    [ "$(terminated own message)" = "its own words" ] || fail "own: $(terminated own message)"
    [ -z "$(terminated fine message)" ] || fail "fine: $(terminated fine message)"
    [ "$(terminated long message | wc -c)" -le 2049 ] || fail "long: $(terminated long message | wc -c) bytes"
}

# Each run has a file of its own, also when it follows at once.
test_the_message_of_a_run_is_that_runs_alone() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: app}
spec:
  volumes: [{name: w, emptyDir: {}}]
  containers:
  - name: main
    image: /bin/sh
    command: [/bin/sh, -c, 'if [ -e /w/ran ]; then [ ! -s /dev/termination-log ] || exit 99; exec sleep 1000; fi; touch /w/ran; echo "the first" >/dev/termination-log; exit 1']
    volumeMounts: [{name: w, mountPath: /w}]
YAML
    wait_for 60 "the first run's message" equals "the first" pod_field app '{.status.containerStatuses[0].lastState.terminated.message}'
    running app
    node systemctl kill -s KILL "$(unit_of app "$SH")"
    wait_for 30 "the second run has ended" equals 137 pod_field app '{.status.containerStatuses[0].lastState.terminated.exitCode}'
    [ -z "$(pod_field app '{.status.containerStatuses[0].lastState.terminated.message}')" ] || fail "it has the first run's"
}

# The agent may be away when it ends.
test_a_message_waits_for_the_agent() {
    one app 'until [ -e /w/go ]; do sleep 0.1; done; echo "while nobody looked" >/dev/termination-log; exit 9'
    running app
    node test -e "/run/vks/messages/$(pod_field app '{.metadata.uid}').main" || fail "it has no file by that name: none would be seen to be left"
    in_pod "$(unit_of app "$SH")" true
    node systemctl stop vks-agent
    in_pod "$(unit_of app "$SH")" touch /w/go
    wait_for 20 "it has ended" equals failed node systemctl show -P ActiveState "$(unit_of app "$SH")"
    node systemctl start vks-agent
    failed app
    [ "$(terminated app message)" = "while nobody looked" ] || fail "$(terminated app message)"
}

# A pod decides what is in its file, and about nothing else: not what the file is, nor how long anybody reads it, nor about others' files.
test_nobody_is_fooled_by_what_a_pod_makes_of_its_file() {
    one bytes 'printf "\\377a\\000b\\303\\244" >/dev/termination-log; exit 1'
    one other 'rm -f /dev/termination-log 2>/w/said || echo kept >/dev/termination-log; ln -s /etc/shadow /dev/termination-log 2>/dev/null || true; ls /run/vks 2>/dev/null >>/dev/termination-log || true; exit 1'
    failed bytes
    failed other
    # what it takes is everybody's, until it is gone
    one huge 'dd if=/dev/zero of=/dev/termination-log bs=1M count=200 2>/dev/null || true; printf "the end" >>/w/x; exit 1'
    failed huge
    [ "$(terminated huge message | wc -c)" -le 4097 ] || fail "huge: $(terminated huge message | wc -c)"
    [ "$(terminated bytes message)" = "?a?bä" ] || fail "bytes: $(terminated bytes message)"
    [ "$(terminated other message)" = kept ] || fail "other: $(terminated other message)"
    k delete pod huge --wait=true --timeout=240s >/dev/null
    one after 'echo "there is room again" >/dev/termination-log; exit 1'
    failed after
    [ "$(terminated after message)" = "there is room again" ] || fail "after: $(terminated after message)"
    # who is nobody here gets nowhere
    ! node setpriv --reuid=nobody --regid=nogroup --clear-groups ls /run/vks/messages 2>/dev/null || fail "the files are open to others"
}

test_a_daemon_of_a_package_has_the_file_too() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: uptimed}
spec: {containers: [{name: uptimed, image: uptimed}]}
YAML
    running uptimed 90
    in_pod "$(unit_of uptimed uptimed)" sh -c 'echo bye >/dev/termination-log'
    node systemctl kill -s KILL "$(unit_of uptimed uptimed)"
    wait_for 30 "its message" equals bye pod_field uptimed '{.status.containerStatuses[0].lastState.terminated.message}'
    assert_message_in_unit
}
assert_message_in_unit() { contains "/dev/termination-log" node systemctl cat "$(unit_of uptimed uptimed)"; }

# ---- while it ends ----

# Who ends may still serve: those that are behind its Service are told so, and kubectl shows 1/1 Terminating.
test_who_was_told_to_end_is_ready_as_long_as_it_runs() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: two}
spec:
  terminationGracePeriodSeconds: 120
  volumes: [{name: w, emptyDir: {}}]
  containers:
  - {name: stays, image: /bin/sh, command: [/bin/sh, -c, 'trap "" TERM; until [ -e /w/go ]; do sleep 0.1; done'], volumeMounts: [{name: w, mountPath: /w}]}
  - {name: goes, image: /bin/sh, command: [/bin/sh, -c, 'trap "exit 0" TERM; while :; do sleep 0.1; done']}
YAML
    running two
    heeds "$(unit_of two "$SH.stays")"
    heeds "$(unit_of two "$SH.goes")"
    k delete pod two --wait=false >/dev/null
    wait_for 30 "one has ended" equals Completed terminated two reason 1
    [ "$(pod_field two '{.status.containerStatuses[*].ready}')" = "true false" ] || fail "ready: $(pod_field two '{.status.containerStatuses[*].ready}')"
    contains "containers with unready status: [goes]" k get pod two -o yaml || fail "the condition"
    in_pod "$(unit_of two "$SH.stays")" touch /w/go
    gone two
}

# In its hook and after its signal. Who asks may still look into it: a grace of more than the unit's own timeout leaves the unit as it is until its
# processes have ended.
test_its_service_is_told_that_it_ends_and_serves() {
    k create service clusterip slow --tcp=80:80 >/dev/null
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: slow, labels: {app: slow}}
spec:
  terminationGracePeriodSeconds: 300
  volumes: [{name: w, emptyDir: {}}]
  containers:
  - name: main
    image: /bin/sh
    command: [/bin/sh, -c, 'trap "touch /w/signalled" TERM; until [ -e /w/go ]; do sleep 0.1; done']
    volumeMounts: [{name: w, mountPath: /w}]
    readinessProbe: {exec: {command: [/bin/sh, -c, '! [ -e /w/out ]']}, periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 100}
    lifecycle: {preStop: {exec: {command: [/bin/sh, -c, 'touch /w/hook; until [ -e /w/hooked ]; do sleep 0.1; done']}}}
YAML
    running slow
    heeds "$(unit_of slow "$SH")"
    wait_for 30 "it is behind its Service" serves "true true false"
    k delete pod slow --wait=false >/dev/null
    wait_for 30 "its hook runs" in_slow test -e /w/hook
    wait_for 30 "it ends, and serves" serves "false true true"
    contains "1/1     Terminating" k get pod slow || fail "in its hook: $(k get pod slow)"
    equals "still here" k exec slow -- echo still here || fail "no command beside it in its hook"
    in_slow touch /w/hooked
    wait_for 30 "it has its signal" in_slow test -e /w/signalled
    equals "still here" k exec slow -- echo still here || fail "no command beside it in its grace"
    contains "1/1     Terminating" k get pod slow || fail "in its grace: $(k get pod slow)"
    in_slow touch /w/out
    wait_for 30 "it says that it serves no more" serves "false false true"
    wait_for 30 "its readiness is told" contains "0/1     Terminating" k get pod slow
    in_slow touch /w/go
    gone slow
}
in_slow() { in_pod "$(unit_of slow "$SH")" "$@"; }
# serves "READY SERVING TERMINATING": what is told to who sends requests. Kubernetes 1.20 has no such conditions yet.
serves() {
    contains '"discovery.k8s.io/v1"' kubectl get --raw /apis/discovery.k8s.io || return 0
    equals "$1" k get endpointslices -l kubernetes.io/service-name=slow -o 'jsonpath={range .items[*].endpoints[*].conditions}{.ready} {.serving} {.terminating}{end}'
}

test_who_takes_all_of_its_grace_has_not_failed() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: deaf}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: main, image: /bin/sh, command: [/bin/sh, -c, 'trap "" TERM; while :; do sleep 0.1; done']}]
YAML
    running deaf
    heeds "$(unit_of deaf "$SH")"
    k delete pod deaf --wait=true --timeout=240s >/dev/null
    event deaf "Killing: Stopping container main"
    ! has_event deaf "^Failed: " || fail "it is said to have failed"
}

together what_a_container_writes_to_its_message_file_is_told the_end_of_the_log_is_the_message_where_the_pod_asks_for_it the_message_of_a_run_is_that_runs_alone \
    who_was_told_to_end_is_ready_as_long_as_it_runs its_service_is_told_that_it_ends_and_serves who_takes_all_of_its_grace_has_not_failed
run_tests
