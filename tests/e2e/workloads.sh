#!/bin/bash
# What Kubernetes' controllers make of pods here: they roll, count, order and end as they do on any other node.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
# shellcheck disable=SC2016 # perl's and python's variables

SERVER='use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => $ENV{PORT}, Listen => 64, ReuseAddr => 1) or die $!;
while (my $c = $s->accept) { while (<$c>) { last if /^\r?$/ } print $c "HTTP/1.1 200 x\r\nContent-Length: 6\r\n\r\n$ENV{PORT}\n"; close $c }'
# Asks whoever is an endpoint of the Service at that moment, until it is told to end; then says how many answers and failures there were.
CLIENT='import json, signal, subprocess, sys, threading, time, urllib.request
endpoints, over, answers, failures = [], False, {}, []
def watch():
    global endpoints
    w = subprocess.Popen(["kubectl", "-n", sys.argv[1], "get", "endpoints", sys.argv[2], "--watch", "-o", "json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    decoder, text = json.JSONDecoder(), ""
    for line in iter(w.stdout.readline, b""):
        text += line.decode()
        try: o, end = decoder.raw_decode(text)
        except ValueError: continue
        text = text[end:].lstrip()
        endpoints = [(a["ip"], p["port"]) for s in o.get("subsets") or [] for a in s.get("addresses") or [] for p in s["ports"]]
def end(*_):
    global over
    over = True
signal.signal(signal.SIGTERM, end)
threading.Thread(target=watch, daemon=True).start()
while not over:
    for ip, port in endpoints:
        try: said = urllib.request.urlopen(f"http://{ip}:{port}/", timeout=20).read().decode().strip()
        except Exception as e: failures.append(f"{port}: {e}")
        else:
            if said not in answers: print("there is", said, flush=True)
            answers[said] = answers.get(said, 0) + 1
    time.sleep(0.02)
print(" ".join(sorted(answers)), "failed:", len(failures), *failures[:3], flush=True)
subprocess.run(["pkill", "-P", str(__import__("os").getpid())])'

words() { printf '%s' "$1" | python3 -c 'import json,sys; print(json.dumps(sys.stdin.read()))'; }
condition() { field "$1" "$2" "{.status.conditions[?(@.type==\"$3\")].$4}"; } # KIND NAME TYPE FIELD
# A kind of a group that this API server knows, by the first of its versions that are given.
version_of() { # GROUP KINDS VERSION...
    local version group=$1 kinds=$2
    shift 2
    for version; do
        kubectl get --raw "/apis/$group/$version" 2>/dev/null | grep "\"name\":\"$kinds\"" >/dev/null && echo "$group/$version" && return
    done
}

# Each version of it has a port of its own, since the network is the machine's.
test_a_rolling_update_and_its_undoing_lose_no_request() {
    local client answers
    web() { # PORT
        apply <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 60
      containers:
      - name: main
        image: /usr/bin/perl
        command: [/usr/bin/perl, -e, $(words "$SERVER")]
        env: [{name: PORT, value: "$1"}]
        ports: [{name: web, containerPort: $1}]
        readinessProbe: {tcpSocket: {port: web}, periodSeconds: 1}
        lifecycle: {preStop: {exec: {command: [/bin/sleep, "10"]}}}
YAML
    }
    apply <<'YAML'
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: web}]}
YAML
    web 18301
    timeout 200 kubectl -n "$NS" rollout status deployment/web >/dev/null || fail "the first version"
    python3 -c "$CLIENT" "$NS" web >"$TMP/client" &
    client=$!
    wait_for 30 "the first version is asked" grep -qx "there is 18301" "$TMP/client"
    web 18302
    timeout 200 kubectl -n "$NS" rollout status deployment/web >/dev/null || fail "the second version"
    wait_for 30 "the second version is asked" grep -qx "there is 18302" "$TMP/client"
    wait_for 60 "the first has gone" equals 1 bash -c "k get pods -o name | wc -l"
    k rollout undo deployment/web >/dev/null
    timeout 200 kubectl -n "$NS" rollout status deployment/web >/dev/null || fail "the undoing"
    wait_for 60 "the second has gone" equals 1 bash -c "k get pods -o name | wc -l"
    kill "$client"
    wait "$client" || true
    answers=$(grep failed: "$TMP/client") || fail "the client has ended: $(cat "$TMP/client")"
    [ "$answers" = "18301 18302 failed: 0" ] || fail "$answers"
}

