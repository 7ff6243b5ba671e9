#!/bin/bash
# Who may ask the kubelet API for what: callers of every kind at the node's own door, against what RBAC says.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

API=https://127.0.0.1:${KUBELET_PORT:-10250}
RUN=vks-authz-$$ # users and rights of this run: the agent remembers earlier answers

# code METHOD PATH CALLER_OPTION...: the status that the caller gets
code() {
    local method=(-X "$1") path=$2
    [ "$1" != HEAD ] || method=(--head)
    shift 2
    curl -sk -m 240 -o "$TMP/body" -w '%{http_code}' "${method[@]}" "$@" "$API$path"
}

certificate() { # NAME SUBJECT: of the cluster's client CA
    "$LAB" client "$TMP/$1" "$2"
}
by_certificate() { echo "--cert $TMP/$1.crt --key $TMP/$1.key"; }
by_token() { echo "-H @$TMP/$1.token"; }

# A service account, and a header with its token. curl reads it from a file: nothing secret on a command line.
account() { # NAME
    k create serviceaccount "$1" >/dev/null
    printf 'Authorization: Bearer %s\n' "$(k create token "$1")" >"$TMP/$1.token"
}

may() { # ACCOUNT VERB[,VERB...] SUBRESOURCE
    kubectl create clusterrole "$RUN-$1" --verb="$2" --resource="nodes/$3" >/dev/null
    kubectl create clusterrolebinding "$RUN-$1" --clusterrole="$RUN-$1" --serviceaccount="$NS:$1" >/dev/null
    wait_for 20 "RBAC has heard of $1" kubectl auth can-i "${2##*,}" nodes --subresource="$3" --as="system:serviceaccount:$NS:$1"
}
take_rights_away() {
    local name
    for name in $(kubectl get clusterrole,clusterrolebinding -o name | grep "/$RUN-" || true); do
        kubectl delete "$name" >/dev/null
    done
}

# expect STATUS CALLER METHOD PATH
expect() {
    local got
    # shellcheck disable=SC2086 # words
    got=$(code "$3" "$4" ${CALLER[$2]}) || true
    [ "$got" = "$1" ] || { echo "  $2: $3 $4: $got instead of $1: $(head -c 300 "$TMP/body")" >&2; return 1; }
}

declare -A CALLER
callers() {
    local subject
    certificate nobody "/CN=$RUN-nobody"
    certificate other-node "/O=system:nodes/CN=system:node:$RUN-other"
    certificate this-node "/O=system:nodes/CN=system:node:$NODE"
    certificate apiserver "/O=system:masters/CN=kube-apiserver-kubelet-client"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj "/O=system:masters/CN=kube-apiserver-kubelet-client" \
        -keyout "$TMP/own.key" -out "$TMP/own.crt" 2>/dev/null
    for subject in plain proxy log metrics stats healthz pods creates; do account "$subject"; done
    may proxy get proxy
    may creates create proxy
    for subject in log metrics stats healthz pods; do may "$subject" get "$subject"; done
    printf 'Authorization: Bearer %s\n' "$(k create token proxy --audience=elsewhere)" >"$TMP/elsewhere.token"
    printf 'Authorization: Bearer x\n' >"$TMP/made-up.token"
    CALLER=([anonymous]="" [own]=$(by_certificate own) [made-up]=$(by_token made-up) [elsewhere]=$(by_token elsewhere))
    for subject in nobody other-node this-node apiserver; do CALLER[$subject]=$(by_certificate "$subject"); done
    for subject in plain proxy log metrics stats healthz pods creates; do CALLER[$subject]=$(by_token "$subject"); done
}

