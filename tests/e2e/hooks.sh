#!/bin/bash
# Lifecycle hooks: when they run, what they hold up, and what follows when they fail; and the order in which containers end.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck disable=SC2034 # for unit_of
SH='bin\x2fsh'
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT

main() { pod_field "$1" "{.status.containerStatuses[0].$2}"; }
# follow POD [CONTAINER]: what a container says until it has ended, in a file of the test's; each says something as it begins, and by that one knows that its
# log is followed. $FOLLOWED is what to wait for.
follow() {
    timeout 600 kubectl -n "$NS" logs -f "$1" -c "${2:-main}" >"$TMP/$NS.$1.${2:-main}" 2>&1 &
    FOLLOWED=$!
    wait_for 20 "the log of $1 is followed" grep -q up "$TMP/$NS.$1.${2:-main}"
}
said() { cat "$TMP/$NS.$1.${2:-main}"; }
knows() { [ "$(k explain "pod.spec.$1" 2>/dev/null | wc -l)" -gt 0 ]; } # FIELD: the API server has it

# hooked POD GRACE "LIFECYCLE" ["SCRIPT"]: a pod that has a directory /w, and says when it gets its signal
hooked() {
    local script=${4:-'trap "echo TERM; cat /w/hook; exit 0" TERM; echo up; while :; do sleep 0.1; done'}
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  terminationGracePeriodSeconds: $2
  volumes: [{name: w, emptyDir: {}}]
  containers:
  - name: main
    image: /bin/sh
    command: [/bin/sh, -c, '$script']
    volumeMounts: [{name: w, mountPath: /w}]
    lifecycle: $3
YAML
}
in_w() { in_pod "$(unit_of "$1" "$SH")" "${@:2}"; }
deleted() { k delete pod "$1" --wait=true --timeout=300s >/dev/null; }

test_a_container_is_ready_when_its_post_start_hook_is_over() {
    hooked p 2 '{postStart: {exec: {command: [/bin/sh, -c, "echo >/w/begun; until [ -e /w/go ]; do sleep 0.1; done"]}}}'
    wait_for 30 "the hook has begun" in_w p test -s /w/begun
    wait_for 20 "it is seen to run" contains T main p state.running.startedAt
    [ "$(main p ready)" = false ] || fail "it is ready before its hook is over"
    [ "$(main p started)" = false ] || fail "it is started before its hook is over"
    in_w p touch /w/go
    running p
    [ "$(main p started)" = true ] || fail "started: $(main p started)"
    [ "$(main p restartCount)" = 0 ] || fail "restarts"
    ! has_event p "FieldsIgnored" || fail "a hook is said to have no effect"
}

test_a_post_start_hook_that_fails_ends_the_container() {
    hooked p 2 '{postStart: {exec: {command: [/bin/sh, -c, "echo not today; [ -e /w/again ] || { touch /w/again; exit 3; }"]}}}'
    event p 'FailedPostStartHook: .*exited with 3.*not today'
    event p 'Killing: FailedPostStartHook'
    running p
    [ "$(main p restartCount)" = 1 ] || fail "restarts: $(main p restartCount)"
}

test_a_post_start_hook_runs_on_when_the_agent_comes_back() {
    hooked p 2 '{postStart: {exec: {command: [/bin/sh, -c, "echo x >>/w/begun; until [ -e /w/go ]; do sleep 0.1; done"]}}}'
    wait_for 30 "the hook has begun" in_w p test -s /w/begun
    node systemctl restart vks-agent
    wait_for 30 "it has begun again" equals 2 in_w p sh -c 'wc -l </w/begun'
    in_w p touch /w/go
    running p
    node systemctl restart vks-agent
    wait_for 30 "the agent is back" equals active node systemctl is-active vks-agent
    running p
    [ "$(in_w p sh -c 'wc -l </w/begun')" = 2 ] || fail "the hook of a container that has started ran again"
    [ "$(main p restartCount)" = 0 ] || fail "restarts"
}

