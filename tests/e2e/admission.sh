#!/bin/bash
# Who may run on a node: labels, resources, ports; and that who runs is not judged again.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# pod NAME [SPEC_LINES] [CONTAINER_FIELDS]: it sleeps. It names its node itself, past the scheduler, unless BOUND is empty.
pod() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  terminationGracePeriodSeconds: 1
${BOUND-  nodeName: $NODE}
${2:-}
  containers:
  - {name: c, image: /bin/sleep, command: [/bin/sleep, "1000"]${3:-}}
YAML
}
asks() { printf ', resources: {requests: {%s}}' "$1"; } # cpu: 1, ...
ports() { printf ', ports: [{%s}]' "${1//;/\}, \{}"; } # containerPort: 80; containerPort: 81

rejected() { # NAME REASON WORDS
    wait_for 30 "$1 is rejected" equals "Failed $2" pod_field "$1" '{.status.phase} {.status.reason}'
    contains "Pod was rejected: " pod_field "$1" '{.status.message}' || fail "$1: $(pod_field "$1" '{.status.message}')"
    contains "$3" pod_field "$1" '{.status.message}' || fail "$1: $(pod_field "$1" '{.status.message}')"
    event "$1" "$2: "
    never_ran "$1"
}
never_ran() {
    equals "" pod_field "$1" '{.status.containerStatuses}' || fail "$1 has states of containers"
    [ -z "$(sh_node "ls -d /run/systemd/system/vks.$NS.$1.* 2>/dev/null")" ] || fail "units of $1 were written"
}
waits() { # NAME WORDS
    wait_for 30 "$1 waits" equals "Pending PortConflict" pod_field "$1" '{.status.phase} {.status.containerStatuses[0].state.waiting.reason}'
    contains "$2" pod_field "$1" '{.status.containerStatuses[0].state.waiting.message}' || fail "$1: $(pod_field "$1" '{.status.containerStatuses}')"
    event "$1" "PortConflict: .*$2"
    equals "" pod_field "$1" '{.status.startTime}' || fail "$1 has begun"
    [ -z "$(sh_node "ls -d /run/systemd/system/vks.$NS.$1.* 2>/dev/null")" ] || fail "units of $1 were written"
}
label() { kubectl label node "$NODE" --overwrite "$@" >/dev/null; }

test_a_selector_that_the_node_does_not_match() {
    pod none "  nodeSelector: {example.org/$NS: ssd}"
    rejected none NodeAffinity "nodeSelector example.org/$NS=ssd, which the node does not have"
    pod affinity "  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/os, operator: NotIn, values: [linux]}]}]}}}"
    rejected affinity NodeAffinity "node(s) didn't match Pod's node affinity/selector"
    pod fits "  nodeSelector: {kubernetes.io/os: linux}
  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchFields: [{key: metadata.name, operator: In, values: [$NODE]}]}]}}}"
    running fits
    k delete pod none affinity --wait=true --timeout=240s >/dev/null
}

# The label is there when the pod is bound, and perhaps the agent has not heard of it yet; taken away it ends nobody.
test_labels_are_the_newest_and_count_once() {
    local i
    for i in 1 2 3 4 5; do
        label "example.org/$NS=$i"
        pod "new-$i" "  nodeSelector: {example.org/$NS: \"$i\"}"
    done
    for i in 1 2 3 4 5; do
        # in time before the next label, or not: never for a label that the node had when it was looked at
        wait_for 30 "new-$i is judged" contains "$i" bash -c "k get pod new-$i -o 'jsonpath={.status.phase}$i' | grep -E 'Running|Failed'"
    done
    running new-5
    label "example.org/$NS-"
    node systemctl restart vks-agent
    pod after "  nodeSelector: {example.org/$NS: \"5\"}"
    rejected after NodeAffinity "which the node does not have"
    equals Running pod_field new-5 '{.status.phase}' || fail "a label that went has ended a pod"
}

