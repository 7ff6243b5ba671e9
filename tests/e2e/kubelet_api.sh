#!/bin/bash
# The kubelet API as what looks at nodes asks for it: health, pods, configuration. Who may ask for it is authz.sh's.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
together statusz_and_flagz pods_are_told_with_their_status runningpods_are_what_runs configz_is_what_holds what_is_used_is_told

# As the API server asks the node, and as every kubectl can.
get() { kubectl get --raw "/api/v1/nodes/$NODE/proxy/$1"; }

# of PATH PYTHON_EXPRESSION: about the JSON at that path, which is `o`
of() {
    get "$1" | python3 -c 'import json, sys
o = json.load(sys.stdin)
print(eval(sys.argv[1]))' "$2"
}

# The pod of the test among those that the list has.
pod() { of "${3:-pods}" "[p for p in o['items'] if p['metadata']['name'] == '$1' and p['metadata']['namespace'] == '$NS'][0]$2"; }
lists() { # NAME [LIST]: how many of that name
    of "${2:-pods}" "len([p for p in o['items'] if p['metadata']['name'] == '$1' and p['metadata']['namespace'] == '$NS'])"
}

test_healthz_in_plain_http() {
    local on=http://127.0.0.1:10248
    [ "$(node curl -s $on/healthz)" = ok ] || fail "healthz: $(node curl -si $on/healthz)"
    [ "$(node curl -s $on/healthz/syncloop)" = ok ] || fail "syncloop"
    [ "$(node curl -s "$on/healthz?verbose" | head -n 1)" = "[+]ping ok" ] || fail "verbose"
    [ "$(node curl -s -o /dev/null -w '%{http_code}' $on/pods)" = 404 ] || fail "nothing else is there"
    [ "$(get healthz)" = ok ] || fail "and by the other door"
    [ "$(get healthz/log)" = ok ] || fail "log"
}

test_healthz_without_the_bus() {
    trap 'node systemctl start dbus.socket dbus.service; wait_for 30 "well again" equals ok get healthz' EXIT
    node systemctl stop dbus.socket dbus.service
    wait_for 20 "the agent has noticed" equals 500 node curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:10248/healthz
    contains "[-]syncloop failed" node curl -s http://127.0.0.1:10248/healthz || fail "the words"
    equals ok node curl -s http://127.0.0.1:10248/healthz/ping || fail "somebody answers"
}

test_pods_are_told_with_their_status() {
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: told, labels: {some: label}, annotations: {some: "annotation \" with \\ signs"}}
spec:
  restartPolicy: Never
  readinessGates: [{conditionType: example.org/gate}]
  containers:
  - {name: main, image: /bin/sh, command: [/bin/sh, -c, "sleep 1000"], env: [{name: A, value: "1"}]}
YAML
    wait_for 30 "it runs" equals Running pod_field told '{.status.phase}'
    [ "$(of pods "o['kind'] + o['apiVersion']")" = PodListv1 ] || fail "kind"
    wait_for 10 "status" equals Running pod told "['status']['phase']"
    [ "$(pod told "['spec']['containers'][0]['env'][0]['value']")" = 1 ] || fail "spec"
    [ "$(pod told "['metadata']['labels']['some']")" = label ] || fail "labels"
    [ "$(pod told "['metadata']['annotations']['some']")" = 'annotation " with \ signs' ] || fail "annotations"
    [ "$(pod told "['metadata']['uid']")" = "$(pod_field told '{.metadata.uid}')" ] || fail "uid"
    [ "$(pod told "['status']['qosClass']")" = BestEffort ] || fail "what the API server adds"
    [ "$(pod told "['status']['containerStatuses'][0]['state']['running']['startedAt']")" = "$(pod_field told '{.status.containerStatuses[0].state.running.startedAt}')" ] ||
        fail "the container"
    kubectl proxy --port=0 >"$TMP/proxy" &
    proxy=$!
    trap 'kill $proxy' EXIT
    wait_for 10 "a proxy" grep -q 'Starting to serve on' "$TMP/proxy"
    curl -sf -X PATCH -H 'Content-Type: application/strategic-merge-patch+json' "$(sed 's,Starting to serve on ,http://,' "$TMP/proxy")/api/v1/namespaces/$NS/pods/told/status" \
        -d '{"status":{"conditions":[{"type":"example.org/gate","status":"True"}]}}' >/dev/null
    wait_for 10 "a condition of somebody else's" contains "'example.org/gate'" pod told "['status']['conditions']"
    # the agent answers the condition with one of its own, Ready, and that is another version
    running told
    the_latest() { equals "$(pod_field told '{.metadata.resourceVersion}')" pod told "['metadata']['resourceVersion']"; }
    wait_for 10 "the version is the latest" the_latest
    k delete pod told --wait=false >/dev/null
    gone told
    wait_for 10 "it is told no more" equals 0 lists told
}

