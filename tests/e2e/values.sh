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
    printf 'a\r\n\n\n  x  \t\nnul\0in\n<6>b\n\nend' >"$TMP/want"
    once bytes 'printf "a\r\n\n\n  x  \t\nnul\0in\n<6>b\n\nend"'
    ends bytes Succeeded
    wait_for 10 "its bytes" sh -c "kubectl -n $NS logs bytes | cmp - $TMP/want"
    once long 'head -c 300000 /dev/zero | tr "\0" y; echo; echo last'
    ends long Succeeded
    wait_for 20 "a long line" sh -c "[ \"\$(kubectl -n $NS logs long | awk '{ print length(\$0) }' | tr '\n' ' ')\" = '300000 4 ' ]"
}

test_nothing_is_lost_when_what_brings_it_is_restarted() {
    once flood 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); echo $i; done'
    wait_for 60 "it has begun" contains 1 k logs flood
    for _ in 1 2 3; do
        sh_node 'systemctl try-restart vks-log.service'
    done
    ends flood Succeeded
    wait_for 30 "20000 lines" sh -c "[ \"\$(kubectl -n $NS logs flood | cksum)\" = '$(seq 1 20000 | cksum)' ]"
    # a line that had begun when it was stopped comes as two messages there
    wait_for 10 "journalctl -u shows it" at_least 20000 sh_node "journalctl -u 'vks.$NS.flood.*' -o cat | grep -cx '[0-9]*'"
}

