#!/bin/bash
# Static pods: files in /etc/vks/manifests are pods, with and without an API server.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

MANIFESTS=/etc/vks/manifests

# manifest FILE NAME SHELL_SCRIPT: in the test's namespace; it comes by rename, whole
manifest() {
    node tee "/root/$1" >/dev/null <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$2", namespace: "$NS", labels: {app: "$2"}}
spec:
  terminationGracePeriodSeconds: 5
  containers:
  - {name: main, image: /bin/sh, command: [/bin/sh, -c, "$3"]}
YAML
    node mv "/root/$1" "$MANIFESTS/$1"
}
drop_manifests() { sh_node "rm -f $MANIFESTS/$NS*"; }
unit_runs() { equals active node systemctl is-active "$(unit_of "$1" 'bin\x2fsh')"; }
said() { contains "$2" node journalctl -u "$(unit_of "$1" 'bin\x2fsh')" -o cat --no-pager; }

test_a_file_is_a_pod_and_the_api_server_has_a_mirror_of_it() {
    local pod=web-$NODE unit pid uid hash
    trap drop_manifests EXIT
    unit=$(unit_of "$pod" 'bin\x2fsh')
    manifest "$NS.yaml" web "echo first; exec sleep 1000"
    sh_node "echo 'no: pod' >$MANIFESTS/.$NS"
    wait_for 20 "the mirror is made" k get pod "$pod"
    running "$pod"
    hash=$(pod_field "$pod" '{.metadata.annotations.kubernetes\.io/config\.hash}')
    [[ $hash =~ ^[0-9a-f]{32}$ ]] || fail "config.hash: $hash"
    equals "file $hash" pod_field "$pod" '{.metadata.annotations.kubernetes\.io/config\.source} {.metadata.annotations.kubernetes\.io/config\.mirror}' || fail "annotations"
    equals "Node $NODE true" pod_field "$pod" '{range .metadata.ownerReferences[*]}{.kind} {.name} {.controller}{end}' || fail "owner"
    equals system-node-critical pod_field "$pod" '{.spec.priorityClassName}' || fail "priority"
    wait_for 20 "kubectl logs has its line" contains first logs "$pod"
    wait_for 20 "describe has its events" contains "Started container main" k describe pod "$pod"

    # what a person does to the mirror is nothing to the pod
    pid=$(main_pid "$unit") uid=$(pod_field "$pod" '{.metadata.uid}')
    k delete pod "$pod" --wait=false >/dev/null
    wait_for 20 "there is another mirror" sh -c "! kubectl -n $NS get pod $pod -o 'jsonpath={.metadata.uid}' | grep -qx '$uid' && kubectl -n $NS get pod $pod"
    running "$pod"
    equals "$pid" main_pid "$unit" || fail "the pod was ended with its mirror"

    # a comment is nothing, another command another pod
    sh_node "echo '# a comment' >>$MANIFESTS/$NS.yaml && mv $MANIFESTS/$NS.yaml $MANIFESTS/$NS-renamed.yaml"
    manifest "$NS-other.yaml" other "exec sleep 1000"
    running "other-$NODE"
    equals "$pid" main_pid "$unit" || fail "the pod was begun again for a comment and another name of its file"
    manifest "$NS-renamed.yaml" web "echo second; exec sleep 1000"
    wait_for 30 "its logs are the new pod's" contains second logs "$pod"
    running "$pod"
    [ "$(pod_field "$pod" '{.metadata.annotations.kubernetes\.io/config\.mirror}')" != "$hash" ] || fail "the mirror is the old one"

    # an agent that comes back finds it running
    pid=$(main_pid "$unit")
    node systemctl restart vks-agent
    wait_for 20 "the agent has read the files" sh_node "journalctl _PID=\$(systemctl show -P MainPID vks-agent) -o cat | grep -q 'static pod $NS/$pod'"
    running "$pod"
    equals "$pid" main_pid "$unit" || fail "the agent has begun the pod again"

    drop_manifests
    gone "$pod"
    gone "other-$NODE"
    assert_clean_node
}

