#!/bin/bash
# The volumes that real pods carry, in their plain form.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT

sleeper() { # NAME VOLUMES MOUNTS: a pod that sleeps with these volumes (flow style YAML)
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1", labels: {app: volumes}}
spec:
  terminationGracePeriodSeconds: 2
  volumes: $2
  containers: [{name: c, image: /bin/sleep, command: [/bin/sleep, "10000"], volumeMounts: $3}]
YAML
}
SLEEP='bin\x2fsleep'

test_config_maps_arrive_and_follow_changes() {
    k create configmap m --from-literal=a=one --from-literal=b=two >/dev/null
    sleeper p '[{name: v, configMap: {name: m}}]' '[{name: v, mountPath: /etc/opt/m}]'
    running p
    [ "$(in_pod "$(unit_of p $SLEEP)" cat /etc/opt/m/a)" = one ] || fail "content"
    [ "$(in_pod "$(unit_of p $SLEEP)" readlink /etc/opt/m/a)" = ..data/a ] || fail "the kubelet's layout"
    k create configmap m --from-literal=a=changed -o yaml --dry-run=client | k replace -f - >/dev/null
    wait_for 30 "the change arrives" equals changed in_pod "$(unit_of p $SLEEP)" cat /etc/opt/m/a
    wait_for 10 "the key that is gone is gone" sh -c "! $LAB node exec nsenter -t $(main_pid "$(unit_of p $SLEEP)") -m -- cat /etc/opt/m/b"
    node test ! -e /etc/opt/m || fail "a mount point was left on the host"
}

test_secrets_are_readable_inside_only() {
    k create secret generic s --from-literal=password=geheim-4711 >/dev/null
    sleeper p '[{name: v, secret: {secretName: s, defaultMode: 0444, items: [{key: password, path: sub/pw, mode: 0440}]}}]' \
        '[{name: v, mountPath: /srv/secret, readOnly: true}]'
    running p
    [ "$(in_pod "$(unit_of p $SLEEP)" cat /srv/secret/sub/pw)" = geheim-4711 ] || fail "content"
    [ "$(in_pod "$(unit_of p $SLEEP)" stat -Lc %a /srv/secret/sub/pw)" = 440 ] || fail "mode"
    ! node setpriv --reuid=nobody --clear-groups cat "/run/vks/pods/$(pod_field p '{.metadata.uid}')/volumes/v/sub/pw" 2>/dev/null ||
        fail "any user of the node can read it"
    ! sh_node "journalctl --no-pager -o export | grep -q geheim-4711" || fail "it is in the journal"
    ! node systemctl show "$(unit_of p $SLEEP)" | grep geheim-4711 || fail "it is in systemctl show"
    ! node systemctl cat "$(unit_of p $SLEEP)" | grep geheim-4711 || fail "it is in the unit"
}

# What is for root alone in an image is for vks-pod here, and with fsGroup for the group. Nobody of the machine's has a name for that group.
test_files_that_not_everybody_may_read_are_the_pods() {
    reader() { # NAME POD_FIELDS IMAGE COMMAND
        apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  restartPolicy: Never
$2
  volumes: [{name: k, secret: {secretName: key, defaultMode: 0400}}, {name: d, emptyDir: {}}, {name: m, emptyDir: {medium: Memory}}]
  containers: [{name: main, image: $3, command: [/bin/sh, -c, '$4'], volumeMounts: [{name: k, mountPath: /k, readOnly: true}, {name: d, mountPath: /d}, {name: m, mountPath: /m}]}]
YAML
    }
    k create secret generic key --from-literal=id=GEHEIM >/dev/null
    reader plain '' /bin/sh 'cat /k/id; echo; stat -Lc %G:%a /k/id'
    reader group '  securityContext: {runAsUser: 2000, runAsGroup: 2001, fsGroup: 2345, supplementalGroups: [2346]}' /bin/sh \
        'cat /k/id; echo; stat -Lc %g:%a /k/id; id -u; id -G; touch /d/x /m/x; stat -c %g:%a /d /m; stat -c %g /d/x /m/x'
    reader nobody '  securityContext: {fsGroup: 2345}' /bin/sh 'cat /k/id; echo; id -un; touch /d/x; stat -c %g /d/x'
    reader own '  securityContext: {runAsGroup: 2001}' /bin/sh 'id -u; id -g'
    reader shadow '  securityContext: {fsGroup: 42}' /bin/sh 'cat /k/id'
    for p in plain group nobody own; do wait_for 60 "$p has ended" equals Succeeded pod_field $p '{.status.phase}'; done
    wait_for 20 "plain" equals "GEHEIM
vks-pod:440" k logs plain
    wait_for 20 "group" equals "GEHEIM
2345:440
2000
2001 2345 2346
2345:2777
2345:2777
2345
2345" k logs group
    wait_for 20 "nobody" equals "GEHEIM
vks-pod
2345" k logs nobody
    wait_for 20 "own" equals "$(node id -u vks-pod)
2001" k logs own
    event shadow 'Failed.*group 42 is not allowed'
    ! k get events | grep FieldsIgnored || fail "fields are said to be ignored"
}

