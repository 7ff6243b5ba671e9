#!/bin/bash
# The clients that programs are written with: Kubernetes' libraries for Python (Debian's package) and JavaScript (npm's; tests/tools/clients has the exact
# versions). kubectl has exec.sh, a client without a library websocket.sh.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CLIENTS=$ROOT_DIR/tests/tools/clients
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT

# npm's modules are kept, by what exactly they are: ten megabytes, which all labs of this machine share.
MODULES=${VKS_CACHE:-/var/cache/vks-lab}/clients-$(cat "$CLIENTS/package.json" "$CLIENTS/package-lock.json" | sha256sum | cut -c 1-16)
modules() {
    (
        flock 9
        [ ! -d "$MODULES" ] || exit 0
        rm -rf "$MODULES.new"
        mkdir -p "$MODULES.new"
        cp "$CLIENTS/package.json" "$CLIENTS/package-lock.json" "$MODULES.new/"
        # the authorities that the machine trusts: Node.js has a list of its own
        NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt} npm ci --prefix "$MODULES.new" --ignore-scripts --no-audit --no-fund --loglevel=error >&2 &&
            mv "$MODULES.new" "$MODULES" # "set -e" does not count here
    ) 9>"$MODULES.lock" || fail "the JavaScript library cannot be had"
    cp "$CLIENTS/client.mjs" "$MODULES/$1.mjs" # a program finds its modules beside itself
}
# client VERB [OPTION]... NAMESPACE POD [WORD]...
python() { timeout 300 /usr/bin/python3 "$CLIENTS/client.py" "$@"; }
javascript() { timeout 300 node "$MODULES/$NS.mjs" "$@"; }

together python_client javascript_client

pod() {
    program p 'echo first; i=0; while [ $i -lt 3 ] || [ -z "${ENDS:-}" ]; do i=$((i+1)); sleep 0.2; done'
    running p
}

commands() { # CLIENT
    local code=0
    "$1" exec -- "$NS" p sh -c 'echo out; echo err >&2; exit 3' >"$TMP/$1-out" 2>"$TMP/$1-err" || code=$?
    [ $code = 3 ] || fail "$1: exit code $code: $(cat "$TMP/$1-err")"
    [ "$(cat "$TMP/$1-out") $(cat "$TMP/$1-err")" = "out err" ] || fail "$1: $(cat "$TMP/$1-out" "$TMP/$1-err")"
    "$1" exec --input $'one\ntwo\n' -- "$NS" p sh -c 'read a; read b; echo "$b $a"' >"$TMP/$1-out" || fail "$1: input: $?"
    [ "$(cat "$TMP/$1-out")" = "two one" ] || fail "$1: input: $(cat "$TMP/$1-out")"
    # what is typed at once, before the shell is there, is for the shell
    code=0
    # JavaScript's library sends the size behind the input.
    "$1" exec --tty --size 77x21 --input $'i=0; until [ "$(stty size)" = "21 77" ] || [ $((i += 1)) -gt 1500 ]; do sleep 0.1; done; stty size; exit 4\n' -- "$NS" p sh >"$TMP/$1-out" || code=$?
    [ $code = 4 ] || fail "$1: exit code $code of a shell in a terminal: $(cat "$TMP/$1-out")"
    tr -d '\r' <"$TMP/$1-out" | grep '21 77$' >/dev/null || fail "$1: size: $(cat "$TMP/$1-out")"
    "$1" exec -- "$NS" p seq 200000 >"$TMP/$1-out" || fail "$1: much output: $?"
    [ "$(sha256sum <"$TMP/$1-out")" = "$(seq 200000 | sha256sum)" ] || fail "$1: output is changed: $(wc -c <"$TMP/$1-out") bytes"
}

logs_and_attach() { # CLIENT
    wait_for 10 "its line" contains first k logs p
    [ "$("$1" logs "$NS" p)" = first ] || fail "$1: logs: $("$1" logs "$NS" p)"
    program "l-$1" 'for i in 1 2 3 4 5 6 7 8; do echo "line $i"; sleep 0.3; done' "  restartPolicy: Never"
    wait_for 20 "it has begun" contains "line 1" k logs "l-$1"
    "$1" logs --follow "$NS" "l-$1" >"$TMP/$1-out" || fail "$1: logs that are followed: $?"
    grep -qx "line 8" "$TMP/$1-out" || fail "$1: logs end too early: $(cat "$TMP/$1-out")"
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "a-$1"}
spec:
  terminationGracePeriodSeconds: 2
  containers: [{name: main, image: /bin/sh, stdin: true, command: [/bin/sh, -c, 'while read line; do echo "heard \$line"; done; exec sleep 1000']}]
YAML
    running "a-$1"
    "$1" attach --input $'hello\n' --until "heard hello" "$NS" "a-$1" >"$TMP/$1-out" || fail "$1: attach: $?"
    grep -qx "heard hello" "$TMP/$1-out" || fail "$1: attach: $(cat "$TMP/$1-out")"
}

forwards() { # CLIENT PORT
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "f-$1"}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - name: main
    image: /usr/bin/perl
    command: [/usr/bin/perl, -MIO::Socket::INET, -e]
    args: ['my \$all = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $2, Listen => 9, ReuseAddr => 1) or die;
            while (my \$c = \$all->accept) { my \$line = <\$c>; print \$c "got \$line", "x" x 300000, "end"; close \$c }']
YAML
    running "f-$1"
    wait_for 20 "it listens" sh_node "grep -q ':$(printf %04X "$2") 00000000:0000 0A ' /proc/net/tcp"
    "$1" forward "$NS" "f-$1" "$2" <<<hello >"$TMP/$1-out" || fail "$1: port-forward: $?"
    [ "$(head -n 1 "$TMP/$1-out")" = "got hello" ] || fail "$1: port-forward: $(head -c 300 "$TMP/$1-out")"
    [ "$(wc -c <"$TMP/$1-out")" = 300013 ] || fail "$1: port-forward: $(wc -c <"$TMP/$1-out") bytes"
}

copies() { # JavaScript alone has that; from a pod its library asks for a gzip and reads it as a tar, which nobody can give it
    mkdir -p "$TMP/tree/deep" "$TMP/back"
    head -c 3000000 /dev/urandom >"$TMP/tree/deep/random"
    : >"$TMP/tree/empty"
    k exec p -- mkdir -p /tmp/copy
    javascript copy-to "$NS" p "$TMP/tree" /tmp/copy || fail "to the pod: $?"
    [ "$(k exec p -- sh -c 'cd /tmp/copy && find . -type f | sort | xargs sha256sum')" = "$(cd "$TMP/tree" && find . -type f | sort | xargs sha256sum)" ] ||
        fail "to the pod: $(k exec p -- ls -lR /tmp/copy)"
    javascript exec -- "$NS" p tar cf - -C /tmp/copy . | tar xf - -C "$TMP/back" || fail "from the pod: $?"
    diff -r "$TMP/tree" "$TMP/back" || fail "from the pod"
}

test_python_client() {
    pod
    commands python
    logs_and_attach python
    forwards python 18181
}

test_javascript_client() {
    modules "$NS"
    pod
    commands javascript
    logs_and_attach javascript
    forwards javascript 18182
    copies
}

run_tests
