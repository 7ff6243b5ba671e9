#!/bin/bash
# What pods use, as clusters ask for it: a real metrics-server, `kubectl top`, and an autoscaler that acts on it. On a node with a kernel of its own, $NODE, whose
# cgroups count CPU and memory.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
PORT=4443
# shellcheck disable=SC2034 # lib.sh asks for its pods
NS=kube-system # until a test has its own

# It verifies kubelets in full, and may do what the one of a cluster may.
begin_metrics_server() {
    local program pki
    program=$("$LAB" metrics-server)
    kubectl apply -f - >/dev/null <<YAML
apiVersion: v1
kind: ServiceAccount
metadata: {name: metrics-server, namespace: kube-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: metrics-server}
rules:
- {apiGroups: [""], resources: [nodes/metrics], verbs: [get]}
- {apiGroups: [""], resources: [pods, nodes], verbs: [get, list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: metrics-server}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: metrics-server}
subjects: [{kind: ServiceAccount, name: metrics-server, namespace: kube-system}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: metrics-server-delegates}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:auth-delegator"}
subjects: [{kind: ServiceAccount, name: metrics-server, namespace: kube-system}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: metrics-server-reads-authentication, namespace: kube-system}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: extension-apiserver-authentication-reader}
subjects: [{kind: ServiceAccount, name: metrics-server, namespace: kube-system}]
---
apiVersion: v1
kind: Service
metadata: {name: metrics-server, namespace: kube-system}
spec: {type: ExternalName, externalName: localhost, ports: [{port: $PORT}]}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec:
  service: {name: metrics-server, namespace: kube-system, port: $PORT}
  group: metrics.k8s.io
  version: v1beta1
  insecureSkipTLSVerify: true
  groupPriorityMinimum: 100
  versionPriority: 100
YAML
    # The admin's kubeconfig, with the token in the place of the admin's certificate.
    pki=$TMP/kubeconfig
    kubectl config view --raw --minify >"$pki"
    kubectl --kubeconfig "$pki" config unset users >/dev/null
    kubectl --kubeconfig "$pki" config set-credentials metrics-server --token="$(kubectl -n kube-system create token metrics-server)" >/dev/null
    kubectl --kubeconfig "$pki" config set-context --current --user=metrics-server >/dev/null
    kubectl config view --raw --minify -o 'jsonpath={.clusters[0].cluster.certificate-authority-data}' | base64 -d >"$TMP/ca.crt"
    "$program" --kubeconfig="$pki" --authentication-kubeconfig="$pki" --authorization-kubeconfig="$pki" --secure-port=$PORT --cert-dir="$TMP/cert" \
        --kubelet-preferred-address-types=InternalIP --kubelet-certificate-authority="$TMP/ca.crt" --metric-resolution=10s --kubelet-request-timeout=5s >"$TMP/metrics-server.log" 2>&1 &
    SERVER=$!
    wait_for 40 "metrics of the node" kubectl top node "$NODE" || {
        tail -n 20 "$TMP/metrics-server.log" >&2
        kubectl get apiservice v1beta1.metrics.k8s.io -o yaml >&2
        return 1
    }
}
end_metrics_server() {
    kill "${SERVER:-}" 2>/dev/null || true
    kubectl delete apiservice v1beta1.metrics.k8s.io --ignore-not-found >/dev/null 2>&1 || true
    rm -rf "$TMP"
}

# between LOW HIGH COMMAND...: it prints a whole number, perhaps with a unit behind it, that is not less and not more
between() {
    local low=$1 high=$2 got
    shift 2
    got=$("$@") || return 1
    got=${got%%[^0-9]*}
    [ "$got" -ge "$low" ] && [ "$got" -le "$high" ]
}
top_cpu() { k top pod "$1" --no-headers | awk '{ print $2 }'; }
top_memory() { k top pod "$1" --no-headers | awk '{ print $3 }'; }

test_top_tells_what_the_kernel_counts() {
    # Half a processor by its limit, and 64 MiB that it really has; beside it one that does nothing.
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: busy}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: /usr/bin/perl
    command: [/usr/bin/perl, -e, 'my $x = "x" x (64 << 20); while (1) {}']
    resources: {limits: {cpu: 500m}}
  - {name: idle, image: /bin/sleep, command: [/bin/sleep, "10000"]}
YAML
    running busy
    wait_for 60 "CPU" between 100 600 top_cpu busy
    # each figure is of a look of its own, ten seconds apart
    wait_for 60 "memory" between 60 140 top_memory busy
    containers() { k top pod busy --containers --no-headers | awk '{ cpu[$2] = $3 + 0 } END { exit !("idle" in cpu && cpu["main"] >= 100 && cpu["idle"] < 50) }'; }
    wait_for 60 "containers" containers || fail "containers: $(k top pod busy --containers)"
    of_the_node() { kubectl top node "$NODE" --no-headers | awk '{ exit !($2 + 0 >= 100 && $4 + 0 >= 60) }'; }
    wait_for 60 "the node" of_the_node || fail "the node: $(kubectl top node)"
}

test_an_autoscaler_scales() {
    apply <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: work}
spec:
  replicas: 1
  selector: {matchLabels: {app: work}}
  template:
    metadata: {labels: {app: work}}
    spec:
      terminationGracePeriodSeconds: 1
      volumes: [{name: orders, configMap: {name: orders}}]
      containers:
      - name: c
        image: /usr/bin/perl
        command: [/usr/bin/perl, -e, 'while (1) { if (open(my $f, "<", "/orders/work")) { <$f> =~ /yes/ ? do { for (1 .. 1000000) {} } : sleep 1 } else { sleep 1 } }']
        volumeMounts: [{name: orders, mountPath: /orders}]
        resources: {requests: {cpu: 50m}, limits: {cpu: 200m}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: orders}
data: {work: "yes"}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: work}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: work}
  minReplicas: 1
  maxReplicas: 3
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]
  behavior: {scaleDown: {stabilizationWindowSeconds: 0}}
YAML
    wait_for 180 "it grows with its work" equals 3 k get deployment work -o 'jsonpath={.status.readyReplicas}' || {
        k describe hpa work >&2
        return 1
    }
    k patch configmap orders -p '{"data": {"work": "no"}}' >/dev/null
    wait_for 240 "and shrinks without" equals 1 k get deployment work -o 'jsonpath={.spec.replicas}' || {
        k describe hpa work >&2
        return 1
    }
}

TMP=$(mktemp -d)
trap end_metrics_server EXIT
begin_metrics_server
run_tests
