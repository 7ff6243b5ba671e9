#!/bin/bash
# WebSocket clients, as libraries for Python and JavaScript have them: what an API server passes on to the node as it is, and what it makes of it itself.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

websocket() { timeout 120 "$ROOT_DIR/tests/tools/websocket.py" "$@"; }
path() { echo "/api/v1/namespaces/$NS/pods/$1/$2"; } # POD SUBRESOURCE?QUERY
script() { python3 -c 'import sys, urllib.parse; print("&command=sh&command=-c&command=" + urllib.parse.quote(sys.argv[1]))' "$1"; }
expect() { # FILE LINE...
    local file=$1 line
    shift
    for line in "$@"; do grep -qxF -- "$line" "$file" || fail "no line \"$line\" in: $(cat "$file")"; done
}
shell() { # NAME
    program "$1" 'trap "exit 0" TERM; while :; do sleep 0.2; done'
    running "$1"
}

together every_protocol_runs_a_command input_and_its_end logs_come_whole what_cannot_be_is_answered a_port_is_forwarded

test_every_protocol_runs_a_command() {
    shell p
    local protocol
    for protocol in v5.channel.k8s.io,v4.channel.k8s.io v4.channel.k8s.io v4.base64.channel.k8s.io; do
        websocket "$(path p "exec?stdout=1&stderr=1$(script 'echo out; echo err >&2; exit 3')")" "$protocol" >"$TMP/p"
        expect "$TMP/p" "status 101" "protocol ${protocol%%,*}" '1 "out\n"' '2 "err\n"' "close 1000"
        grep -q '^3 .*NonZeroExitCode.*ExitCode.*\\"3\\"' "$TMP/p" || fail "no status: $(cat "$TMP/p")"
    done
    for protocol in channel.k8s.io base64.channel.k8s.io ''; do
        websocket "$(path p "exec?stdout=1$(script 'echo out; exit 3')")" $protocol >"$TMP/p"
        expect "$TMP/p" "protocol $protocol" "first 1" '1 "out\n"' "close 1000"
        grep -q '^3 "command terminated with non-zero exit code: .*3' "$TMP/p" || fail "no status: $(cat "$TMP/p")"
    done
}

test_input_and_its_end() {
    shell p
    websocket --send $'0:one\n' --send $'0:two\n' "$(path p "exec?stdin=1&stdout=1$(script 'read a; read b; echo "$b $a"')")" v4.channel.k8s.io >"$TMP/i"
    expect "$TMP/i" '1 "two one\n"' '3 "{\"metadata\":{},\"status\":\"Success\"}"'
    head -c 3000000 /dev/urandom >"$TMP/blob"
    websocket --stdin "$(path p "exec?stdin=1&stdout=1&command=cat")" v5.channel.k8s.io,v4.channel.k8s.io <"$TMP/blob" >"$TMP/i"
    expect "$TMP/i" "1 3000000 bytes $(sha256sum <"$TMP/blob" | cut -d ' ' -f 1)" '3 "{\"metadata\":{},\"status\":\"Success\"}"'
    websocket --stdin "$(path p "exec?stdin=1&stdout=1$(script 'head -c 3000000')")" v4.base64.channel.k8s.io <"$TMP/blob" >"$TMP/i"
    expect "$TMP/i" "1 3000000 bytes $(sha256sum <"$TMP/blob" | cut -d ' ' -f 1)"
}

# Here it is the API server that speaks WebSocket; from the node it reads logs as ever.
test_logs_come_whole() {
    program l 'echo "the only line"; exec sleep 1000'
    running l
    wait_for 10 "its line" contains "the only line" k logs l
    local protocol
    for protocol in binary.k8s.io base64.binary.k8s.io ''; do
        websocket --whole "$(path l log)" $protocol >"$TMP/l"
        expect "$TMP/l" "status 101" 'all "the only line\n"' "close 1000"
    done
}

test_what_cannot_be_is_answered() {
    shell p
    websocket "$(path p "exec?stdout=1&command=id")" v6.channel.k8s.io >"$TMP/w"
    expect "$TMP/w" "status 403"
    websocket "$(path p "exec?stdout=1&command=no-such-program")" v4.channel.k8s.io >"$TMP/w"
    grep -q '^3 .*"status\\":\\"Failure' "$TMP/w" || fail "$(cat "$TMP/w")"
    websocket "$(path p "portforward?ports=0")" v4.channel.k8s.io >"$TMP/w"
    expect "$TMP/w" "status 400"
}

test_a_port_is_forwarded() {
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: e}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - name: main
    image: /usr/bin/perl
    command: [/usr/bin/perl]
    args: [-MIO::Socket::INET, -e, 'my $l = IO::Socket::INET->new(LocalAddr => "127.0.0.1:7207", Listen => 9, ReuseAddr => 1) or die;
      while (my $c = $l->accept) { while (sysread $c, my $b, 65536) { syswrite $c, $b } }']
YAML
    running e
    wait_for 20 "it listens" sh_node "grep -q ':1C27 00000000:0000 0A' /proc/net/tcp"
    local protocol
    for protocol in v4.channel.k8s.io v4.base64.channel.k8s.io ''; do
        websocket --send 0:hello --until hello "$(path e "portforward?ports=7207")" $protocol >"$TMP/f"
        expect "$TMP/f" "status 101" "first 0" '0 "'"'"'\u001chello"' '1 "'"'"'\u001c"' "close 1000" # behind the port's number
    done
    websocket --until "nothing" "$(path e "portforward?ports=7208")" v4.channel.k8s.io >"$TMP/f" # where nobody listens
    grep -q '^1 .*7208' "$TMP/f" || fail "$(cat "$TMP/f")"
    expect "$TMP/f" "close 1000"
}

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
run_tests
