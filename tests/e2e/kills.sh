#!/bin/bash
# once: it is about what the agent makes of the machine's and the API's state after a kill, which no control plane changes.
# The agent, the helper and the API server are killed at random moments of a mixed workload. After they have come back every pod is as it is wanted, no exit
# code and no count is lost, and nothing is left over.
#   KILLS=N SEED=S    how many times each of the three is killed (5 by default; 100 take half an hour), and when
#   API_KILLS=N       the API server that often, which takes seconds to come back, and a minute on a busy machine
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

KILLS=${KILLS:-5} API_KILLS=${API_KILLS:-${KILLS:-5}} SEED=${SEED:-1}
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT

# ---- the workload ---------------------------------------------------------------------------------------------------

# While the API server is away a wish waits: it is asked for until it is heard.
wish() { # COMMAND...
    local tries
    for tries in $(seq 200); do
        "$@" >"$TMP/wish" 2>&1 && return
        sleep 0.2
    done
    fail "not heard in $tries tries: $* ($(tail -n 1 "$TMP/wish"))"
}
put() { wish kubectl -n "$NS" apply -f "$1"; } # FILE

deployment() { # REPLICAS IMAGE
    cat >"$TMP/d.yaml" <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  replicas: $1
  selector: {matchLabels: {app: d}}
  template:
    metadata: {labels: {app: d}}
    spec:
      terminationGracePeriodSeconds: 2
      volumes: [{name: s, secret: {secretName: s}}, {name: e, emptyDir: {}}]
      initContainers: [{name: i, image: /bin/sh, command: [/bin/sh, -c, "cat /s/v >/e/v"], volumeMounts: [{name: s, mountPath: /s}, {name: e, mountPath: /e}]}]
      containers:
      - name: c
        image: $2
        command: ["$2", -c, "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
        readinessProbe: {exec: {command: [test, -s, /e/v]}, periodSeconds: 1, timeoutSeconds: 20}
        volumeMounts: [{name: e, mountPath: /e}]
      - {name: other, image: /bin/sleep, command: [/bin/sleep, "100000"]}
YAML
    put "$TMP/d.yaml"
}
# It ends with that code, behind an init container.
ending() { # NAME CODE
    cat >"$TMP/x.yaml" <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1", labels: {app: ending}}
spec:
  restartPolicy: Never
  volumes: [{name: e, emptyDir: {}}]
  initContainers: [{name: i, image: /bin/sh, command: [/bin/sh, -c, "echo $2 >/e/code"], volumeMounts: [{name: e, mountPath: /e}]}]
  containers: [{name: c, image: /bin/sh, command: [/bin/sh, -c, "sleep 0.$((RANDOM % 10)); exit \$(cat /e/code)"], volumeMounts: [{name: e, mountPath: /e}]}]
YAML
    put "$TMP/x.yaml"
}
# It fails that often, counts its runs itself, and is done.
counting() { # NAME FAILURES
    cat >"$TMP/n.yaml" <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1", labels: {app: counting}}
spec:
  restartPolicy: OnFailure
  volumes: [{name: e, emptyDir: {}}]
  containers: [{name: c, image: /bin/sh, command: [/bin/sh, -c, 'echo run >>/e/runs; sleep 0.3; [ \$(wc -l </e/runs) -gt $2 ] || exit 9'], volumeMounts: [{name: e, mountPath: /e}]}]
YAML
    put "$TMP/n.yaml"
}
# It has a sidecar, where the API server knows them, which must not hold it up.
with_sidecar() { # NAME CODE
    local sidecar=""
    [ -z "$SIDECARS" ] || sidecar="initContainers: [{name: s, image: /bin/sh, restartPolicy: Always, command: [/bin/sh, -c, \"trap 'exit 0' TERM; while :; do sleep 0.1; done\"]}]"
    cat >"$TMP/s.yaml" <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1", labels: {app: sidecar}}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 2
  $sidecar
  containers: [{name: c, image: /bin/sh, command: [/bin/sh, -c, "sleep 0.$((RANDOM % 10)); exit $2"]}]
YAML
    put "$TMP/s.yaml"
}
# Its first run is sick and its probe ends it, once; a question that a kill has cut off is no answer, and neither is one that comes before its second run does.
sick() { # NAME
    cat >"$TMP/p.yaml" <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1", labels: {app: sick}}
spec:
  terminationGracePeriodSeconds: 30
  volumes: [{name: e, emptyDir: {}}]
  containers:
  - name: c
    image: /bin/sh
    command: [/bin/sh, -c, "trap 'rm -f /e/sick; exit 0' TERM; if [ -e /e/again ]; then rm -f /e/sick; else touch /e/again /e/sick; fi; while :; do sleep 0.1; done"]
    livenessProbe: {exec: {command: [/bin/sh, -c, "[ ! -e /e/sick ]"]}, initialDelaySeconds: 1, periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 30}
    volumeMounts: [{name: e, mountPath: /e}]
YAML
    put "$TMP/p.yaml"
}
# Its image changes in place, and it writes down its runs.
changing() { # IMAGE
    cat >"$TMP/c.yaml" <<YAML
apiVersion: v1
kind: Pod
metadata: {name: changing}
spec:
  terminationGracePeriodSeconds: 2
  volumes: [{name: e, emptyDir: {}}]
  containers:
  - {name: c, image: $1, command: [/bin/sh, -c, "echo run >>/e/runs; trap 'exit 0' TERM; while :; do sleep 0.1; done"], volumeMounts: [{name: e, mountPath: /e}]}
  - {name: other, image: /bin/sleep, command: [/bin/sleep, "100000"]}
YAML
    put "$TMP/c.yaml"
}
job() { # NAME CODE: two completions, and nobody may fail
    cat >"$TMP/j.yaml" <<YAML
apiVersion: batch/v1
kind: Job
metadata: {name: "$1"}
spec:
  completions: 2
  parallelism: 2
  backoffLimit: 0
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: /bin/sh, command: [/bin/sh, -c, "sleep 0.$((RANDOM % 10)); exit $2"]}]}}
YAML
    put "$TMP/j.yaml"
}
deleted() { wish kubectl -n "$NS" delete pod "$1" --ignore-not-found --wait=false --grace-period=$((RANDOM % 3)); } # NAME

