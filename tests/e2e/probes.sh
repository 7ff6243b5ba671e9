#!/bin/bash
# Startup, readiness and liveness probes of each kind: who is asked and how, and what follows.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck disable=SC2016 # perl's variables

PERL='usr\x2fbin\x2fperl'
# Answers each request on a port by the status in /tmp/answer (200; "302 URL" with a Location), and says when it was asked and for what.
HTTP='use IO::Socket::INET; $| = 1;
my $s = IO::Socket::INET->new(LocalPort => $ARGV[0], Listen => 64, ReuseAddr => 1) or die $!;
while (my $c = $s->accept) {
    my $asked = ""; while (<$c>) { s/\r?\n//; last if $_ eq ""; $asked .= "$_|" }
    print time, " $asked\n";
    my ($status, $where) = (200); if (open my $f, "<", "/tmp/answer") { ($status, $where) = split " ", <$f> }
    print $c "HTTP/1.1 $status x\r\n", ($where ? "Location: $where\r\n" : ""), "Content-Length: 2\r\n\r\nok"; close $c }'
# A server of HTTP/2 that has one answer: the health that is in /tmp/answer (1: SERVING).
GRPC='use IO::Socket::INET; $| = 1;
sub frame { my ($type, $flags, $stream, $data) = @_; pack("CnCCN", 0, length $data, $type, $flags, $stream) . $data }
sub field { my ($name, $value) = @_; "\0" . chr(length $name) . $name . chr(length $value) . $value }
my $s = IO::Socket::INET->new(LocalPort => $ARGV[0], Listen => 64, ReuseAddr => 1) or die $!;
CLIENT: while (my $c = $s->accept) {
    my ($in, $over) = ("", 0);
    until ($over) {
        sysread $c, $in, 65536, length $in or next CLIENT;
        for (my $at = 24; $at + 9 <= length $in;) {
            my ($high, $low, $type, $flags) = unpack "CnCC", substr $in, $at, 5;
            $over = 1 if $type == 0 && $flags & 1; $at += 9 + $low;
        }
    }
    my $health = 1; if (open my $f, "<", "/tmp/answer") { ($health) = split " ", <$f> }
    print $c frame(4, 0, 0, ""), frame(4, 1, 0, ""), frame(1, 4, 1, "\x88" . field("content-type", "application/grpc")),
        frame(0, 0, 1, "\0\0\0\0\2\10" . chr $health), frame(1, 5, 1, field("grpc-status", "0"));
    $c->flush; 1 while sysread $c, $in, 4096; close $c }'

words() { printf '%s' "$1" | python3 -c 'import json,sys; print(json.dumps(sys.stdin.read()))'; }

# serve POD PROGRAM PORT FIELDS [POD_FIELDS]: a container that runs it, with these more fields of the container
serve() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1", labels: {app: "$1"}}
spec:
  terminationGracePeriodSeconds: 30
${5:-}
  containers:
  - name: main
    image: /usr/bin/perl
    command: [/usr/bin/perl, -e, $(words "$2"), "$3"]
    ports: [{name: web, containerPort: $3}]
$(printf '%s\n' "$4" | sed 's/^/    /')
YAML
}
# sleeper POD FIELDS [POD_FIELDS]: one that does nothing
sleeper() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  terminationGracePeriodSeconds: 30
${3:-}
  containers:
  - name: main
    image: /bin/sh
    command: [/bin/sh, -c, "exec sleep 1000"]
$(printf '%s\n' "$2" | sed 's/^/    /')
YAML
}
main() { pod_field "$1" "{.status.containerStatuses[0].$2}"; }
is_up() { wait_for 60 "$1 runs" contains 20 main "$1" state.running.startedAt; }
not_ready() { wait_for 30 "$1 is not ready" equals false main "$1" ready; }
will_answer() { k exec "$1" -- sh -c "echo '$2' >/tmp/answer"; } # POD WORDS: from now on
asked() { logs "$1" | grep -c GET || true; } # POD: how often
# The same where no agent can be asked: of all pods that ever had its name.
asked_ever() { node journalctl --sync && node journalctl -q -o cat -u "$(unit_of "$1" "$PERL")" | grep -c "GET .*|" || true; }
# begun POD [OPTION]...: this run has taken away what the one before has left, and heeds signals as it is to
begun() { wait_for 20 "$1 has begun" contains up logs "$@"; }
endpoint() { field endpoints s "$1" 2>/dev/null; } # JSONPATH; a current kubectl warns that there is something newer
node_ip() { pod_field "$1" '{.status.hostIP}'; }