test_a_pre_stop_hook_comes_before_the_signal() {
    hooked p 300 '{preStop: {exec: {command: [/bin/sh, -c, "sleep 1; echo hook >/w/hook"]}}}'
    hooked failing 300 '{preStop: {exec: {command: [/bin/sh, -c, "echo hook >/w/hook; echo why; exit 4"]}}}'
    running p
    running failing
    follow p
    local p=$FOLLOWED
    follow failing
    local failing=$FOLLOWED
    k delete pod p failing --wait=false >/dev/null
    event failing 'FailedPreStopHook: .*exited with 4.*why'
    wait "$p" "$failing" || true
    [ "$(said p | tail -n 2 | tr '\n' ' ')" = "TERM hook " ] || fail "p: $(said p)"
    [ "$(said failing | tail -n 2 | tr '\n' ' ')" = "TERM hook " ] || fail "failing: $(said failing)"
    gone p
    gone failing
}

# Two seconds are left for the signal, whatever the hook has taken.
test_a_pre_stop_hook_has_the_grace_and_no_more() {
    hooked p 3 '{preStop: {exec: {command: [/bin/sh, -c, "echo hook >/w/hook; sleep 600"]}}}' \
        'trap "echo TERM; sleep 0.2; echo had time; exit 0" TERM; echo up; while :; do sleep 0.1; done'
    hooked stubborn 3 '{preStop: {exec: {command: [/bin/sleep, "600"]}}}' 'trap "" TERM; while :; do sleep 0.1; done'
    running p
    running stubborn
    follow p
    local p=$FOLLOWED started=$SECONDS
    k delete pod p stubborn --wait=false >/dev/null
    wait "$p" || true
    [ "$(said p | tail -n 2 | tr '\n' ' ')" = "TERM had time " ] || fail "p: $(said p)"
    gone p
    gone stubborn
    [ $((SECONDS - started)) -ge 3 ] || fail "gone after $((SECONDS - started)) s of 3"
    event stubborn 'FailedPreStopHook: .*did not complete'
}

test_a_second_delete_cuts_the_hook_short() {
    hooked p 600 '{preStop: {exec: {command: [/bin/sleep, "600"]}}}'
    running p
    follow p
    local p=$FOLLOWED
    k delete pod p --wait=false >/dev/null
    event p 'Killing: Stopping container main'
    k delete pod p --grace-period=1 --wait=true --timeout=240s >/dev/null
    wait "$p" || true
    said p | grep TERM >/dev/null || fail "it had no signal: $(said p)"
}

test_a_changed_image_and_a_failed_probe_run_the_hook_and_an_end_of_its_own_does_not() {
    hooked changed 300 '{preStop: {exec: {command: [/bin/sh, -c, "echo hook >/w/hook"]}}}'
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: sick}
spec:
  terminationGracePeriodSeconds: 300
  volumes: [{name: w, emptyDir: {}}]
  containers:
  - name: main
    image: /bin/sh
    command: [/bin/sh, -c, 'echo run >>/w/runs; trap "exit 0" TERM; while :; do sleep 0.1; done']
    volumeMounts: [{name: w, mountPath: /w}]
    lifecycle: {preStop: {exec: {command: [/bin/sh, -c, "echo hook >>/w/runs"]}}}
    livenessProbe: {exec: {command: [/bin/sh, -c, "[ ! -s /w/runs ] || [ \$(wc -l </w/runs) -ge 2 ]"]}, periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 100}
YAML
    hooked own 20 '{preStop: {exec: {command: [/bin/sh, -c, "echo hook >>/w/hook"]}}}' '[ ! -e /w/ran ] || exec sleep 1000; touch /w/ran; exit 1'
    running changed
    heeds "$(unit_of changed "$SH")"
    k patch pod changed -p '{"spec":{"containers":[{"name":"main","image":"/bin/dash"}]}}' >/dev/null
    wait_for 40 "the hook came before the signal" contains $'TERM\nhook' k logs changed --previous
    running changed
    wait_for 60 "the other one has ended, and runs again" equals 1 main own restartCount
    running own
    in_w own test -e /w/ran || fail "this test does not see its files"
    ! in_w own test -e /w/hook || fail "a hook ran for a container that ended by itself"
    wait_for 60 "the sick one was ended once" equals $'run\nhook\nrun' in_w sick cat /w/runs
}

