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
    wait_for 20 "there is another mirror" bash -c "! k get pod $pod -o 'jsonpath={.metadata.uid}' | grep -qx '$uid' && k get pod $pod"
    running "$pod"
    equals "$pid" main_pid "$unit" || fail "the pod was ended with its mirror"

    # a comment is nothing, another command another pod
    sh_node "echo '# a comment' >>$MANIFESTS/$NS.yaml && mv $MANIFESTS/$NS.yaml $MANIFESTS/$NS-renamed.yaml"
    manifest "$NS-other.yaml" other "exec sleep 1000"
    running "other-$NODE"
    equals "$pid" main_pid "$unit" || fail "the pod was begun again for a comment and another name of its file"
    manifest "$NS-renamed.yaml" web "echo second; exec sleep 1000"
    wait_for 30 "its logs are the new pod's" contains second logs "$pod"
    # the node serves the new pod's log as soon as it has it
    another_mirror() {
        local now
        now=$(pod_field "$pod" '{.metadata.annotations.kubernetes\.io/config\.mirror}') && [ -n "$now" ] && [ "$now" != "$hash" ]
    }
    wait_for 30 "the mirror is another one" another_mirror
    running "$pod"

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
    node_says() { k get events -n default --field-selector "involvedObject.name=$NODE,reason=InvalidStaticPod" -o 'jsonpath={.items[*].message}' | grep "$1" >/dev/null; }
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

# Who may make pods in a namespace may write the annotations that a mirror has: that makes no pod of the machine's out of it, and ends none.
test_what_one_container_waits_for_holds_up_no_other() {
    local pod=some-$NODE state='{range .status.containerStatuses[*]}{.name} {.ready} {.state.waiting.reason};{end}'
    trap drop_manifests EXIT
    node tee "/root/$NS.yaml" >/dev/null <<YAML
apiVersion: v1
kind: Pod
metadata: {name: some, namespace: "$NS"}
spec:
  terminationGracePeriodSeconds: 5
  containers:
  - {name: image, image: "No/Such_Name!"}
  - {name: policy, image: /bin/sleep, command: [sleep, "1000"], securityContext: {runAsUser: 0}}
  - {name: good, image: /bin/sh, command: [sleep, "1000"]}
YAML
    node mv "/root/$NS.yaml" "$MANIFESTS/$NS.yaml"
    wait_for 30 "one runs, and the others say why not" equals \
        "image false InvalidImageName;policy false CreateContainerConfigError;good true ;" pod_field "$pod" "$state"
    unit_runs "$pod" || fail "its unit"
    drop_manifests
    gone "$pod"
    assert_clean_node
}

test_a_mirror_by_hand_is_nobodys() {
    local pod=web-$NODE unit pid uid hash annotations
    trap drop_manifests EXIT
    unit=$(unit_of "$pod" 'bin\x2fsh')
    manifest "$NS.yaml" web "exec sleep 1000"
    running "$pod"
    pid=$(main_pid "$unit") uid=$(pod_field "$pod" '{.metadata.uid}')
    hash=$(pod_field "$pod" '{.metadata.annotations.kubernetes\.io/config\.hash}')
    by_hand() { # NAME ANNOTATIONS: it would say that it ran
        apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1", annotations: {$2}}
spec:
  nodeName: $NODE
  terminationGracePeriodSeconds: 1
  tolerations: [{operator: Exists}]
  containers: [{name: main, image: /bin/sleep, command: [/bin/sh, -c, 'echo $NS-by-hand; exec sleep 1000']}]
YAML
    }
    by_hand stray 'kubernetes.io/config.mirror: 0123456789abcdef0123456789abcdef'
    by_hand copied "kubernetes.io/config.mirror: $hash, kubernetes.io/config.hash: $hash, kubernetes.io/config.source: file"
    gone stray
    gone copied
    # in the place of the right one: by a name that is free for a moment
    for annotations in 'kubernetes.io/config.mirror: feed' "kubernetes.io/config.mirror: $hash, kubernetes.io/config.hash: $hash"; do
        k delete pod "$pod" --grace-period=0 --force >/dev/null 2>&1
        by_hand "$pod" "$annotations" 2>/dev/null || true # or the agent was there before
    done
    running "$pod"
    equals "$pid" main_pid "$unit" || fail "the pod of the file was ended"
    # of a file it is only if the machine has the file
    by_hand plain 'kubernetes.io/config.source: file, kubernetes.io/config.hash: feed'
    running plain
    wait_for 20 "its line" equals "$NS-by-hand" k logs plain
    k delete pod plain --timeout=300s >/dev/null || fail "what only says that it is of a file is not deleted"
    equals 1 sh_node "journalctl -o cat --no-pager -u 'vks.$NS.*' | grep -cx $NS-by-hand" || fail "another one has run, too"
    equals "$pid" main_pid "$unit" || fail "the pod of the file was ended"
    drop_manifests
    assert_clean_node
}