together each_kind_that_is_well http_as_the_kubelet_asks https_without_a_trusted_name what_is_wrong_is_said a_command_that_takes_too_long redirects \
    a_named_port_that_is_nowhere nothing_else_before_startup a_startup_probe_that_fails a_liveness_probe_that_fails its_own_grace never_is_not_started_again \
    on_failure_is_started_again_though_it_ended_well endpoints_follow_readiness thresholds a_delay_and_a_period a_sidecar_that_starts_slowly \
    who_ends_is_not_ended_again

test_each_kind_that_is_well() {
    serve http "$HTTP" 18701 'readinessProbe: {httpGet: {path: /ready, port: web}, periodSeconds: 1}'
    serve tcp "$HTTP" 18702 'readinessProbe: {tcpSocket: {port: 18702}, periodSeconds: 1}'
    sleeper exec 'readinessProbe: {exec: {command: [/bin/sh, -c, "test $(WORD) = word && test -d /tmp"]}, periodSeconds: 1, timeoutSeconds: 20}
env: [{name: WORD, value: word}]'
    running http
    running tcp
    running exec
    [ "$(main http started)" = true ] || fail "started: $(main http started)"
    if kubectl explain pod.spec.containers.readinessProbe.grpc >/dev/null 2>&1; then
        serve grpc "$GRPC" 18703 'readinessProbe: {grpc: {port: 18703, service: some.Service}, periodSeconds: 1}'
        running grpc
        will_answer grpc 2
        not_ready grpc
        event grpc 'Unhealthy: Readiness probe failed: service unhealthy \(responded with "NOT_SERVING"\)'
    fi
    ! has_event http FieldsIgnored || fail "probes are said to have no effect"
}

test_http_as_the_kubelet_asks() {
    serve p "$HTTP" 18711 'readinessProbe: {httpGet: {path: "a b?c=d", port: web, httpHeaders: [{name: X-Mine, value: yes it is}]}, periodSeconds: 1}'
    serve q "$HTTP" 18712 'readinessProbe: {httpGet: {path: /, port: 18712, host: 127.0.0.1, httpHeaders: [{name: Host, value: pod.example}, {name: User-Agent, value: me}]}, periodSeconds: 1}'
    running p
    running q
    wait_for 20 "what p was asked" contains "GET /a%20b?c=d HTTP/1.1|" logs p
    local line
    line=$(logs p | awk '/GET/ && !seen++')
    [[ $line == *"|Host: $(node_ip p):18711|"* ]] || fail "Host: $line"
    [[ $line == *"|User-Agent: kube-probe/"* ]] || fail "User-Agent: $line"
    [[ $line == *"|Accept: */*|"* && $line == *"|Connection: close|"* ]] || fail "$line"
    [[ $line == *"|X-Mine: yes it is|"* ]] || fail "a header of its own: $line"
    wait_for 20 "what q was asked" contains "GET / HTTP/1.1|" logs q
    line=$(logs q | awk '/GET/ && !seen++')
    [[ $line == *"|Host: pod.example|"* && $line == *"|User-Agent: me|"* && $line != *kube-probe* ]] || fail "$line"
}

test_https_without_a_trusted_name() {
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - name: main
    image: /bin/sh
    command:
    - /bin/sh
    - -c
    - |
      openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=nobody -days 2 -keyout /tmp/key -out /tmp/cert 2>/dev/null
      exec openssl s_server -quiet -www -accept 18721 -key /tmp/key -cert /tmp/cert
    readinessProbe: {httpGet: {scheme: HTTPS, port: 18721}, periodSeconds: 1, timeoutSeconds: 5}
YAML
    running p
}

