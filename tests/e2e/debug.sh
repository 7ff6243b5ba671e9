#!/bin/bash
# kubectl debug: ephemeral containers in pods that run, and what becomes of a node's debugging pod.
# once: only the current API server has them; in 1.20 they are alpha, behind a feature gate
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if ! kubectl get --raw /api/v1 | grep '"pods/ephemeralcontainers"' >/dev/null; then
    echo "(this API server has no ephemeral containers)"
    echo "0 passed, 0 failed"
    exit 0
fi
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT

# debug POD NAME [OPTION]... [-- COMMAND...]: what it does shows in its logs
debug() { k debug "$1" -c "$2" --image=bash --profile=general "${@:3}" >/dev/null 2>&1; }
of_debugger() { pod_field "$1" "{.status.ephemeralContainerStatuses[?(@.name==\"$2\")]$3}"; } # POD NAME JSONPATH
ended() { wait_for 30 "$2 of $1 has ended" at_least 0 of_debugger "$1" "$2" '.state.terminated.exitCode'; }
debugger_runs() { wait_for 30 "$2 of $1 runs" contains 20 of_debugger "$1" "$2" '.state.running.startedAt'; }
main_status() { pod_field "$1" '{.status.containerStatuses[0]}'; }
# custom FIELDS: a file for --custom
custom() { printf '{%s}\n' "$1" >"$TMP/$NS-custom" && echo "$TMP/$NS-custom"; }

together a_terminal_beside_a_container an_init_container_that_hangs_is_looked_at it_sees_its_targets_files_and_processes its_user_is_its_targets a_pod_is_over_without_it it_runs_once_and_others_go_on \
    what_is_wrong_with_it_harms_nobody what_it_refers_to_may_come_later logs_exec_and_attach a_node_is_not_mounted

test_a_terminal_beside_a_container() {
    program p 'exec sleep 10000'
    running p
    local before
    before=$(main_status p)
    : >"$TMP/$NS-out"
    {
        exec 7>&1
        wait_for 60 "a shell answers" answers "$TMP/$NS-out"
        printf 'until [ "$(stty size)" = "31 98" ]; do sleep 0.1; done; stty size\nexit 3\n'
        wait_for 60 "it has ended" at_least 0 of_debugger p d '.state.terminated.exitCode' >&2
    } | in_terminal "stty rows 31 cols 98; kubectl -n $NS debug p -it --image=bash --target=main -c d" >"$TMP/$NS-out" || true
    grep -qx 42 "$TMP/$NS-out" || fail "no shell: $(cat "$TMP/$NS-out")"
    grep -qx "31 98" "$TMP/$NS-out" || fail "size: $(cat "$TMP/$NS-out")"
    ended p d
    equals 3 of_debugger p d '.state.terminated.exitCode' || fail "exit code: $(of_debugger p d .state)"
    equals bash of_debugger p d '.image' || fail "image"
    contains deb://bash@ of_debugger p d '.imageID' || fail "imageID"
    equals 0 of_debugger p d '.restartCount' || fail "restartCount"
    equals "$before" main_status p || fail "the other container's status has changed"
    k delete pod p --wait=true --timeout=240s >/dev/null
    assert_clean_node
}

test_an_init_container_that_hangs_is_looked_at() {
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 2
  volumes: [{name: v, emptyDir: {}}]
  initContainers:
  - {name: init, image: /bin/sh, command: [/bin/sh, -c, 'echo waiting >/data/state; until [ -e /data/go ]; do sleep 0.2; done'], volumeMounts: [{name: v, mountPath: /data}]}
  containers: [{name: main, image: /bin/sleep, command: [/bin/sleep, "1000"]}]
YAML
    wait_for 30 "the init container runs" contains 20 pod_field p '{.status.initContainerStatuses[0].state.running.startedAt}'
    debug p d --target=init --custom="$(custom '"volumeMounts": [{"name": "v", "mountPath": "/data"}]')" -- sh -c 'cat /data/state; touch /data/go'
    ended p d
    wait_for 20 "it has seen it" equals waiting logs p -c d
    running p # what it did let the pod go on
}