test_the_token_of_the_service_account_works() {
    local token
    # 1.20 gives pods a Secret, later releases the projected volume; ask for the latter in both
    sleeper p '[{name: t, projected: {sources: [{serviceAccountToken: {path: token, expirationSeconds: 3600}}, {configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}}, {downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}}]}}]' \
        '[{name: t, mountPath: /var/run/secrets/tokens}]'
    running p
    in_pod "$(unit_of p $SLEEP)" cat /var/run/secrets/tokens/ca.crt | grep BEGIN >/dev/null || fail "ca.crt"
    [ "$(in_pod "$(unit_of p $SLEEP)" cat /var/run/secrets/tokens/namespace)" = "$NS" ] || fail "namespace"
    token=$(in_pod "$(unit_of p $SLEEP)" cat /var/run/secrets/tokens/token)
    contains "system:serviceaccount:$NS:default" kubectl --server "$(kubectl config view -o 'jsonpath={.clusters[0].cluster.server}')" \
        create --raw /apis/authentication.k8s.io/v1/tokenreviews -f <(printf '{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"%s"}}' "$token") ||
        fail "the API server does not take the token"
}

test_every_pod_has_its_service_account() {
    sleeper p '[]' '[]'
    running p
    in_pod "$(unit_of p $SLEEP)" cat /var/run/secrets/kubernetes.io/serviceaccount/token | grep . >/dev/null || fail "no token"
    [ "$(in_pod "$(unit_of p $SLEEP)" cat /run/secrets/kubernetes.io/serviceaccount/namespace)" = "$NS" ] || fail "namespace"
}

test_empty_dirs_on_disk_and_in_memory() {
    sleeper p '[{name: d, emptyDir: {}}, {name: m, emptyDir: {medium: Memory}}]' '[{name: d, mountPath: /cache/disk}, {name: m, mountPath: /cache/memory}]'
    running p
    local uid
    uid=$(pod_field p '{.metadata.uid}')
    [ "$(in_pod "$(unit_of p $SLEEP)" stat -fc %T /cache/memory)" = tmpfs ] || fail "medium Memory is no tmpfs"
    [ "$(in_pod "$(unit_of p $SLEEP)" stat -c %a /cache/disk)" = 777 ] || fail "mode"
    k delete pod p --timeout=300s >/dev/null
    wait_for 10 "its directories are gone" sh_node "! test -e /run/vks/pods/$uid && ! test -e /var/lib/vks/pods/$uid"
    node test ! -e /cache || fail "a mount point was left on the host"
}