test_who_may_what() {
    local logs caller method path want wrong=0
    trap take_rights_away EXIT
    program p 'echo a line of the log; exec sleep 1000'
    running p
    callers
    logs=/containerLogs/$NS/p/main
    # 404: let in, and there is no such route; 400: let in, and to upgrade the connection is not asked. The rules are those of the kubelet of the current release
    # (pkg/kubelet/server/auth.go).
    while read -r caller method path want; do
        [ -n "$caller" ] || continue
        expect "$want" "$caller" "$method" "$(sed "s,LOGS,$logs,; s,FORWARD,/portForward/$NS," <<<"$path")" || wrong=$((wrong + 1))
    done <<'TABLE'
anonymous  GET    LOGS           401
anonymous  GET    /healthz       401
anonymous  GET    /nothing       401
own        GET    LOGS           401
made-up    GET    LOGS           401
elsewhere  GET    LOGS           401
nobody     GET    LOGS           403
nobody     GET    /healthz       403
nobody     GET    /metrics       403
nobody     GET    /pods          403
nobody     GET    /nothing       403
nobody     POST   LOGS           403
nobody     DELETE LOGS           403
nobody     GET    FORWARD/p      403
nobody     POST   FORWARD/p      403
proxy      GET    FORWARD/p      400
proxy      POST   FORWARD/p      403
creates    POST   FORWARD/p      400
creates    GET    FORWARD/p      403
log        GET    FORWARD/p      403
proxy      GET    FORWARD/p/no-such-uid 404
proxy      GET    FORWARD/other  404
other-node GET    LOGS           403
other-node GET    /metrics       403
this-node  GET    LOGS           403
plain      GET    LOGS           403
plain      GET    /healthz       403
proxy      GET    LOGS           200
proxy      GET    /healthz       200
proxy      GET    /pods          200
proxy      GET    /runningpods/  200
proxy      GET    /configz       200
proxy      POST   /configz       403
proxy      GET    /nothing       404
proxy      GET    /metrics       403
proxy      GET    /stats/summary 403
proxy      GET    /logs/         403
proxy      GET    /statusz       403
proxy      GET    /flagz         403
apiserver  GET    /statusz       200
apiserver  GET    /flagz         200
proxy      POST   LOGS           403
proxy      HEAD   LOGS           403
creates    POST   LOGS           405
creates    GET    LOGS           403
log        GET    LOGS           403
log        GET    /logs/         200
log        POST   /logs/         403
log        GET    /logs/nothing  404
metrics    GET    /logs/         403
log        GET    /metrics       403
metrics    GET    /metrics       200
metrics    GET    /metrics/x     404
metrics    GET    LOGS           403
metrics    GET    /metrics/resource 200
metrics    GET    /metrics/cadvisor 200
metrics    GET    /metrics/probes 200
metrics    GET    /stats/summary 403
stats      GET    /stats/summary 200
stats      POST   /stats/summary 403
stats      GET    /stats/        404
stats      GET    /metrics       403
healthz    GET    /healthz       200
healthz    GET    /healthz/ping  200
healthz    GET    /healthz/other 404
healthz    POST   /healthz       403
healthz    GET    /pods          403
healthz    GET    LOGS           403
pods       GET    /pods          200
pods       GET    /runningpods/  200
pods       GET    /pods/x        404
pods       GET    /configz       403
pods       POST   /pods          403
pods       GET    LOGS           403
apiserver  GET    LOGS           200
apiserver  POST   LOGS           405
apiserver  DELETE LOGS           405
apiserver  GET    /healthz       200
apiserver  GET    /metrics       200
apiserver  GET    /nothing       404
apiserver  HEAD   LOGS           405
apiserver  HEAD   /healthz       200
apiserver  POST   /healthz       200
apiserver  DELETE /healthz       200
apiserver  POST   /pods          405
apiserver  HEAD   /runningpods/  405
apiserver  DELETE /configz       200
apiserver  POST   /metrics       200
apiserver  HEAD   /metrics/resource 200
apiserver  POST   /stats/summary 200
apiserver  PUT    /stats/summary 405
apiserver  DELETE FORWARD/p      405
apiserver  PUT    /nothing       404
other-node GET    /pods          403
this-node  GET    /pods          403
proxy      GET    /allocatedPods 404
pods       GET    /allocatedPods 404
metrics    GET    /allocatedPods 403
proxy      GET    /checkpoint/x/p/main 403
nobody     HEAD   /healthz       403
nobody     PATCH  /healthz       403
healthz    PUT    /healthz       403
proxy      GET    /debug/pprof/  405
proxy      GET    /debug/flags/v 405
nobody     GET    /debug/pprof/  403
metrics    GET    /metrics/slis  200
proxy      GET    /metrics/slis  403
metrics    GET    /metricsx      403
pods       GET    /podsx         403
healthz    GET    /healthzx      403
stats      GET    /statsx        403
log        GET    /logsx/        403
proxy      GET    /logsx/        404
TABLE
    [ "$wrong" -eq 0 ] || fail "$wrong answers are wrong"
    # shellcheck disable=SC2086 # words
    code GET "$logs" ${CALLER[nobody]} >/dev/null
    [ "$(cat "$TMP/body")" = "Forbidden (user=$RUN-nobody, verb=get, resource=nodes, subresource(s)=[proxy])" ] || fail "the words: $(cat "$TMP/body")"
    # shellcheck disable=SC2086
    code GET /healthz ${CALLER[nobody]} >/dev/null
    [ "$(cat "$TMP/body")" = "Forbidden (user=$RUN-nobody, verb=get, resource=nodes, subresource(s)=[healthz proxy])" ] || fail "the words: $(cat "$TMP/body")"
    wait_for 20 "kubectl logs" equals "a line of the log" k logs p
}

