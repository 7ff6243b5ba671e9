#!/bin/bash
# Certificates that the agent asks for and renews: pending, approved, denied, and renewed under streams that never break.
#   LIFE=40 ROTATIONS=2   how many seconds they are good for, and how often they are renewed; LIFE=600 ROTATIONS=8 ONLY=streams: an hour of it, before a release
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

LIFE=${LIFE:-40} ROTATIONS=${ROTATIONS:-2}
PKI=/var/lib/vks/pki
API=https://127.0.0.1:${KUBELET_PORT:-10250}
SELF=vks-rotation-selfnodeclient

# settings LINE...: of agent.yaml, beside those that are there; none: only those
settings() {
    local line
    sh_node "sed -i '/^rotateCertificates/d; /^serverTLSBootstrap/d; /^nodeExternalIP/d' /etc/vks/agent.yaml"
    for line; do sh_node "echo '$line' >>/etc/vks/agent.yaml"; done
}
restart_agent() {
    node systemctl restart vks-agent
    wait_for 30 "the node is Ready" kubectl wait --for=condition=Ready "node/$NODE" --timeout=30s
}
# As kubeadm has it: the controller-manager approves what a node asks for itself. Serving certificates it never does.
approve_clients() {
    kubectl create clusterrolebinding "$SELF" --clusterrole=system:certificates.k8s.io:certificatesigningrequests:selfnodeclient --group=system:nodes >/dev/null
}
forget_all() {
    kubectl delete csr --all >/dev/null 2>&1 || true
    node rm -rf "$PKI/kubelet-client-current.pem" "$PKI/kubelet-server-current.pem"
}
clean_up() {
    kubectl delete clusterrolebinding "$SELF" --ignore-not-found >/dev/null || true
    "$LAB" k8s sign-for default || true
    settings || true
    forget_all || true
    node systemctl restart vks-agent || true
}
begin() { # LINE...
    TMP=$(mktemp -d)
    trap 'kill $(jobs -p) 2>/dev/null || true; clean_up; rm -rf "$TMP"' EXIT
    forget_all
    settings "$@"
}

csr_of() { # SIGNER: the newest one's name
    k get csr --sort-by=.metadata.creationTimestamp -o 'jsonpath={range .items[*]}{.spec.signerName}{" "}{.metadata.name}{"\n"}{end}' | awk -v s="kubernetes.io/$1" '$1 == s { name = $2 } END { if (name == "") exit 1; print name }'
}
has_csr() { csr_of "$1" >/dev/null; }
node_event() { # REGEX: what the Node's events say
    k get events -n default --field-selector "involvedObject.name=$NODE" -o 'jsonpath={range .items[*]}{.reason}{": "}{.message}{"\n"}{end}' | grep -E "$1" >/dev/null
}
served() { # X509_OPTION...: of the certificate that the kubelet API shows
    openssl s_client -connect "${API#https://}" </dev/null 2>/dev/null | openssl x509 -noout "$@"
}
stored() { node openssl x509 -noout -in "$PKI/kubelet-$1-current.pem" "${@:2}"; } # client|server X509_OPTION...
served_is_stored() {
    local one
    one=$(served -serial) && [ -n "$one" ] && [ "$one" = "$(stored server -serial)" ]
}
counting() { program tick 'i=0; while :; do i=$((i+1)); echo $i; sleep 1; done'; }

