#!/bin/bash
# A pod's whole life, from a package that is not there to a node that has forgotten it.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

test_uptimed_from_package_to_unit_to_nothing() {
    local unit
    apt purge uptimed || true
    k apply -f "$ROOT_DIR/tests/manifests/uptimed.yaml" >/dev/null
    running uptimed 90
    unit=$(unit_of uptimed uptimed)
    event uptimed "Pulling:"
    event uptimed "Successfully pulled image"
    event uptimed "Started container uptimed"
    contains "Active: active (running)" node systemctl status "$unit"
    contains "[X-Kubernetes]" node systemctl cat "$unit"
    contains "UID=$(pod_field uptimed '{.metadata.uid}')" node systemctl cat "$unit"
    [ "$(node systemctl is-enabled uptimed 2>/dev/null)" != enabled ] || fail "the package's own unit is enabled"
    [ "$(node systemctl is-active uptimed 2>/dev/null)" != active ] || fail "the package's own daemon runs"
    [[ $(pod_field uptimed '{.status.containerStatuses[0].containerID}') == systemd://* ]] || fail "containerID"
    [[ $(pod_field uptimed '{.status.containerStatuses[0].imageID}') == deb://uptimed@* ]] || fail "imageID"
    [ -n "$(pod_field uptimed '{.status.podIP}')" ] || fail "podIP"
    [ -n "$(pod_field uptimed '{.status.startTime}')" ] || fail "startTime"
    k delete pod uptimed --wait=true --timeout=300s >/dev/null
    assert_clean_node
    wait_for 30 "no directory is left" equals 0 sh_node 'ls -A /run/vks/pods | wc -l'
}

test_a_package_that_was_there_before_is_left_alone() {
    apt install uptimed
    trap 'node systemctl disable --now uptimed >/dev/null 2>&1' EXIT
    node systemctl enable --now uptimed >/dev/null 2>&1
    local pid
    pid=$(main_pid uptimed.service)
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: own}
spec: {containers: [{name: c, image: uptimed, imagePullPolicy: IfNotPresent}]}
YAML
    running own
    event own "already present"
    [ "$(node systemctl is-active uptimed)" = active ] || fail "the machine's own uptimed was stopped"
    [ "$(node systemctl is-enabled uptimed)" = enabled ] || fail "and disabled"
    [ "$(main_pid uptimed.service)" = "$pid" ] || fail "and started again"
    [ "$(main_pid "$(unit_of own uptimed)")" != "$pid" ] || fail "the pod is the machine's own"
}

test_containers_of_a_pod_share_an_empty_dir() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: two}
spec:
  volumes: [{name: shared, emptyDir: {}}]
  containers:
  - {name: writer, image: /bin/sh, command: [/bin/sh, -c, "echo from-writer >/data/f; exec sleep 1000"], volumeMounts: [{name: shared, mountPath: /data}]}
  - {name: reader, image: /bin/sh, command: [/bin/sh, -c, "until grep from-writer /data/f; do sleep 0.1; done; exec sleep 1000"], volumeMounts: [{name: shared, mountPath: /data}]}
YAML
    running two
    wait_for 20 "the reader sees it" contains from-writer k logs two -c reader
    node test ! -e /data || fail "a mount point was left on the host"
    [ "$(sh_node "ls /run/systemd/system | grep -c 'vks.$NS.two.*service$'")" = 2 ] || fail "two units"
}

test_command_and_args_follow_the_rules() {
    # args alone: the package's program with other options
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: args}
spec: {containers: [{name: c, image: uptimed, args: ["-f", "-i", "77"]}]}
YAML
    # command and args: everything
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: both}
spec: {containers: [{name: c, image: uptimed, command: ["/bin/sleep"], args: ["4711"]}]}
YAML
    # command alone: the package's options stay
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: command}
spec: {restartPolicy: Never, containers: [{name: c, image: uptimed, command: ["/bin/echo", "words:"]}]}
YAML
    running args && running both
    runs "$(unit_of args uptimed)" "-i 77" || fail "args"
    runs "$(unit_of both uptimed)" "/bin/sleep 4711" || fail "command and args"
    wait_for 30 "echo is done" equals Succeeded pod_field command '{.status.phase}'
    contains "words: -f" logs command || fail "command alone: $(logs command)"
}

