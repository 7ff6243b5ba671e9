#!/bin/bash
# The Node object: who it is, what it has, how it stays alive.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

node_field() { k get node "$NODE" -o "jsonpath=$1"; }
condition() { node_field "{.status.conditions[?(@.type==\"$1\")].$2}"; }

test_the_node_is_ready_with_its_own_identity() {
    wait_for 30 "Ready" equals True condition Ready status
    [ "$(condition Ready reason)" = KubeletReady ] || fail "reason $(condition Ready reason)"
    [ "$(condition MemoryPressure status)" = False ] || fail "memory pressure"
    # The kubeconfig in the node is not an administrator's
    node kubectl version >/dev/null 2>&1 || true
    contains "system:node:$NODE" sh_node "sed -n 's/.*client-certificate-data: *//p' /etc/vks/kubeconfig | base64 -d | openssl x509 -noout -subject" ||
        fail "the agent's certificate is not the node's"
}

test_labels_addresses_and_node_info() {
    [ "$(node_field '{.metadata.labels.kubernetes\.io/os}')" = linux ] || fail "os label"
    [ "$(node_field '{.metadata.labels.kubernetes\.io/hostname}')" = "$NODE" ] || fail "hostname label"
    [ -n "$(node_field '{.metadata.labels.kubernetes\.io/arch}')" ] || fail "arch label"
    [ -n "$(node_field '{.status.addresses[?(@.type=="InternalIP")].address}')" ] || fail "InternalIP"
    [[ $(node_field '{.status.nodeInfo.containerRuntimeVersion}') == systemd://2* ]] || fail "runtime version"
    [ "$(node_field '{.status.nodeInfo.machineID}')" = "$(node cat /etc/machine-id)" ] || fail "machine id"
    [ "$(node_field '{.status.nodeInfo.kernelVersion}')" = "$(node uname -r)" ] || fail "kernel"
    [[ $(node_field '{.status.nodeInfo.osImage}') == Debian* ]] || fail "os image"
}

nodes() { k get nodes -l "$1" -o name; }

test_nodes_that_have_or_lack_a_package_are_found() {
    local label=packages.vks.systemd.io/vks-test-label
    trap 'node dpkg -P vks-test-label >/dev/null 2>&1' EXIT
    wait_for 20 "dbus is told" contains "node/$NODE" nodes packages.vks.systemd.io/dbus
    [ "$(nodes packages.vks.systemd.io/libc6)" = "" ] || fail "a library is told"
    contains "node/$NODE" nodes "!$label" || fail "it is told before it is there"
    # by its administrator, not by a pod
    sh_node "set -e; rm -rf /tmp/label; mkdir -p /tmp/label/DEBIAN /tmp/label/usr/lib/systemd/system; echo '[Service]' >/tmp/label/usr/lib/systemd/system/x.service
             printf 'Package: vks-test-label\nVersion: 1:2.0~rc1+b1\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\nDescription: test\n' >/tmp/label/DEBIAN/control
             dpkg-deb -b /tmp/label /tmp/label.deb >/dev/null && dpkg -i /tmp/label.deb >/dev/null"
    wait_for 30 "it is told" contains "node/$NODE" nodes "$label=1_2.0_rc1_b1"
    ! contains "node/$NODE" nodes "!$label" || fail "it has the package, and lacks it"
    # the agent may be elsewhere meanwhile
    node systemctl stop vks-agent.service
    node dpkg -P vks-test-label >/dev/null 2>&1
    node systemctl start vks-agent.service
    wait_for 30 "it is gone" contains "node/$NODE" nodes "!$label"
}

test_capacity_is_the_machines() {
    [ "$(node_field '{.status.capacity.cpu}')" = "$(node nproc)" ] || fail "cpu"
    [ "$(node_field '{.status.capacity.memory}')" = "$(sh_node "awk '/MemTotal/ {print \$2}' /proc/meminfo")Ki" ] || fail "memory"
    [ -n "$(node_field '{.status.capacity.ephemeral-storage}')" ] || fail "ephemeral-storage"
    [ "$(node_field '{.status.allocatable.pods}')" -ge 110 ] || fail "pods"
}

test_the_lease_is_renewed() {
    local before
    lease() { k get lease -n kube-node-lease "$NODE" -o 'jsonpath={.spec.renewTime}'; }
    wait_for 30 "there is a lease" lease
    before=$(lease)
    newer() {
        local now
        now=$(lease) && [ -n "$now" ] && [ "$now" != "$before" ]
    }
    wait_for 25 "a newer renewTime" newer
}

test_cordon_is_told_in_events() {
    told() { k get events -n default --field-selector "involvedObject.name=$NODE,reason=$1" -o name; }
    trap 'kubectl uncordon "$NODE" >/dev/null' EXIT
    kubectl -n default delete events --field-selector "involvedObject.name=$NODE" >/dev/null
    kubectl cordon "$NODE" >/dev/null
    wait_for 30 "NodeNotSchedulable" contains event told NodeNotSchedulable
    [ -z "$(told NodeSchedulable)" ] || fail "nobody has let pods in again"
    kubectl uncordon "$NODE" >/dev/null
    wait_for 30 "NodeSchedulable" contains event told NodeSchedulable
}

test_a_deleted_node_registers_again() {
    kubectl delete node "$NODE" >/dev/null
    wait_for 30 "the node is back" k get node "$NODE"
    wait_for 30 "and ready" equals True condition Ready status
}

test_the_taint_is_there_unless_disabled() {
    trap 'sh_node "test ! -e /tmp/agent.yaml || mv /tmp/agent.yaml /etc/vks/agent.yaml"' EXIT # whatever happens here
    sh_node "cp -p /etc/vks/agent.yaml /tmp/agent.yaml && sed -i '/^disableTaint/d' /etc/vks/agent.yaml && systemctl stop vks-agent"
    kubectl delete node "$NODE" >/dev/null
    node systemctl start vks-agent
    wait_for 30 "the taint" contains "virtual-kubelet.io/provider" node_field '{.spec.taints}'
    sh_node "mv /tmp/agent.yaml /etc/vks/agent.yaml && systemctl stop vks-agent"
    kubectl delete node "$NODE" >/dev/null
    node systemctl start vks-agent
    wait_for 30 "no taint" bash -c "! k get node $NODE -o 'jsonpath={.spec.taints}' | grep virtual-kubelet && k get node $NODE"
    wait_for 30 "ready" equals True condition Ready status
}

test_the_kubelet_api_lets_only_the_right_certificate_in() {
    code() { curl -sk -o /dev/null -w '%{http_code}' "$@" "https://127.0.0.1:${KUBELET_PORT:-10250}/containerLogs/default/x/y"; }
    wait_for 20 "the agent serves" equals 401 code || fail "without a certificate: $(code)"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=kube-apiserver-kubelet-client \
        -keyout "$TMP/k" -out "$TMP/c" 2>/dev/null
    [ "$(code --cert "$TMP/c" --key "$TMP/k")" = 401 ] || fail "with somebody's own certificate"
    [ "$(code -H 'Authorization: Bearer x')" = 401 ] || fail "with a token"
}

# status_of UNIT FIELD...: of its main process
status_of() {
    local pid
    pid=$(main_pid "$1")
    shift
    [ "$pid" -gt 0 ] && sh_node "sed -nE 's/^($(IFS='|' && echo "$*")):\\s+//p' /proc/$pid/status" | tr '\n' ' '
}

# Everything in these suites is done by programs that are locked up; this looks whether they are.
test_agent_and_helper_are_locked_up() {
    [ "$(status_of vks-agent.service CapInh CapPrm CapEff CapBnd NoNewPrivs Seccomp)" = "$(printf '%016x ' 0 0 0 0)1 2 " ] ||
        fail "the agent: $(status_of vks-agent.service CapInh CapPrm CapEff CapBnd NoNewPrivs Seccomp)"
    program p 'sleep 1000'
    running p
    # it leaves when nobody has called for a while
    helper() { k exec p -- true && status_of vks-helper.service "$@"; }
    wait_for 20 "the helper is locked up" equals "$(printf '%016x ' 0 0x1b 0x1b 0x1b)1 2 " helper CapInh CapPrm CapEff CapBnd NoNewPrivs Seccomp ||
        fail "the helper: $(helper CapInh CapPrm CapEff CapBnd NoNewPrivs Seccomp)"
    networks() { k exec p -- true && sh_node "sed -n '3,\$s/:.*//p' /proc/$(main_pid vks-helper.service)/net/dev" | tr -d ' '; }
    wait_for 20 "the helper sees no network" equals lo networks || fail "the helper sees $(networks)"
}

# both_say WORD...: tests/tools/quick_kubectl.py has answered, and kubectl answers the same
both_say() {
    local want got code=0
    want=$(kubectl -n "$NS" "$@" 2>&1) || code=$?
    want+=" ($code)" code=0
    got=$(
        kubectl() { echo "it has not answered" >&2; }
        k "$@" 2>&1
    ) || code=$?
    [ "$got ($code)" = "$want" ] || fail "$*: \"$got ($code)\", kubectl: \"$want\""
}

test_what_tests_read_of_objects_is_what_kubectl_reads() {
    local template
    apply <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: odd, labels: {is: odd}, annotations: {a.b/c: dotted}}
data: {markup: "<a & b>", lines: "one\ntwo\n", quotes: "\"it's\" \\", letters: "\u00e4\u20ac", empty: ""}
---
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {is: odd}}
spec:
  nodeSelector: {nobody: has-it}
  terminationGracePeriodSeconds: 7
  containers: [{name: one, image: a, ports: [{name: web, containerPort: 80}]}, {name: two, image: b, stdin: true}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: none}
spec: {replicas: 0, selector: {matchLabels: {is: none}}, template: {metadata: {labels: {is: none}}, spec: {containers: [{name: c, image: a}]}}}
YAML
    wait_for 30 "the pod is looked at" contains Unschedulable pod_field p '{.status.conditions[0].reason}'
    while read -r template; do both_say get pod p -o "jsonpath=$template"; done <<'TEMPLATES'
{.spec.terminationGracePeriodSeconds} {.spec.containers[1].stdin}
{.spec.containers[*].name}: {.spec.containers[0]}
{.spec.containers[?(@.name=="two")].image}{.spec.containers[?(@.stdin)].name}{.spec.containers[?(@.name=="three")].image}
{range .spec.containers[*]}{.name}{" is\t"}{.image}, {.ports[0].containerPort}{"\n"}{end}
{.spec.containers}{.spec.nodeSelector}{.metadata.labels}
{.status.containerStatuses[0].restartCount}{.status.nothing}-{.status.phase}
TEMPLATES
    both_say get configmap odd -o 'jsonpath={.data}'
    both_say get configmap odd -o 'jsonpath={.data.markup}{.data.lines}{.data.quotes}{.data.letters}{.data.empty}{.metadata.annotations.a\.b/c}'
    both_say get configmaps -l is=odd -o 'jsonpath={range .items[*]}{.metadata.name}{"\n"}{end}{.items[0].data}'
    both_say get pods --field-selector metadata.name=p -o 'jsonpath={.items[*].spec.containers[*].image}'
    both_say get pods -l is=even -o name
    both_say get pods -o name
    both_say get deployment none -o name
    both_say get node "$NODE" -o name
    both_say get pod nobody -o 'jsonpath={.status}'
    program said 'printf "one\n\n \303\244 %% {\n"; printf "no end of a line"; exec sleep 1000'
    running said
    node journalctl --sync
    both_say logs said
    both_say logs said -c main
    # and this it leaves to kubectl
    contains "two" k get pod p -o 'jsonpath={.spec.containers[-1:].name}' || fail "the last one"
    ! k get pod p -o 'jsonpath={.spec.containers[2].name}' 2>"$TMP/said" || fail "there are two"
    grep -q "out of bounds" "$TMP/said" || fail "$(cat "$TMP/said")"
}