test_it_sees_its_targets_files_and_processes() {
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - name: main
    image: /bin/sh
    command: [/bin/sh, -c, "echo volume >/data/file; echo shared >/tmp/file; exec sleep 12321"]
    env: [{name: MARK, value: here}]
    volumeMounts: [{name: v, mountPath: /data}]
  volumes: [{name: v, emptyDir: {}}]
YAML
    running p
    runs "$(unit_of p 'bin\x2fsh')" "sleep 12321"
    # shellcheck disable=SC2016
    debug p d --target=main -- bash -c 'p=$(pgrep -f "^sleep 12321"); cat /proc/$p/root/data/file /tmp/file; tr "\0" "\n" </proc/$p/environ | grep MARK; ls /data'
    ended p d
    wait_for 20 "the volume is not in its own tree" contains "No such file" logs p -c d
    wait_for 20 "it has seen all else" equals $'volume\nshared\nMARK=here' outputs p d || fail "it saw: $(logs p -c d)"
    # and the volume where it asks for it
    debug p e --custom="$(custom '"volumeMounts": [{"name": "v", "mountPath": "/elsewhere"}]')" -- tail -n 1 /elsewhere/file /etc/hosts
    ended p e
    wait_for 20 "it has the volume" contains volume logs p -c e
    wait_for 20 "it has the pod's name" ends_with $'\tp' logs p -c e || fail "its /etc/hosts: $(logs p -c e)"
}

outputs() { logs "$1" -c "$2" | grep -v 'No such file'; } # POD NAME: its errors come by another way, before or behind
ends_with() { # WORDS COMMAND...
    local got
    got=$("${@:2}") && [[ $got == *"$1" ]]
}

# The kernel shows a process to its own user.
test_its_user_is_its_targets() {
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - {name: plain, image: /bin/sh, command: [/bin/sh, -c, "exec sleep 10000"]}
  - {name: user, image: /bin/bash, command: [/bin/bash, -c, "exec sleep 23432"], securityContext: {runAsUser: 54321, runAsGroup: 54321}}
YAML
    running p
    runs "$(unit_of p 'bin\x2fbash')" "sleep 23432"
    runs "$(unit_of p 'bin\x2fsh')" "sleep 10000"
    debug p a --target=user -- bash -c 'id -u; ls -d /proc/$(pgrep -f "^sleep 23432")/root/etc'
    debug p b --target=plain -- bash -c 'id -un; ls -d /proc/$(pgrep -f "^sleep 23432")/root/etc'
    debug p c --target=user --custom="$(custom '"securityContext": {"runAsUser": 54322}')" -- id -u
    ended p a; ended p b; ended p c
    wait_for 20 "the target's user" contains /root/etc logs p -c a
    contains $'54321\n/proc' logs p -c a || fail "user: $(logs p -c a)"
    wait_for 20 "another user" contains "Permission denied" logs p -c b
    wait_for 20 "... by name" contains vks-pod logs p -c b || fail "user: $(logs p -c b)"
    wait_for 20 "its own user" equals 54322 logs p -c c
}

test_it_runs_once_and_others_go_on() {
    program p 'until [ -e /tmp/end ]; do sleep 0.2; done; rm /tmp/end; exit 1'
    running p
    debug p d -- sh -c 'echo once; exit 7'
    ended p d
    equals 7 of_debugger p d '.state.terminated.exitCode' || fail "exit code"
    running p
    equals 0 pod_field p '{.status.containerStatuses[0].restartCount}' || fail "the other was restarted"
    debug p again -- touch /tmp/end
    wait_for 30 "the other one is restarted as ever" equals 1 pod_field p '{.status.containerStatuses[0].restartCount}'
    running p
    equals 0 of_debugger p d '.restartCount' || fail "it was restarted"
    wait_for 20 "it ran once" equals once logs p -c d || fail "it ran again: $(logs p -c d)"
}

test_a_pod_is_over_without_it() {
    program p 'until [ -e /tmp/end ]; do sleep 0.2; done' "  restartPolicy: Never"
    running p
    debug p d -- sh -c 'trap "echo stopped; exit 4" TERM; while :; do sleep 0.1; done'
    debugger_runs p d
    heeds "vks.$NS.p.bash.d.service"
    debug p e -- touch /tmp/end
    wait_for 30 "the pod is over" equals Succeeded pod_field p '{.status.phase}'
    ended p d
    equals 4 of_debugger p d '.state.terminated.exitCode' || fail "its end: $(of_debugger p d .state)"
    equals 0 pod_field p '{.status.containerStatuses[0].state.terminated.exitCode}' || fail "the pod's end"
    assert_clean_node
    # in a pod that is over nothing begins
    debug p f -- true
    sh_clean || fail "a unit was made for a pod that is over"
}