# Values of the next start are those of then, as a ConfigMap's are.
test_services_of_the_namespace_are_variables() {
    local ip
    k create service clusterip redis-master --tcp=6379:6379 >/dev/null
    k create service clusterip headless --clusterip=None --tcp=80:80 >/dev/null
    ip=$(field service redis-master '{.spec.clusterIP}')
    once app 'echo "$REDIS_MASTER_SERVICE_HOST $(REDIS_MASTER_SERVICE_PORT) $REDIS_MASTER_PORT ${HEADLESS_SERVICE_HOST-none}"; echo $MINE' 'env: [{name: MINE, value: "$(REDIS_MASTER_PORT_6379_TCP_ADDR)"}]'
    once unlinked 'echo "${REDIS_MASTER_SERVICE_HOST-none} ${KUBERNETES_SERVICE_HOST-none}"' '' 'enableServiceLinks: false'
    once own 'echo "$REDIS_MASTER_SERVICE_HOST"' 'env: [{name: REDIS_MASTER_SERVICE_HOST, value: mine}]'
    program again 'echo "${LATE_SERVICE_PORT-none}"; sleep 1; exit 1'
    ends app Succeeded
    wait_for 20 "its variables" equals "$ip 6379 tcp://$ip:6379 none
$ip" k logs app
    ends unlinked Succeeded
    wait_for 20 "none but the API server's" contains "none " k logs unlinked
    [[ $(k logs unlinked) =~ ^none\ [0-9a-f:.]+$ ]] || fail "unlinked: $(k logs unlinked)"
    wait_for 20 "its own value" equals mine k logs own
    wait_for 20 "its first run" equals none k logs again --previous
    k create service clusterip late --tcp=81:81 >/dev/null
    wait_for 60 "a run that knows the new one" contains 81 k logs again --tail=1
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
    event noprog "^Failed: Error: systemd could not start the process"
    ! has_event noprog "^Started: " || fail "it is said to have started"
    event e217 "^Started: Started container main"
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

# GOMAXPROCS and its like: the limit in whole units, rounded up; without one, what the node has.
# As many as run at once in a small node; a thousand cost no more.
test_pods_that_share_a_config_map_cost_one_watch() {
    local before i
    watches() { kubectl get --raw /metrics | awk '/^apiserver_longrunning_(gauge|requests)\{/ && /resource="configmaps"/ && /verb="WATCH"/ { n += $2 } END { print n }'; }
    has_it() { sh_node "grep -lx $1 /run/vks/pods/*/files/shared/word 2>/dev/null | wc -l"; }
    k create configmap shared --from-literal=word=first >/dev/null
    # A test's pods are gone from the API server before their watches are, and others' are renewed every few minutes: what counts is what is so for a while.
    steady() {
        local now
        before=$(watches) && [ -n "$before" ] || return 1
        for _ in 1 2 3; do
            sleep 1
            now=$(watches)
            [ "$now" = "$before" ] || return 1
        done
    }
    wait_for 30 "nothing of the tests before is left" equals 0 sh_node 'ls -A /run/vks/pods | wc -l'
    wait_for 30 "a number of watches that does not change" steady
    for i in 1 2 3 4 5 6 7 8 9 10; do
        cat <<YAML
---
apiVersion: v1
kind: Pod
metadata: {name: "p$i"}
spec:
  nodeName: $NODE
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 1
  volumes: [{name: shared, configMap: {name: shared}}]
  containers: [{name: c, image: /bin/sleep, command: [/bin/sleep, "10000"], volumeMounts: [{name: shared, mountPath: /c}]}]
YAML
    done | apply
    wait_for 60 "all ten have it" equals 10 has_it first
    wait_for 30 "one watch more" equals $((before + 1)) watches
    k create configmap shared --from-literal=word=second --dry-run=client -o yaml | k replace -f - >/dev/null
    wait_for 5 "all ten have the change" equals 10 has_it second
    k delete pod --all --wait=true >/dev/null
    wait_for 30 "and none when they are gone" equals "$before" watches
}

test_resources_are_variables_and_files() {
    local cpu
    cpu=$(k get node "$NODE" -o 'jsonpath={.status.allocatable.cpu}')
    case $cpu in *m) cpu=$(((${cpu%m} + 999) / 1000)) ;; esac
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: res}
spec:
  restartPolicy: Never
  volumes:
  - name: info
    downwardAPI:
      items:
      - {path: limit, resourceFieldRef: {containerName: main, resource: limits.memory, divisor: 1Ki}}
      - {path: request, resourceFieldRef: {containerName: main, resource: requests.cpu, divisor: 1m}}
      - {path: all, resourceFieldRef: {containerName: other, resource: limits.cpu}}
  containers:
  - name: main
    image: /bin/sh
    resources: {limits: {cpu: 1500m, memory: 64Mi}, requests: {cpu: 10m, memory: 16Mi}}
    env:
    - {name: P, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
    - {name: M, valueFrom: {resourceFieldRef: {resource: requests.memory, divisor: 1Mi}}}
    - {name: O, valueFrom: {resourceFieldRef: {containerName: other, resource: limits.cpu}}}
    - {name: R, value: "<$(P)>"}
    command: [/bin/sh, -c, 'echo $P $M $O $R $(cat /i/limit) $(cat /i/request) $(cat /i/all)']
    volumeMounts: [{name: info, mountPath: /i}]
  - {name: other, image: /bin/sh, command: [/bin/true]}
YAML
    ends res Succeeded
    wait_for 10 "its line" equals "2 16 $cpu <2> 65536 10 $cpu" k logs res -c main
    k run bad --image=x --restart=Never --overrides='{"spec":{"containers":[{"name":"bad","image":"/bin/true","command":["/bin/true"],"env":[{"name":"A","valueFrom":{"resourceFieldRef":{"containerName":"none","resource":"limits.cpu"}}}]}]}}' >/dev/null
    event bad 'Failed: Error: .*no resource "limits.cpu" of a container "none"'
}

test_a_pod_knows_its_name() {
    once web-7 'echo "$HOSTNAME $(N)"; grep example.test /etc/hosts; getent hosts db.example.test; grep -c localhost /etc/hosts' 'env: [{name: "N", value: "<$(HOSTNAME)>"}]' \
        'hostAliases: [{ip: 192.0.2.7, hostnames: [db.example.test, db]}]'
    once on-host 'echo "$HOSTNAME $(hostname)"; cat /etc/hosts' '' 'hostNetwork: true'
    once other 'echo "$HOSTNAME $HOME"' 'securityContext: {runAsUser: 54321}' 'hostname: db'
    ends web-7 Succeeded
    wait_for 10 "its own name, and those that it gives to others" equals "web-7 <web-7>
192.0.2.7	db.example.test	db
192.0.2.7       db.example.test db
$(node grep -c localhost /etc/hosts)" k logs web-7
    ! has_event web-7 FieldsIgnored || fail "hostAliases are said to have no effect"
    ! node grep -q example.test /etc/hosts || fail "the machine has it too"
    ends other Succeeded
    wait_for 10 "the name that it asks for, and the home of a user whom nobody knows" equals "db /" k logs other
    event other 'FieldsIgnored: .*hostname .it is in .HOSTNAME and /etc/hosts alone'
    ends on-host Succeeded
    wait_for 10 "the machine's name, and those that it knows" equals "$(node hostname) $(node hostname)
$(node cat /etc/hosts)" k logs on-host
}