test_runningpods_are_what_runs() {
    program one 'sleep 1000' '  restartPolicy: Never'
    program two 'exit 0' '  restartPolicy: Never'
    running one
    wait_for 30 "two is over" equals Succeeded pod_field two '{.status.phase}'
    wait_for 10 "one runs" equals 1 lists one runningpods/
    [ "$(lists two runningpods/)" = 0 ] || fail "two does not run"
    [ "$(pod one "['spec']['containers'][0]['name']" runningpods/)" = main ] || fail "its container"
    [ "$(lists two)" = 1 ] || fail "two is wanted still"
    wait_for 10 "and over" equals Succeeded pod two "['status']['phase']"
    [ "$(pod two "['status']['containerStatuses'][0]['state']['terminated']['reason']")" = Completed ] || fail "why it ended"
}

test_a_static_pod_is_told_though_nobody_may_ask_the_api_server() {
    trap 'node rm -f /etc/vks/manifests/told.yaml; "$LAB" k8s start-apiserver >/dev/null' EXIT
    curl_as_admin pods >"$TMP/before" || fail "before" # and what he may is remembered
    "$LAB" k8s stop-apiserver >/dev/null
    node sh -c 'cat >/etc/vks/manifests/told.yaml' <<YAML
apiVersion: v1
kind: Pod
metadata: {name: static, namespace: $NS}
spec: {containers: [{name: main, image: /bin/sleep, command: [sleep, "1000"]}]}
YAML
    wait_for 30 "it runs, and is told" static_runs
}
static_runs() {
    [ "$(curl_as_admin pods | python3 -c 'import json, sys
print([p["status"]["phase"] for p in json.load(sys.stdin)["items"] if p["metadata"]["name"] == sys.argv[1]][0])' "static-$NODE")" = Running ]
}
# By a certificate of its own, at the node's own door.
curl_as_admin() { # PATH [OPTION...]
    local path=$1
    shift
    [ -e "$TMP/admin.crt" ] || "$LAB" client "$TMP/admin" "/O=system:masters/CN=vks-kubelet-api-$$"
    curl -skf --cert "$TMP/admin.crt" --key "$TMP/admin.key" "$@" "https://127.0.0.1:${KUBELET_PORT:-10250}/$path"
}

# configured LINE: agent.yaml has that line, too; without one, none that a test has put there.
configured() {
    sh_node "test -e /root/agent.kept || cp -p /etc/vks/agent.yaml /root/agent.kept; cp -p /root/agent.kept /etc/vks/agent.yaml; echo '${1:-}' >>/etc/vks/agent.yaml"
    [ -n "${1:-}" ] || sh_node "mv /root/agent.kept /etc/vks/agent.yaml"
    node systemctl restart vks-agent
    wait_for 30 "the agent is back" equals ok get healthz
}

test_the_machines_logs() {
    local words="told by $NS"
    node sh -c "echo 'a line of $NS' >/var/log/vks-test.log; echo secret >/var/log/vks-secret.log; chmod 600 /var/log/vks-secret.log"
    trap 'node rm -f /var/log/vks-test.log /var/log/vks-secret.log; configured' EXIT
    [ "$(get logs/vks-test.log)" = "a line of $NS" ] || fail "a file: $(get logs/vks-test.log)"
    contains '<a href="vks-test.log">' get logs/ || fail "the folder"
    contains '<a href="history.log">' get logs/apt || fail "a folder without a slash"
    ! get logs/vks-secret.log >"$TMP/out" 2>&1 || fail "what is root's alone: $(cat "$TMP/out")"
    contains 'vks-test.log' get 'logs/?query=vks-test&tailLines=x' || fail "parameters mean nothing yet"
    configured 'enableSystemLogQuery: true'
    in_node "/run/told-$NS" "echo one; echo '$words'; echo three"
    node systemd-run --quiet --wait --unit="told-$NS" sh "/run/told-$NS"
    wait_for 10 "the journal has it" contains "]: $words" get "logs/?query=told-$NS"
    wait_for 10 "what systemd says of it" contains "Started" get "logs/?query=told-$NS&boot=0"
    contains "No entries" get "logs/?query=told-$NS.service&pattern=TOLD%20by" || fail "capital letters are meant"
    contains "]: $words" get "logs/?query=told-$NS.service&pattern=%5Etold%20by%20.*&tailLines=1" || fail "a pattern"
    [ "$(get "logs/?query=vks-test")" = "a line of $NS" ] || fail "a service that has a file"
    ! get 'logs/?query=vks-test&boot=x' >"$TMP/out" 2>&1 || fail "no number"
    grep -q BadRequest "$TMP/out" || fail "no number: $(cat "$TMP/out")"
}

test_configz_is_what_holds() {
    [ "$(of configz "o['kubeletconfig']['kind']")" = KubeletConfiguration ] || fail "kind"
    [ "$(of configz "o['kubeletconfig']['authorization']['mode']")" = Webhook ] || fail "mode"
    [ "$(of configz "o['kubeletconfig']['maxPods']")" = "$(k get node "$NODE" -o 'jsonpath={.status.capacity.pods}')" ] || fail "maxPods"
}

# What /healthz has found is counted, as Prometheus asks for it.
test_health_is_measured() {
    local checks='kubernetes_healthchecks_total{name="syncloop",status="success",type="healthz"}' before after
    [ "$(get healthz)" = ok ] || fail "healthz"
    get metrics/slis >"$TMP/slis"
    grep -qxF 'kubernetes_healthcheck{name="syncloop",type="healthz"} 1' "$TMP/slis" || fail "the last result: $(cat "$TMP/slis")"
    before=$(awk -v name="$checks" '$1 == name { print $2 }' "$TMP/slis")
    [ "$(get healthz)" = ok ] || fail "healthz again"
    after=$(get metrics/slis | awk -v name="$checks" '$1 == name { print $2 }')
    [ "$after" -gt "$before" ] || fail "$before, then $after"
    curl_as_admin metrics/slis -X DELETE >"$TMP/slis" || fail "to begin anew"
    [ "$(cat "$TMP/slis")" = "metrics reset" ] || fail "the words: $(cat "$TMP/slis")"
}

# As the kubelet of the current release has them: as text, and as an object for who asks for one.
test_statusz_and_flagz() {
    curl_as_admin statusz >"$TMP/statusz"
    grep -q '^kubelet statusz$' "$TMP/statusz" || fail "statusz: $(cat "$TMP/statusz")"
    grep -q '^Paths:.* /logs .*/pods' "$TMP/statusz" || fail "paths: $(cat "$TMP/statusz")"
    [ "$(curl_as_admin statusz -H 'Accept: application/json;as=Statusz;g=config.k8s.io;v=v1beta1' | python3 -c 'import json, sys
o = json.load(sys.stdin)
print(o["kind"], o["emulationVersion"], o["uptimeSeconds"] >= 0)')" = "Statusz $(k get node "$NODE" -o 'jsonpath={.status.nodeInfo.kubeletVersion}' | sed 's/^v\([0-9]*[.][0-9]*\)[.].*/\1/') True" ] ||
        fail "statusz as an object"
    curl_as_admin flagz | grep "^nodename=$NODE\$" >/dev/null || fail "flagz"
    [ "$(curl_as_admin flagz -H 'Accept: application/yaml' -o /dev/null -w '%{http_code}' -f 2>/dev/null || true)" = 406 ] || fail "no object, and no text"
}

# metric PATH NAME{LABELS}: its value
metric() {
    get "$1" | awk -v name="$2" 'index($0, name " ") == 1 { print $(NF > 2 ? NF - 1 : NF); found = 1 } END { exit !found }'
}
# As that of a metric, from the file of the kernel's; nothing where the kernel does not count.
counted() { node cat "/sys/fs/cgroup$1/$2" 2>/dev/null; }
grown() { # NUMBER COMMAND...
    local than=$1
    shift
    python3 -c 'import sys; sys.exit(float(sys.argv[1]) <= float(sys.argv[2]))' "$("$@")" "$than"
}

test_what_is_used_is_told() {
    local labels="{container=\"main\",namespace=\"$NS\",pod=\"busy\"}" unit cgroup slice cpu started all
    program busy 'head -c 20000000 /dev/zero >/dev/null; sleep 1000'
    running busy
    unit=$(unit_of busy 'bin\x2fsh')
    cgroup=$(node systemctl show -P ControlGroup "$unit")
    slice=${cgroup%/*}
    wait_for 10 "it is told" metric metrics/resource "container_cpu_usage_seconds_total$labels"
    cpu=$(metric metrics/resource "container_cpu_usage_seconds_total$labels")
    python3 -c 'import sys; kernel, told = int(sys.argv[1]) / 1e6, float(sys.argv[2]); sys.exit(not 0 < told <= kernel)' \
        "$(counted "$cgroup" cpu.stat | awk '$1 == "usage_usec" { print $2 }')" "$cpu" || fail "told $cpu"
    started=$(metric metrics/resource "container_start_time_seconds$labels")
    [ "$(date -u -d "@${started%.*}" +%FT%TZ)" = "$(pod_field busy '{.status.containerStatuses[0].state.running.startedAt}')" ] || fail "started $started"
    grown 0 metric metrics/resource "pod_cpu_usage_seconds_total{namespace=\"$NS\",pod=\"busy\"}" || fail "of the pod"
    grown 0 metric metrics/resource node_cpu_usage_seconds_total || fail "of the node"
    grown 0 metric metrics/resource node_memory_working_set_bytes || fail "memory of the node"
    [ "$(metric metrics/resource resource_scrape_error)" = 0 ] || fail "an error is told"
    all="{container=\"main\",cpu=\"total\",id=\"$cgroup\",image=\"/bin/sh\",name=\"$(node systemctl show -P InvocationID "$unit")\",namespace=\"$NS\",pod=\"busy\"}"
    all=${all//\\/\\\\} # as Prometheus writes them
    get metrics/cadvisor | grep -F "container_cpu_usage_seconds_total$all " >/dev/null || fail "cadvisor: $(get metrics/cadvisor | grep busy)"
    get metrics/cadvisor | grep -F "container_cpu_usage_seconds_total{container=\"\",cpu=\"total\",id=\"$slice\"," >/dev/null || fail "cadvisor: the pod"
    [ "$(of stats/summary "o['node']['nodeName']")" = "$NODE" ] || fail "summary"
    [ "$(of stats/summary "[p['containers'][0]['name'] for p in o['pods'] if p['podRef']['uid'] == '$(pod_field busy '{.metadata.uid}')']")" = "['main']" ] || fail "summary: the pod"
    [ "$(of stats/summary "0 < o['node']['fs']['availableBytes'] < o['node']['fs']['capacityBytes']")" = True ] || fail "summary: the filesystem"
    # at present: what lies between two looks, of which the second comes some ten seconds after the first
    wait_for 40 "how much CPU is used at present" equals True of stats/summary "(o['node']['cpu'].get('usageNanoCores', 0) > 0 and
        ['usageNanoCores' in x['cpu'] for p in o['pods'] if p['podRef']['uid'] == '$(pod_field busy '{.metadata.uid}')' for x in [p] + p['containers']] == [True, True])"
    # What the kernel does not count is not told, and what it does is.
    if counted "$cgroup" memory.current >/dev/null; then
        grown 0 metric metrics/resource "container_memory_working_set_bytes$labels" || fail "memory"
    else
        ! metric metrics/resource "container_memory_working_set_bytes$labels" || fail "memory that nobody counts"
    fi
    # Work shows, also that of a command beside the container, which is the pod's.
    cpu=$(metric metrics/resource "pod_cpu_usage_seconds_total{namespace=\"$NS\",pod=\"busy\"}")
    k exec busy -- sh -c 'head -c 100000000 /dev/zero >/dev/null & wait; sleep 100' >/dev/null 2>&1 &
    beside=$!
    trap 'kill $beside 2>/dev/null' EXIT
    wait_for 30 "the pod has used more" grown "$cpu" metric metrics/resource "pod_cpu_usage_seconds_total{namespace=\"$NS\",pod=\"busy\"}"
}

test_probes_are_counted() {
    local labels
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: probed}
spec:
  containers:
  - name: main
    image: /bin/sh
    command: [/bin/sh, -c, "sleep 1000"]
    readinessProbe: {exec: {command: [/bin/true]}, periodSeconds: 1, timeoutSeconds: 100}
    livenessProbe: {tcpSocket: {port: 1, host: 127.0.0.1}, periodSeconds: 1, failureThreshold: 100}
YAML
    running probed
    labels="container=\"main\",namespace=\"$NS\",pod=\"probed\",pod_uid=\"$(pod_field probed '{.metadata.uid}')\""
    wait_for 20 "good ones" grown 0 metric metrics/probes "prober_probe_total{$labels,probe_type=\"Readiness\",result=\"successful\"}"
    wait_for 20 "bad ones" grown 0 metric metrics/probes "prober_probe_total{$labels,probe_type=\"Liveness\",result=\"failed\"}"
    ! metric metrics/probes "prober_probe_total{$labels,probe_type=\"Readiness\",result=\"failed\"}" || fail "none has failed"
}

# What dashboards and alerts of clusters ask each kubelet for.
test_the_agent_tells_of_itself() {
    local running started
    running=$(metric metrics 'kubelet_running_containers{container_state="running"}')
    started=$(metric metrics kubelet_pod_start_duration_seconds_count)
    program one 'sleep 1000'
    running one
    wait_for 10 "one more runs" grown "$running" metric metrics 'kubelet_running_containers{container_state="running"}'
    wait_for 10 "and was waited for" grown "$started" metric metrics kubelet_pod_start_duration_seconds_count
    [ "$(metric metrics "kubelet_node_name{node=\"$NODE\"}")" = 1 ] || fail "the name"
    get metrics | grep "^kubernetes_build_info{git_version=\"$(k get node "$NODE" -o 'jsonpath={.status.nodeInfo.kubeletVersion}')\",major=\"1\",minor=\"[0-9]*\"} 1\$" >/dev/null || fail "the version"
    get metrics | grep -E '^rest_client_requests_total\{code="200",host="[^"]+",method="PATCH"\} [1-9]' >/dev/null || fail "requests"
    grown 0 metric metrics process_cpu_seconds_total || fail "CPU"
    [ "$(metric metrics process_resident_memory_bytes)" -gt 1000000 ] || fail "memory"
    [ "$(metric metrics process_open_fds)" -lt "$(metric metrics process_max_fds)" ] || fail "descriptors"
    [ "$(metric metrics kubelet_running_pods)" -ge 1 ] || fail "pods"
}

# A thousand pods are too many for a test: what is sent is more than a connection holds at a time.
test_much_is_told_in_pieces() {
    local i
    for i in $(seq 20); do
        printf -- '---\napiVersion: v1\nkind: Pod\nmetadata: {name: "p%s", annotations: {much: "%s"}}\nspec: {nodeName: "%s", nodeSelector: {no: where}, containers: [{name: c, image: /bin/true}]}\n' \
            "$i" "$(head -c 150000 /dev/urandom | base64 -w 0)" "$NODE"
    done >"$TMP/much.yaml"
    k create -f "$TMP/much.yaml" >/dev/null
    wait_for 60 "all are told" equals 20 of pods "len([p for p in o['items'] if p['metadata']['namespace'] == '$NS' and p['metadata']['name'].startswith('p') and len(p['metadata']['annotations']['much']) == 200000])"
}

# Nobody keeps others out: neither by much that he opens, nor by what he sends slowly, nor by what he follows. What /healthz takes longer than
# without them is bounded, since a busy machine takes its time as well. The full numbers, and the bound of a machine that does nothing else: IDLE=2000 SLOW=2000 STREAMS=200 HEALTHZ_MS=50 ONLY=many_connections tests/e2e/kubelet_api.sh
test_many_connections() {
    local rss figures
    program talks 'i=0; while :; do i=$((i + 1)); echo "line $i"; sleep 0.5; done'
    running talks
    curl_as_admin pods >/dev/null || fail "an admin"
    "$LAB" client "$TMP/nobody" "/CN=vks-nobody-$$"
    mkfifo "$TMP/hold"
    python3 "$ROOT_DIR/tests/tools/connections.py" 127.0.0.1 "${KUBELET_PORT:-10250}" "$TMP/admin.crt" "$TMP/admin.key" "$TMP/nobody.crt" "$TMP/nobody.key" \
        "/containerLogs/$NS/talks/main" "${IDLE:-1200}" "${SLOW:-300}" "${STREAMS:-150}" "${SECONDS_LONG:-10}" <"$TMP/hold" >"$TMP/figures" 2>"$TMP/trouble" &
    many=$!
    exec 7>"$TMP/hold" # it goes when this is closed
    trap 'exec 7>&-; kill $many 2>/dev/null || true' EXIT
    wait_for 180 "all is opened, and was asked" told_or_gone
    figures=$(cat "$TMP/figures")
    [ -n "$figures" ] && kill -0 "$many" 2>/dev/null || fail "$(cat "$TMP/trouble" "$TMP/figures")"
    rss=$(node awk '$1 == "VmRSS:" { print int($2 / 1024) }' "/proc/$(main_pid vks-agent)/status")
    echo "  $figures, agent's RSS $rss MiB"
    [ "$rss" -lt 64 ] || fail "the agent has $rss MiB"
    python3 -c 'import json, sys
o = json.loads(sys.argv[1])
sys.exit(not max(o["new_p50_ms"] - o["new_before_ms"], o["kept_p50_ms"] - o["kept_before_ms"]) < float(sys.argv[2]))' "$figures" "${HEALTHZ_MS:-100}" || fail "healthz is slow: $figures"
    exec 7>&-
    wait_for 30 "its connections are gone, and so is what they took" at_most_descriptors 100
}
told_or_gone() { [ -s "$TMP/figures" ] || [ -s "$TMP/trouble" ]; }
at_most_descriptors() { [ "$(node sh -c "ls /proc/$(main_pid vks-agent)/fd | wc -l")" -le "$1" ]; }

# Every pod has the machine's network. One that had the agent's port would be asked for all others' logs and commands, and an agent that does not begin
# without it could never end that pod.
test_no_pod_takes_the_agents_port_for_long() {
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: taker}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: /usr/bin/perl
    args:
    - -MSocket=:all
    - -e
    - |
      $| = 1;
      while (1) {
          socket(S, PF_INET6, SOCK_STREAM, 0);
          setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1);
          if (bind(S, sockaddr_in6(10250, inet_pton(AF_INET6, "::"))) && listen(S, 5)) {
              print "taken\n";
              sleep 3600;
          }
          close(S);
          select(undef, undef, undef, 0.0005);
      }
YAML
    running taker
    runs "$(unit_of taker 'usr\x2fbin\x2fperl')" "perl -MSocket"
    node systemctl restart vks-agent.service
    wait_for 30 "it is served again" equals ok get healthz
    wait_for 20 "the pod did not get the port while the agent was started anew" equals "" logs taker
    node systemctl stop vks-agent.service # its port is free now
    said=(node journalctl -o cat --no-pager -u "$(unit_of taker 'usr\x2fbin\x2fperl')")
    wait_for 30 "the pod has the port" contains taken "${said[@]}"
    node systemctl start vks-agent.service
    k delete pod taker --grace-period=1 >/dev/null
    gone taker 60
    wait_for 30 "the agent has its port" equals ok get healthz
}

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
run_tests