# When a pod was made, and when the one before it was ready or gone.
test_a_stateful_set_is_in_order() {
    local made ready i
    stateful() { # VALUE
        apply <<YAML
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {clusterIP: None, selector: {app: s}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: s}
spec:
  replicas: 3
  serviceName: s
  selector: {matchLabels: {app: s}}
  template:
    metadata: {labels: {app: s}}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
      - name: main
        image: /bin/sh
        command: [/bin/sh, -c, "echo I am \$HOSTNAME $1; sleep 1; touch /tmp/ready; exec sleep 1000"]
        readinessProbe: {exec: {command: [test, -e, /tmp/ready]}, periodSeconds: 1, timeoutSeconds: 60}
YAML
    }
    stateful one
    timeout 200 kubectl -n "$NS" rollout status statefulset/s >/dev/null || fail "up"
    for i in 1 2; do
        made=$(pod_field "s-$i" '{.metadata.creationTimestamp}')
        ready=$(condition pod "s-$((i - 1))" Ready lastTransitionTime)
        [[ ! $made < $ready ]] || fail "s-$i was made $made, and s-$((i - 1)) was ready $ready"
    done
    wait_for 20 "its own name" equals "I am s-2 one" k logs s-2
    stateful two
    timeout 200 kubectl -n "$NS" rollout status statefulset/s >/dev/null || fail "update"
    for i in 0 1; do # the last one first
        made=$(pod_field "s-$i" '{.metadata.creationTimestamp}')
        ready=$(condition pod "s-$((i + 1))" Ready lastTransitionTime)
        [[ ! $made < $ready ]] || fail "s-$i was made anew $made, and s-$((i + 1)) was ready $ready"
    done
    wait_for 20 "the new one" equals "I am s-0 two" k logs s-0
    k scale statefulset/s --replicas=1 >/dev/null
    wait_for 60 "the others have gone" equals pod/s-0 k get pods -o name
}

# 1.20's controller looks at a deadline once, and where the first update of the job's status met a conflict it looks too early. It looks again when the job changes.
late_is_over() {
    k annotate --overwrite job/late "looked-at=$(date +%s%N)" >/dev/null
    equals DeadlineExceeded condition job late Failed reason
}
test_jobs_count_and_give_up() {
    apply <<'YAML'
apiVersion: batch/v1
kind: Job
metadata: {name: four}
spec:
  completions: 4
  parallelism: 2
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: /bin/true, command: [/bin/true]}]}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: never}
spec:
  backoffLimit: 1
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: /bin/sh, command: [/bin/sh, -c, "exit 3"]}]}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: late}
spec:
  activeDeadlineSeconds: 3
  template: {spec: {restartPolicy: Never, terminationGracePeriodSeconds: 1, containers: [{name: c, image: /bin/sleep, command: [/bin/sleep, "1000"]}]}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: again}
spec:
  template:
    spec:
      restartPolicy: OnFailure
      volumes: [{name: v, emptyDir: {}}]
      containers: [{name: c, image: /bin/sh, command: [/bin/sh, -c, "[ -e /v/x ] || { touch /v/x; exit 1; }"], volumeMounts: [{name: v, mountPath: /v}]}]
