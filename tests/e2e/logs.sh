#!/bin/bash
# kubectl logs, over TLS that the API server verifies.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

counter() { program "$1" 'for i in 1 2 3 4 5; do echo "line $i"; done; exec sleep 1000'; running "$1"; wait_for 10 "five lines" contains "line 5" k logs "$1"; }

test_tail_since_limit_and_timestamps() {
    counter p
    [ "$(k logs p)" = "$(printf 'line %s\n' 1 2 3 4 5)" ] || fail "all: $(k logs p)"
    [ "$(k logs p --tail=2)" = "$(printf 'line %s\n' 4 5)" ] || fail "tail"
    [ -z "$(k logs p --tail=0)" ] || fail "tail 0"
    [ "$(k logs p --limit-bytes=9)" = "$(printf 'line 1\nli')" ] || fail "limit-bytes"
    [[ $(k logs p --timestamps --tail=1) =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]+\.[0-9]+Z\ line\ 5$ ]] || fail "timestamps"
    [ "$(k logs p --since=1h | wc -l)" = 5 ] || fail "since"
    [ "$(k logs p --since-time="$(date -u -d '+1 hour' +%FT%TZ)" | wc -l)" = 0 ] || fail "since-time in the future"
    [ "$(k logs p --since-time="$(date -u -d '-1 hour' +%FT%TZ)" | wc -l)" = 5 ] || fail "since-time"
}

test_follow_sees_new_lines_and_ends_with_the_container() {
    program f 'i=0; while [ $i -lt 8 ]; do i=$((i+1)); echo "tick $i"; sleep 0.3; done' "  restartPolicy: Never"
    wait_for 30 "it has begun" contains "tick" k logs f
    timeout 150 kubectl -n "$NS" logs -f f >"$TMP/f" || fail "follow did not end by itself"
    [ "$(tail -n 1 "$TMP/f")" = "tick 8" ] || fail "the last line is missing: $(tail -n 1 "$TMP/f")"
    [ "$(wc -l <"$TMP/f")" = 8 ] || fail "$(wc -l <"$TMP/f") lines"
}

# A run that is followed by another one, of the same image or of another, which has another unit.
test_follow_ends_with_the_run_that_it_began_with() {
    local n=0 as reader
    program f 'trap "echo bye; exit 3" TERM; echo "run $0"; while :; do sleep 0.1; done'
    for as in /bin/bash /bin/sh crash; do
        running f
        wait_for 20 "its first line" contains "run" k logs f
        : >"$TMP/f" # what the one before has said
        timeout 150 kubectl -n "$NS" logs -f f >"$TMP/f" &
        reader=$!
        wait_for 20 "it follows" contains "run" cat "$TMP/f"
        n=$((n + 1))
        if [ $as = crash ]; then
            sh_node "kill \$(systemctl show -P MainPID '$(unit_of f 'bin\x2fsh')')"
        else
            k set image pod/f "main=$as" >/dev/null
        fi
        wait "$reader" || fail "follow did not end with its run ($as)"
        wait_for 30 "it is restarted" equals $n pod_field f '{.status.containerStatuses[0].restartCount}'
        [ "$(cat "$TMP/f")" = "run /bin/sh
bye" ] || fail "$as: $(cat "$TMP/f")"
    done
}

test_follow_from_now_on() {
    program g 'i=0; while :; do i=$((i+1)); echo "tock $i"; sleep 0.2; done'
    running g
    wait_for 10 "its first line" contains "tock 1" k logs g
    kubectl -n "$NS" logs -f --tail=0 g >"$TMP/g" &
    wait_for 20 "new lines" at_least 2 grep -c tock "$TMP/g"
    kill $!
    ! grep -qx "tock 1" "$TMP/g" || fail "old lines came"
}

test_containers_of_a_pod_are_told_apart() {
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: m}
spec:
  containers:
  - {name: a, image: /bin/sh, command: [/bin/sh, -c, "echo from a; exec sleep 1000"]}
  - {name: b, image: /bin/sh, command: [/bin/sh, -c, "echo from b; exec sleep 1000"]}
YAML
    running m
    wait_for 10 "b's line" equals "from b" k logs m -c b
    wait_for 10 "a's line" equals "from a" k logs m -c a
    [ "$(k logs m --all-containers | sort | tr '\n' ,)" = "from a,from b," ] || fail "all: $(k logs m --all-containers)"
}

test_a_deleted_namesakes_lines_do_not_appear() {
    program n 'echo first life; exec sleep 1000'
    running n
    wait_for 10 "its line" contains "first life" k logs n
    k delete pod n --timeout=300s >/dev/null
    program n 'echo second life; exec sleep 1000'
    running n
    wait_for 10 "its line" equals "second life" k logs n
}

test_another_unit_cannot_write_into_a_pods_log() {
    counter v
    local uid
    uid=$(pod_field v '{.metadata.uid}')
    sh_node "printf 'MESSAGE=forged\nVKS_POD_UID=$uid\nVKS_CONTAINER=main\n' | logger --journald" || fail "logger"
    wait_for 10 "it is in the journal" sh_node "journalctl -q -o cat VKS_POD_UID=$uid MESSAGE=forged | grep forged"
    k logs v >"$TMP/v"
    ! grep forged "$TMP/v" || fail "a forged line is shown"
}

test_the_previous_run() {
    program r 'echo "run $$"; sleep 1; exit 3'
    wait_for 30 "a restart" contains "restarted" bash -c "k get pod r -o 'jsonpath={.status.containerStatuses[0].restartCount}' | grep -q '[1-9]' && echo restarted"
    wait_for 20 "its line" contains "run" k logs r --previous
    [ "$(logs r --previous | wc -l)" = 1 ] || fail "more than one run"
}

test_errors_are_told() {
    program w 'exec sleep 1000'
    running w
    ! k logs w -c nothing >"$TMP/e" 2>&1 || fail "an unknown container has logs"
    ! k logs w --previous >"$TMP/e" 2>&1 || fail "a previous run that never was has logs"
    grep -q 'previous terminated container' "$TMP/e" || fail "$(cat "$TMP/e")"
}

# Why there is no log yet, in a kubelet's words.
test_a_log_that_is_not_there_yet() {
    program early 'exec sleep 1000' '  initContainers: [{name: first, image: /bin/sh, command: [/bin/sh, -c, "exec sleep 1000"]}]'
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: lacking}
spec: {containers: [{name: main, image: no-package-has-this-name}]}
YAML
    wait_for 30 "the first runs" contains '{' k get pod early -o 'jsonpath={.status.initContainerStatuses[0].state.running}'
    says 'container "main" in pod "early" is waiting to start: PodInitializing' early || fail "early: $(cat "$TMP/waits")"
    wait_for 60 "it is tried again and again" says 'container "main" in pod "lacking" is waiting to start: trying and failing to pull image' lacking
}
says() { # WORDS POD
    ! k logs "$2" -c main >"$TMP/waits" 2>&1 || return 1
    grep -qF "$1" "$TMP/waits"
}

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
together the_previous_run follow_sees_new_lines_and_ends_with_the_container follow_from_now_on tail_since_limit_and_timestamps \
    containers_of_a_pod_are_told_apart a_deleted_namesakes_lines_do_not_appear another_unit_cannot_write_into_a_pods_log errors_are_told
run_tests
