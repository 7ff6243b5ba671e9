# shellcheck shell=bash
# K3s with all it has for containers and for networks disabled. UNTRIED: there was no K3s binary where this was written.
#
# --egress-selector-mode=disabled matters: else the API server reaches a kubelet only through a tunnel that K3s' own
# agent opens, and logs and exec end in a 502.

K3S_DATA=$K8S_DIR/k3s

start_k3s() {
    [[ -x $K3S ]] || fail "K3S must name the k3s binary"
    daemon_start k3s "$K3S" server --data-dir="$K3S_DATA" \
        --disable-agent --disable=coredns,servicelb,traefik,local-storage,metrics-server,runtimes \
        --disable-cloud-controller --disable-network-policy --disable-kube-proxy --disable-helm-controller \
        --flannel-backend=none --egress-selector-mode=disabled \
        --bind-address=127.0.0.1 --https-listen-port="$VKS_LAB_PORT" --service-cidr="$SERVICE_CIDR" \
        --write-kubeconfig="$ADMIN_KUBECONFIG" --write-kubeconfig-mode=600 \
        --kube-apiserver-arg=kubelet-preferred-address-types=InternalIP,Hostname \
        --kube-apiserver-arg=max-requests-inflight=3000 \
        --kube-apiserver-arg=max-mutating-requests-inflight=1000 \
        --kube-controller-manager-arg=kube-api-qps=1000 --kube-controller-manager-arg=kube-api-burst=2000 \
        --kube-scheduler-arg=kube-api-qps=1000 --kube-scheduler-arg=kube-api-burst=2000
}

k3s_up() {
    daemon_alive k3s || start_k3s
    wait_for_api /readyz k3s
    wait_for_cluster k3s
}