YAML
    k wait --for=condition=complete job/four job/again --timeout=300s >/dev/null || fail "$(k get jobs)"
    equals 4 field job four '{.status.succeeded}' || fail "four: $(field job four '{.status}')"
    equals 1 k get pods -l job-name=again -o 'jsonpath={.items[*].status.containerStatuses[0].restartCount}' || fail "again: $(k get pods -l job-name=again)"
    k wait --for=condition=failed job/never --timeout=300s >/dev/null || fail "$(k get jobs)"
    wait_for 120 "the job is late" late_is_over || fail "$(k get jobs)"
    equals BackoffLimitExceeded condition job never Failed reason || fail "never: $(field job never '{.status}')"
    equals 2 field job never '{.status.failed}' || fail "never: $(field job never '{.status}')"
    equals DeadlineExceeded condition job late Failed reason || fail "late: $(field job late '{.status}')"
}

# Before 1.25 there is no such field: the test is not there, either.
test_a_jobs_pod_failure_policy_looks_at_exit_codes() {
    apply <<'YAML'
apiVersion: batch/v1
kind: Job
metadata: {name: policy}
spec:
  backoffLimit: 6
  podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {containerName: c, operator: In, values: [42]}}]}
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: /bin/sh, command: [/bin/sh, -c, "exit 42"]}]}}
YAML
    k wait --for=condition=failed job/policy --timeout=300s >/dev/null
    equals PodFailurePolicy condition job policy Failed reason || fail "$(field job policy '{.status}')"
    equals 1 bash -c "k get pods -l job-name=policy -o name | wc -l" || fail "it was tried again"
}

test_a_cron_job_runs_by_the_clock() {
    apply <<YAML
apiVersion: $(version_of batch cronjobs v1 v1beta1)
kind: CronJob
metadata: {name: clock}
spec:
  schedule: "* * * * *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: /bin/echo, command: [/bin/echo, cuckoo]}]}}}}
YAML
    first() { k get jobs -o 'jsonpath={.items[0].metadata.name}'; } # a minute later there are two
    wait_for 100 "its job" contains clock- first
    k wait --for=condition=complete "job/$(first)" --timeout=300s >/dev/null
    wait_for 20 "what it says" contains cuckoo k logs "job/$(first)"
}

# An eviction is asked of the API server, which asks the budget; the pod then ends as a deleted one does.
test_a_disruption_budget_holds_an_eviction_back() {
    local budget
    budget=$(version_of policy poddisruptionbudgets v1 v1beta1)
    apply <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: held}
spec:
  replicas: 1
  selector: {matchLabels: {app: held}}
  template:
    metadata: {labels: {app: held}}
    spec: {terminationGracePeriodSeconds: 5, containers: [{name: c, image: /bin/sleep, command: [/bin/sleep, "1000"]}]}
---
apiVersion: $budget
kind: PodDisruptionBudget
metadata: {name: held}
spec: {minAvailable: 1, selector: {matchLabels: {app: held}}}
YAML
    k rollout status deployment/held --timeout=200s >/dev/null
    wait_for 30 "the budget is counted" equals "1 0" field pdb held '{.status.currentHealthy} {.status.disruptionsAllowed}'
    pod=$(k get pods -o 'jsonpath={.items[0].metadata.name}')
    evict() {
        kubectl create --raw "/api/v1/namespaces/$NS/pods/$pod/eviction" -f - <<JSON
{"apiVersion": "$budget", "kind": "Eviction", "metadata": {"name": "$pod", "namespace": "$NS"}}
JSON
    }
    ! evict >"$TMP/evict" 2>&1 || fail "it was evicted"
    contains "disruption budget" cat "$TMP/evict" || fail "$(cat "$TMP/evict")"
    k delete pdb held >/dev/null
    evict >/dev/null 2>&1 || fail "it was not evicted"
    gone "$pod"
    k rollout status deployment/held --timeout=200s >/dev/null
}

kubectl explain job.spec.podFailurePolicy >/dev/null 2>&1 || unset -f test_a_jobs_pod_failure_policy_looks_at_exit_codes
# shellcheck disable=SC2046 # one word, or none
together $(declare -F test_a_jobs_pod_failure_policy_looks_at_exit_codes | sed 's/^test_//') a_rolling_update_and_its_undoing_lose_no_request a_stateful_set_is_in_order jobs_count_and_give_up \
    a_cron_job_runs_by_the_clock a_disruption_budget_holds_an_eviction_back
run_tests
