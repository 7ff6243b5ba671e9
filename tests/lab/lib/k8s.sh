# shellcheck shell=bash
# The control plane: which one, its start and its end.

APISERVER=https://127.0.0.1:$VKS_LAB_PORT
ETCD=http://127.0.0.1:$VKS_LAB_ETCD_PORT
K8S_DIR=$VKS_LAB/k8s
ADMIN_KUBECONFIG=$K8S_DIR/admin.kubeconfig
PARTS=(etcd apiserver controller-manager scheduler)
SIGN_FOR= # how long certificates that it signs are good; "": its own choice, a year

# What runs, else what was asked for, else the quickest to be had.
k8s_flavour() {
    local running=
    [[ ! -e $K8S_DIR/flavour ]] || running=$(<"$K8S_DIR/flavour")
    if [[ -n $K8S ]]; then
        case $K8S in
        debian | current | k3s) echo "$K8S" ;;
        *) fail "K8S is debian, current or k3s, not $K8S" ;;
        esac
    elif [[ -n $running ]] && { daemon_alive apiserver || daemon_alive k3s || daemon_alive etcd; }; then
        echo "$running"
    elif debian_built; then
        echo debian
    elif current_built; then
        echo current
    elif [[ -n $K3S ]]; then
        echo k3s
    else
        echo debian
    fi
}

