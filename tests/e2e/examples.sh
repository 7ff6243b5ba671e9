#!/bin/bash
# The examples that come with the package do what they say.
# once: what an example shows is the package's, not the API server's
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PROMETHEUS=http://$(kubectl get node "$NODE" -o 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}'):9090/api/v1

# The example in the test's namespace, which there is already.
manifest() {
    node cat /usr/share/doc/vks/examples/prometheus.yaml | sed "1,/^---/d; s/namespace: monitoring/namespace: $NS/; s/\"vks:prometheus\"/\"vks:prometheus-$NS\"/"
}
forget() {
    kubectl delete --ignore-not-found clusterrole,clusterrolebinding "vks:prometheus-$NS" >/dev/null
    sh_node 'rm -f /etc/apt/apt.conf.d/99vks-examples'
}

targets() { # "APP HEALTH" of each, sorted
    curl -sf "$PROMETHEUS/targets?state=active" | python3 -c 'import json, sys
for line in sorted("%s %s" % (t["labels"].get("app"), t["health"]) for t in json.load(sys.stdin)["data"]["activeTargets"]):
    print(line)'
}
value() { # QUERY: of its one series
    curl -sfG "$PROMETHEUS/query" --data-urlencode "query=$1" | python3 -c 'import json, sys
[series] = json.load(sys.stdin)["data"]["result"]
print(int(float(series["value"][1])))'
}

test_prometheus_finds_pods_and_scrapes_a_node_exporter() {
    trap forget EXIT
    sh_node "echo 'APT::Install-Recommends \"false\";' >/etc/apt/apt.conf.d/99vks-examples" # 15 packages instead of 69
    manifest | kubectl apply -f - >/dev/null
    wait_for 240 "both are up" equals "node-exporter up
prometheus up" targets
    wait_for 60 "a series of the node exporter" value "node_memory_MemTotal_bytes{node=\"$NODE\",namespace=\"$NS\"}"
    [ "$(value "node_memory_MemTotal_bytes{node=\"$NODE\"}")" = "$(node awk '$1 == "MemTotal:" { printf "%.0f", $2 * 1024 }' /proc/meminfo)" ] || fail "it is another machine's"
    k delete daemonset node-exporter >/dev/null
    wait_for 60 "who has gone is scraped no more" equals "prometheus up" targets
}

run_tests