# What is no file is none, and what no parser should swallow is told: the agent goes on.
test_odd_things_among_the_files_are_in_nobodys_way() {
    local pod=good-$NODE
    trap drop_manifests EXIT
    sh_node "cd $MANIFESTS && mkfifo $NS-fifo.yaml && mkdir $NS-dir.yaml && ln -s $NS-loop.yaml $NS-loop.yaml && ln -s /dev/zero $NS-zero.yaml && ln -s /proc/kmsg $NS-kmsg.yaml
             truncate -s 2G $NS-large.yaml; : >$NS-empty.yaml; head -c 100000 /dev/zero | tr '\\0' '[' >$NS-deep.json
             { echo 'a: &a [x,x,x,x,x,x,x,x,x]'; for i in b c d e f g h i; do echo \"\$i: &\$i [*a,*a,*a,*a,*a,*a,*a,*a,*a]\"; done; } >$NS-aliases.yaml
             printf 'apiVersion: v1\\nkind: Pod\\nmetadata: {name: ../../x, namespace: ../x}\\nspec: {containers: [{name: a, image: /bin/true}]}\\n' >$NS-name.yaml"
    manifest "$NS-z.yaml" good "exec sleep 1000"
    running "$pod"
    node_says() { k get events -n default --field-selector "involvedObject.name=$NODE,reason=InvalidStaticPod" -o 'jsonpath={.items[*].message}' | grep "$1" >/dev/null; }
    wait_for 20 "what is too large is told" node_says "$NS-large.yaml"
    wait_for 20 "what is too deep is told" node_says "$NS-deep.json"
    wait_for 20 "aliases are told" node_says "$NS-aliases.yaml: .*allowed"
    wait_for 20 "a name is told" node_says "$NS-name.yaml: metadata.name"
    contains ok kubectl get --raw "/api/v1/nodes/$NODE/proxy/healthz" || fail "the agent does not answer"
    sh_node "rm -rf $MANIFESTS/$NS-dir.yaml"
    drop_manifests
    gone "$pod"
}

# Whatever root has written into the policy, a pod gets no way to where the machine's own pods are said.
test_no_volume_leads_to_the_files() {
    local n=0 path part
    trap 'sh_node "test ! -e /root/policy.kept || mv /root/policy.kept /etc/vks/policy.conf; systemctl stop vks-helper.service 2>/dev/null"' EXIT
    sh_node "cp -p /etc/vks/policy.conf /root/policy.kept && echo 'host-path = /etc rw /etc/vks rw /etc/vks/manifests rw' >>/etc/vks/policy.conf; touch -d '1 minute ago' /etc/vks/policy.conf; systemctl stop vks-helper.service 2>/dev/null"
    while read -r path part; do
        n=$((n + 1))
        apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: v$n}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{name: h, hostPath: {path: $path}}]
  containers: [{name: main, image: /bin/sleep, command: [/bin/sh, -c, 'echo x >/mnt/$NS.yaml; exec sleep 1000'], volumeMounts: [{name: h, mountPath: /mnt${part:+, subPath: $part}}]}]
YAML
    done <<'LIST'
/etc/vks/manifests
/etc/vks
/etc vks/manifests
/etc vks
/ etc/vks/manifests
LIST
    for ((; n > 0; n--)); do event "v$n" 'policy rule never-mount|policy rule host-path'; done
    # ... nor by a mount over them
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: over}
spec:
  volumes: [{name: d, emptyDir: {}}]
  containers: [{name: main, image: /bin/sleep, command: [/bin/sleep, "1000"], volumeMounts: [{name: d, mountPath: /etc/vks/manifests}]}]
YAML
    event over 'policy rule mount-target'
    sh_node "! ls $MANIFESTS | grep $NS" || fail "a file is there"
    k delete pod --all --timeout=300s >/dev/null
}

run_tests
