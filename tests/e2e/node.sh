#!/bin/bash
# The Node object: who it is, what it has, how it stays alive.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

node_field() { kubectl get node "$NODE" -o "jsonpath=$1"; }
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

nodes() { kubectl get nodes -l "$1" -o name; }

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
    lease() { kubectl -n kube-node-lease get lease "$NODE" -o 'jsonpath={.spec.renewTime}'; }
    wait_for 30 "there is a lease" lease
    before=$(lease)
    wait_for 25 "a newer renewTime" sh -c "[ \"\$(kubectl -n kube-node-lease get lease $NODE -o 'jsonpath={.spec.renewTime}')\" != '$before' ]"
}

test_cordon_is_told_in_events() {
    told() { kubectl -n default get events --field-selector "involvedObject.name=$NODE,reason=$1" -o name; }
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
    wait_for 30 "the node is back" kubectl get node "$NODE"
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
    wait_for 30 "no taint" sh -c "! kubectl get node $NODE -o 'jsonpath={.spec.taints}' | grep virtual-kubelet && kubectl get node $NODE"
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
    [ "$(status_of vks-helper.service CapInh CapPrm CapEff CapBnd NoNewPrivs Seccomp)" = "$(printf '%016x ' 0 0x1b 0x1b 0x1b)1 2 " ] ||
        fail "the helper: $(status_of vks-helper.service CapInh CapPrm CapEff CapBnd NoNewPrivs Seccomp)"
    [ -z "$(sh_node "sed -e 1,2d -e '/^ *lo:/d' /proc/$(main_pid vks-helper.service)/net/dev")" ] || fail "the helper sees a network"
}

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
together the_lease_is_renewed the_node_is_ready_with_its_own_identity labels_addresses_and_node_info capacity_is_the_machines \
    the_kubelet_api_lets_only_the_right_certificate_in agent_and_helper_are_locked_up
run_tests