test_hooks_ask_over_http() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 300
  containers:
  - name: main
    image: /usr/bin/perl
    command: [/usr/bin/perl, -e, 'use IO::Socket::INET; \$| = 1; my \$s = IO::Socket::INET->new(LocalPort => 18790, Listen => 9, ReuseAddr => 1) or die; print "up\n"; \$SIG{TERM} = sub { print "TERM\n"; exit 0 };
      while (my \$c = \$s->accept) { my \$asked = ""; while (<\$c>) { s/\r?\n//; last if \$_ eq ""; \$asked .= "\$_|" } print "\$asked\n"; print \$c "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n"; close \$c }']
    ports: [{name: web, containerPort: 18790}]
    lifecycle: {preStop: {httpGet: {path: /bye, port: web, httpHeaders: [{name: X-Mine, value: so}]}}}
YAML
    hooked nowhere 10 '{preStop: {httpGet: {path: /bye, port: 18791}}}'
    running p
    running nowhere
    follow p
    local p=$FOLLOWED
    k delete pod p nowhere --wait=false >/dev/null
    event nowhere 'FailedPreStopHook: HTTP lifecycle hook .*connection refused'
    wait "$p" || true
    said p | grep '^GET /bye HTTP/1.1|.*X-Mine: so' >/dev/null || fail "$(said p)"
    said p | grep 'User-Agent: kube-lifecycle/' >/dev/null || fail "$(said p)"
    [ "$(said p | tail -n 1)" = TERM ] || fail "$(said p)"
}

test_a_hook_may_sleep() {
    knows containers.lifecycle.preStop.sleep || return 0
    hooked p 300 '{preStop: {sleep: {seconds: 4}}}'
    hooked early 3600 '{preStop: {sleep: {seconds: 3600}}}' 'until [ -e /w/go ]; do sleep 0.1; done'
    running p
    running early
    local started=$SECONDS
    k delete pod p early --wait=false >/dev/null
    event early 'Killing: Stopping container main'
    in_w early touch /w/go
    wait_for 15 "who ends by itself meanwhile is not waited for" no_pod early
    gone p
    [ $((SECONDS - started)) -ge 4 ] || fail "gone after $((SECONDS - started)) s"
}

# Kubernetes before 1.33 does not have it, and K3s has it switched off: then the API server drops the field.
test_a_stop_signal_of_its_own() {
    knows containers.lifecycle.stopSignal && [ "${K8S:-}" != k3s ] || return 0
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  os: {name: linux}
  terminationGracePeriodSeconds: 300
  containers: [{name: main, image: /bin/sh, lifecycle: {stopSignal: SIGUSR1}, command: [/bin/sh, -c, 'trap "echo TERM; exit 1" TERM; trap "echo USR1; exit 0" USR1; echo up; while :; do sleep 0.1; done']}]
YAML
    running p
    [ "$(pod_field p '{.spec.containers[0].lifecycle.stopSignal}')" = SIGUSR1 ] || fail "the API server has dropped it"
    [ "$(main p stopSignal)" = SIGUSR1 ] || fail "status: $(main p stopSignal)"
    follow p
    local p=$FOLLOWED
    k delete pod p --wait=false >/dev/null
    wait "$p" || true
    [ "$(said p | tail -n 1)" = USR1 ] || fail "$(said p)"
    gone p
}

# ---- sidecars ----

test_sidecars_begin_first_end_last_and_hold_up_nothing() {
    knows initContainers.restartPolicy || return 0
    local loop='while :; do sleep 0.1; done'
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 300
  volumes: [{name: w, emptyDir: {}}]
  initContainers:
  - {name: a, image: /bin/sh, restartPolicy: Always, command: [/bin/sh, -c, 'echo a >>/w/order; trap "echo a ends >>/w/order; cat /w/order; exit 0" TERM; echo up; $loop'], volumeMounts: [{name: w, mountPath: /w}],
     startupProbe: {exec: {command: [/bin/sh, -c, "until [ -e /w/a-is-up ]; do sleep 0.1; done"]}, timeoutSeconds: 300}}
  - {name: once, image: /bin/sh, command: [/bin/sh, -c, 'echo once >>/w/order'], volumeMounts: [{name: w, mountPath: /w}]}
  - {name: b, image: /bin/sh, restartPolicy: Always, command: [/bin/sh, -c, 'trap "echo b ends >>/w/order; exit 0" TERM; echo b >>/w/order; $loop'], volumeMounts: [{name: w, mountPath: /w}],
     startupProbe: {exec: {command: [/bin/sh, -c, "until grep -qx b /w/order; do sleep 0.1; done"]}, timeoutSeconds: 300}}
  containers:
  - {name: main, image: /bin/sh, command: [/bin/sh, -c, 'trap "sleep 1; echo main ends >>/w/order; exit 0" TERM; echo main >>/w/order; $loop'], volumeMounts: [{name: w, mountPath: /w}]}
YAML
    wait_for 30 "a runs" equals true bash -c "k get pod p -o 'jsonpath={.status.initContainerStatuses[0].state.running.startedAt}' | grep -q . && echo true"
    local unit
    unit=$(sh_node "basename \$(ls -d /run/systemd/system/vks.$NS.p.*.a.service)")
    wait_for 20 "a writes" equals a in_pod "$unit" cat /w/order
    [ "$(pod_field p '{.status.initContainerStatuses[0].started}')" = false ] || fail "a is started before its probe says so"
    in_pod "$unit" touch /w/a-is-up
    running p
    wait_for 20 "each has begun behind the one before" equals $'a\nonce\nb\nmain' in_pod "$unit" cat /w/order || fail "$(in_pod "$unit" cat /w/order)"
    follow p a
    local a=$FOLLOWED
    deleted p
    wait "$a" || true
    [ "$(said p a | tail -n 3 | tr '\n' ,)" = "main ends,b ends,a ends," ] || fail "$(said p a)"
}

test_a_job_is_complete_beside_its_sidecar() {
    knows initContainers.restartPolicy || return 0
    apply <<YAML
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec: {backoffLimit: 0, template: {spec: {terminationGracePeriodSeconds: 5, restartPolicy: Never,
  initContainers: [{name: proxy, image: /bin/sh, restartPolicy: Always, command: [/bin/sh, -c, 'exec sleep 3600']}],
  containers: [{name: main, image: /bin/sh, command: [/bin/sh, -c, 'echo done']}]}}}
YAML
    wait_for 60 "it is complete" equals 1 k get job j -o 'jsonpath={.status.succeeded}'
    [ "$(k get pods -l job-name=j -o 'jsonpath={.items[0].status.phase} {.items[0].status.initContainerStatuses[0].state.terminated.exitCode}')" = "Succeeded 143" ] ||
        fail "$(k get pods -l job-name=j -o 'jsonpath={.items[0].status}')"
}

test_a_sidecar_that_crashes_is_restarted_and_the_others_run_on() {
    knows initContainers.restartPolicy || return 0
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 1
  restartPolicy: Never
  initContainers: [{name: s, image: /bin/sh, restartPolicy: Always, command: [/bin/sh, -c, 'sleep 1; exit 1']}]
  containers: [{name: main, image: /bin/sh, command: [/bin/sleep, "3600"]}]
YAML
    wait_for 60 "it is restarted" at_least 2 pod_field p '{.status.initContainerStatuses[0].restartCount}'
    [ "$(pod_field p '{.status.phase}') $(main p restartCount)" = "Running 0" ] || fail "$(pod_field p '{.status}')"
    [ "$(pod_field p '{.status.conditions[?(@.type=="Initialized")].status}')" = True ] || fail "not initialized any more"
}

together a_container_is_ready_when_its_post_start_hook_is_over a_post_start_hook_that_fails_ends_the_container a_pre_stop_hook_comes_before_the_signal \
    a_pre_stop_hook_has_the_grace_and_no_more a_second_delete_cuts_the_hook_short a_changed_image_and_a_failed_probe_run_the_hook_and_an_end_of_its_own_does_not \
    hooks_ask_over_http a_hook_may_sleep a_stop_signal_of_its_own sidecars_begin_first_end_last_and_hold_up_nothing a_job_is_complete_beside_its_sidecar \
    a_sidecar_that_crashes_is_restarted_and_the_others_run_on
run_tests