test_words_and_environment_arrive_byte_for_byte() {
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: bytes}
spec:
  restartPolicy: Never
  containers:
  - name: c
    image: /usr/bin/printf
    command: [/usr/bin/printf, "<%s>\n", "a b", "$HOME", "100%n", "q\"q", "it's", "back\\slash", "tab\there", "uml ä", "", "$(WORD)", "$$(WORD)", ";|&"]
    env:
    - {name: WORD, value: "w"}
YAML
    wait_for 30 "done" equals Succeeded pod_field bytes '{.status.phase}'
    logs bytes >"$TMP/got"
    printf '<%s>\n' "a b" "\$HOME" "100%n" 'q"q' "it's" 'back\slash' "$(printf 'tab\there')" "uml ä" "" "w" "\$(WORD)" ";|&" >"$TMP/want"
    diff "$TMP/want" "$TMP/got" || fail "argv was changed on the way"
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: env}
spec:
  containers:
  - name: c
    image: /bin/sleep
    command: [/bin/sleep, "1000"]
    env:
    - {name: A, value: "plain"}
    - {name: B, value: "  spaces  "}
    - {name: C, value: "quote\"and'single"}
    - {name: D, value: "line one\nline two\n"}
    - {name: E, value: "percent %n dollar $HOME back\\slash `tick` #hash ; semi"}
    - {name: F, value: ""}
    - {name: G, value: "ä€😀"}
    - {name: H, value: "tab\tend"}
    - {name: J, value: "cr\r esc\e[0m bell\a del\x7f"}
    - {name: with-dash.and.dot, value: "v"}
    - {name: I, value: "see $(A)"}
    - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
YAML
    running env
    runs "$(unit_of env 'bin\x2fsleep')" "sleep 1000"
    node cat "/proc/$(main_pid "$(unit_of env 'bin\x2fsleep')")/environ" >"$TMP/environ"
    node sed -nE 's,.*server: https://(.*):([0-9]+)$,\1 \2,p' /etc/vks/kubeconfig >"$TMP/apiserver"
    python3 - "$TMP/environ" "$TMP/apiserver" <<'PY' || fail "the environment was changed on the way"
import sys
env = dict(e.split(b"=", 1) for e in open(sys.argv[1], "rb").read().split(b"\0") if e)
want = {"A": "plain", "B": "  spaces  ", "C": "quote\"and'single", "D": "line one\nline two\n",
        "E": "percent %n dollar $HOME back\\slash `tick` #hash ; semi", "F": "", "G": "ä€😀",
        "H": "tab\tend", "J": "cr\r esc\x1b[0m bell\a del\x7f", "with-dash.and.dot": "v", "I": "see plain", "POD": "env"}
bad = [(k, v, env.get(k.encode())) for k, v in want.items() if env.get(k.encode()) != v.encode()]
assert not bad, bad
assert env.get(b"IP")
api = open(sys.argv[2], "rb").read().split()
assert [env.get(b"KUBERNETES_SERVICE_HOST"), env.get(b"KUBERNETES_SERVICE_PORT")] == api
assert [env.get(b"KUBERNETES_PORT_443_TCP_ADDR"), env.get(b"KUBERNETES_PORT_443_TCP_PORT")] == api
assert env.get(b"KUBERNETES_PORT") == b"tcp://" + b":".join(api), env.get(b"KUBERNETES_PORT")
PY
    ! node systemctl show "$(unit_of env 'bin\x2fsleep')" | grep "line one\|bell" || fail "values show in systemctl show"
}

test_a_user_that_nobody_has_runs_with_its_environment_and_root_hears_none_of_it() {
    k create configmap lib --from-literal=evil.so="no library" >/dev/null
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: nobodys}
spec:
  securityContext: {runAsUser: 54321, runAsGroup: 54321}
  volumes: [{name: v, configMap: {name: lib}}]
  containers:
  - name: c
    image: /bin/sleep
    command: [/bin/sleep, "1000"]
    volumeMounts: [{name: v, mountPath: /run/lib}]
    env: [{name: LD_PRELOAD, value: /run/lib/evil.so}, {name: A, value: "a\rb"}]