test_what_is_wrong_with_it_harms_nobody() {
    program p 'until [ -e /tmp/end ]; do sleep 0.2; done; rm /tmp/end; exit 1'
    running p
    debug p root --custom="$(custom '"securityContext": {"runAsUser": 0}')" -- id
    wait_for 30 "it is refused" equals CreateContainerConfigError of_debugger p root '.state.waiting.reason'
    event p "Failed: Error: container root: policy rule root: "
    k debug p -c none --image=no-such-package-at-all --profile=general -- id >/dev/null 2>&1
    wait_for 60 "there is no such image" contains Pull of_debugger p none '.state.waiting.reason'
    k debug p -c what --image=coreutils --profile=general >/dev/null 2>&1
    wait_for 60 "it needs a command" contains "it has no service; give a command" of_debugger p what '.state.waiting.message'
    debug p end -- touch /tmp/end
    wait_for 30 "the others are restarted as ever" equals 1 pod_field p '{.status.containerStatuses[0].restartCount}'
    running p
    equals CreateContainerConfigError of_debugger p root '.state.waiting.reason' || fail "it is no longer refused"
    k delete pod p --wait=true --timeout=240s >/dev/null
    assert_clean_node
}

test_what_it_refers_to_may_come_later() {
    program p 'exec sleep 10000'
    running p
    debug p d --custom="$(custom '"env": [{"name": "V", "valueFrom": {"configMapKeyRef": {"name": "late", "key": "v"}}}]')" -- sh -c 'echo $V'
    wait_for 30 "it waits" equals CreateContainerConfigError of_debugger p d '.state.waiting.reason'
    k create configmap late --from-literal=v=came >/dev/null
    ended p d
    wait_for 20 "it has it" equals came logs p -c d
}

test_logs_exec_and_attach() {
    program p 'exec sleep 10000'
    running p
    k debug p -c d -i --attach=false --image=bash --profile=general -- sh -c 'echo ready; while read -r line; do echo "got $line"; [ "$line" != end ] || exit 5; done' >/dev/null 2>&1
    debugger_runs p d
    wait_for 20 "its logs" contains ready logs p -c d
    [ "$(k exec p -c d -- sh -c 'echo beside')" = beside ] || fail "exec"
    printf 'one\nend\n' | timeout 300 kubectl -n "$NS" attach p -c d -i >"$TMP/$NS-attach" 2>&1 || true
    ended p d
    equals 5 of_debugger p d '.state.terminated.exitCode' || fail "its end: $(of_debugger p d .state)"
    wait_for 20 "what it was given" contains "got end" logs p -c d
    ! k exec p -c d -- true >/dev/null 2>&1 || fail "a command ran beside what has ended"
}

# The machine's own root directory is never mounted, whatever policy says; what of it may be seen is seen without.
test_a_node_is_not_mounted() {
    local pod
    k debug "node/$NODE" --image=bash --profile=general -- true >/dev/null 2>&1
    pod=$(k get pods -o name | sed -n 's,^pod/\(node-debugger-.*\),\1,p')
    [ -n "$pod" ] || fail "no pod: $(k get pods)"
    event "$pod" "Failed: Error: policy rule never-mount: / is never mounted"
    wait_for 20 "its status says so" equals CreateContainerConfigError pod_field "$pod" '{.status.containerStatuses[0].state.waiting.reason}' || fail "$(pod_field "$pod" '{.status}')"
    k delete pod "$pod" --wait=true --timeout=240s >/dev/null
    assert_clean_node
}

# ---- with the node to itself ----

test_an_agent_that_comes_back_knows_it() {
    program p 'exec sleep 10000'
    running p
    debug p over -- sh -c 'exit 6'
    ended p over
    debug p on -- sleep 10000
    debugger_runs p on
    local main on
    main=$(main_status p) on=$(of_debugger p on '.containerID')
    node systemctl restart vks-agent
    debug p next -- true
    ended p next
    equals "$main" main_status p || fail "the other container's status has changed"
    equals "$on" of_debugger p on '.containerID' || fail "what ran runs anew"
    debugger_runs p on
    equals 6 of_debugger p over '.state.terminated.exitCode' || fail "what had ended: $(of_debugger p over .state)"
    # one that is added while no agent looks, and one that ends meanwhile
    node systemctl stop vks-agent
    debug p missed -- sh -c 'echo late'
    node systemctl stop "vks.$NS.p.bash.on.service"
    node systemctl start vks-agent
    ended p missed
    ended p on
    wait_for 20 "it has run" equals late logs p -c missed
    equals "$main" main_status p || fail "the other container's status has changed"
    k delete pod p --wait=true --timeout=240s >/dev/null
    assert_clean_node
}

run_tests