# A kubelet's "managed" file. What the machine has stays, since a pod has its network and its name.
test_a_pods_name_leads_to_the_node() {
    local ip
    ip=$(k get node "$NODE" -o 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}')
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: web-0}
spec:
  subdomain: web
  terminationGracePeriodSeconds: 1
  initContainers:
  - {name: first, image: /bin/sh, command: [/bin/sh, -c, 'head -n 1 /etc/hosts']}
  containers:
  - {name: main, image: /bin/sh, command: [/bin/sh, -c, 'getent hosts "\$HOSTNAME"; cat /etc/hosts; sleep 1000']}
  - {name: own, image: /bin/sh, command: [/bin/sh, -c, 'cat /etc/hosts; echo; sleep 1000'], volumeMounts: [{name: mine, mountPath: /etc/hosts, subPath: mine}]}
  - {name: packaged, image: redis-server}
  volumes: [{name: mine, downwardAPI: {items: [{path: mine, fieldRef: {fieldPath: metadata.name}}]}}]
YAML
    running web-0
    wait_for 10 "an init container" equals "# Kubernetes-managed hosts file." k logs web-0 -c first
    wait_for 10 "its name, behind what the machine has" equals "$(printf %-15s "$ip") web-0.web.$NS.svc.cluster.local web-0
# Kubernetes-managed hosts file.
$(node cat /etc/hosts)
$ip	web-0.web.$NS.svc.cluster.local	web-0" k logs web-0 -c main
    wait_for 10 "a file of the pod's own" equals web-0 k logs web-0 -c own
    contains "	web-0.web." k exec web-0 -c main -- cat /etc/hosts || fail "not in kubectl exec"
    equals "$(node cat /etc/hosts)" k exec web-0 -c packaged -- cat /etc/hosts || fail "a package's own daemon has another"
    ! node grep -q web-0 /etc/hosts || fail "the machine has it too"
}

# Nothing is mounted over a link: a pod that has not asked for a file of its own runs, one that has is told.
test_a_machine_whose_hosts_file_is_a_link() {
    node mv /etc/hosts /etc/hosts.real
    node ln -s hosts.real /etc/hosts
    trap 'node mv /etc/hosts.real /etc/hosts' EXIT
    once plain 'head -n 1 /etc/hosts'
    once asks 'exit 0' '' 'hostAliases: [{ip: 192.0.2.7, hostnames: [db]}]'
    ends plain Succeeded
    wait_for 10 "the machine's" equals "$(node head -n 1 /etc/hosts)" k logs plain
    event asks '/etc/hosts: a symbolic link'
}

test_a_dns_config_is_the_pods_resolv_conf() {
    once none 'cat /etc/resolv.conf; grep -c example.test /etc/hosts' '' 'dnsPolicy: None
  hostAliases: [{ip: 192.0.2.7, hostnames: [db.example.test]}]
  dnsConfig: {nameservers: [192.0.2.53], searches: [a.test, b.test], options: [{name: ndots, value: "2"}, {name: edns0}]}'
    once more 'cat /etc/resolv.conf' '' 'dnsConfig: {searches: [a.test]}'
    ends none Succeeded
    wait_for 10 "its own alone" equals "nameserver 192.0.2.53
search a.test b.test
options ndots:2 edns0
1" k logs none
    ends more Succeeded
    wait_for 10 "the machine's is there" contains "$(node awk '/^nameserver/ && !seen++' /etc/resolv.conf)" k logs more
    wait_for 10 "and the pod's" contains " a.test" k logs more
    ! has_event none FieldsIgnored || fail "it is said to have no effect"
    ! node grep -q 192.0.2.53 /etc/resolv.conf || fail "the machine has it too"
    once cluster 'true' '' 'dnsPolicy: ClusterFirstWithHostNet'
    event cluster 'FieldsIgnored: .*dnsPolicy'
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

# ---- values are those of the moment at which a container starts --------------------------------------------------------

secret() { k create secret generic "$@" --dry-run=client -o yaml | k apply -f - >/dev/null; }        # NAME --from-literal=K=V...
config_map() { k create configmap "$@" --dry-run=client -o yaml | k apply -f - >/dev/null; }         # the same
# A value is as new as the agent's watch, no newer, and of one Secret there is one watch: a pod shows what the agent knows of it.
witness() { # SECRET
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: witness}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{name: seen, secret: {secretName: $1}}]
  containers: [{name: main, image: /bin/sleep, command: [/bin/sleep, "3600"], volumeMounts: [{name: seen, mountPath: /seen}]}]