# ---- who is killed --------------------------------------------------------------------------------------------------

kill_agent() { node systemctl kill --kill-who=main --signal=KILL vks-agent >/dev/null 2>&1 || true; }
kill_helper() { node systemctl kill --kill-who=main --signal=KILL vks-helper >/dev/null 2>&1 || true; }
kill_api_server() {
    local pid
    pid=$("$LAB" status | sed -nE 's/^apiserver +running \(([0-9]+)\)$/\1/p')
    [ -n "$pid" ] || fail "there is no API server to kill"
    kill -KILL "$pid"
    sleep "0.$((RANDOM % 10))"
    "$LAB" k8s stop-apiserver >/dev/null 2>&1 || true
    "$LAB" k8s start-apiserver >/dev/null 2>&1
}

# ---- what is to be seen afterwards ----------------------------------------------------------------------------------

terminated() { # POD: its only container's code
    pod_field "$1" '{.status.phase} {.status.containerStatuses[0].state.terminated.exitCode} {.status.initContainerStatuses[0].state.terminated.exitCode}'
}
all_ready() { # REPLICAS IMAGE: and no pod more
    [ "$(k get pods -l app=d -o 'jsonpath={range .items[*]}{.spec.containers[0].image} {.status.containerStatuses[*].ready} {.metadata.deletionTimestamp}{"\n"}{end}')" = \
        "$(for _ in $(seq "$1"); do echo "$2 true true "; done)" ]
}
restarts() { pod_field "$1" '{.status.containerStatuses[0].restartCount}'; } # POD
# A liveness probe has ended it once and is content since; an API server that is away says nothing.
healed() { # NAME
    local count
    count=$(pod_field "$1" '{.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].ready}' 2>/dev/null) || return
    [[ ! $count =~ ^([2-9]|[0-9]{2,})\  ]] || fail "the probe of $1 has ended it ${count% *} times"
    [ "$count" = "1 true" ]
}
finished() { field job "$1" '{.status.conditions[?(@.status=="True")].type}'; } # JOB: what is true of it, in the order of time

# Each of them leaves what there is to be seen of it afterwards in one of run's variables.
scale() { replicas=$((RANDOM % 3 + 1)) && deployment "$replicas" "$image"; }
roll() { image=$(other_than "$image") && deployment "$replicas" "$image"; }
other_than() { [ "$1" = /bin/sh ] && echo /bin/bash || echo /bin/sh; }
change() { changed=$(other_than "$changed") changes=$((changes + 1)) && changing "$changed"; }
count() { counting "n$1" 1 && counts[$1]=1; }
drop() { deleted "x$(($1 - 1))" && unset "codes[$(($1 - 1))]"; }
drop_one_of_the_deployment() {
    wish sh -c "kubectl -n $NS get pods -l app=d -o name --field-selector=status.phase=Running | shuf -n 1 --random-source=/proc/cpuinfo | xargs -r kubectl -n $NS delete --wait=false"
}
crash() { sh_node "systemctl kill --kill-who=main --signal=KILL \"\$(ls /run/systemd/system | grep '^vks.$NS.d-.*service\$' | head -n 1)\" 2>/dev/null || true"; }
work() { jobs[$1]=$((RANDOM % 2 * 7)) && job "j$1" "${jobs[$1]}"; }
beside() { sidecars[$1]=$((RANDOM % 2 * 5)) && with_sidecar "s$1" "${sidecars[$1]}"; }
# One at a time: each of its questions costs.
fall_sick() {
    [ -z "$patient" ] || { healed "$patient" && deleted "$patient"; } || return 0
    patient=p$1 && sick "$patient"
}
WISHES=(scale roll change count drop drop_one_of_the_deployment crash work beside fall_sick)