test_what_is_wrong_is_said() {
    serve http "$HTTP" 18731 'readinessProbe: {httpGet: {path: /x, port: web}, periodSeconds: 1, failureThreshold: 1}'
    sleeper tcp 'readinessProbe: {tcpSocket: {port: 18732}, periodSeconds: 1}'
    sleeper refused 'readinessProbe: {httpGet: {path: /x, port: 18732}, periodSeconds: 1}'
    sleeper exec 'readinessProbe: {exec: {command: [/bin/sh, -c, "echo these words; exit 3"]}, periodSeconds: 1, timeoutSeconds: 20}'
    running http
    will_answer http 503
    not_ready http
    event http "Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503"
    wait_for 20 "Ready says so" equals "False ContainersNotReady containers with unready status: [main]" \
        pod_field http '{range .status.conditions[?(@.type=="Ready")]}{.status} {.reason} {.message}{end}'
    event tcp "Unhealthy: Readiness probe failed: dial tcp [0-9.]+:18732: connect: connection refused"
    event refused 'Unhealthy: Readiness probe failed: Get "http://[0-9.]+:18732/x": dial tcp [0-9.]+:18732: connect: connection refused'
    event exec "Unhealthy: Readiness probe failed: these words"
    local pod
    for pod in tcp refused exec; do
        wait_for 20 "$pod runs, and is not ready" equals "false true 0" main "$pod" "ready} {.status.containerStatuses[0].started} {.status.containerStatuses[0].restartCount"
    done
    will_answer http 200
    running http
}

test_a_command_that_takes_too_long() {
    sleeper p 'readinessProbe: {exec: {command: [/bin/sleep, "87654"]}, periodSeconds: 1, timeoutSeconds: 1}'
    event p 'Unhealthy: Readiness probe failed: command timed out: "/bin/sleep 87654" timed out after 1s'
    wait_for 20 "it is not ready" equals false main p ready
    k delete pod p --wait=true --timeout=300s >/dev/null
    wait_for 20 "no command is left" equals "" sh_node "pgrep -f '[s]leep 87654' || true"
    assert_clean_node
}

test_redirects() {
    serve p "$HTTP" 18741 'readinessProbe: {httpGet: {path: /from, port: web}, periodSeconds: 1, timeoutSeconds: 60, failureThreshold: 1}'
    running p
    will_answer p "302 http://elsewhere.example/"
    event p "ProbeWarning: Readiness probe warning: Probe terminated redirects, Response body: ok"
    [ "$(main p ready)" = true ] || fail "that is no failure"
    will_answer p "302 /from"
    event p 'Unhealthy: Readiness probe failed: Get "http://[0-9.]+:18741/from": stopped after 10 redirects'
    not_ready p
}

test_a_named_port_that_is_nowhere() {
    serve p "$HTTP" 18745 'readinessProbe: {tcpSocket: {port: nowhere}, periodSeconds: 1}
livenessProbe: {tcpSocket: {port: nowhere}, periodSeconds: 1, failureThreshold: 1}'
    is_up p
    event p "Unhealthy: Readiness probe errored and resulted in unknown state: port nowhere not found"
    event p "Unhealthy: Liveness probe errored and resulted in unknown state: port nowhere not found"
    [ "$(main p ready),$(main p restartCount)" = false,0 ] || fail "that says nothing about the container: $(main p '*')"
}

test_nothing_else_before_startup() {
    serve p "$HTTP" 18751 'startupProbe: {exec: {command: [/bin/test, -e, /tmp/started]}, periodSeconds: 1, timeoutSeconds: 20, failureThreshold: 1000}
readinessProbe: {httpGet: {path: /readiness, port: web}, periodSeconds: 1}
livenessProbe: {httpGet: {path: /liveness, port: web}, periodSeconds: 1}'
    is_up p
    event p "Unhealthy: Startup probe failed"
    sleep 2
    [ "$(main p started),$(main p ready)" = false,false ] || fail "started, ready: $(main p started), $(main p ready)"
    [ "$(asked p)" = 0 ] || fail "it was asked: $(logs p)"
    k exec p -- touch /tmp/started
    running p
    [ "$(main p started)" = true ] || fail "started"
    wait_for 20 "it is asked for liveness" contains "GET /liveness" logs p
    wait_for 20 "and for readiness" contains "GET /readiness" logs p
}

test_a_startup_probe_that_fails() {
    sleeper p 'startupProbe: {exec: {command: [/bin/false]}, periodSeconds: 1, timeoutSeconds: 20, failureThreshold: 2}'
    event p "Killing: Container main failed startup probe, will be restarted"
    wait_for 30 "it was started again" at_least 1 main p restartCount
    [ "$(main p lastState.terminated.exitCode)" = 143 ] || fail "last state: $(main p lastState)"
}

# Whoever is asked by a file.
ALIVE='livenessProbe: {exec: {command: [/bin/sh, -c, "test ! -e /tmp/ill"]}, periodSeconds: 1, timeoutSeconds: 20, failureThreshold: 2'