test_more_than_the_node_has() {
    local cpus
    cpus=$(k get node "$NODE" -o 'jsonpath={.status.allocatable.cpu}')
    pod much "" "$(asks 'cpu: 4000')"
    rejected much OutOfcpu "Node didn't have enough resource: cpu, requested: 4000000"
    pod memory "" "$(asks 'memory: 4000Ti')"
    rejected memory OutOfmemory "resource: memory"
    pod storage "" "$(asks 'ephemeral-storage: 4000Ti')"
    rejected storage OutOfephemeral-storage "resource: ephemeral-storage"
    pod windows "  os: {name: windows}" 2>/dev/null || true # an API server before 1.23 knows no such field
    [ -z "$(k get pod windows -o 'jsonpath={.spec.os}' 2>/dev/null)" ] || rejected windows PodOSNotSupported "OS field"
    # what one has taken another one cannot have, and what it leaves it can
    case $cpus in *m) cpus=${cpus%m} ;; *) cpus=$((cpus * 1000)) ;; esac
    pod first "" "$(asks "cpu: $((cpus * 2 / 3))m")"
    running first
    pod second "" "$(asks "cpu: $((cpus / 2))m")"
    rejected second OutOfcpu "requested: $((cpus / 2)), used: "
    k delete pod first --wait=true --timeout=240s >/dev/null
    pod third "" "$(asks "cpu: $((cpus / 2))m")"
    running third
}

test_a_rejection_is_final_and_outlives_the_agent() {
    pod none "  nodeSelector: {example.org/$NS: ssd}"
    rejected none NodeAffinity "which the node does not have"
    label "example.org/$NS=ssd"
    node systemctl restart vks-agent
    pod later "  nodeSelector: {example.org/$NS: ssd}"
    running later
    equals "Failed NodeAffinity" pod_field none '{.status.phase} {.status.reason}' || fail "it was judged again"
    never_ran none
    label "example.org/$NS-"
    k delete pod none --wait=true --timeout=240s >/dev/null
}

test_two_pods_with_one_host_port() {
    pod one "" "$(ports "containerPort: 18080, hostPort: 18080")"
    running one
    pod two "" "$(ports "containerPort: 18080, hostPort: 18080")"
    rejected two NodePorts "port 18080/TCP is that of pod $NS/one"
    pod udp "" "$(ports "containerPort: 18080, hostPort: 18080, protocol: UDP")"
    running udp
    k delete pod one --wait=false >/dev/null
    pod three "" "$(ports "containerPort: 18080, hostPort: 18080")" # who ends is waited for
    running three
}

# As README has it: of a pod that says so the scheduler knows the ports, and binds it when they are free.
test_the_scheduler_waits_for_host_ports() {
    BOUND='' pod one "  hostNetwork: true" "$(ports "containerPort: 18085")"
    running one
    BOUND='' pod two "  hostNetwork: true" "$(ports "containerPort: 18085")"
    event two "FailedScheduling: .*free ports"
    k delete pod one --wait=true --timeout=240s >/dev/null
    running two
}

test_two_pods_with_one_container_port() {
    pod one "" "$(ports "containerPort: 18090")"
    running one
    BOUND='' pod two "" "$(ports "containerPort: 18091; containerPort: 18090")"
    waits two "port 18090/TCP is that of pod $NS/one"
    # it waits across a restart of the agent, and does not take the place of who runs
    node systemctl restart vks-agent
    pod other "" "$(ports "containerPort: 18092")"
    running other
    waits two "port 18090/TCP is that of pod $NS/one"
    equals "Running 0" pod_field one '{.status.phase} {.status.containerStatuses[0].restartCount}' || fail "the first was disturbed"
    k delete pod one --wait=false >/dev/null
    running two
    gone one
}