test_serving_certificate_waits_is_self_signed_and_is_taken_into_use() {
    local name
    begin 'serverTLSBootstrap: true'
    restart_agent
    wait_for 10 "a request for a serving certificate" has_csr kubelet-serving
    name=$(csr_of kubelet-serving)
    served -subject -issuer >"$TMP/served" && [ -s "$TMP/served" ] || fail "nothing is served"
    [ "$(sed -n 's/^subject=//p' "$TMP/served")" = "$(sed -n 's/^issuer=//p' "$TMP/served")" ] || fail "what is served meanwhile is not self-signed: $(cat "$TMP/served")"
    counting
    running tick
    ! k logs tick >/dev/null 2>"$TMP/said" || fail "the API server takes a self-signed certificate"
    grep -q "x509\|certificate" "$TMP/said" || fail "logs failed otherwise: $(cat "$TMP/said")"
    wait_for 30 "an event tells the way out" node_event "CertificatePending: .*kubectl certificate approve $name .*self-signed"
    wait_for 20 "the journal tells the way out" contains "kubectl certificate approve $name" node journalctl -u vks-agent -o cat --no-pager
    kubectl certificate approve "$name" >/dev/null
    wait_for 20 "logs work, with full verification" k logs tick
    contains "IP Address:" served -ext subjectAltName || fail "no addresses in it: $(served -text)"
    wait_for 5 "what is served is what is stored" served_is_stored
    [ "$(node stat -c '%U %a' "$PKI/kubelet-server-current.pem")" = "vks 600" ] || fail "the file is not the agent's alone"
    node_event "CertificateRenewed: a new serving certificate" || wait_for 10 "an event tells of it" node_event "CertificateRenewed: a new serving certificate"
    # it is used again after a restart, and not asked for anew
    kubectl delete csr --all >/dev/null
    restart_agent
    wait_for 10 "logs still work" k logs tick
    served_is_stored || fail "another certificate after a restart"
    ! has_csr kubelet-serving || fail "it was asked for anew"
}

test_another_address_another_certificate() {
    begin 'serverTLSBootstrap: true'
    approve_serving &
    restart_agent
    wait_for 20 "a certificate is signed" served_is_stored
    wait_for 20 "one with the node's address" contains "IP Address:" served -ext subjectAltName
    ! contains 203.0.113.7 served -ext subjectAltName || fail "an address that the node has not"
    settings 'serverTLSBootstrap: true' 'nodeExternalIP: [203.0.113.7]'
    restart_agent
    wait_for 20 "one with the new address" contains 203.0.113.7 served -ext subjectAltName
}

# As join writes it: the kubeconfig names the file that is renewed.
kubeconfig_of_the_store() {
    sh_node "sed -i 's,client-certificate-data:.*,client-certificate: $PKI/kubelet-client-current.pem,; s,client-key-data:.*,client-key: $PKI/kubelet-client-current.pem,' /etc/vks/kubeconfig"
}
journal_since_start() { node journalctl -u vks-agent -o cat --no-pager "_PID=$(main_pid vks-agent)"; }

test_expired_in_a_drawer() {
    begin 'rotateCertificates: true'
    trap '"$LAB" enroll >/dev/null; clean_up; rm -rf "$TMP"' EXIT
    approve_clients
    "$LAB" k8s sign-for 30
    restart_agent
    wait_for 20 "a client certificate" stored client -serial
    node systemctl stop vks-agent
    kubeconfig_of_the_store
    "$LAB" k8s sign-for default
    wait_for 60 "it expires" sh_node "! openssl x509 -checkend 0 -noout -in $PKI/kubelet-client-current.pem"
    node systemctl start vks-agent
    wait_for 30 "the journal tells the way back" contains "so the API server does not know this node any more" journal_since_start
    contains "vks-agent join" journal_since_start || fail "$(journal_since_start)"
    # the way back: another one from whoever gave the first
    "$LAB" enroll >/dev/null
    restart_agent
    wait_for 20 "and it is renewed again" sh_node "openssl x509 -checkend 3600 -noout -in $PKI/kubelet-client-current.pem"
}