test_a_liveness_probe_that_fails() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - name: main
    image: /bin/sh
    command: [/bin/sh, -c, "rm -f /tmp/ill; echo up; exec sleep 1000"]
    $ALIVE}
  - name: other
    image: /bin/sleep
    command: [/bin/sleep, "1000"]
YAML
    running p
    [ "$(pod_field p '{.status.containerStatuses[*].restartCount}')" = "0 0" ] || fail "restarts"
    begun p -c main
    k exec p -c main -- touch /tmp/ill
    wait_for 30 "it was started again" equals "1 0" pod_field p '{.status.containerStatuses[*].restartCount}'
    event p "Unhealthy: Liveness probe failed"
    event p "Killing: Container main failed liveness probe, will be restarted"
    running p
    [ "$(pod_field p '{.status.containerStatuses[0].lastState.terminated.reason}')" = Error ] || fail "last state"
    [ "$(pod_field p '{.status.containerStatuses[1].restartCount}')" = 0 ] || fail "the other was started again"
    # the second time in a row after the back-off
    begun p -c main
    k exec p -c main -- touch /tmp/ill
    event p "BackOff: Back-off restarting failed container"
    wait_for 30 "and again" equals "2 0" pod_field p '{.status.containerStatuses[*].restartCount}'
}

test_its_own_grace() {
    k apply --validate=false -f - >/dev/null <<YAML
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 1000
  containers:
  - name: main
    image: /bin/sh
    command: [/bin/sh, -c, "trap '' TERM; rm -f /tmp/ill; echo up; while :; do sleep 0.2; done"]
    $ALIVE, terminationGracePeriodSeconds: 1}
YAML
    running p
    # an API server that does not know the field has dropped it
    if [ "$(pod_field p '{.spec.containers[0].livenessProbe.terminationGracePeriodSeconds}')" = 1 ]; then
        begun p
        k exec p -- touch /tmp/ill
        wait_for 30 "it was killed and started again" at_least 1 main p restartCount
        [ "$(main p lastState.terminated.exitCode)" = 137 ] || fail "last state: $(main p lastState)"
    fi
    k delete pod p --grace-period=1 --wait=true --timeout=300s >/dev/null
}

test_never_is_not_started_again() {
    sleeper p "$ALIVE}" '  restartPolicy: Never'
    running p
    k exec p -- touch /tmp/ill
    wait_for 30 "it has failed" equals Failed pod_field p '{.status.phase}'
    event p "Killing: Container main failed liveness probe$"
    [ "$(main p restartCount),$(main p state.terminated.exitCode)" = 0,143 ] || fail "$(main p '*')"
}

test_on_failure_is_started_again_though_it_ended_well() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  restartPolicy: OnFailure
  terminationGracePeriodSeconds: 60
  containers:
  - name: main
    image: /bin/sh
    command: [/bin/sh, -c, "trap 'exit 0' TERM; rm -f /tmp/ill; echo up; while :; do sleep 0.2; done"]
    $ALIVE}
YAML
    running p
    begun p
    k exec p -- touch /tmp/ill
    wait_for 30 "it was started again" at_least 1 main p restartCount
    [ "$(main p lastState.terminated.exitCode)" = 0 ] || fail "last state: $(main p lastState)"
}

test_endpoints_follow_readiness() {
    apply <<'YAML'
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {selector: {app: p}, ports: [{port: 80, targetPort: web}]}
YAML
    serve p "$HTTP" 18761 'readinessProbe: {httpGet: {path: /, port: web}, periodSeconds: 1, failureThreshold: 2}'
    running p
    wait_for 30 "it is an endpoint" equals "18761 $(node_ip p)" endpoint '{.subsets[0].ports[0].port} {.subsets[0].addresses[0].ip}'
    will_answer p 500
    wait_for 30 "it is none" equals " $(node_ip p)" endpoint '{.subsets[0].addresses[0].ip} {.subsets[0].notReadyAddresses[0].ip}'
    [ "$(pod_field p '{.status.phase}'),$(main p restartCount)" = Running,0 ] || fail "readiness ends nothing"
    will_answer p 200
    wait_for 30 "it is one again" equals "$(node_ip p)" endpoint '{.subsets[0].addresses[0].ip}'
}