k8s_program() { # FLAVOUR PART; prints the words of the command
    case $1/$2 in
    current/etcd) echo "$VKS_CACHE/current/control-plane etcd" ;;
    current/*) echo "$VKS_CACHE/current/control-plane kube-$2" ;;
    debian/etcd) echo "$DEBIAN_ETCD" ;;
    debian/*) echo "$VKS_CACHE/debian/kube-$2" ;;
    esac
}

# They collect their garbage seldom, for which each takes some hundred megabytes more and a quarter less of the processors.
SELDOM=(env GOGC=300 GOMEMLIMIT=1GiB)

# --unsafe-no-fsync: nothing here has to outlive the machine.
start_etcd() { # FLAVOUR
    local peer=http://127.0.0.1:$((VKS_LAB_ETCD_PORT + 1))
    # shellcheck disable=SC2046 # words
    daemon_start etcd "${SELDOM[@]}" $(k8s_program "$1" etcd) --name=lab --data-dir="$K8S_DIR/etcd" --unsafe-no-fsync \
        --listen-client-urls="$ETCD" --advertise-client-urls="$ETCD" \
        --listen-peer-urls="$peer" --initial-advertise-peer-urls="$peer" --initial-cluster="lab=$peer" \
        --quota-backend-bytes=4294967296 --log-level=warn
}

# On every address where nobody outside gets to, or where there are nodes that are not on 127.0.0.1.
apiserver_listens() {
    if net_own || uml_net_is_up; then
        echo 0.0.0.0
    else
        echo 127.0.0.1
    fi
}

start_apiserver() { # FLAVOUR
    local audit=() gates=() egress=()
    [[ $1 != current ]] || gates=(--feature-gates=ContainerStopSignals=true) # lifecycle.stopSignal is alpha there
    [[ $1 != debian ]] || gates=(--feature-gates=GenericEphemeralVolume=true) # likewise
    if [[ -n $VKS_LAB_AUDIT ]]; then
        printf '%s\n' 'apiVersion: audit.k8s.io/v1' 'kind: Policy' 'omitStages: [RequestReceived]' \
            'rules: [{level: Metadata}]' >"$K8S_DIR/audit-policy.yaml"
        audit=(--audit-policy-file="$K8S_DIR/audit-policy.yaml" --audit-log-path="$LOGS/audit.log")
    fi
    [[ ! -e $K8S_DIR/egress.yaml ]] || egress=(--egress-selector-config-file="$K8S_DIR/egress.yaml")
    # A certificate of this lab's own: it names the address that its nodes of their own kernel see.
    pki_sign "$PKI/server-ca" "$K8S_DIR/apiserver" "/CN=kube-apiserver" serverAuth "$APISERVER_SANS,IP:$UML_GATEWAY"
    # Priority and fairness keep accounts all the time, a third of what an API server takes that nobody asks; the two limits at the end are there in their place.
    # The advertised address is only what the Service "kubernetes" lists as its endpoint; it may not be a loopback one,
    # and found by itself it needs a default route.
    # shellcheck disable=SC2046 # words
    daemon_start apiserver "${SELDOM[@]}" $(k8s_program "$1" apiserver) \
        --bind-address="$(apiserver_listens)" --secure-port="$VKS_LAB_PORT" --advertise-address="$(main_address)" \
        --etcd-servers="$ETCD" --service-cluster-ip-range="$SERVICE_CIDR" --allow-privileged=true \
        --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --enable-bootstrap-token-auth=true \
        --client-ca-file="$PKI/client-ca.crt" \
        --requestheader-client-ca-file="$PKI/proxy-ca.crt" --requestheader-allowed-names=front-proxy-client \
        --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
        --requestheader-extra-headers-prefix=X-Remote-Extra- \
        --proxy-client-cert-file="$PKI/proxy.crt" --proxy-client-key-file="$PKI/proxy.key" \
        --tls-cert-file="$K8S_DIR/apiserver.crt" --tls-private-key-file="$K8S_DIR/apiserver.key" \
        --kubelet-client-certificate="$PKI/apiserver-kubelet.crt" --kubelet-client-key="$PKI/apiserver-kubelet.key" \
        --kubelet-certificate-authority="$PKI/server-ca.crt" \
        --kubelet-preferred-address-types=InternalIP,Hostname \
        --service-account-issuer=https://kubernetes.default.svc.cluster.local \
        --service-account-key-file="$PKI/service-account.pub" \
        --service-account-signing-key-file="$PKI/service-account.key" \
        --enable-priority-and-fairness=false --max-requests-inflight=3000 --max-mutating-requests-inflight=1000 "${audit[@]}" "${gates[@]}" "${egress[@]}"
}

start_controller-manager() { # FLAVOUR
    local kubeconfig=$K8S_DIR/controller-manager.kubeconfig old=() signing=()
    # The plain HTTP port, which later releases do not have; and what is alpha there.
    [[ $1 != debian ]] || old=(--port=0 --feature-gates=GenericEphemeralVolume=true)
    [[ -z $SIGN_FOR ]] || signing=(--cluster-signing-duration="$SIGN_FOR")
    # shellcheck disable=SC2046 # words
    daemon_start controller-manager "${SELDOM[@]}" $(k8s_program "$1" controller-manager) \
        --bind-address=127.0.0.1 --secure-port=$((VKS_LAB_PORT + 1)) "${old[@]}" \
        --kubeconfig="$kubeconfig" --authentication-kubeconfig="$kubeconfig" --authorization-kubeconfig="$kubeconfig" \
        --leader-elect=false --use-service-account-credentials=true --controllers='*,bootstrapsigner,tokencleaner' \
        --root-ca-file="$PKI/server-ca.crt" --service-account-private-key-file="$PKI/service-account.key" \
        --service-cluster-ip-range="$SERVICE_CIDR" --flex-volume-plugin-dir="$K8S_DIR/flexvolume" \
        --cluster-signing-kubelet-serving-cert-file="$PKI/server-ca.crt" \
        --cluster-signing-kubelet-serving-key-file="$PKI/server-ca.key" \
        --cluster-signing-kubelet-client-cert-file="$PKI/client-ca.crt" \
        --cluster-signing-kubelet-client-key-file="$PKI/client-ca.key" \
        --cluster-signing-kube-apiserver-client-cert-file="$PKI/client-ca.crt" \
        --cluster-signing-kube-apiserver-client-key-file="$PKI/client-ca.key" \
        --cluster-signing-legacy-unknown-cert-file="$PKI/client-ca.crt" \
        --cluster-signing-legacy-unknown-key-file="$PKI/client-ca.key" \
        --kube-api-qps=1000 --kube-api-burst=2000 "${signing[@]}"
}

# The scheduler takes its rate limits from a file only.
start_scheduler() { # FLAVOUR
    local kubeconfig=$K8S_DIR/scheduler.kubeconfig version=v1
    [[ $1 != debian ]] || version=v1beta1
    {
        echo "apiVersion: kubescheduler.config.k8s.io/$version"
        echo "kind: KubeSchedulerConfiguration"
        echo "clientConnection: {kubeconfig: $kubeconfig, qps: 1000, burst: 2000}"
        echo "leaderElection: {leaderElect: false}"
        # A plain HTTP port, which later releases do not have; it cannot be switched off here, only be kept to ourselves.
        [[ $1 != debian ]] ||
            printf "%s: 127.0.0.1:$((VKS_LAB_PORT + 3))\n" healthzBindAddress metricsBindAddress
    } >"$K8S_DIR/scheduler.yaml"
    # shellcheck disable=SC2046 # words
    daemon_start scheduler "${SELDOM[@]}" $(k8s_program "$1" scheduler) \
        --bind-address=127.0.0.1 --secure-port=$((VKS_LAB_PORT + 2)) \
        --config="$K8S_DIR/scheduler.yaml" \
        --authentication-kubeconfig="$kubeconfig" --authorization-kubeconfig="$kubeconfig"
}

k8s_kubectl() {
    if command -v kubectl >/dev/null; then
        in_net kubectl --kubeconfig "$ADMIN_KUBECONFIG" "$@"
    elif [[ -x $K3S ]]; then
        in_net "$K3S" kubectl --kubeconfig "$ADMIN_KUBECONFIG" "$@"
    else
        fail "no kubectl (Debian package kubernetes-client)"
    fi
}

api_has() { # PATH
    k8s_kubectl --request-timeout=5s get --raw "$1" >/dev/null 2>&1
}

must_be_alive() { # DAEMON...
    local part
    for part; do
        daemon_alive "$part" || fail "$part ended; the end of its log ($LOGS/$part.log): $(tail -n 3 "$LOGS/$part.log")"
    done
}

wait_for_api() { # PATH DAEMON... (which must not end meanwhile)
    local path=$1 end=$(($(now_ms) + 120000))
    shift
    until api_has "$path"; do
        must_be_alive "$@"
        (($(now_ms) < end)) || fail "the API server does not answer $path after 120 s; the logs are in $LOGS"
        sleep 0.2
    done
}

# The controllers have set up what every pod wants.
wait_for_cluster() { # DAEMON...
    wait_for_api /api/v1/namespaces/default/serviceaccounts/default "$@"
    wait_for_api /api/v1/namespaces/default/configmaps/kube-root-ca.crt "$@"
}

healthz() { in_net curl -skf -m 2 "https://127.0.0.1:$1/healthz" >/dev/null; }

# They may still end while they start, for want of a port, say.
wait_for_healthz() { # DAEMON PORT
    local end=$(($(now_ms) + 60000))
    until healthz "$2"; do
        must_be_alive "$1"
        (($(now_ms) < end)) || fail "the $1 is not healthy after 60 s; its log is $LOGS/$1.log"
        sleep 0.2
    done
}

etcd_healthy() { in_net curl -sf -m 2 "$ETCD/health" | grep true >/dev/null; }

# What is there of another flavour goes: neither understands the other's data.
k8s_claim() { # FLAVOUR
    if [[ -e $K8S_DIR/flavour && $(<"$K8S_DIR/flavour") != "$1" ]]; then
        k8s_down
        rm -rf --one-file-system -- "$K8S_DIR"
    fi
    mkdir -p "$K8S_DIR"
    chmod 700 "$K8S_DIR"
    echo "$1" >"$K8S_DIR/flavour"
}

k8s_up_parts() { # FLAVOUR
    local part
    for part in controller-manager scheduler; do
        kubeconfig "$APISERVER" "$PKI/server-ca.crt" "$PKI/$part" "system:kube-$part" >"$K8S_DIR/$part.kubeconfig"
    done
    kubeconfig "$APISERVER" "$PKI/server-ca.crt" "$PKI/admin" admin >"$ADMIN_KUBECONFIG"
    chmod 600 "$K8S_DIR"/*.kubeconfig
    daemon_alive etcd || start_etcd "$1"
    wait_for 30 "etcd (its log is $LOGS/etcd.log)" etcd_healthy
    daemon_alive apiserver || start_apiserver "$1"
    # Not before the API server has made its own RBAC roles, without which these two end.
    wait_for_api /readyz apiserver
    for part in controller-manager scheduler; do
        daemon_alive "$part" || "start_$part" "$1"
    done
    wait_for_healthz controller-manager $((VKS_LAB_PORT + 1))
    wait_for_healthz scheduler $((VKS_LAB_PORT + 2))
    wait_for_cluster "${PARTS[@]}"
}

k8s_up() {
    local flavour
    flavour=$(k8s_flavour)
    need openssl curl
    case $flavour in
    debian) build_debian ;;
    current) build_current ;;
    esac
    k8s_claim "$flavour"
    if [[ $flavour == k3s ]]; then
        step "$LOGS/up.log" "control plane (k3s)" k3s_up
        return
    fi
    pki_ready 2>>"$LOGS/up.log"
    step "$LOGS/up.log" "control plane ($flavour)" k8s_up_parts "$flavour"
}

k8s_down() {
    local part
    # The clients first: they would only complain.
    for part in scheduler controller-manager; do
        daemon_stop "$part" 2
    done
    k8s_stop_apiserver
    daemon_stop etcd 5
}

# It would wait for its watchers to leave.
k8s_stop_apiserver() {
    daemon_stop apiserver 3
    daemon_stop k3s 10
}

k8s_start_apiserver() {
    local flavour
    [[ -e $K8S_DIR/flavour ]] || fail "no control plane was started; use: lab k8s up"
    flavour=$(<"$K8S_DIR/flavour")
    if [[ $flavour == k3s ]]; then
        k3s_up
        return
    fi
    daemon_alive etcd || fail "etcd does not run; use: lab k8s up"
    daemon_alive apiserver || start_apiserver "$flavour"
    wait_for_api /readyz apiserver
}

# Another API server, which reaches nodes through the HTTP proxy at that Unix socket ("direct": as before), as K3s' does.
k8s_egress() { # SOCKET
    local flavour
    flavour=$(<"$K8S_DIR/flavour")
    [[ $flavour != k3s ]] || fail "K3s has a way of its own"
    if [[ $1 == direct ]]; then
        rm -f -- "$K8S_DIR/egress.yaml"
    else
        printf '%s\n' 'apiVersion: apiserver.k8s.io/v1beta1' 'kind: EgressSelectorConfiguration' 'egressSelections:' \
            "- {name: cluster, connection: {proxyProtocol: HTTPConnect, transport: {uds: {udsName: \"$1\"}}}}" >"$K8S_DIR/egress.yaml"
    fi
    k8s_stop_apiserver
    start_apiserver "$flavour"
    wait_for_api /readyz apiserver
}

# Another controller-manager, whose certificates are good for so many seconds ("default": its own choice). 1.20.2 counts from five minutes ago.
k8s_sign_for() { # SECONDS
    local flavour
    flavour=$(<"$K8S_DIR/flavour")
    [[ $flavour != k3s ]] || fail "only for control planes whose controller-manager is a process of its own"
    case $1/$flavour in
    default/*) SIGN_FOR= ;;
    */debian) SIGN_FOR=$(($1 + 300))s ;;
    *) SIGN_FOR=${1}s ;;
    esac
    daemon_stop controller-manager 2
    start_controller-manager "$flavour"
    wait_for_healthz controller-manager $((VKS_LAB_PORT + 1))
}

k8s_version() {
    local flavour
    flavour=$(k8s_flavour)
    if daemon_alive apiserver || daemon_alive k3s; then
        echo "$flavour $(k8s_kubectl get --raw /version | sed -n 's/.*"gitVersion": "\([^"]*\)".*/\1/p') running"
    else
        case $flavour in
        debian) echo "debian v1.20.2 stopped" ;;
        current) echo "current $(current_version) stopped" ;;
        k3s) echo "k3s ${K3S:-?} stopped" ;;
        esac
    fi
}
