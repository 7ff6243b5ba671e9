# shellcheck shell=bash
# The node's identity: what an operator would give to a machine that joins the cluster.

# Prints the directory with server-ca and client-ca of the running control plane.
authorities() {
    if [[ $(<"$K8S_DIR/flavour") == k3s ]]; then
        echo "$K3S_DATA/server/tls"
    else
        echo "$PKI"
    fi
}

enroll() {
    local ca dir sans address leader
    [[ -e $K8S_DIR/flavour ]] || fail "no control plane was started; use: lab k8s up"
    leader=$(node_leader) || fail "the node $NODE does not run; use: lab node up"
    ca=$(authorities)
    dir=$(mktemp -d "$VKS_LAB/enroll.XXXXXX")
    sans="DNS:$NODE,IP:127.0.0.1"
    for address in $(node_addresses); do
        sans+=",IP:$address"
    done
    # Once as a client, once as a server, with different keys: neither can be taken for the other.
    pki_sign "$ca/client-ca" "$dir/client" "/O=system:nodes/CN=system:node:$NODE" clientAuth
    pki_sign "$ca/server-ca" "$dir/serving" "/O=system:nodes/CN=system:node:$NODE" serverAuth "$sans"
    mkdir "$dir/out"
    kubeconfig "$(of_kind apiserver)" "$ca/server-ca.crt" "$dir/client" "system:node:$NODE" >"$dir/out/kubeconfig"
    cp "$dir/serving.crt" "$dir/out/kubelet-serving.crt"
    cp "$dir/serving.key" "$dir/out/kubelet-serving.key"
    cp "$ca/client-ca.crt" "$dir/out/client-ca.crt"
    # shellcheck disable=SC2016 # expanded in the node
    tar -C "$dir/out" -c kubeconfig kubelet-serving.crt kubelet-serving.key client-ca.crt |
        node_enter "$leader" sh -euc '
            umask 077
            [ -d /etc/vks ] || install -d -m 755 /etc/vks
            cd /etc/vks
            tar -x --no-same-owner --no-same-permissions
            if getent group vks >/dev/null; then
                chown root:vks kubeconfig kubelet-serving.crt kubelet-serving.key client-ca.crt
                chmod 640 kubeconfig kubelet-serving.crt kubelet-serving.key client-ca.crt
            else
                chown root:root kubeconfig kubelet-serving.crt kubelet-serving.key client-ca.crt
                chmod 600 kubeconfig kubelet-serving.crt kubelet-serving.key client-ca.crt
            fi'
    rm -rf -- "$dir"
}