YAML
    running witness
}
knows() { wait_for 30 "the agent knows the value $1" equals "$1" sh_node "cat /run/vks/pods/$(pod_field witness '{.metadata.uid}')/files/seen/pw"; }
restarts() { pod_field "$1" "{.status.containerStatuses[0].restartCount}"; }
waits_for() { pod_field "$1" '{.status.containerStatuses[0].state.waiting.reason}'; }
# crashing NAME SCRIPT MORE_YAML_OF_THE_CONTAINER [MORE_YAML_OF_THE_POD]: the script decides whether it is content, and then exits with 0 or goes on
crashing() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  terminationGracePeriodSeconds: 1
  ${4:-}
  containers: [{name: main, image: /bin/sh, command: [/bin/sh, -c, '$2', sh, "\$(PW)", "-l=\$(LEVEL)"], $3}]
YAML
}

test_a_crashing_container_is_restarted_with_the_newest_values() {
    secret s --from-literal=pw=wrong
    config_map c --from-literal=LEVEL=info
    # shellcheck disable=SC2016
    crashing app 'echo "$PW $1 $2 $(grep -zc ^new.key=a=b /proc/$$/environ)"; [ "$PW $1 $2" = "right right -l=debug" ] || exit 1; exec sleep 3600' \
        'env: [{name: PW, valueFrom: {secretKeyRef: {name: s, key: pw}}}], envFrom: [{configMapRef: {name: c}}]'
    wait_for 30 "it crashes" at_least 2 restarts app
    # A Secret, a ConfigMap that is in a word of the command line, and a key that only vks-exec can bring.
    secret s --from-literal=pw=right
    config_map c --from-literal=LEVEL=debug --from-literal=new.key=a=b
    wait_for 60 "it is given them" contains "right right -l=debug 1" k logs app
    running app
    equals no node systemctl show -P NeedDaemonReload "$(unit_of app 'bin\x2fsh')" || fail "PID 1 has an old unit"
}

test_what_runs_keeps_its_values_until_it_is_restarted_even_by_another_agent() {
    secret s --from-literal=pw=one
    crashing kept 'echo "begins with $1"; exec sleep 3600' 'env: [{name: PW, valueFrom: {secretKeyRef: {name: s, key: pw}}}]'
    running kept
    witness s
    local pid
    pid=$(main_pid "$(unit_of kept 'bin\x2fsh')")
    secret s --from-literal=pw=two
    knows two
    sh_node 'systemctl restart vks-agent.service'
    equals "$pid" main_pid "$(unit_of kept 'bin\x2fsh')" || fail "it was restarted"
    node kill "$pid"
    wait_for 30 "it is restarted" at_least 1 restarts kept
    wait_for 30 "with the newest value" contains "begins with two" k logs kept
}