# subPath and subPathExpr: one file of a ConfigMap, and directories of an emptyDir that one container has alone and another sees in the whole.
test_parts_of_volumes() {
    k create configmap m --from-literal=app.conf=one --from-literal=other=two >/dev/null
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{name: m, configMap: {name: m}}, {name: d, emptyDir: {}}, {name: t, emptyDir: {medium: Memory}}]
  containers:
  - name: a
    image: /bin/sleep
    command: [/bin/sh, -c, 'echo of-a >/data/own; echo by-name >/named/x; echo fast >/fast/y; exec sleep 10000']
    env: [{name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
    volumeMounts: [{name: m, mountPath: /etc/app.conf, subPath: app.conf}, {name: d, mountPath: /data, subPath: a/deep}, {name: t, mountPath: /fast, subPath: q},
                   {name: d, mountPath: /named, subPathExpr: 'logs-\$(POD_NAME)'}]
  - name: b
    image: /bin/sleep
    command: [/bin/sleep, "10000"]
    volumeMounts: [{name: d, mountPath: /all}, {name: d, mountPath: /ro, subPath: a/deep, readOnly: true}, {name: t, mountPath: /t}]
YAML
    running p
    local a b
    a=$(unit_of p $SLEEP.a) b=$(unit_of p $SLEEP.b)
    [ "$(in_pod "$a" cat /etc/app.conf)" = one ] || fail "one key as a file"
    ! in_pod "$a" ls /etc/other 2>/dev/null || fail "the volume's other keys are there, too"
    wait_for 10 "the one sees in the whole what the other wrote to its part" equals of-a in_pod "$b" cat /all/a/deep/own
    wait_for 10 "subPathExpr" equals by-name in_pod "$b" cat /all/logs-p/x
    wait_for 10 "a part of a volume in memory" equals fast in_pod "$b" cat /t/q/y
    [ "$(in_pod "$b" cat /ro/own)" = of-a ] || fail "the same part twice"
    ! in_pod "$b" touch /ro/new 2>/dev/null || fail "readOnly"
    ! in_pod "$a" ls /data/../deep 2>/dev/null || fail "what is beside the part is seen"
}

test_a_part_that_is_not_in_the_volume_is_said() {
    k create configmap m --from-literal=here=1 >/dev/null
    sleeper p '[{name: m, configMap: {name: m}}]' '[{name: m, mountPath: /etc/opt/m, subPath: absent}]'
    event p 'Failed: .*subPath "absent" is not in volume m'
    wait_for 20 "it waits" equals CreateContainerError pod_field p '{.status.containerStatuses[0].state.waiting.reason}'
    k create configmap m --from-literal=absent=2 -o yaml --dry-run=client | k replace -f - >/dev/null
    running p 120
    [ "$(in_pod "$(unit_of p $SLEEP)" cat /etc/opt/m)" = 2 ] || fail "content"
}

test_host_paths_need_the_policys_word() {
    sh_node 'mkdir -p /srv/allowed && echo from-host >/srv/allowed/f'
    sleeper denied '[{name: h, hostPath: {path: /srv/allowed}}]' '[{name: h, mountPath: /mnt}]'
    event denied "host-path"
    trap 'sh_node "test ! -e /tmp/policy.conf || mv /tmp/policy.conf /etc/vks/policy.conf; systemctl stop vks-helper.service 2>/dev/null"' EXIT
    sh_node "cp -p /etc/vks/policy.conf /tmp/policy.conf && echo 'host-path = /srv/allowed rw' >>/etc/vks/policy.conf && systemctl stop vks-helper.service 2>/dev/null"
    sleeper ok '[{name: h, hostPath: {path: /srv/allowed, type: Directory}}]' '[{name: h, mountPath: /mnt}]'
    running ok
    [ "$(in_pod "$(unit_of ok $SLEEP)" cat /mnt/f)" = from-host ] || fail "content"
    k delete pod ok denied --timeout=300s >/dev/null
    node cat /srv/allowed/f >/dev/null || fail "the host's file went with the pod"
    node rm -r /srv/allowed
}

# The helper has a view of the machine of its own (vks-helper.service); what it says about the machine is true all the same.
test_host_paths_are_looked_at_where_they_are() {
    trap 'sh_node "umount /srv/e2e/late; rm -rf /home/e2e /tmp/e2e /srv/e2e /etc/e2e; test ! -e /tmp/policy.conf || mv /tmp/policy.conf /etc/vks/policy.conf; systemctl stop vks-helper.service 2>/dev/null"' EXIT
    sh_node "mkdir -p /home/e2e /tmp/e2e /srv/e2e/late /etc/e2e && echo at-home >/home/e2e/f && echo in-tmp >/tmp/e2e/f && cp -p /etc/vks/policy.conf /tmp/policy.conf &&
             echo 'host-path = /home/e2e ro /tmp/e2e rw /srv/e2e rw /etc/e2e rw /dev/null ro' >>/etc/vks/policy.conf && systemctl stop vks-helper.service 2>/dev/null"
    sleeper all '[{name: home, hostPath: {path: /home/e2e, type: Directory}}, {name: tmp, hostPath: {path: /tmp/e2e/f, type: File}},
                  {name: new, hostPath: {path: /srv/e2e/a/b, type: DirectoryOrCreate}}, {name: "null", hostPath: {path: /dev/null, type: CharDevice}}]' \
        '[{name: home, mountPath: /cache/home, readOnly: true}, {name: tmp, mountPath: /cache/f}, {name: new, mountPath: /cache/new}, {name: "null", mountPath: /cache/null, readOnly: true}]'
    running all
    [ "$(in_pod "$(unit_of all $SLEEP)" cat /cache/home/f /cache/f)" = "at-home
in-tmp" ] || fail "content"
    in_pod "$(unit_of all $SLEEP)" test -c /cache/null || fail "the device is none"
    [ "$(node stat -c '%F %a %U' /srv/e2e/a/b)" = 'directory 755 root' ] || fail "the directory was not made on the machine: $(node stat -c '%F %a %U' /srv/e2e/a/b)"
    sh_node 'mount -t tmpfs late /srv/e2e/late && echo late >/srv/e2e/late/f'
    sleeper late '[{name: h, hostPath: {path: /srv/e2e/late/f, type: File}}]' '[{name: h, mountPath: /cache/f}]'
    running late
    sleeper wrong '[{name: h, hostPath: {path: /tmp/e2e/f, type: Directory}}]' '[{name: h, mountPath: /cache/f}]'
    event wrong "not a Directory"
    sleeper etc '[{name: h, hostPath: {path: /etc/e2e/new, type: DirectoryOrCreate}}]' '[{name: h, mountPath: /cache/f}]'
    event etc "Read-only file system"
    k delete pod --all --timeout=300s >/dev/null
}

test_a_missing_config_map_is_waited_for() {
    sleeper p '[{name: v, configMap: {name: later}}]' '[{name: v, mountPath: /etc/opt/m}]'
    event p 'FailedMount: .*configmap "later" not found'
    [ "$(pod_field p '{.status.phase}')" = Pending ] || fail "phase"
    k create configmap later --from-literal=a=1 >/dev/null
    running p 30
}

test_variables_from_config_maps_and_secrets() {
    k create configmap cm --from-literal=COLOUR=blue --from-literal=SIZE=big >/dev/null
    k create secret generic s --from-literal=PW=hush >/dev/null
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: e}
spec:
  restartPolicy: Never
  containers:
  - name: c
    image: /bin/sh
    command: [/bin/sh, -c, 'echo "$X_COLOUR $X_SIZE $PASSWORD"']
    envFrom: [{prefix: X_, configMapRef: {name: cm}}]
    env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: s, key: PW}}}]