YAML
    running nobodys
    local unit pid
    unit=$(unit_of nobodys 'bin\x2fsleep')
    runs "$unit" "sleep 1000"
    pid=$(main_pid "$unit")
    node grep -q '^Uid:.54321.54321.54321.54321$' "/proc/$pid/status" || fail "user"
    node grep -q '^CapBnd:.0*$' "/proc/$pid/status" || fail "capabilities are left"
    node grep -q '^NoNewPrivs:.1$' "/proc/$pid/status" || fail "it may gain privileges"
    contains "LD_PRELOAD=/run/lib/evil.so" sh_node "tr '\0' '\n' </proc/$pid/environ" || fail "environment"
    contains "A=a"$'\r'"b" sh_node "tr '\0' '\n' </proc/$pid/environ" || fail "environment"
    # ld.so complains once for each program that it should have loaded the library into: for the container's, and for nothing before it
    wait_for 10 "the library is tried" contains "evil.so" k logs nobodys
    [ "$(logs nobodys | grep -c evil.so)" = 1 ] || fail "something else heard of LD_PRELOAD: $(k logs nobodys)"
}

test_deployments_scale_up_and_down() {
    apply <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  replicas: 3
  selector: {matchLabels: {app: d}}
  template:
    metadata: {labels: {app: d}}
    spec: {terminationGracePeriodSeconds: 2, containers: [{name: c, image: /bin/sleep, command: [/bin/sleep, "10000"]}]}
YAML
    k rollout status deployment/d --timeout=300s >/dev/null
    k scale deployment/d --replicas=5 >/dev/null
    wait_for 30 "five" equals 5 field deployment d '{.status.readyReplicas}'
    k scale deployment/d --replicas=1 >/dev/null
    wait_for 30 "one" equals 1 sh_node "ls -d /run/systemd/system/vks.$NS.*.service | wc -l"
    k delete deployment d >/dev/null
    wait_for 30 "no pods" equals "" k get pods -o name
    assert_clean_node
}

test_daemonsets_run_here() {
    apply <<YAML
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: ds}
spec:
  selector: {matchLabels: {app: ds}}
  template:
    metadata: {labels: {app: ds}}
    spec: {terminationGracePeriodSeconds: 2, containers: [{name: c, image: /bin/sleep, command: [/bin/sleep, "10000"]}]}
YAML
    wait_for 30 "ready" equals 1 field daemonset ds '{.status.numberReady}'
}

test_jobs_end() {
    apply <<YAML
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: c, image: /bin/echo, command: [/bin/echo, hello]}]}
YAML
    k wait --for=condition=complete job/j --timeout=300s >/dev/null
    contains hello logs job/j
}

test_grace_is_given_and_then_taken() {
    program stubborn 'trap "" TERM; echo up; while :; do sleep 1; done' "  terminationGracePeriodSeconds: 3"
    running stubborn
    wait_for 20 "it is deaf" contains up logs stubborn
    local before
    before=$(date +%s)
    k delete pod stubborn --timeout=300s >/dev/null || fail "the grace never ended"
    [ $(($(date +%s) - before)) -ge 2 ] || fail "killed without grace"
    program polite 'trap "exit 0" TERM; while :; do sleep 0.1; done' "  terminationGracePeriodSeconds: 3000"
    running polite
    k delete pod polite --timeout=300s >/dev/null || fail "waited although it had ended"
}

test_a_forced_delete_leaves_no_process() {
    program forced 'while :; do sleep 1; done'
    running forced
    local uid
    uid=$(pod_field forced '{.metadata.uid}')
    k delete pod forced --force --grace-period=0 >/dev/null 2>&1
    assert_clean_node
    wait_for 20 "nor a directory" equals "" sh_node "ls -d /run/vks/*/$uid* /var/lib/vks/*/$uid* 2>/dev/null || true"
}

test_a_namesake_waits_for_its_predecessor() {
    program same 'trap "sleep 2; exit 0" TERM; while :; do sleep 0.1; done' "  terminationGracePeriodSeconds: 10"
    running same
    local first second
    first=$(pod_field same '{.metadata.uid}')
    k delete pod same --force --grace-period=0 >/dev/null 2>&1
    program same 'exec sleep 1000'
    running same 30
    second=$(pod_field same '{.metadata.uid}')
    [ "$first" != "$second" ] || fail "it is the same pod"
    contains "UID=$second" node systemctl cat "$(unit_of same 'bin\x2fsh')"
}

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
together command_and_args_follow_the_rules a_user_that_nobody_has_runs_with_its_environment_and_root_hears_none_of_it grace_is_given_and_then_taken \
    words_and_environment_arrive_byte_for_byte a_namesake_waits_for_its_predecessor containers_of_a_pod_share_an_empty_dir daemonsets_run_here \
    deployments_scale_up_and_down jobs_end a_forced_delete_leaves_no_process
run_tests