# What is applied is there as if kubectl had done so, last-applied-configuration, its owner's name and the defaults of the API server included.
test_what_tests_apply_is_what_kubectl_applies() {
    local one n=0
    while IFS= read -r -d '#' one; do
        (
            kubectl() { echo "it has not applied it" >&2; return 1; }
            k apply -f - <<<"$one"
        ) >"$TMP/quick.said" 2>&1 || fail "$(cat "$TMP/quick.said"): $one"
        applied >"$TMP/quick"
        grep -q 'kubectl-client-side-apply' "$TMP/quick" || fail "$(cat "$TMP/quick")"
        k delete -f - <<<"$one" >/dev/null
        kubectl -n "$NS" apply -f - <<<"$one" >"$TMP/kubectl.said"
        applied >"$TMP/kubectl"
        diff "$TMP/kubectl.said" "$TMP/quick.said" && diff "$TMP/kubectl" "$TMP/quick" || fail "$one"
        k delete -f - <<<"$one" >/dev/null
        n=$((n + 1))
    done <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: odd, labels: {a: "1", b: "yes"}, annotations: {c.d/e: 'it''s <&>'}}
data: {number: "0644", word: "null", time: "2020-01-01", block: "a
	bä
"}
---
apiVersion: v1
kind: Secret
metadata: {name: odd}
stringData:
  kept: |+
    two lines

    and an end

  folded: >-
    one
    line
#
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "odd"},
 "spec": {"nodeSelector": {"nobody": "has-it"}, "terminationGracePeriodSeconds": 0, "containers": [{"name": "c", "image": "a", "stdin": true, "env": [{"name": "N", "value": ""}],
 "resources": {"limits": {"memory": "64Mi", "cpu": "100m"}}, "command": ["sh", "-c", "x: y"]}]}}