YAML
    wait_for 30 "done" equals Succeeded pod_field e '{.status.phase}'
    [ "$(logs e)" = "blue big hush" ] || fail "$(logs e)"
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: nokey}
spec: {containers: [{name: c, image: /bin/true, command: [/bin/true], env: [{name: A, valueFrom: {configMapKeyRef: {name: cm, key: nothing}}}]}]}
YAML
    wait_for 20 "CreateContainerConfigError" equals CreateContainerConfigError pod_field nokey '{.status.containerStatuses[0].state.waiting.reason}'
}

# ---- claims: each test has its volumes below a directory of its own on the node, which the policy allows ----

# claims_begin: $DIR on the node, and $PV, what the names of this test's volumes begin with
claims_begin() {
    PV=$NS DIR=/srv/$NS
    HOST=$(k get node "$NODE" -o 'jsonpath={.metadata.labels.kubernetes\.io/hostname}')
    trap claims_end EXIT
    kubectl delete pv -l "of=$PV" --wait=false >/dev/null 2>&1 || true # an earlier run's
    sh_node "mkdir -p -m 1777 $DIR/a $DIR/b && cp -p /etc/vks/policy.conf /tmp/policy.conf && echo 'host-path = $DIR rw' >>/etc/vks/policy.conf && systemctl stop vks-helper.service 2>/dev/null"
}
claims_end() {
    kubectl delete namespace "$NS" --wait=false >/dev/null 2>&1
    wait_for 60 "the test's pods are gone" equals "" k get pods -o name
    kubectl delete pv -l "of=$PV" --wait=false >/dev/null 2>&1
    sh_node "rm -rf $DIR; test ! -e /tmp/policy.conf || mv /tmp/policy.conf /etc/vks/policy.conf; systemctl stop vks-helper.service 2>/dev/null"
}

