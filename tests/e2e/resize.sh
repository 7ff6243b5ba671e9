#!/bin/bash
# Pods that get other resources while they run (pods/resize). That the kernel heeds it is for tests/uml/nodes.sh.
# once: an API server before 1.33 has no such subresource
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SLEEP='bin\x2fsleep'
show() { node systemctl show --value -p "$2" "$1"; } # UNIT PROPERTY
slice_of() {
    local uid
    uid=$(pod_field "$1" '{.metadata.uid}')
    echo "kubepods-burstable-pod${uid//-/_}.slice"
}
# asks NAME RESOURCES [MORE_OF_THE_CONTAINER]
asks() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: main, image: /bin/sleep, command: [/bin/sleep, "3600"], resources: {$2}${3:+, $3}}]
YAML
    running "$1"
}
resize() { k patch pod "$1" --subresource resize -p "{\"spec\":{\"containers\":[{\"name\":\"main\",\"resources\":{$2}}]}}" >/dev/null; } # NAME RESOURCES_AS_JSON
has() { pod_field "$1" '{.status.containerStatuses[0].resources.limits.memory} {.status.containerStatuses[0].allocatedResources.memory} {.status.containerStatuses[0].resources.limits.cpu}'; }
restarts() { pod_field "$1" '{.status.containerStatuses[0].restartCount}'; }
condition() { pod_field "$1" "{.status.conditions[?(@.type==\"$2\")].reason}"; }

# An API server before 1.33 knows no such subresource, and then nothing of this can be asked for.
resizes() { kubectl get --raw /api/v1 | grep '"pods/resize"' >/dev/null; }

test_what_runs_is_resized_without_a_restart() {
    resizes || return 0
    asks p 'requests: {cpu: 100m, memory: 32Mi}, limits: {cpu: 200m, memory: 64Mi}'
    local unit slice pid
    unit=$(unit_of p "$SLEEP") slice=$(slice_of p) pid=$(main_pid "$(unit_of p "$SLEEP")")
    resize p '"requests":{"cpu":"1","memory":"48Mi"},"limits":{"cpu":"1500m","memory":"100Mi"}'
    wait_for 20 "it is told" equals "100Mi 48Mi 1500m" has p
    event p 'ResizeCompleted: Pod resize completed: {"containers":\[{"name":"main".*"generation":2}'
    event p 'ResizeStarted: Pod resize started: {"containers":'
    wait_for 20 "it is not under way any more" equals "" pod_field p '{.status.conditions[?(@.type=="PodResizeInProgress")].reason}{.status.conditions[?(@.type=="PodResizePending")].reason}'
    [ "$(show "$unit" MemoryMax) $(show "$unit" CPUQuotaPerSecUSec) $(show "$unit" CPUWeight)" = "104857600 1.500000s 39" ] || fail "the unit: $(show "$unit" MemoryMax,CPUQuotaPerSecUSec,CPUWeight)"
    [ "$(show "$slice" MemoryMax) $(show "$slice" CPUQuotaPerSecUSec)" = "104857600 1.500000s" ] || fail "the slice: $(show "$slice" MemoryMax,CPUQuotaPerSecUSec)"
    node systemctl daemon-reload # as an administrator or a package may do it
    [ "$(show "$unit" MemoryMax) $(show "$slice" MemoryMax)" = "104857600 104857600" ] || fail "WRITE's limits count again"
    [ "$(main_pid "$unit")" = "$pid" ] && [ "$(restarts p)" = 0 ] || fail "it was restarted"
    node systemctl kill --signal=KILL "$unit" # what comes back has them, too
    wait_for 30 "it is started again" equals 1 restarts p
    running p
    [ "$(show "$unit" MemoryMax)" = 104857600 ] || fail "not after a restart"
    resize p '"limits":{"cpu":"1500m","memory":"70Mi"}'
    wait_for 20 "less is told" equals "70Mi 48Mi 1500m" has p
    [ "$(show "$unit" MemoryMax) $(show "$slice" MemoryMax)" = "73400320 73400320" ] || fail "less"
    k delete pod p --wait=true >/dev/null
    wait_for 20 "nothing is left of it" sh_node "test -z \"\$(ls -d /run/systemd/system.control/vks.$NS.* /run/systemd/system.control/$slice.d /run/systemd/system/$slice* 2>/dev/null)\""
}