test_denied_and_told() {
    local name
    begin 'serverTLSBootstrap: true' 'rotateCertificates: true'
    restart_agent
    wait_for 10 "a request for a serving certificate" has_csr kubelet-serving
    wait_for 10 "a request for a client certificate" has_csr kube-apiserver-client-kubelet
    kubectl certificate deny "$(csr_of kubelet-serving)" >/dev/null
    wait_for 20 "an event tells of the serving one" node_event "CertificateDenied: no new serving certificate: the request csr-[a-z0-9]+ was denied.*self-signed"
    name=$(csr_of kube-apiserver-client-kubelet)
    kubectl certificate deny "$name" >/dev/null
    wait_for 20 "an event tells of the client's" node_event "CertificateDenied: no new client certificate: the request $name was denied"
    # nobody is in a hurry to ask again, and the node goes on with what it has
    program fine 'echo fine; sleep 1000'
    running fine
    [ "$(csr_of kube-apiserver-client-kubelet)" = "$name" ] || fail "it has asked again already"
}

approve_serving() { # for ever
    local name
    while :; do
        for name in $(k get csr -o 'jsonpath={range .items[?(@.spec.signerName=="kubernetes.io/kubelet-serving")]}{.metadata.name}{" "}{.status}{"\n"}{end}' 2>/dev/null | awk '$2 == "" || $2 == "{}" || $2 == "map[]" { print $1 }'); do
            kubectl certificate approve "$name" >/dev/null 2>&1 || true
        done
        sleep 1
    done
}
note_serials() { # for ever
    while :; do
        stored client -serial >>"$TMP/client" 2>/dev/null || true
        stored server -serial >>"$TMP/server" 2>/dev/null || true
        sleep 2
    done
}
serials() { sort -u "$TMP/$1" 2>/dev/null | wc -l; }
# unbroken FILE: the numbers in it follow one another, one a second, and there are as many as two renewals are apart at least (70 % of a life).
unbroken() {
    awk 'NR > 1 && $1 != last + 1 { print "after " last " comes " $1; bad = 1 } { last = $1 } END { exit bad || NR < least }' least=$((LIFE * (ROTATIONS - 1) * 6 / 10)) "$1"
}

# Each kind is renewed ROTATIONS times, while logs, an exec and the agent's own watch go on.
test_renewed_under_streams() {
    local pid logs exec before
    begin 'serverTLSBootstrap: true' 'rotateCertificates: true'
    approve_clients
    "$LAB" k8s sign-for "$LIFE"
    approve_serving &
    restart_agent
    pid=$(main_pid vks-agent)
    counting
    running tick
    wait_for 30 "logs work" k logs tick
    before=$(k logs tick | tail -n 1)
    note_serials &
    kubectl -n "$NS" logs -f tick >"$TMP/log" &
    logs=$!
    # shellcheck disable=SC2016 # of the shell in the pod
    kubectl -n "$NS" exec tick -- /bin/sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 1; done' >"$TMP/exec" 2>/dev/null &
    exec=$!
    wait_for $((LIFE * (ROTATIONS + 1))) "client certificates, one after the other" at_least $((ROTATIONS + 1)) serials client
    wait_for $((LIFE * 2)) "serving certificates, one after the other" at_least $((ROTATIONS + 1)) serials server
    kill -0 "$logs" || fail "kubectl logs -f has ended"
    kill -0 "$exec" || fail "kubectl exec has ended"
    kill "$logs" "$exec"
    unbroken "$TMP/log" || fail "lines are missing in the log"
    unbroken "$TMP/exec" || fail "lines are missing in what exec said"
    [ "$(tail -n 1 "$TMP/log")" -gt "$before" ] || fail "the log stood still"
    # what the API server tells arrives as before, over a watch that is older than the certificate
    program later 'echo later; sleep 1000'
    running later 20
    served_is_stored || wait_for 5 "what is stored is served" served_is_stored
    wait_for 20 "logs work still" equals later k logs later
    [ "$(main_pid vks-agent)" = "$pid" ] || fail "the agent was restarted"
    node journalctl -u vks-agent -o short-precise --no-pager "_PID=$pid" >"$TMP/said"
    ! grep -qiE 'unauthorized|works again|no answer' "$TMP/said" ||
        fail "the API server did not know the node for a moment: $(grep -vE ' (fill|write|start|stop|remove|exec) ' "$TMP/said" | tail -n 40)"
}

run_tests