test_what_is_missing_at_a_restart_is_waited_for() {
    secret s --from-literal=pw=one
    crashing gap 'echo "begins with $1"; exec sleep 3600' 'env: [{name: PW, valueFrom: {secretKeyRef: {name: s, key: pw}}}]'
    running gap
    k delete secret s >/dev/null
    # as one knows who is started anew again and again, and whom nobody else waits for
    crashing lacks 'exit 1' 'env: [{name: PW, valueFrom: {secretKeyRef: {name: s, key: pw}}}]'
    wait_for 60 "the agent knows that it is gone" equals CreateContainerConfigError waits_for lacks
    k delete pod lacks >/dev/null
    node kill "$(main_pid "$(unit_of gap 'bin\x2fsh')")"
    wait_for 30 "it waits" equals CreateContainerConfigError waits_for gap
    wait_for 10 "its message" contains 'secret "s" not found' pod_field gap '{.status.containerStatuses[0].state.waiting.message}'
    wait_for 10 "its last run is told" equals Error pod_field gap '{.status.containerStatuses[0].lastState.terminated.reason}'
    event gap 'Failed: Error: .*secret "s" not found'
    wait_for 10 "systemd does not restart it" sh_node "! systemctl list-units --state=auto-restart 'vks.$NS.gap.*' | grep -q auto-restart"
    secret s --from-literal=pw=two
    wait_for 30 "it runs" contains "begins with two" k logs gap
    running gap
    equals 1 restarts gap || fail "$(restarts gap) restarts"
}

test_a_container_does_not_wait_for_what_another_needs_nor_for_what_it_needs_not_yet() {
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: pair}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: lacks, image: /bin/sh, command: [/bin/sh, -c, 'echo "lacks $PW"; exec sleep 3600'], env: [{name: PW, valueFrom: {secretKeyRef: {name: later, key: pw}}}]}
  - {name: has, image: /bin/sh, command: [/bin/sh, -c, 'exec sleep 3600']}
---
apiVersion: v1
kind: Pod
metadata: {name: brings}
spec:
  restartPolicy: OnFailure
  terminationGracePeriodSeconds: 1
  initContainers:
  - {name: init, image: /bin/sh, command: [/bin/sh, -c, 'echo "init $LEVEL"; [ "$LEVEL" = debug ]'], envFrom: [{configMapRef: {name: c, optional: true}}]}
  containers:
  - {name: main, image: /bin/sh, command: [/bin/sh, -c, 'echo "main $PW"'], env: [{name: PW, valueFrom: {secretKeyRef: {name: later, key: pw}}}]}
YAML
    wait_for 30 "the second runs" contains running pod_field pair '{.status.containerStatuses[?(@.name=="has")].state}'
    wait_for 20 "the first says what it lacks" equals CreateContainerConfigError pod_field pair '{.status.containerStatuses[?(@.name=="lacks")].state.waiting.reason}'
    wait_for 30 "the init container is tried again" at_least 2 pod_field brings '{.status.initContainerStatuses[0].restartCount}'
    equals PodInitializing waits_for brings || fail "main complains before its turn"
    config_map c --from-literal=LEVEL=debug # it was missing, and optional
    secret later --from-literal=pw=x
    running pair
    wait_for 10 "the first has its value" contains "lacks x" k logs pair -c lacks
    wait_for 60 "the other pod has ended" equals Succeeded pod_field brings '{.status.phase}'
    wait_for 10 "the init container's" contains "init debug" k logs brings -c init
    wait_for 10 "with its value" contains "main x" k logs brings -c main
}

# readable_by_nobody TEXT: where a user of the machine without any right finds it, in files and in what PID 1 says
readable_by_nobody() {
    sh_node "cd /; { runuser -u nobody -- grep -rlsF -e $1 /run /etc /var /tmp /usr/lib/systemd 2>/dev/null; runuser -u nobody -- systemctl show 'vks.$NS.*' | grep -F -e $1
        runuser -u nobody -- systemctl cat 'vks.$NS.*' | grep -F -e $1; } || true"
}