test_whoever_is_killed_nothing_is_lost_and_nothing_is_left() {
    local targets=() i who swap replicas=2 image=/bin/sh changed=/bin/sh changes=0 patient="" codes=() counts=() jobs=() sidecars=() mounts runs
    echo "  KILLS=$KILLS API_KILLS=$API_KILLS SEED=$SEED"
    RANDOM=$SEED
    mounts=$(sh_node 'grep -c /vks/pods/ /proc/self/mountinfo || true')
    for i in $(seq "$KILLS"); do targets+=(agent helper); done
    for i in $(seq "$API_KILLS"); do targets+=(api_server); done
    wish kubectl -n "$NS" create secret generic s --from-literal=v=value
    deployment $replicas $image
    changing "$changed"
    counting n0 2 && counts[0]=2
    for i in $(seq 0 $((${#targets[@]} - 1))); do
        # each of the three as often, in an order of the seed's
        who=$((i + RANDOM % (${#targets[@]} - i)))
        swap=${targets[who]} targets[who]=${targets[i]} targets[i]=$swap
        "${WISHES[RANDOM % ${#WISHES[@]}]}" $((i + 1))
        codes[i + 1]=$((RANDOM % 4 == 0 ? 0 : RANDOM % 256))
        ending "x$((i + 1))" "${codes[i + 1]}"
        sleep "$((RANDOM % 2)).$((RANDOM % 10))"
        "kill_${targets[i]}"
        echo "$i ${targets[i]}" >>"$TMP/killed"
    done

    for i in "${!codes[@]}"; do
        wait_for 90 "x$i has ended with ${codes[i]} (SEED=$SEED)" equals "$([ "${codes[i]}" -eq 0 ] && echo Succeeded || echo Failed) ${codes[i]} 0" terminated "x$i"
    done
    for i in "${!sidecars[@]}"; do
        wait_for 90 "s$i has ended with ${sidecars[i]} (SEED=$SEED)" equals "$([ "${sidecars[i]}" -eq 0 ] && echo Succeeded || echo Failed) ${sidecars[i]}" \
            pod_field "s$i" '{.status.phase} {.status.containerStatuses[0].state.terminated.exitCode}'
    done
    for i in "${!jobs[@]}"; do
        wait_for 120 "the Job j$i is done, as $([ "${jobs[i]}" -eq 0 ] && echo Complete || echo Failed) (SEED=$SEED)" contains "$([ "${jobs[i]}" -eq 0 ] && echo Complete || echo Failed)" finished "j$i"
    done
    for i in "${!counts[@]}"; do
        wait_for 120 "n$i is done (SEED=$SEED)" equals Succeeded pod_field "n$i" '{.status.phase}'
        equals "${counts[i]}" restarts "n$i" || fail "n$i failed ${counts[i]} times, and was restarted $(restarts "n$i") (SEED=$SEED)"
    done
    wait_for 120 "the Deployment's pods are those that are wanted (SEED=$SEED)" all_ready $replicas "$image"
    wait_for 60 "the changed pod is what it was changed to (SEED=$SEED)" equals "$changed true true 0" \
        pod_field changing '{.status.containerStatuses[0].image} {.status.containerStatuses[*].ready} {.status.containerStatuses[1].restartCount}'
    # Two changes may be one, and a run may be ended before its first word.
    runs=$(k exec changing -c c -- cat /e/runs | wc -l)
    [[ $(restarts changing) -ge $((runs - 1)) && $(restarts changing) -le $changes ]] ||
        fail "it was changed $changes times, has run $runs times, and was restarted $(restarts changing) times (SEED=$SEED)"
    if [ -n "$patient" ]; then
        wait_for 120 "the probe of $patient has ended it (SEED=$SEED)" at_least 1 restarts "$patient"
        running "$patient"
        equals 1 restarts "$patient" || fail "the probe of $patient has ended it $(restarts "$patient") times (SEED=$SEED)"
    fi

    k delete deployment d >/dev/null
    k delete jobs --all >/dev/null
    k delete pods --all --wait=false >/dev/null
    wait_for 60 "all pods are gone (SEED=$SEED)" equals "" k get pods -o name
    assert_clean_node
    wait_for 30 "no directory is left (SEED=$SEED)" equals 0 sh_node 'ls -A /run/vks/pods /var/lib/vks/pods 2>/dev/null | grep -c "^[0-9a-f]" || true'
    wait_for 30 "no mount is left (SEED=$SEED)" equals "$mounts" sh_node 'grep -c /vks/pods/ /proc/self/mountinfo || true'
    wait_for 30 "no job is left (SEED=$SEED)" contains "No jobs" node systemctl list-jobs
    node systemctl is-active -q vks-agent || fail "the agent"
    [ "$(wc -l <"$TMP/killed")" = $((2 * KILLS + API_KILLS)) ] || fail "$(cat "$TMP/killed")"
}

SIDECARS=$(kubectl explain pod.spec.initContainers.restartPolicy 2>/dev/null | head -n 1 || true)
run_tests