#
apiVersion: apps/v1
kind: Deployment
metadata: {name: odd}
spec:
  replicas: 0
  selector: {matchLabels: {is: odd}}
  template:
    metadata: {labels: {is: odd}}
    spec: {hostNetwork: false, nodeName: ~, containers: [{name: c, image: 1.2.3.4/a, args: [-c, 1:30x, 10.0.0.1/8]}]}
#
YAML
    [ "$n" -eq 3 ] || fail "$n"
    # and this it leaves to kubectl: what is there, what parsers do not agree on, what the API server does not take
    config_map odd a one
    config_map odd b two
    equals '{"b":"two"}' k get configmap odd -o 'jsonpath={.data}' || fail "it was to be changed"
    config_map odd c 'x08' && config_map more d "'08'" && ! config_map more d 08 2>/dev/null || fail "08 is a number"
    ! config_map odd a yes 2>/dev/null || fail "a value that is no text"
    ! k apply -f - <<<'{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "other"}, "spec": {"containers": [{"name": "c", "image": "a", "comand": ["b"]}]}}' >/dev/null 2>"$TMP/said" || fail "a field that there is not"
    grep -qE 'unknown field "[^"]*comand"' "$TMP/said" || fail "$(cat "$TMP/said")"
}
config_map() { apply <<<"apiVersion: v1"$'\n'"kind: ConfigMap"$'\n'"metadata: {name: $1}"$'\n'"data: {$2: $3}"; } # NAME KEY VALUE
# all that was named odd, without what differs each time
applied() {
    local kinds
    for kinds in api/v1/namespaces/"$NS"/{configmaps,secrets,pods} apis/apps/v1/namespaces/"$NS"/deployments; do
        kubectl get --raw "/$kinds"
    done | python3 -c '
import json, sys
for line in sys.stdin:
    for o in json.loads(line)["items"]:
        m = o["metadata"]
        if m["name"] == "odd":
            whose = [(f["manager"], f["operation"], f["fieldsV1"]) for f in m["managedFields"] if "kubectl" in f["manager"]]
            # what the controller of Deployments adds, it adds in its own time
            said = {k: v for k, v in m["annotations"].items() if not k.startswith("deployment.kubernetes.io/")}
            print(json.dumps([m.get("labels"), said, o.get("spec"), o.get("data"), whose], sort_keys=True))' |
        sed -E 's,kube-api-access-[a-z0-9]{5},kube-api-access,g' # a name by chance
}

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
together what_tests_apply_is_what_kubectl_applies what_tests_read_of_objects_is_what_kubectl_reads the_lease_is_renewed the_node_is_ready_with_its_own_identity labels_addresses_and_node_info capacity_is_the_machines \
    the_kubelet_api_lets_only_the_right_certificate_in agent_and_helper_are_locked_up
run_tests
