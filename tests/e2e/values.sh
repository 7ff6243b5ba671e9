#!/bin/bash
# What a container is given arrives as it was written, and so does what it says and how it ends.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ends() { # NAME PHASE
    wait_for 60 "$1 has ended" equals "$2" pod_field "$1" '{.status.phase}'
}
once() { # NAME SCRIPT [MORE_YAML_OF_THE_CONTAINER] [MORE_YAML_OF_THE_POD]
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  restartPolicy: Never
  ${4:-}
  containers: [{name: main, image: /bin/sh, command: [/bin/sh, -c, '$2']${3:+, $3}}]
YAML
}

test_stdout_and_stderr_can_be_opened_by_name() {
    once byname 'echo one >/dev/stdout && echo two >/dev/stderr && echo three >>/proc/self/fd/1 && echo four | tee /dev/stderr'
    ends byname Succeeded
    wait_for 10 "all its lines" sh -c "[ \"\$(kubectl -n $NS logs byname | sort | tr '\n' ' ')\" = 'four four one three two ' ]"
}

test_what_is_written_arrives_byte_for_byte() {
    printf 'a\r\n\n\n  x  \t\nnul\0in\n<6>b\n\nend\n' >"$TMP/want"
    once bytes 'printf "a\r\n\n\n  x  \t\nnul\0in\n<6>b\n\nend"'
    ends bytes Succeeded
    wait_for 10 "its bytes" sh -c "kubectl -n $NS logs bytes | cmp - $TMP/want"
    once long 'head -c 300000 /dev/zero | tr "\0" y; echo; echo last'
    ends long Succeeded
    wait_for 20 "a long line" sh -c "[ \"\$(kubectl -n $NS logs long | awk '{ print length(\$0) }' | tr '\n' ' ')\" = '300000 4 ' ]"
}

test_nothing_is_lost_when_what_brings_it_is_restarted() {
    once flood 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); echo $i; done'
    for _ in 1 2 3; do
        sh_node 'systemctl try-restart vks-log.service'
    done
    ends flood Succeeded
    wait_for 30 "20000 lines" sh -c "[ \"\$(kubectl -n $NS logs flood | cksum)\" = '$(seq 1 20000 | cksum)' ]"
    # a line that had begun when it was stopped comes as two messages there
    wait_for 10 "journalctl -u shows it" at_least 20000 sh_node "journalctl -u 'vks.$NS.flood.*' -o cat | grep -cx '[0-9]*'"
}

test_exit_codes_are_the_programs() {
    local c
    for c in 1 126 200 203 217 226 245 255; do once "e$c" "exit $c"; done
    for c in 1 126 200 203 217 226 245 255; do
        ends "e$c" Failed
        equals "$c Error" pod_field "e$c" '{.status.containerStatuses[0].state.terminated.exitCode} {.status.containerStatuses[0].state.terminated.reason}' ||
            fail "exit $c: $(pod_field "e$c" '{.status.containerStatuses[0].state.terminated}')"
    done
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: noprog}
spec:
  restartPolicy: Never
  containers: [{name: main, image: /bin/sh, command: [/usr/bin/no-such-program]}]
YAML
    ends noprog Failed
    wait_for 10 "what could not be executed" contains "StartError" pod_field noprog '{.status.containerStatuses[0].state.terminated.reason}'
}

test_config_maps_are_bytes_and_variables_are_of_data() {
    printf 'one\000two\000' >"$TMP/nul"
    k create configmap c --from-file=list="$TMP/nul" --from-literal=A=1 >/dev/null
    k patch configmap c -p '{"binaryData":{"KEYSTORE":"AAECAwD/","TEXT":"aGVsbG8="}}' >/dev/null
    k create configmap e --from-literal=A=1 >/dev/null
    k patch configmap e -p '{"binaryData":{"TEXT":"aGVsbG8="}}' >/dev/null
    once cm 'wc -c </c/list; wc -c </c/KEYSTORE; echo "A=$A TEXT=${TEXT-unset}"' 'envFrom: [{configMapRef: {name: e}}], volumeMounts: [{name: c, mountPath: /c}]' \
        'volumes: [{name: c, configMap: {name: c}}]'
    ends cm Succeeded
    wait_for 10 "its lines" equals "$(printf '8\n6\nA=1 TEXT=unset')" k logs cm
}

test_what_is_no_reference_stays() {
    once refs 'echo "pid=$(echo $$)"; echo "plain=$(N)"' 'env: [{name: "N", value: "3"}]'
    ends refs Succeeded
    wait_for 10 "its lines" sh -c "kubectl -n $NS logs refs | tr '\n' ' ' | grep -qE '^pid=[0-9]+ plain=3 $'"
}

test_a_command_of_the_pods_own_is_all_that_runs() {
    k create configmap nginx --from-literal=nginx.conf='error_log stderr; pid /tmp/nginx.pid; events {}
        http { access_log /dev/stdout; client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;
        server { listen 127.0.0.1:18198; return 200 "mine\n"; } }' >/dev/null
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 2
  volumes: [{name: conf, configMap: {name: nginx}}]
  containers: [{name: nginx, image: nginx-light, command: [/usr/sbin/nginx], args: [-c, /conf/nginx.conf, -g, 'daemon off;'], volumeMounts: [{name: conf, mountPath: /conf}]}]
YAML
    running web 120
    wait_for 10 "it answers" equals mine curl -s http://127.0.0.1:18198/
    wait_for 10 "its access log" contains "GET /" k logs web
}

# redis-server's unit says NoExecPaths=/: of two entries for one path systemd keeps one.
test_a_packages_unit_does_not_open_the_machines_root() {
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: redis}
spec:
  terminationGracePeriodSeconds: 2
  volumes: [{name: d, emptyDir: {}}]
  containers: [{name: redis, image: redis-server, args: [/etc/redis/redis.conf, --supervised, systemd, --daemonize, "no", --port, "16479"], volumeMounts: [{name: d, mountPath: /vks-data}]}]
YAML
    running redis 120
    node test ! -e /vks-data || fail "a mount point was left on the machine"
    local pid
    pid=$(main_pid "$(unit_of redis redis-server)") # looked at from outside: nothing but redis-server can be executed in there
    node test -d "/proc/$pid/root/vks-data" || fail "no volume"
    sh_node "grep -qE ' / / ro.* - tmpfs ' /proc/$pid/mountinfo" || fail "its root is the machine's, or can be written"
    sh_node "grep ' /vks-data ' /proc/$pid/mountinfo | grep -q noexec" || fail "what the package forbids is allowed"
}

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
run_tests