volume() { # NAME SOURCE [MORE]: a PersistentVolume (flow style YAML)
    kubectl apply -f - >/dev/null <<YAML
apiVersion: v1
kind: PersistentVolume
metadata: {name: "$PV-$1", labels: {of: "$PV"}}
spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], persistentVolumeReclaimPolicy: Retain, storageClassName: "$PV", $2${3:+, $3}}
YAML
}
here() { echo "nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: ${1:-kubernetes.io/hostname}, operator: In, values: [\"${2:-$HOST}\"]}]}]}}"; }

claim() { # NAME [MORE]
    apply <<YAML
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: "$1"}
spec: {accessModes: [ReadWriteOnce], storageClassName: "$PV", resources: {requests: {storage: 1Mi}}${2:+, $2}}
YAML
}

# No scheduler has looked at it.
placed() { # NAME VOLUMES MOUNTS [MORE]
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  nodeName: $NODE
  terminationGracePeriodSeconds: 1
  volumes: $2
  containers: [{name: c, image: /bin/sleep, command: [/bin/sleep, "10000"], volumeMounts: $3}]
YAML
}

test_a_stateful_set_keeps_its_data_on_local_volumes() {
    claims_begin
    volume a "local: {path: $DIR/a}" "$(here)"
    volume b "local: {path: $DIR/b}" "$(here)"
    apply <<YAML
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: s}
spec:
  serviceName: s
  replicas: 2
  selector: {matchLabels: {app: s}}
  template:
    metadata: {labels: {app: s}}
    spec:
      terminationGracePeriodSeconds: 1
      tolerations: [{operator: Exists}]
      containers:
      - name: c
        image: /bin/sh
        command: [/bin/sh, -c, 'test -e /data/first || echo "\$HOSTNAME" >/data/first; echo x >>/data/starts; exec sleep 10000']
        volumeMounts: [{name: data, mountPath: /data}, {name: data, mountPath: /deep, subPath: deep/er}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], storageClassName: "$PV", resources: {requests: {storage: 1Mi}}}
