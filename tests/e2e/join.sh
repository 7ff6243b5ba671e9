#!/bin/bash
# One command makes a machine a node: `vks-agent join` on a machine that has the package and nothing else, by each of its roads, and `vks-agent leave`.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SERVER=$(kubectl config view --minify -o 'jsonpath={.clusters[0].cluster.server}')
CA=$("$LAB" authorities)
SUPERVISOR_PORT=9345
TMP=$(mktemp -d)

# ---- a machine that has not joined, and what it was before ----

# A test has its own cluster-wide objects; nobody else has the label.
LABEL=vks-test-join=yes

unjoin() {
    sh_node 'systemctl stop vks-agent.service
             rm -rf /var/lib/vks/pki
             cd /etc/vks && rm -f kubeconfig* kubelet-serving.crt kubelet-serving.key client-ca.crt*
             sed "/^disableTaint:/d" /root/etc-vks/agent.yaml >agent.yaml # the lab has it so, and an operator it stays as he has it
             rm -f /root/join.* /root/admin.conf /root/bootstrap.conf'
    kubectl delete node "$NODE" --ignore-not-found >/dev/null
    kubectl delete clusterrolebinding,csr -l "$LABEL" >/dev/null
    kubectl -n kube-system delete rolebinding,secret -l "$LABEL" >/dev/null
    kubectl -n kube-public delete configmap,role,rolebinding -l "$LABEL" >/dev/null
}

before() {
    sh_node 'rm -rf /root/etc-vks /root/var-pki; cp -a /etc/vks /root/etc-vks; [ ! -e /var/lib/vks/pki ] || cp -a /var/lib/vks/pki /root/var-pki'
}

after() {
    [ ! -e "$TMP/egress" ] || "$LAB" k8s egress direct
    no_supervisor
    unjoin
    sh_node 'rm -rf /etc/vks; cp -a /root/etc-vks /etc/vks; [ ! -e /root/var-pki ] || cp -a /root/var-pki /var/lib/vks/pki; systemctl restart vks-agent.service'
    rm -rf "$TMP"
    ! sh_node 'test -e /etc/vks/kubeconfig' || wait_for 60 "the node is as it was" kubectl wait --for=condition=Ready "node/$NODE" --timeout=60s
}

# join OPTION...: what it says is in $TMP/out; no token is ever in it. Standard input is the caller's.
join() {
    local rc=0
    node vks-agent join "$@" >"$TMP/out" 2>&1 || rc=$?
    sed 's/^/    join: /' "$TMP/out" >&2
    ! grep -qE "$SECRETS" "$TMP/out" || fail "a secret is in what join says"
    return $rc
}
SECRETS=0123456789abcdef\|hunter22

refused() { # WORDS JOIN_OPTION...: it ends with 1 and says that, and the machine is as it was
    local words=$1 rc=0
    shift
    join "$@" || rc=$?
    [ "$rc" -eq 1 ] || fail "join $* ended with $rc"
    grep -qE "$words" "$TMP/out" || fail "not said: $words"
    sh_node 'test ! -e /etc/vks/kubeconfig && ! systemctl is-active -q vks-agent.service' || fail "a machine that did not join has a kubeconfig"
}

