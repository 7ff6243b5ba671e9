#!/bin/bash
# kubectl port-forward: what passes, where it leads, and where it does not.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# A server at each ADDRESS/PORT that sends back whatever it is sent, and "end" behind that.
# shellcheck disable=SC2016 # perl's variables
ECHO='use IO::Socket::IP; use IO::Select; $SIG{CHLD} = "IGNORE";
my $all = IO::Select->new(map { my ($a, $p) = m{(.*)/(.*)};
    IO::Socket::IP->new(LocalHost => $a, LocalPort => $p, Listen => 64, ReuseAddr => 1, ($a eq "::" ? (V6Only => 0) : ())) or die "$_: $@" } @ARGV);
while (my @ready = $all->can_read) { for (@ready) {
    my $c = $_->accept or next; next if fork;
    my $b; while (sysread $c, $b, 65536) { my $at = 0; while ($at < length $b) { $at += syswrite($c, $b, length($b) - $at, $at) // exit } }
    syswrite $c, "end"; exit } }'

echo_pod() { # NAME ADDRESS/PORT...
    local name=$1 words
    shift
    words=$(printf '%s\n' "$ECHO" "$@" | python3 -c 'import json, sys; a = sys.stdin.read().rsplit("\n", int(sys.argv[1]) + 1); print(json.dumps(["-e"] + a[:-1]))' $#)
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$name"}
spec:
  terminationGracePeriodSeconds: 2
  containers: [{name: main, image: /usr/bin/perl, command: [/usr/bin/perl], args: $words}]
YAML
    running "$name"
    for words in "$@"; do listening "${words##*/}"; done
}
listening() { # PORT: somebody does, on the node
    wait_for 20 "somebody listens on $1" sh_node "grep -qE '^ *[0-9]+: [0-9A-F]+:$(printf %04X "$1") [0-9A-F:]+ 0A ' /proc/net/tcp /proc/net/tcp6"
}

# What a test that forwards leaves behind ends with it.
leave() {
    # shellcheck disable=SC2046 # words
    kill $(jobs -p) 2>/dev/null || true
    [ -z "${MACHINES_OWN:-}" ] || node systemctl stop 'vks-test-echo-*' || true
    [ -z "${CONFIGURED:-}" ] || with_config '' || true
}

# forward NAME POD PORT: kubectl does so until the test ends; its process is $KUBECTL, the port of this side $LOCAL, and what it says in $TMP/NAME.
forward() {
    trap leave EXIT
    local said=$TMP/$1
    : >"$said" # in which another one may have said so
    kubectl -n "$NS" port-forward "pod/$2" ":$3" >"$said" 2>&1 &
    KUBECTL=$!
    wait_for 30 "kubectl forwards to $2" grep -q '^Forwarding from 127' "$said"
    LOCAL=$(sed -n 's/^Forwarding from 127.0.0.1:\([0-9]*\) .*/\1/p' "$said")
}

# through PORT BYTES: they go there and come back as they were.
through() {
    timeout 300 python3 - "$1" "$2" <<'PY'
import hashlib, random, socket, sys, threading
port, size = int(sys.argv[1]), int(sys.argv[2])
data = random.Random(size).randbytes(size) if hasattr(random.Random, "randbytes") else bytes(size)
s = socket.create_connection(("127.0.0.1", port))
def send():
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)
t = threading.Thread(target=send)
t.start()
got = bytearray()
while chunk := s.recv(1 << 20):
    got += chunk
t.join()
want = data + b"end"
if got != want:
    sys.exit(f"{len(got)} bytes of {len(want)} came back" + ("" if len(got) != len(want) else ", and not the same"))
PY
}

# refused LOCAL NAME WORDS: nothing comes back, and kubectl says why.
refused() {
    ! through "$1" 10 >/dev/null 2>&1 || fail "$2: it was let through"
    wait_for 20 "kubectl says why" grep -qF "$3" "$TMP/$2" || fail "$(cat "$TMP/$2")"
}

# A service of the machine's own, for as long as the test.
machines_own() { # PORT
    in_node "/run/vks-test-echo-$1" "$ECHO"
    node systemd-run -q --collect --unit="vks-test-echo-$1" perl "/run/vks-test-echo-$1" "0.0.0.0/$1"
    trap leave EXIT
    MACHINES_OWN=1
    listening "$1"
}

uid() { pod_field "$1" '{.metadata.uid}'; }
agent_descriptors() { sh_node 'ls "/proc/$(systemctl show -P MainPID vks-agent)/fd" | wc -l'; }
at_most() { # NUMBER COMMAND...
    local most=$1
    shift
    [ "$("$@")" -le "$most" ]
}

test_a_package_answers_many_at_once() {
    local pids=() pid i
    k create configmap conf --from-literal=nginx.conf='error_log stderr; pid /tmp/nginx.pid; events {}
        http { access_log off; client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;
        server { listen 18300; return 200 "I am $request_uri\n"; } }' >/dev/null
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 2
  volumes: [{name: conf, configMap: {name: conf}}]
  containers: [{name: nginx, image: nginx-light, command: [/usr/sbin/nginx], args: [-c, /conf/nginx.conf, -g, 'daemon off;'], volumeMounts: [{name: conf, mountPath: /conf}]}]
YAML
    running web 120
    listening 18300
    forward web web 18300
    for i in $(seq 24); do
        (for j in 1 2 3; do [ "$(curl -sS -m 300 "http://127.0.0.1:$LOCAL/$i-$j")" = "I am /$i-$j" ] || exit 1; done) &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || fail "an answer is missing: $(cat "$TMP/web")"; done
    ! grep -i error "$TMP/web" || fail "kubectl is not content"
    node journalctl --sync
    sh_node "journalctl -u vks-agent -o cat | grep -c 'port-forward: user \".*\", pod $NS/web ($(uid web)), port 18300: 127.0.0.1:18300'" >"$TMP/lines" || true
    [ "$(cat "$TMP/lines")" = 1 ] || fail "lines in the journal: $(cat "$TMP/lines")"
}

test_much_arrives_intact_both_ways() {
    echo_pod big 127.0.0.1/18301
    forward big big 18301
    through "$LOCAL" $((50 * 1024 * 1024)) || fail "50 MiB: $(cat "$TMP/big")"
    through "$LOCAL" 0 || fail "nothing at all"
    through "$LOCAL" 1
}

test_wherever_the_pod_listens() {
    local case port
    echo_pod any 0.0.0.0/18310 127.0.0.1/18311 127.3.2.1/18312 ::/18313 ::1/18314
    for port in 18310 18311 18312 18313 18314; do
        forward "any$port" any "$port"
        through "$LOCAL" 1000 || fail "$port: $(cat "$TMP/any$port")"
    done
    for case in 18310:127.0.0.1:18310 18312:127.3.2.1:18312 '18314:\[::1\]:18314'; do
        node journalctl --sync
        sh_node "journalctl -u vks-agent -o cat | grep 'pod $NS/any ($(uid any)), port ${case%%:*}: ${case#*:}'" >/dev/null || fail "the journal does not tell of $case"
    done
}

test_only_to_the_pods_own() {
    echo_pod own 0.0.0.0/18320
    echo_pod other 0.0.0.0/18321
    machines_own 18322
    forward own own 18320
    through "$LOCAL" 1000 || fail "its own port"
    forward other own 18321
    refused "$LOCAL" other "port 18321 is held by processes that are not this pod's"
    forward machine own 18322
    refused "$LOCAL" machine "port 18322 is held by processes that are not this pod's"
    forward agent own "${KUBELET_PORT:-10250}"
    refused "$LOCAL" agent "port ${KUBELET_PORT:-10250} is held by processes that are not this pod's"
    forward nobody own 18323
    refused "$LOCAL" nobody "nobody listens on port 18323"
    node journalctl --sync
    sh_node "journalctl -u vks-agent -o cat | grep 'pod $NS/own ($(uid own)), port 18322: port 18322 is held'" >/dev/null || fail "a refusal is not in the journal"
}

test_a_session_outlives_a_restart_and_does_not_reach_a_namesake() {
    echo_pod again 127.0.0.1/18330
    forward again again 18330
    through "$LOCAL" 1000
    node systemctl kill --signal=KILL "$(unit_of again "$PERL")"
    wait_for 60 "it is started again" equals 1 pod_field again '{.status.containerStatuses[0].restartCount}'
    running again
    listening 18330
    through "$LOCAL" 1000 || fail "after a restart: $(cat "$TMP/again")"
    k delete pod again --wait=false >/dev/null
    gone again
    echo_pod again 127.0.0.1/18330
    refused "$LOCAL" again "port 18330 is held by processes that are not this pod's"
}

test_a_client_that_vanishes_leaves_nothing() {
    local before i
    echo_pod v 127.0.0.1/18340
    before=$(agent_descriptors)
    for i in 1 2 3; do
        forward "v$i" v 18340
        : >"$TMP/held"
        # Ten that talk, and then five that do not read what comes back: those stop the others, since streams have no windows.
        python3 - "$LOCAL" <<'PY' >"$TMP/held" &
import socket, sys, time
held = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for i in range(15)]
for s in held[:10]:
    s.sendall(b"x" * 1000)
for s in held[:10]:
    s.recv(1000, socket.MSG_WAITALL)
for s in held[10:]:
    s.setblocking(False)
    try:
        while True:
            s.send(b"y" * 65536)
    except BlockingIOError:
        pass
print("held", flush=True)
time.sleep(1000)
PY
        wait_for 30 "connections are held" grep -q held "$TMP/held"
        wait_for 30 "the pod has them" at_least 10 processes_of v
        # the client of the API server; then its own clients
        kill -KILL "$KUBECTL"
        wait "$KUBECTL" 2>/dev/null || true
        wait_for 30 "the pod's connections are closed" equals 1 processes_of v
        kill %+ 2>/dev/null || true
    done
    wait_for 30 "the agent has closed everything" at_most $((before + 2)) agent_descriptors # it may just have been without one of its watches
}
processes_of() { sh_node "wc -l </sys/fs/cgroup/\$(systemctl show -P ControlGroup '$(unit_of "$1" "$PERL")')/cgroup.procs"; }

# A client that speaks WebSocket names its ports beforehand, and has two channels for each. Python and JavaScript clients do so.
test_a_websocket_client() {
    trap leave EXIT
    echo_pod ws 127.0.0.1/18360
    kubectl proxy --port=0 >"$TMP/proxy" 2>&1 &
    wait_for 20 "the proxy serves" grep -q '^Starting to serve on' "$TMP/proxy"
    timeout 300 python3 - "$(sed -n 's/^Starting to serve on .*://p' "$TMP/proxy")" "/api/v1/namespaces/$NS/pods/ws/portforward?ports=18360&ports=18361" <<'PY'
import os, re, socket, struct, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(f"GET {sys.argv[2]} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n".encode())
f = s.makefile("rb")
head = b"".join(iter(f.readline, b"\r\n"))
assert b" 101 " in head and re.search(rb"(?i)sec-websocket-protocol: v4\.channel\.k8s\.io", head), head
def send(channel, data):
    mask, body = os.urandom(4), bytes([channel]) + data
    assert len(body) < 65536
    s.sendall(b"\x82" + struct.pack("!BH", 0x80 | 126, len(body)) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(body)))
def message():
    op, n = f.read(2)
    n = struct.unpack("!H", f.read(2))[0] if n == 126 else struct.unpack("!Q", f.read(8))[0] if n == 127 else n
    return op, f.read(n)
got = {i: b"" for i in range(4)}
sent = os.urandom(60000)
send(0, sent)
while len(got[0]) < 2 + len(sent) or len(got[3]) < 3:
    op, body = message()
    assert op == 0x82, (op, body, got)
    if body:
        got[body[0]] += body[1:]
for channel in got:
    assert got[channel][:2] == struct.pack("<H", 18360 + channel // 2), got[channel][:2]
assert got[0][2:] == sent, "what came back is not the same"
assert got[1][2:] == b"" and got[2][2:] == b"", (got[1], got[2])
assert b"nobody listens on port 18361" in got[3], got[3]
PY
}

test_the_switches() {
    local config
    config=$(node cat /etc/vks/agent.yaml)
    trap leave EXIT
    CONFIGURED=1
    echo_pod s 127.0.0.1/18350
    with_config 'portForward: "Off"'
    ! k port-forward pod/s :18350 >"$TMP/off" 2>&1 || fail "it forwards"
    grep -q 'port-forward is off on this node' "$TMP/off" || fail "$(cat "$TMP/off")"
    with_config 'portForwardNamespaces: [some-other, t-x*]'
    ! k port-forward pod/s :18350 >"$TMP/ns" 2>&1 || fail "it forwards"
    grep -q "port-forward does not reach namespace $NS on this node" "$TMP/ns" || fail "$(cat "$TMP/ns")"
    with_config 'portForward: AnyPort'
    machines_own 18351
    forward any s 18351
    through "$LOCAL" 1000 || fail "AnyPort: $(cat "$TMP/any")"
    forward nobody s 18352
    refused "$LOCAL" nobody "failed to connect to 127.0.0.1:18352: Connection refused, [::1]:18352: Connection refused"
    with_config ''
    [ "$(node cat /etc/vks/agent.yaml)" = "$config" ] || fail "the configuration is another one"
    forward again s 18351
    refused "$LOCAL" again "port 18351 is held by processes that are not this pod's"
}
# with_config LINES: beside those that were there; "" for those alone.
with_config() {
    if [ -n "$1" ]; then
        sh_node "test -e /tmp/agent.yaml || cp -p /etc/vks/agent.yaml /tmp/agent.yaml; cp -p /tmp/agent.yaml /etc/vks/agent.yaml; echo '$1' >>/etc/vks/agent.yaml"
    else
        sh_node "test ! -e /tmp/agent.yaml || mv /tmp/agent.yaml /etc/vks/agent.yaml"
    fi
    sh_node "systemctl restart vks-agent"
    wait_for 30 "the agent serves" contains 401 curl -sk -o /dev/null -w '%{http_code}' "https://127.0.0.1:${KUBELET_PORT:-10250}/healthz"
    wait_for 30 "the agent knows its pods" k logs s
}

PERL='usr\x2fbin\x2fperl'
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
together a_package_answers_many_at_once much_arrives_intact_both_ways wherever_the_pod_listens only_to_the_pods_own \
    a_session_outlives_a_restart_and_does_not_reach_a_namesake a_websocket_client
run_tests