# The callers of packaging/doc/kubelet-api.md, in a folder for tests/tools/kubelet_answers.py.
table_callers() { # FOLDER
    local name
    mkdir "$1"
    for name in plain writer proxy metrics stats log pods healthz configz statusz checkpoint; do
        k create serviceaccount "$name" >/dev/null
        k create token "$name" >"$1/$name.token"
    done
    for name in proxy metrics stats log pods healthz configz statusz checkpoint; do may "$name" get "$name"; done
    may writer create,update,patch,delete proxy
    echo made-up >"$1/made-up.token"
    "$LAB" client "$1/nobody" "/CN=$RUN-nobody"
    "$LAB" client "$1/other-node" "/O=system:nodes/CN=system:node:$RUN-other"
    "$LAB" client "$1/masters" "/O=system:masters/CN=$RUN-table" # what the agent is told of one is remembered: no other test has him
    "$LAB" client "$1/kubelet-client" "/CN=$RUN-kubelet-client"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj "/O=system:masters/CN=$RUN-own" -keyout "$1/own.key" -out "$1/own.crt" 2>/dev/null
    # Older releases' role system:kubelet-api-admin knows less: this is that of the release the table is from.
    kubectl create clusterrole "$RUN-kubelet-client" --verb='*' --resource=nodes/configz,nodes/healthz,nodes/log,nodes/metrics,nodes/pods,nodes/proxy,nodes/stats >/dev/null
    kubectl create clusterrolebinding "$RUN-kubelet-client" --clusterrole="$RUN-kubelet-client" --user="$RUN-kubelet-client" >/dev/null
    wait_for 20 "RBAC has heard of kubelet-client" kubectl auth can-i delete nodes --subresource=stats --as="$RUN-kubelet-client"
}

test_every_answer_is_a_kubelets_or_explained() {
    local tool=$ROOT_DIR/tests/tools/kubelet_answers.py
    trap take_rights_away EXIT
    program p 'echo a line of the log; exec sleep 1000'
    running p
    table_callers "$TMP/callers"
    python3 "$tool" ask "${API#https://}" "$TMP/callers" "$NS" p >"$TMP/answers"
    python3 "$tool" compare "$E2E_DIR/kubelet_answers" "$TMP/answers" "$ROOT_DIR/packaging/doc/kubelet-api.md" || fail "other answers than a kubelet's"
}

test_without_an_api_server_only_what_is_remembered_goes() {
    trap '"$LAB" k8s start-apiserver >/dev/null; take_rights_away' EXIT
    callers
    expect 200 proxy GET /healthz || fail "before"
    certificate masters "/O=system:masters/CN=$RUN-masters" # neither was asked about before
    certificate new "/CN=$RUN-new"
    CALLER+=([masters]=$(by_certificate masters) [new]=$(by_certificate new))
    "$LAB" k8s stop-apiserver >/dev/null
    expect 200 proxy GET /healthz || fail "what was allowed a moment ago"
    expect 500 new GET /healthz || fail "nobody can be asked about him"
    grep -q "^Authorization error (user=$RUN-new, verb=get, resource=nodes, subresource=healthz)" "$TMP/body" || fail "the words: $(cat "$TMP/body")"
    expect 500 masters GET /healthz || fail "not even system:masters"
    expect 401 healthz GET /healthz || fail "a token that was not seen before"
    expect 401 anonymous GET /healthz || fail "anonymous"
    "$LAB" k8s start-apiserver >/dev/null
    wait_for 30 "nobody is refused again for what he is" expect 403 new GET /healthz
    wait_for 30 "a cluster admin may again" expect 200 masters GET /healthz
    # its rights as well: an API server serves before it has read all of them, and what the agent was told then holds for 30 s
    wait_for 60 "the token is seen" expect 200 healthz GET /healthz
}

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
run_tests