test_a_bad_file_says_why_and_the_others_run() {
    local pod=good-$NODE
    trap drop_manifests EXIT
    node tee "$MANIFESTS/$NS-secret.yaml" >/dev/null <<YAML
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "secret", "namespace": "$NS"},
 "spec": {"volumes": [{"name": "s", "secret": {"secretName": "s"}}], "containers": [{"name": "main", "image": "/bin/true"}]}}
YAML
    sh_node "printf 'kind: Pod\nkind: Pod\n' >$MANIFESTS/$NS-twice.yaml"
    manifest "$NS-z.yaml" good "exec sleep 1000"
    running "$pod"
    node_says() { kubectl get events -n default --field-selector "involvedObject.name=$NODE,reason=InvalidStaticPod" -o 'jsonpath={.items[*].message}' | grep -q "$1"; }
    wait_for 20 "an event tells of the secret" node_says "$NS-secret.yaml: spec.volumes{s}: a static pod has nothing"
    wait_for 20 "an event tells of the double key" node_says "$NS-twice.yaml: .*for the second time"
    # what was good before runs on
    pid=$(main_pid "$(unit_of "$pod" 'bin\x2fsh')")
    sh_node "echo '}{' >$MANIFESTS/$NS-z.yaml"
    wait_for 20 "an event tells of the edit" node_says "$NS-z.yaml: .*runs on"
    equals "$pid" main_pid "$(unit_of "$pod" 'bin\x2fsh')" || fail "an edit that went wrong has ended the pod"
    node systemctl restart vks-agent
    wait_for 30 "the node is looked after again" sh_node "journalctl _PID=\$(systemctl show -P MainPID vks-agent) -o cat | grep -q 'is registered'"
    equals "$pid" main_pid "$(unit_of "$pod" 'bin\x2fsh')" || fail "an agent that cannot read the file has ended its pod"
    manifest "$NS-z.yaml" good "exec sleep 1000"
    wait_for 20 "the mended file has its pod" sh_node "journalctl _PID=\$(systemctl show -P MainPID vks-agent) -o cat | grep -q 'static pod $NS/$pod'"
    running "$pod"
    equals "$pid" main_pid "$(unit_of "$pod" 'bin\x2fsh')" || fail "the pod of the mended file was begun again"
    drop_manifests
    gone "$pod"
}

test_it_runs_without_an_api_server() {
    local pod=alone-$NODE
    restore() {
        drop_manifests
        node systemctl stop vks-agent
        sh_node 'mv /etc/vks/kubeconfig.kept /etc/vks/kubeconfig'
        node systemctl start vks-agent
    }
    # an address that nobody answers at
    sh_node 'cp -p /etc/vks/kubeconfig /etc/vks/kubeconfig.kept && sed -i "s,server: .*,server: https://127.0.0.1:1," /etc/vks/kubeconfig && systemctl restart vks-agent'
    trap restore EXIT
    manifest "$NS.yaml" alone "echo alone; exec sleep 1000"
    wait_for 20 "it runs" unit_runs "$pod"
    wait_for 20 "it has begun" said "$pod" alone
    # the file has changed while nobody looked
    node systemctl stop vks-agent
    manifest "$NS.yaml" alone "echo changed; exec sleep 1000"
    node systemctl start vks-agent
    wait_for 30 "the new one has begun" said "$pod" changed
    wait_for 20 "it runs" unit_runs "$pod"
    # ... and it is the agent that has it: nothing of the old one is left
    equals 1 sh_node "ls -d /run/systemd/system/vks.$NS.*.service | wc -l" || fail "two units"
    # a file that is gone when the agent starts
    node systemctl stop vks-agent
    drop_manifests
    node systemctl start vks-agent
    assert_clean_node
}

run_tests