test_a_secret_in_args_stands_in_nothing_that_everybody_reads() {
    secret s --from-literal=pw='hush-$HOME-%n "quoted" é'
    crashing hidden 'printf "%s\n" "$1" "$2"; exec sleep 3600' 'env: [{name: PW, valueFrom: {secretKeyRef: {name: s, key: pw}}}, {name: LEVEL, value: "<$(PW)>"}, {name: SHOWN, value: shown-to-all}], args: [sh, "$(PW)", "-l=$(LEVEL)", "$(SHOWN)", "$(NONE)", "$$(PW)"]'
    running hidden
    wait_for 10 "its words" equals $'hush-$HOME-%n "quoted" é\n-l=<hush-$HOME-%n "quoted" é>' k logs hidden
    equals "" readable_by_nobody hush- || fail "found: $(readable_by_nobody hush-)"
    contains vks.conf readable_by_nobody shown-to-all || fail "this test would find nothing"
    contains '$(PW)' node systemctl cat "$(unit_of hidden 'bin\x2fsh')" || fail "what the pod says is not shown"
    # The words that are not hidden, too, are what they would be without it.
    sh_node "tr '\\0' '\\n' </proc/$(main_pid "$(unit_of hidden 'bin\x2fsh')")/environ | grep -qx SHOWN=shown-to-all" || fail "its environment"
}

# redis-server's unit says what may be executed, and takes its password as everybody gives it.
test_a_packages_daemon_has_a_secret_in_its_options() {
    secret s --from-literal=pw=hush-redis
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: redis}
spec:
  terminationGracePeriodSeconds: 2
  containers: [{name: redis, image: redis-server, args: [/etc/redis/redis.conf, --supervised, systemd, --daemonize, "no", --port, "16480", --requirepass, $(PW)],
    env: [{name: PW, valueFrom: {secretKeyRef: {name: s, key: pw}}}]}]
YAML
    running redis 120
    wait_for 10 "it wants the password" contains NOAUTH sh_node "echo PING | timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/16480; cat >&3; head -n 1 <&3'"
    wait_for 10 "it takes the password" contains OK sh_node "echo AUTH hush-redis | timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/16480; cat >&3; head -n 1 <&3'"
    equals "" readable_by_nobody hush- || fail "found: $(readable_by_nobody hush-)"
    witness s
    secret s --from-literal=pw=hush-again
    knows hush-again
    node kill -9 "$(main_pid "$(unit_of redis redis-server)")"
    wait_for 30 "it has the new one" sh_node "echo AUTH hush-again | timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/16480; cat >&3; head -n 1 <&3' | grep -q OK"
    equals "" readable_by_nobody hush- || fail "found: $(readable_by_nobody hush-)"
}

test_a_changed_image_starts_with_the_newest_values() {
    secret s --from-literal=pw=one
    crashing swap 'echo "begins with $1"; exec sleep 3600' 'env: [{name: PW, valueFrom: {secretKeyRef: {name: s, key: pw}}}]'
    running swap
    witness s
    secret s --from-literal=pw=two
    knows two
    k patch pod swap -p '{"spec":{"containers":[{"name":"main","image":"/bin/bash"}]}}' >/dev/null
    wait_for 30 "the new image has the new value" contains "begins with two" k logs swap
}

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT

# Lines of hosts and resolv.conf are the pod's own: those that it has asked for and no others, and nobody else's.
test_what_is_in_resolv_conf_and_hosts_is_the_pods_alone() {
    local before
    before=$(node sha256sum /etc/hosts /etc/resolv.conf)
    once bends 'cat /etc/resolv.conf; echo x 2>/dev/null >>/etc/resolv.conf && echo writes; echo x 2>/dev/null >>/etc/hosts && echo writes; rm -f /etc/hosts 2>/dev/null && echo removes; echo end' '' 'hostAliases: [{ip: 192.0.2.7, hostnames: [localhost, debian.org]}]
  dnsPolicy: None
  dnsConfig: {nameservers: [192.0.2.53]}'
    once smuggles 'exit 0' '' 'dnsConfig: {options: [{name: ndots, value: "1\nnameserver 192.0.2.66"}]}'
    once sorts 'exit 0' '' 'dnsConfig: {options: [{name: "a\nsortlist 0.0.0.0"}]}'
    once other 'cat /etc/hosts /etc/resolv.conf'
    ends other Succeeded
    ends bends Succeeded
    event smuggles 'spec.dnsConfig.options: not an option'
    event sorts 'spec.dnsConfig.options: not an option'
    wait_for 20 "what it has" equals "nameserver 192.0.2.53
end" k logs bends
    ! contains 192.0.2. k logs other || fail "another pod has it: $(k logs other)"
    [ "$(node sha256sum /etc/hosts /etc/resolv.conf)" = "$before" ] || fail "the machine's are others"
}

run_tests