# README: a Deployment of one replica with a port of its own is rolled out by maxSurge 0. The new pod waits for the old one, and no pod fails.
test_a_deployment_with_a_port_is_rolled_out() {
    local listen="use IO::Socket::INET; my \$s = IO::Socket::INET->new(LocalPort => 18100, Listen => 5, ReuseAddr => 1) or die; \$SIG{TERM} = sub { sleep 2; exit 0 }; sleep 1 while 1"
    deployment() { # VERSION
        apply <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 20
      containers:
      - name: main
        image: /usr/bin/perl
        command: [/usr/bin/perl, -e, $(printf '%s' "$listen" | python3 -c 'import json,sys; print(json.dumps(sys.stdin.read()))')]
        env: [{name: VERSION, value: "$1"}]
        ports: [{containerPort: 18100}]
YAML
        wait_for 60 "version $1 is rolled out" k rollout status deployment/web --timeout=20s
    }
    deployment 1
    deployment 2
    wait_for 30 "one pod is left" equals 1 bash -c "k get pods -o name | wc -l"
    equals "0" k get pods -o 'jsonpath={.items[*].status.containerStatuses[0].restartCount}' || fail "the new pod began before the old one had ended"
    k get events -o 'jsonpath={range .items[*]}{.reason}{": "}{.message}{"\n"}{end}' >"$TMP/events"
    ! grep -qE '^(BackOff|NodePorts)' "$TMP/events" || fail "$(grep -E '^(BackOff|NodePorts)' "$TMP/events")"
}

test_a_port_that_the_machine_has_is_said() {
    trap 'node systemctl stop vks-test-taken 2>/dev/null || true' EXIT
    in_node /run/vks-test-taken 'use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 18110, Listen => 5, ReuseAddr => 1) or die; sleep'
    node systemd-run -q --unit vks-test-taken perl /run/vks-test-taken
    wait_for 20 "somebody listens" sh_node "grep -qE '0100007F:$(printf %04X 18110) [0-9A-F:]+ 0A ' /proc/net/tcp"
    pod late "" "$(ports "containerPort: 18110")"
    running late # whether it wants that port there is its own matter
    event late "PortConflict: port 18110/TCP is taken: vks-test-taken.service listens on 127.0.0.1:18110"
}

test_the_status_has_resources_and_gates() {
    local has
    pod gated "  readinessGates: [{conditionType: example.org/ready}]" "$(asks 'cpu: 10m, memory: 8Mi')"
    wait_for 30 "it runs" equals Running pod_field gated '{.status.phase}'
    ready() { pod_field gated '{range .status.conditions[?(@.type=="Ready")]}{.status} {.reason} {.message}{end}'; }
    wait_for 20 "its gate is closed" equals 'False ReadinessGatesNotReady corresponding condition of pod readiness gate "example.org/ready" does not exist.' ready
    kubectl proxy --port=0 >"$TMP/proxy" 2>&1 &
    trap 'kill %% 2>/dev/null || true' EXIT
    wait_for 20 "there is a proxy" grep -q Starting "$TMP/proxy"
    # kubectl of Debian 12 patches no status
    curl -sf -X PATCH -H 'Content-Type: application/strategic-merge-patch+json' -d '{"status":{"conditions":[{"type":"example.org/ready","status":"True"}]}}' \
        "http://127.0.0.1:$(grep -oE '[0-9]+$' "$TMP/proxy")/api/v1/namespaces/$NS/pods/gated/status" >/dev/null
    running gated
    equals Burstable pod_field gated '{.status.qosClass}' || fail "qosClass"
    # an API server that knows these fields has them as the pod does
    has=$(kubectl explain pod.status.containerStatuses.allocatedResources 2>/dev/null || true)
    [ -z "$has" ] || equals '{"cpu":"10m","memory":"8Mi"} {"requests":{"cpu":"10m","memory":"8Mi"}}' \
        pod_field gated '{.status.containerStatuses[0].allocatedResources} {.status.containerStatuses[0].resources}' || fail "$(pod_field gated '{.status.containerStatuses[0]}')"
    has=$(kubectl explain pod.status.hostIPs 2>/dev/null || true)
    [ -z "$has" ] || equals "$(pod_field gated '{.status.hostIP}')" pod_field gated '{.status.hostIPs[0].ip}' || fail "hostIPs"
}

trap 'rm -rf "$TMP"' EXIT
TMP=$(mktemp -d)
together a_selector_that_the_node_does_not_match two_pods_with_one_host_port the_scheduler_waits_for_host_ports a_deployment_with_a_port_is_rolled_out \
    a_port_that_the_machine_has_is_said the_status_has_resources_and_gates
run_tests