is_ready() { [ "$(k get node "$NODE" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]; }

# The API server verifies the kubelet API's certificate, and the node whom it talks to.
logs_and_exec_work() {
    program "$1" 'echo a line of the log; exec sleep 1000' '  tolerations: [{operator: Exists}]'
    running "$1"
    wait_for 20 "kubectl logs" equals "a line of the log" k logs "$1"
    wait_for 20 "kubectl exec" equals "hello" k exec "$1" -- /bin/echo hello
}

files_are_as_they_must_be() {
    local got
    got=$(sh_node 'stat -c "%a %U:%G %n" /etc/vks /etc/vks/kubeconfig /etc/vks/client-ca.crt /etc/vks/agent.yaml /var/lib/vks/pki /var/lib/vks/pki/*')
    grep -qx '750 root:vks /etc/vks' <<<"$got" || fail "$got"
    for file in kubeconfig client-ca.crt agent.yaml; do grep -qx "640 root:vks /etc/vks/$file" <<<"$got" || fail "$file: $got"; done
    grep -qx '700 vks:vks /var/lib/vks/pki' <<<"$got" || fail "$got"
    ! grep '/var/lib/vks/pki/' <<<"$got" | grep -v '^600 vks:vks' >/dev/null || fail "$got"
    sh_node 'openssl x509 -noout -subject -in /var/lib/vks/pki/kubelet-client-current.pem' | grep -E "CN ?= ?system:node:$NODE" >/dev/null || fail "whose certificate"
    sh_node 'test "$(ls /etc/vks | grep -c new)" = 0 && test "$(ls /var/lib/vks/pki | grep -c new)" = 0' || fail "a temporary file is left"
}

# ---- an admin's kubeconfig ----

put_admin() { "$LAB" node put "$KUBECONFIG" /root/admin.conf; }

test_an_admins_kubeconfig_is_enough_and_is_not_kept() {
    local key started
    unjoin
    put_admin
    join --kubeconfig /root/admin.conf </dev/null
    is_ready || fail "the Node is not Ready"
    files_are_as_they_must_be
    key=$(kubectl config view --raw --minify -o 'jsonpath={.users[0].user.client-key-data}' | cut -c 1-60)
    ! sh_node "grep -rqF '$key' /etc/vks /var/lib/vks/pki" || fail "the admin's key was kept"
    k get node "$NODE" -o 'jsonpath={.spec.taints[*].key}' | grep virtual-kubelet.io/provider >/dev/null || fail "the taint of a new Node"
    logs_and_exec_work p
    sh_node 'test ! -e /etc/vks/kubeconfig.before-join' || fail "there was nothing to keep"
    # again: what runs goes on, and nothing is written twice
    started=$(pod_field p '{.status.containerStatuses[0].state.running.startedAt}')
    join --kubeconfig /root/admin.conf --no-taint </dev/null
    is_ready || fail "the Node is not Ready"
    [ "$(pod_field p '{.status.containerStatuses[0].state.running.startedAt}')" = "$started" ] || fail "the pod was restarted"
    [ "$(sh_node 'grep -c vks-agent.join /etc/vks/agent.yaml')" = 2 ] || fail "agent.yaml: $(sh_node 'cat /etc/vks/agent.yaml')"
    wait_for 20 "--no-taint, and an admin is there" without_taint
    logs_and_exec_work q
}

without_taint() {
    local keys
    keys=$(k get node "$NODE" -o 'jsonpath={.spec.taints[*].key}') && [[ $keys != *virtual-kubelet.io/provider* ]]
}

# Each command of the page says what the page says it does.
test_what_the_page_about_the_benchmark_shows() {
    unjoin
    put_admin
    join --kubeconfig /root/admin.conf </dev/null
    is_ready || fail "the Node is not Ready"
    wait_for 60 "the certificate is signed" sh_node 'openssl x509 -noout -issuer -in /var/lib/vks/pki/kubelet-server-current.pem | grep -v system:node'
    wait_for 30 "it serves" kubectl get --raw "/api/v1/nodes/$NODE/proxy/configz"
    python3 - "$ROOT_DIR/packaging/doc/cis.md" "$LAB" <<'PYTHON' || fail "the page is not true"
import subprocess, sys

page, lab = sys.argv[1:]
commands, wrong = [], 0
for line in open(page):
    if line.startswith(("    # ", "    $ ")):
        commands.append((line[4], line[6:-1], []))
    elif line.startswith("    ") and commands:
        commands[-1][2].append(line[4:-1])
assert len(commands) >= 25, len(commands)
for who, command, want in commands:
    got = subprocess.run([lab, "node", "exec", "sh", "-c", command] if who == "#" else ["sh", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True).stdout
    if got.splitlines() != want:
        wrong += 1
        print(f"  {command}\n    said  {got.splitlines()}\n    and not {want}", file=sys.stderr)
sys.exit(wrong > 0)
PYTHON
}

another_machines() { # the controllers write to a new Node as well
    kubectl get --raw "/api/v1/nodes/$NODE" | sed 's/"machineID": *"[^"]*"/"machineID": "00000000000000000000000000000001"/' >"$TMP/node.json"
    kubectl replace --raw "/api/v1/nodes/$NODE/status" -f "$TMP/node.json"
}

test_a_name_that_is_another_machines_is_refused() {
    unjoin
    put_admin
    printf '%s\n' 'apiVersion: v1' 'kind: Node' "metadata: {name: $NODE}" | kubectl create -f - >/dev/null
    wait_for 20 "the Node is another machine's" another_machines
    refused "another machine's" --kubeconfig /root/admin.conf </dev/null
    join --kubeconfig /root/admin.conf --replace </dev/null
    is_ready || fail "the Node is not Ready"
}

# ---- a bootstrap token ----

cluster_info() { # SERVER: as kubeadm makes it; the controller manager signs it
    kubectl -n kube-public create configmap cluster-info --from-literal=kubeconfig="apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: $(base64 -w 0 "$CA/server-ca.crt")
    server: $1
  name: \"\"
contexts: null
current-context: \"\"
kind: Config
users: null" >/dev/null
    kubectl -n kube-public create role kubeadm:bootstrap-signer-clusterinfo --verb=get --resource=configmaps --resource-name=cluster-info >/dev/null
    kubectl -n kube-public create rolebinding kubeadm:bootstrap-signer-clusterinfo --role=kubeadm:bootstrap-signer-clusterinfo --user=system:anonymous >/dev/null
    kubectl -n kube-public label configmap/cluster-info role/kubeadm:bootstrap-signer-clusterinfo rolebinding/kubeadm:bootstrap-signer-clusterinfo "$LABEL" >/dev/null
}

bootstrap_token() { # ID
    kubectl -n kube-system create secret generic "bootstrap-token-$1" --type=bootstrap.kubernetes.io/token --from-literal=token-id="$1" \
        --from-literal=token-secret=0123456789abcdef --from-literal=usage-bootstrap-authentication=true \
        --from-literal=usage-bootstrap-signing=true >/dev/null
    kubectl -n kube-system label secret "bootstrap-token-$1" "$LABEL" >/dev/null
    wait_for 30 "the API server knows the token" knows_token "$1.0123456789abcdef"
    wait_for 30 "cluster-info is signed" contains "jws-kubeconfig-$1" kubectl -n kube-public get configmap cluster-info -o yaml
}

knows_token() { [[ $(curl -sk -m 60 -o /dev/null -w '%{http_code}' -H @- "$SERVER/api" <<<"Authorization: Bearer $1") =~ ^(200|403)$ ]]; }

pin() { openssl x509 -in "$1" -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum | sed 's/^/sha256:/; s/ .*//'; }

rbac() {
    kubectl apply -f "$ROOT_DIR/packaging/examples/join-rbac.yaml" >/dev/null
    kubectl label -f "$ROOT_DIR/packaging/examples/join-rbac.yaml" "$LABEL" >/dev/null
}

test_a_bootstrap_token_and_the_hash_of_the_authority() {
    local pin
    unjoin
    pin=$(pin "$CA/server-ca.crt")
    refused 'no kube-public/cluster-info' "$SERVER" --discovery-token-ca-cert-hash "$pin" <<<abcdef.0123456789abcdef
    cluster_info "$SERVER"
    bootstrap_token abcdef
    refused 'nothing says which authority' "$SERVER" <<<abcdef.0123456789abcdef
    refused 'another public key' "$SERVER" --discovery-token-ca-cert-hash "$(pin "$CA/client-ca.crt")" <<<abcdef.0123456789abcdef
    refused 'not signed by token "abcdef"' "$SERVER" --discovery-token-ca-cert-hash "$pin" <<<abcdef.0000000000000000
    refused 'knows no token "fedcba"' "$SERVER" --discovery-token-ca-cert-hash "$pin" <<<fedcba.0123456789abcdef
    refused 'no K3s server' "$SERVER" --discovery-token-ca-cert-hash "$pin" <<<K10::node:hunter22
    wait_for 20 "RBAC has heard of no such thing, or of its end" sh -c '! kubectl auth can-i create certificatesigningrequests.certificates.k8s.io --as=x --as-group=system:bootstrappers'
    refused 'join-rbac.yaml' "$SERVER" --discovery-token-ca-cert-hash "$pin" <<<abcdef.0123456789abcdef
    rbac
    wait_for 20 "RBAC has heard of it" kubectl auth can-i create certificatesigningrequests.certificates.k8s.io --as=x --as-group=system:bootstrappers
    # twice: the request that the first time has left is not the one to approve
    join "$SERVER" --discovery-token-ca-cert-hash "$pin" <<<abcdef.0123456789abcdef
    join "$SERVER" --discovery-token-ca-cert-hash "$pin" <<<abcdef.0123456789abcdef
    is_ready || fail "the Node is not Ready"
    files_are_as_they_must_be
    ! sh_node 'grep -rqF 0123456789abcdef /etc/vks /var/lib/vks/pki' || fail "the token was kept"
    ! sh_node 'journalctl --no-pager | grep -qF abcdef.0123456789abcdef' || fail "the token is in the journal"
    # nobody approves a node's serving certificate by himself
    grep -q 'kubectl certificate approve' "$TMP/out" || fail "not said: who approves the serving certificate"
    kubectl certificate approve "$(sed -n 's/.*kubectl certificate approve //p' "$TMP/out")" >/dev/null
    logs_and_exec_work p
}

test_a_request_that_nobody_approves_is_said_and_waited_for() {
    unjoin
    cluster_info "$SERVER"
    bootstrap_token abcdef
    rbac
    kubectl delete clusterrolebinding vks:bootstrappers-are-approved >/dev/null
    wait_for 20 "RBAC has heard of it" sh -c '! kubectl auth can-i create certificatesigningrequests.certificates.k8s.io --subresource=nodeclient --as=x --as-group=system:bootstrappers'
    printf '%s\n' abcdef.0123456789abcdef | "$LAB" node exec sh -c 'umask 077; cat >/root/join.token'
    node vks-agent join "$SERVER" --token-file /root/join.token --discovery-token-unsafe-skip-ca-verification --wait 300 >"$TMP/waiting" 2>&1 &
    wait_for 60 "it says which request" grep -q 'kubectl certificate approve' "$TMP/waiting"
    kubectl certificate approve "$(sed -n 's/.*kubectl certificate approve //p' "$TMP/waiting")" >/dev/null
    wait $! || fail "join: $(cat "$TMP/waiting")"
    is_ready || fail "the Node is not Ready"
}

test_a_bootstrap_kubeconfig() {
    unjoin
    cluster_info "$SERVER"
    bootstrap_token abcdef
    rbac
    wait_for 20 "RBAC has heard of it" kubectl auth can-i create certificatesigningrequests.certificates.k8s.io --as=x --as-group=system:bootstrappers
    "$LAB" node exec sh -c 'umask 077; cat >/root/bootstrap.conf' <<YAML
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "$SERVER", certificate-authority-data: $(base64 -w 0 "$CA/server-ca.crt")}}]
users: [{name: u, user: {token: abcdef.0123456789abcdef}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
YAML
    join --bootstrap-kubeconfig /root/bootstrap.conf </dev/null
    is_ready || fail "the Node is not Ready"
}

# ---- K3s ----

supervisor() { # [OPTION...]: tests/tools/supervisor.py, at a port of its own in the lab's network, from now on the only one
    no_supervisor
    rm -rf "$TMP/supervisor" "$TMP/supervisor.out" # in which the one before has said that it listens
    mkdir "$TMP/supervisor"
    [ -e "$TMP/tls.crt" ] || tls_of_the_supervisor
    python3 "$ROOT_DIR/tests/tools/supervisor.py" --port "$SUPERVISOR_PORT" --api-port "${SERVER##*:}" --tls "$TMP/tls" --server-ca "$CA/server-ca" \
        --client-ca "$CA/client-ca" --password hunter22 --state "$TMP/supervisor" "$@" >"$TMP/supervisor.out" 2>&1 &
    echo $! >"$TMP/supervisor.pid"
    wait_for 20 "the supervisor listens" grep -q listening "$TMP/supervisor.out"
}
no_supervisor() { # also the one of another test
    [ -e "$TMP/supervisor.pid" ] || return 0
    kill "$(cat "$TMP/supervisor.pid")" 2>/dev/null || true
    wait_for 20 "the supervisor has ended" sh -c "! curl -sk https://127.0.0.1:$SUPERVISOR_PORT/cacerts"
    rm "$TMP/supervisor.pid"
}
tls_of_the_supervisor() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=k3s -keyout "$TMP/tls.key" -out "$TMP/tls.csr" 2>/dev/null
    openssl x509 -req -in "$TMP/tls.csr" -CA "$CA/server-ca.crt" -CAkey "$CA/server-ca.key" -days 1 -set_serial "0x$(openssl rand -hex 16)" \
        -extfile <(echo subjectAltName=IP:127.0.0.1,DNS:k3s.example) -out "$TMP/tls.crt" 2>/dev/null
}
k3s_token() { echo "K10$(sha256sum "$CA/server-ca.crt" | cut -d ' ' -f 1)::${1:-node}:${2:-hunter22}"; }

test_k3s_by_its_token() {
    local url=https://127.0.0.1:$SUPERVISOR_PORT word
    unjoin
    supervisor
    # K3s' own file has the user server; who asks for certificates is node all the same
    join "$url" < <(k3s_token server)
    is_ready || fail "the Node is not Ready"
    files_are_as_they_must_be
    grep -q 'POST /v1-k3s/client-kubelet.crt basic:node 200' "$TMP/supervisor/log" || fail "$(cat "$TMP/supervisor/log")"
    [ "$(sh_node 'sed -n "s/ *server: //p" /etc/vks/kubeconfig')" = "$SERVER" ] || fail "the API server's port is another one"
    ! sh_node 'grep -rqF hunter22 /etc/vks /var/lib/vks/pki' || fail "the token was kept"
    logs_and_exec_work p
    # when it is time, K3s is asked with the node's own certificate
    sh_node 'systemctl stop vks-agent.service && echo >/var/lib/vks/pki/kubelet-server-current.pem && systemctl start vks-agent.service'
    wait_for 30 "the agent has K3s sign" grep -q "POST /v1-k3s/serving-kubelet.crt system:node:$NODE 200" "$TMP/supervisor/log"
    wait_for 30 "kubectl logs" equals "a line of the log" k logs p
    # again, with the word that K3s knows this node by
    word=$(sh_node 'cat /var/lib/vks/pki/node-password')
    join "$url" < <(k3s_token)
    [ "$(sh_node 'cat /var/lib/vks/pki/node-password')" = "$word" ] || fail "another password"
    logs_and_exec_work q
    k delete pod p q >/dev/null # while there is somebody to end them
    # a machine that has lost it is told what to do
    unjoin
    refused "secret $NODE.node-password.k3s" "$url" < <(k3s_token)
}

test_k3s_that_is_not_what_it_says() {
    local url=https://127.0.0.1:$SUPERVISOR_PORT how words
    unjoin
    while read -r how words; do
        supervisor --evil "$how"
        refused "$words" "$url" < <(k3s_token)
    done <<'TABLE'
shared-key private key
other-key another key
other-name somebody-else
expired clock
other-ca certificate authority is not the one
refuse status 500
TABLE
    supervisor
    refused 'does not take the token \(401\)' "$url" < <(k3s_token node wrong)
    refused 'no sha256' "$url" <<<K10abc::node:hunter22
    refused "certificate|name" "https://localhost:$SUPERVISOR_PORT" < <(k3s_token)
    # a bare password says nothing of the authority
    join "$url" --server-name k3s.example <<<hunter22 && fail "the API server is not k3s.example"
    grep -q "does not say whose it is" "$TMP/out" || fail "no warning"
}

# K3s' API server does not connect to nodes: they have opened a tunnel. Nobody could connect to this one.
test_k3s_reaches_a_node_through_its_tunnel() {
    local url=https://127.0.0.1:$SUPERVISOR_PORT n=20000000
    unjoin
    supervisor --proxy "$TMP/supervisor/proxy"
    sh_node 'echo "address: 127.0.0.1" >>/etc/vks/agent.yaml'
    join "$url" < <(k3s_token)
    wait_for 20 "the tunnel" grep -qx "tunnel of system:node:$NODE" "$TMP/supervisor/log"
    program p 'echo a line of the log; exec sleep 1000' '  tolerations: [{operator: Exists}]'
    running p
    ! k logs p >/dev/null 2>&1 || fail "the node is to be had without the tunnel"
    touch "$TMP/egress"
    "$LAB" k8s egress "$TMP/supervisor/proxy"
    wait_for 20 "kubectl logs" equals "a line of the log" k logs p
    grep -q '^CONNECT ' "$TMP/supervisor/log" || fail "nobody asked the supervisor"
    wait_for 20 "kubectl exec" equals "hello" k exec p -- /bin/echo hello
    [ "$(k exec p -- head -c $n /dev/zero | wc -c)" = $n ] || fail "bytes were lost on the way out"
    [ "$(head -c $n /dev/zero | k exec -i p -- wc -c)" = $n ] || fail "bytes were lost on the way in"
    # the supervisor is another one, which asks for what is none of its business
    supervisor --proxy "$TMP/supervisor/proxy" --connect-to "127.0.0.1:${SERVER##*:}"
    wait_for 30 "the tunnel is opened anew" grep -qx "tunnel of system:node:$NODE" "$TMP/supervisor/log"
    ! k logs p >/dev/null 2>&1 || fail "there are logs where there is no kubelet API"
    wait_for 20 "the agent says why" sh_node 'journalctl -u vks-agent --since=-600s | grep -q "only the kubelet API is to be had"'
    supervisor --proxy "$TMP/supervisor/proxy"
    wait_for 40 "kubectl logs" equals "a line of the log" k logs p
    k delete pod p >/dev/null # while there is somebody to end it
    "$LAB" k8s egress direct
    rm "$TMP/egress"
}

test_what_was_made_by_hand_is_kept_aside() {
    unjoin
    "$LAB" enroll >/dev/null
    sh_node 'cd /etc/vks && sha256sum kubeconfig client-ca.crt >/root/join.sums'
    put_admin
    sh_node 'sed -i 1i\kubeconfig:\ /etc/vks/another /etc/vks/agent.yaml'
    join --kubeconfig /root/admin.conf </dev/null && fail "agent.yaml names another kubeconfig"
    grep -q 'says kubeconfig: /etc/vks/another' "$TMP/out" || fail "not said"
    sh_node 'sed -i 1d /etc/vks/agent.yaml && cd /etc/vks && sha256sum -c --quiet /root/join.sums' || fail "something was written"
    join --kubeconfig /root/admin.conf </dev/null
    is_ready || fail "the Node is not Ready"
    sh_node 'cd /etc/vks && sed "s/\$/.before-join/" /root/join.sums | sha256sum -c --quiet && [ "$(stat -c "%a %U:%G" kubeconfig.before-join)" = "640 root:vks" ]' ||
        fail "not kept: $(sh_node 'ls -l /etc/vks')"
}

# ---- leaving ----

test_leave_drains_and_undoes() {
    local before
    unjoin
    put_admin
    before=$(sh_node 'cat /etc/vks/agent.yaml')
    join --kubeconfig /root/admin.conf --no-taint </dev/null
    k create deployment d --image=/bin/sleep -- /bin/sleep 1000 >/dev/null
    wait_for 60 "the deployment runs" k wait --for=condition=Available deployment/d --timeout=60s
    program alone 'exec sleep 1000'
    running alone
    node vks-agent leave >"$TMP/out" 2>&1 && fail "it left a pod that nobody makes anew"
    grep -q "$NS/alone" "$TMP/out" || fail "$(cat "$TMP/out")"
    is_ready || fail "it was not to leave"
    [ -z "$(k get node "$NODE" -o 'jsonpath={.spec.unschedulable}')" ] || fail "cordoned"
    node vks-agent leave --force >"$TMP/out" 2>&1 || fail "$(cat "$TMP/out")"
    grep -q "kubectl delete node $NODE" "$TMP/out" || fail "$(cat "$TMP/out")"
    k get node "$NODE" >/dev/null || fail "a node does not delete itself"
    ! k get pod alone >/dev/null 2>&1 || fail "the pod is still there"
    sh_node 'test ! -e /etc/vks/kubeconfig && test ! -e /etc/vks/client-ca.crt && test ! -e /var/lib/vks/pki/kubelet-client-current.pem &&
             ! systemctl is-active -q vks-agent.service' || fail "not undone"
    assert_clean_node
    [ "$(sh_node 'cat /etc/vks/agent.yaml')" = "$before" ] || fail "agent.yaml"
    # and back, and for good
    k delete deployment d >/dev/null
    join --kubeconfig /root/admin.conf </dev/null
    node vks-agent leave --kubeconfig /root/admin.conf >"$TMP/out" 2>&1 || fail "$(cat "$TMP/out")"
    ! k get node "$NODE" >/dev/null 2>&1 || fail "the Node is still there"
}

before
trap after EXIT
run_tests