test_thresholds() {
    serve p "$HTTP" 18771 'readinessProbe: {httpGet: {path: /, port: web}, periodSeconds: 1, timeoutSeconds: 60, successThreshold: 3, failureThreshold: 3}'
    running p
    local before
    before=$(asked p)
    [ "$before" -ge 3 ] || fail "ready after $before times"
    will_answer p 500
    not_ready p
    [ $(($(asked p) - before)) -ge 3 ] || fail "not ready after $(($(asked p) - before)) times"
}

# Time is what this shows: only a lower bound holds on a busy machine.
test_a_delay_and_a_period() {
    serve p "$HTTP" 18781 'readinessProbe: {httpGet: {path: /, port: web}, initialDelaySeconds: 4, periodSeconds: 3}'
    is_up p
    wait_for 60 "it was asked three times" at_least 3 asked p
    local started first second third
    started=$(date -d "$(main p state.running.startedAt)" +%s)
    read -r first second third < <(logs p | awk '/GET/ { all = all $1 " " } END { print all }')
    third=${third%% *}
    [ $((first - started)) -ge 4 ] || fail "first asked after $((first - started)) s"
    [ $((third - started)) -ge 10 ] || fail "started at $started, asked at $first, $second, $third"
}

test_a_sidecar_that_starts_slowly() {
    kubectl explain pod.spec.initContainers.restartPolicy >/dev/null 2>&1 || return 0 # this API server has no sidecars
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 2
  initContainers:
  - name: side
    image: /bin/sh
    command: [/bin/sh, -c, "exec sleep 1000"]
    restartPolicy: Always
    startupProbe: {exec: {command: [/bin/test, -e, /tmp/started]}, periodSeconds: 1, timeoutSeconds: 20, failureThreshold: 1000}
  containers:
  - {name: main, image: /bin/sleep, command: [/bin/sleep, "1000"]}
YAML
    event p "Unhealthy: Startup probe failed"
    wait_for 10 "the container waits" equals PodInitializing main p state.waiting.reason
    [ "$(pod_field p '{.status.initContainerStatuses[0].started}')" = false ] || fail "the sidecar has started"
    k exec p -c side -- touch /tmp/started
    running p
    [ "$(pod_field p '{.status.initContainerStatuses[0].started}')" = true ] || fail "the sidecar has not started"
}

test_who_ends_is_not_ended_again() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 60
  containers:
  - name: main
    image: /bin/sh
    command: [/bin/sh, -c, "trap 'touch /tmp/ill; sleep 4; exit 0' TERM; while :; do sleep 0.1; done"]
    $ALIVE}
YAML
    running p
    k delete pod p --wait=true --timeout=300s >/dev/null
    ! has_event p "Liveness probe failed" || fail "it was asked while it ended"
}

# ---- alone: the agent itself ----

test_ready_stays_ready_when_the_agent_is_restarted() {
    serve p "$HTTP" 18791 'startupProbe: {httpGet: {path: /startup, port: web}, periodSeconds: 1, timeoutSeconds: 60}
readinessProbe: {httpGet: {path: /readiness, port: web}, periodSeconds: 1, timeoutSeconds: 60}
livenessProbe: {httpGet: {path: /liveness, port: web}, periodSeconds: 1, timeoutSeconds: 60}'
    running p
    local since count
    since=$(pod_field p '{.status.conditions[?(@.type=="Ready")].lastTransitionTime}')
    node systemctl stop vks-agent
    count=$(asked_ever p)
    sleep 3
    [ "$(asked_ever p)" = "$count" ] || fail "it was asked while the agent was stopped"
    kubectl -n "$NS" get pod p --watch -o 'jsonpath={.status.containerStatuses[0].ready} {.status.containerStatuses[0].started}{"\n"}' >"$RESULTS/$NS-watch" &
    local watch=$!
    wait_for 20 "it is watched" test -s "$RESULTS/$NS-watch"
    node systemctl start vks-agent
    wait_for 30 "it is asked again" at_least $((count + 6)) asked_ever p
    kill $watch
    ! grep -qv "^true true$" "$RESULTS/$NS-watch" || fail "it flapped: $(sort "$RESULTS/$NS-watch" | uniq -c)"
    [ "$(pod_field p '{.status.conditions[?(@.type=="Ready")].lastTransitionTime}')" = "$since" ] || fail "Ready is another since"
    # shellcheck disable=SC2016
    [ "$(logs p | grep -c 'GET /startup')" -le 2 ] || fail "the startup probe began anew: $(logs p | grep -c 'GET /startup')"
    will_answer p 500
    wait_for 30 "liveness is looked after again" at_least 1 main p restartCount
}

run_tests