test_a_container_is_begun_anew_where_its_policy_says_so() {
    resizes || return 0
    asks p 'requests: {cpu: 100m, memory: 32Mi}, limits: {cpu: 200m, memory: 64Mi}' 'resizePolicy: [{resourceName: memory, restartPolicy: RestartContainer}]'
    local unit
    unit=$(unit_of p "$SLEEP")
    resize p '"limits":{"cpu":"300m","memory":"64Mi"}'
    wait_for 20 "another quota" equals "64Mi 32Mi 300m" has p
    [ "$(restarts p)" = 0 ] || fail "restarted for CPU"
    resize p '"limits":{"cpu":"300m","memory":"80Mi"}'
    event p 'Killing: Container main resize requires restart'
    wait_for 30 "it is begun anew" equals 1 restarts p
    running p
    wait_for 20 "it is told" equals "80Mi 32Mi 300m" has p
    [ "$(show "$unit" MemoryMax)" = 83886080 ] && [ "$(show "$(slice_of p)" MemoryMax)" = 83886080 ] || fail "without more memory"
}

# What the node has not left is waited for, also by an agent that comes back; and others that go make room.
test_who_wants_more_than_is_left_waits_for_it() {
    resizes || return 0
    local ki unit
    ki=$(k get node "$NODE" -o 'jsonpath={.status.allocatable.memory}')
    ki=${ki%Ki}
    asks big "requests: {memory: $((ki * 6 / 10))Ki}"
    asks p 'requests: {memory: 32Mi}, limits: {memory: 64Mi}'
    unit=$(unit_of p "$SLEEP")
    resize p "\"requests\":{\"memory\":\"$((ki * 6 / 10))Ki\"},\"limits\":{\"memory\":\"$((ki * 7 / 10))Ki\"}"
    wait_for 20 "it is deferred" equals Deferred condition p PodResizePending
    event p "ResizeDeferred: Pod resize Deferred: .*Node didn't have enough resource: memory, requested: $((ki * 6 / 10 * 1024)), used: "
    [ "$(has p)" = "64Mi 32Mi " ] && [ "$(show "$unit" MemoryMax)" = 67108864 ] || fail "it has something else: $(has p)"
    sh_node 'systemctl restart vks-agent'
    wait_for 20 "the node is back" contains True k get node "$NODE" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
    [ "$(has p)" = "64Mi 32Mi " ] && [ "$(condition p PodResizePending)" = Deferred ] || fail "an agent that came back: $(has p), $(condition p PodResizePending)"
    k delete pod big --wait=true >/dev/null
    wait_for 20 "its turn" equals "$((ki * 7 / 10))Ki $((ki * 6 / 10))Ki " has p
    wait_for 20 "it does not wait any more" equals "" condition p PodResizePending
    [ "$(restarts p)" = 0 ] || fail "it was restarted"
    [ "$(show "$unit" MemoryMax)" = $((ki * 7 / 10 * 1024)) ] || fail "the unit: $(show "$unit" MemoryMax)"
}

test_sidecars_and_what_the_pod_says_for_itself() {
    resizes || return 0
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 1
  resources: {requests: {cpu: 200m, memory: 64Mi}, limits: {cpu: 400m, memory: 128Mi}}
  initContainers: [{name: side, restartPolicy: Always, image: /bin/sleep, command: [/bin/sleep, "3600"], resources: {limits: {memory: 32Mi}}}]
  containers: [{name: main, image: /bin/sleep, command: [/bin/sleep, "3600"]}]
YAML
    running p
    k patch pod p --subresource resize -p '{"spec":{"resources":{"limits":{"cpu":"600m","memory":"200Mi"}},"initContainers":[{"name":"side","resources":{"requests":{"memory":"40Mi"},"limits":{"memory":"40Mi"}}}]}}' >/dev/null
    event p 'ResizeCompleted: Pod resize completed: {"initContainers":\[{"name":"side"'
    [ "$(show "$(unit_of p "$SLEEP.side")" MemoryMax)" = 41943040 ] || fail "the sidecar"
    [ "$(show "$(slice_of p)" MemoryMax) $(show "$(slice_of p)" CPUQuotaPerSecUSec)" = "209715200 600ms" ] || fail "the pod"
    [ "$(show "$(unit_of p "$SLEEP.main")" MemoryMax)" = 209715200 ] || fail "who has no limit of its own"
    wait_for 20 "it is told" equals "200Mi 40Mi" pod_field p '{.status.resources.limits.memory} {.status.initContainerStatuses[0].resources.limits.memory}'
    [ "$(restarts p)$(pod_field p '{.status.initContainerStatuses[0].restartCount}')" = 00 ] || fail "restarted"
}

together what_runs_is_resized_without_a_restart a_container_is_begun_anew_where_its_policy_says_so sidecars_and_what_the_pod_says_for_itself
run_tests