YAML
    wait_for 60 "both run" equals 2 field statefulset s '{.status.readyReplicas}'
    local of uid
    of=$(field pvc data-s-1 '{.spec.volumeName}') uid=$(pod_field s-1 '{.metadata.uid}')
    wait_for 10 "it writes to the claim's volume" equals s-1 node cat "$DIR/${of##*-}/first"
    [ "$(in_pod "$(unit_of s-1 'bin\x2fsh')" stat -c %i /deep)" = "$(node stat -c %i "$DIR/${of##*-}/deep/er")" ] || fail "subPath"
    k delete pod s-1 --wait=false >/dev/null # kubectl has waited in vain for a name that comes again after 35 ms
    wait_for 60 "it is made again" bash -c "uid=\$(k get pod s-1 -o 'jsonpath={.metadata.uid}') && [ -n \"\$uid\" ] && [ \"\$uid\" != $uid ]"
    running s-1
    [ "$(node cat "$DIR/${of##*-}/first")" = s-1 ] || fail "the data has gone with the pod"
    wait_for 10 "both have started on it" equals "x
x" node cat "$DIR/${of##*-}/starts"
    [ "$(k exec s-1 -- cat /data/first)" = s-1 ] || fail "exec does not see it"
    has_room() { [ "$(kubectl get --raw "/api/v1/nodes/$NODE/proxy/metrics" | awk -v name="kubelet_volume_stats_$1_bytes{namespace=\"$NS\",persistentvolumeclaim=\"data-s-1\"}" '$1 == name { print $2 }')" -gt 0 ]; }
    wait_for 30 "a metric of the claim" has_room capacity
    wait_for 30 "its room is told" has_room available
    node systemctl restart vks-agent
    wait_for 60 "exec sees it with an agent that has come back" equals s-1 k exec s-1 -- cat /data/first
}

test_a_claim_is_waited_for_until_it_is_bound() {
    claims_begin
    placed p '[{name: d, persistentVolumeClaim: {claimName: later}}]' '[{name: d, mountPath: /data}]'
    event p "FailedMount: Unable to attach or mount volumes: unmounted volumes=\[d\].*error processing PVC $NS/later: failed to fetch PVC from API server: .*\"later\" not found"
    [ "$(pod_field p '{.status.phase}')" = Pending ] || fail "phase"
    claim later
    event p "FailedMount: .*error processing PVC $NS/later: PVC is not bound"
    volume v "hostPath: {path: $DIR/made/here, type: DirectoryOrCreate}"
    running p
    in_pod "$(unit_of p $SLEEP)" test -d /data || fail "not mounted"
    [ "$(node stat -c '%F %a' "$DIR/made/here")" = 'directory 755' ] || fail "not made"
    k delete pod p --timeout=300s >/dev/null
    node test -d "$DIR/made/here" || fail "the volume went with the pod"
}

test_a_claim_may_be_read_only() {
    claims_begin
    node sh -c "echo kept >$DIR/a/f"
    volume v "local: {path: $DIR/a}" "$(here)"
    claim c
    placed p '[{name: d, persistentVolumeClaim: {claimName: c, readOnly: true}}]' '[{name: d, mountPath: /data}]'
    running p
    [ "$(in_pod "$(unit_of p $SLEEP)" cat /data/f)" = kept ] || fail "content"
    ! in_pod "$(unit_of p $SLEEP)" touch /data/new 2>/dev/null || fail "it can be written to"
}

test_a_volume_of_other_nodes_is_not_mounted() {
    claims_begin
    kubectl label node "$NODE" "of-$PV-" >/dev/null
    volume v "local: {path: $DIR/a}" "$(here "of-$PV" there)"
    claim c
    placed p '[{name: d, persistentVolumeClaim: {claimName: c}}]' '[{name: d, mountPath: /data}]'
    event p "FailedMount: MountVolume.NodeAffinity check failed for volume \"$PV-v\" : no matching NodeSelectorTerms"
    kubectl label node "$NODE" "of-$PV=there" >/dev/null
    running p
    kubectl label node "$NODE" "of-$PV-" >/dev/null
}

test_what_of_claims_cannot_be_is_said() {
    claims_begin
    volume block "local: {path: /dev/null}, volumeMode: Block, claimRef: {namespace: $NS, name: block}" "$(here)"
    volume csi "csi: {driver: x.example.com, volumeHandle: h}, claimRef: {namespace: $NS, name: csi}"
    volume closed "hostPath: {path: /srv/closed}, claimRef: {namespace: $NS, name: closed}"
    claim block 'volumeMode: Block'
    claim csi
    claim closed
    for c in block csi closed; do
        wait_for 60 "$c is bound" equals Bound field pvc $c '{.status.phase}'
        placed $c "[{name: d, persistentVolumeClaim: {claimName: $c}}]" '[{name: d, mountPath: /data}]'
    done
    event block "FailedMount: volume d has volumeMode Block \(PersistentVolume \"$PV-block\"\)"
    event csi "FailedMount: PersistentVolume \"$PV-csi\" is of kind csi"
    event closed "Failed: .*PersistentVolume \"$PV-closed\" of claim \"closed\": .*host-path"
}

# What it says when something is mounted, tests/uml/nodes.sh shows: these nodes have no NFS.
test_nfs_that_is_not_mounted_is_told_to_who_can() {
    sleeper p '[{name: v, nfs: {server: 192.0.2.1, path: /export}}]' '[{name: v, mountPath: /mnt}]'
    event p 'FailedMount: MountVolume.SetUp failed for volume "v" : nfs 192.0.2.1:/export is not mounted on this machine.*fstab'
    [ "$(pod_field p '{.status.phase}')" = Pending ] || fail "phase"
}

test_an_ephemeral_volume_is_a_claim_of_the_pods_own() {
    claims_begin
    volume v "local: {path: $DIR/a}" "$(here)"
    placed p "[{name: d, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], storageClassName: \"$PV\", resources: {requests: {storage: 1Mi}}}}}}]" \
        '[{name: d, mountPath: /data}]'
    running p
    in_pod "$(unit_of p $SLEEP)" touch /data/f
    node test -e "$DIR/a/f" || fail "it is not the volume"
    claim q-d
    wait_for 60 "somebody's claim is there" field pvc q-d '{.metadata.uid}'
    placed q "[{name: d, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], storageClassName: \"$PV\", resources: {requests: {storage: 1Mi}}}}}}]" \
        '[{name: d, mountPath: /data}]'
    event q "FailedMount: .*PVC $NS/q-d was not created for pod $NS/q \(pod is not owner\)"
    k delete pod p --timeout=300s >/dev/null
    wait_for 60 "the claim goes with its pod" sh -c "! kubectl -n $NS get pvc p-d"
}

together nfs_that_is_not_mounted_is_told_to_who_can parts_of_volumes a_part_that_is_not_in_the_volume_is_said config_maps_arrive_and_follow_changes secrets_are_readable_inside_only the_token_of_the_service_account_works \
    every_pod_has_its_service_account empty_dirs_on_disk_and_in_memory a_missing_config_map_is_waited_for variables_from_config_maps_and_secrets

# What stands for a part of a volume is only known when variables are put in: it stays in the volume, or the container is not made.
test_a_part_that_is_composed_leads_nowhere_else() {
    local n=0 value outside=/srv/e2e-$NS
    trap 'sh_node "rm -rf /srv/e2e-$NS; test ! -e /tmp/policy.conf || mv /tmp/policy.conf /etc/vks/policy.conf; systemctl stop vks-helper.service 2>/dev/null"' EXIT
    sh_node "mkdir -p $outside/in $outside/closed && echo closed >$outside/closed/f && chmod 700 $outside/closed && chmod 777 $outside/in && cp -p /etc/vks/policy.conf /tmp/policy.conf
             echo 'host-path = $outside/in rw' >>/etc/vks/policy.conf; touch -d '1 minute ago' /etc/vks/policy.conf; systemctl stop vks-helper.service 2>/dev/null"
    part() { # NAME VALUE VOLUME EXPRESSION
        apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1", annotations: {x: "$2"}}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{name: v, $3}]
  containers:
  - name: main
    image: /bin/sleep
    command: [/bin/sh, -c, 'echo mine >/mnt/f; cat /mnt/*; exec sleep 10000']
    env: [{name: V, value: "$2"}]
    volumeMounts: [{name: v, mountPath: /mnt, subPathExpr: '$4'}]
YAML
    }
    for value in .. ../closed a/../../closed /etc ./../closed a/.. ..//closed; do
        n=$((n + 1))
        part "h$n" "$value" "hostPath: {path: $outside/in}" '$(V)'
        part "e$n" "$value" 'emptyDir: {}' 'a/$(V)'
        event "h$n" "subPath \"$value\" must be relative"
        [ "${value#/}" != "$value" ] || event "e$n" 'subPath "a/.*" must be relative'
    done
    # what a pod itself has laid there is no way out, either
    sh_node "ln -sfn ../closed $outside/in/link; ln -sfn / $outside/in/root"
    part link link "hostPath: {path: $outside/in}" '$(V)'
    part beyond root/etc/vks "hostPath: {path: $outside/in}" '$(V)'
    event link 'symbolic link'
    event beyond 'symbolic link'
    equals closed sh_node "cat $outside/closed/*" || fail "something was written there"
    [ "$(sh_node "ls $outside/in" | paste -sd ' ')" = "link root" ] || fail "something was made in the directory: $(sh_node "ls $outside/in")"
    k delete pod --all --timeout=300s >/dev/null
}

# Names of files are any bytes that the API server takes: each is one file, in the volume, or the pod is told why not.
test_odd_names_of_files_are_names() {
    local long
    long=$(printf 'n%.0s' $(seq 1 255))
    cat >"$TMP/names" <<YAML
apiVersion: v1
kind: Pod
metadata: {name: names, annotations: {x: value}}
spec:
  terminationGracePeriodSeconds: 1
  volumes:
  - name: d
    downwardAPI:
      items:
      - {path: "-rf", fieldRef: {fieldPath: metadata.name}}
      - {path: "sp ace", fieldRef: {fieldPath: metadata.name}}
      - {path: "%n\$(V)\`id\`;:", fieldRef: {fieldPath: metadata.name}}
      - {path: "a/b/c/d/e", fieldRef: {fieldPath: metadata.name}}
      - {path: "a...b", fieldRef: {fieldPath: metadata.name}}
      - {path: ".data", fieldRef: {fieldPath: metadata.name}}
      - {path: "$long", fieldRef: {fieldPath: metadata.name}}
  containers: [{name: main, image: /bin/sleep, command: [/bin/sleep, "1000"], volumeMounts: [{name: d, mountPath: /mnt}]}]
YAML
    apply <"$TMP/names"
    running names
    [ "$(in_pod "$(unit_of names $SLEEP)" sh -c 'cd /mnt && find . -type f -o -type l | wc -l; cat "./-rf" "sp ace" "a/b/c/d/e" ".data"')" != "" ] || fail "they cannot be read"
    [ "$(in_pod "$(unit_of names $SLEEP)" sh -c 'cd /mnt && cat -- -rf "sp ace" "%n\$(V)\`id\`;:" a/b/c/d/e a...b .data n*' | sort | uniq -c | tr -s ' ')" = " 1 namesnamesnamesnamesnamesnamesnames" ] || fail "content: $(in_pod "$(unit_of names $SLEEP)" ls -la /mnt)"
    # a name that is too long for any file, a control character, and one file in the place of another's directory
    for name in "${long}n" 'a\nb' 'c\u0001' '..x' 'x/../y'; do
        sed "s,^metadata:.*,metadata: {name: bad},; /path: /d" "$TMP/names" | sed "s,^      items:,      items: [{path: \"$name\"\, fieldRef: {fieldPath: metadata.name}}]," >"$TMP/bad"
        k delete pod bad --ignore-not-found --timeout=300s >/dev/null
        k apply -f "$TMP/bad" >/dev/null 2>&1 || continue # the API server refuses it
        wait_for 30 "\"$name\" is refused" has_event bad 'Failed'
    done
    k delete pod bad --ignore-not-found --timeout=300s >/dev/null
    sed "s,^metadata:.*,metadata: {name: both},; /path: /d; s,^      items:,      items: [{path: a\, fieldRef: {fieldPath: metadata.name}}\, {path: a/b\, fieldRef: {fieldPath: metadata.uid}}]," "$TMP/names" | k apply -f - >/dev/null 2>&1 || return 0
    event both 'Failed'
    k delete pod --all --timeout=300s >/dev/null
}

run_tests
