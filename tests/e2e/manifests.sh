#!/bin/bash
# Images by another name: well-known manifests of charts and of Kubernetes' own documentation run unedited, by /etc/vks/images.conf.
# once: what a name means no control plane decides; one of the manifests has a sidecar, which the current release has
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
KNOWN=$ROOT_DIR/tests/manifests/known

restore() {
    sh_node "test ! -e /root/images.kept || { mv /root/images.kept /etc/vks/images.conf; systemctl reload vks-agent; }"
}
trap restore EXIT
sh_node "cp -p /etc/vks/images.conf /root/images.kept"

# table LINES: what is shipped, and these rows. Read again when the agent says so, whatever it says of them.
table() {
    local before
    before=$(said)
    sh_node "cp -p /root/images.kept /etc/vks/images.conf; cat >>/etc/vks/images.conf <<'ROWS'
$1
ROWS
systemctl reload vks-agent"
    wait_for 20 "the table is read again" at_least $((before + 1)) said
}
said() { sh_node "journalctl --sync; journalctl -q -u vks-agent -o cat | grep -c '^/etc/vks/images.conf:' || true"; }
state() { pod_field "$1" '{.status.containerStatuses[0].state.waiting.reason}'; }
image_id() { pod_field "$1" '{.status.containerStatuses[0].imageID}'; }
ends() { wait_for 60 "$1 has ended" equals Succeeded pod_field "$1" '{.status.phase}'; }
restarts() { pod_field "$1" '{.status.containerStatuses[0].restartCount}'; }
jobs_done() { k get jobs -o 'jsonpath={.items[?(@.status.succeeded)].metadata.name}'; }
served() { curl -sf -m 5 "http://$ADDRESS/$1"; }
# shellcheck disable=SC2046 # words
start() { k apply $(printf -- "-f $KNOWN/%s.yaml " "$@") >/dev/null; } # NAME...
stop() { k delete -f "$KNOWN/$1.yaml" --wait=true >/dev/null; }

# An API server of 1.20 knows no CronJob of batch/v1 and no sidecars: these two are not for it.
NOT_THERE=
[ "$(kubectl version -o json | python3 -c 'import json, sys; print(json.load(sys.stdin)["serverVersion"]["minor"].strip("+"))')" != 20 ] || NOT_THERE='hello sidecar'
known() { [[ " $NOT_THERE " != *" $1 "* ]]; }

# Those that listen at port 80 have it one after the other, while the others do what they do.
test_known_manifests_run_unedited() {
    local name listening='nginx-deployment web init-demo two-containers dns-example' others=()
    ADDRESS=$(k get nodes -o 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}')
    for name in "$KNOWN"/*.yaml; do
        name=$(basename "$name" .yaml)
        [[ " $listening $NOT_THERE " == *" $name "* ]] || others+=("$name")
    done
    start init-demo "${others[@]}" # the packages of all of them are installed in few turns
    ! known hello || k create job now --from=cronjob/hello >/dev/null

    running init-demo 120
    wait_for 20 "what the init container has made" equals "made by the init container" served ""
    [[ $(image_id init-demo) == deb://nginx@* ]] || fail "imageID $(image_id init-demo)"
    stop init-demo
    start two-containers
    wait_for 30 "what the other container has written" equals "Hello from the debian container" served ""
    wait_for 20 "it has ended well" equals Completed pod_field two-containers '{.status.containerStatuses[?(@.name=="debian-container")].state.terminated.reason}'
    stop two-containers
    start dns-example
    running dns-example
    contains "nameserver 192.0.2.1" k exec dns-example -- cat /etc/resolv.conf || fail "dns-example: $(k exec dns-example -- cat /etc/resolv.conf)"
    stop dns-example
    start nginx-deployment
    wait_for 60 "one replica has the port" equals 1 field deployment nginx-deployment '{.status.readyReplicas}'
    wait_for 20 "the others wait for it" equals "PortConflict PortConflict" k get pods -l app=nginx -o 'jsonpath={.items[*].status.containerStatuses[0].state.waiting.reason}'
    contains nginx served "" || fail "nginx serves: $(served "")"
    stop nginx-deployment
    start web
    running web-0
    stop web

    for name in configmap-pod counter dapi-envars-fieldref kubernetes-downwardapi-volume-example volume-test dapi-envars-resourcefieldref security-context-demo \
        two-logs with-node-affinity; do
        running "$name"
    done
    for name in command-demo dapi-test-pod secret-dotfiles-pod; do ends "$name"; done
    contains "SPECIAL_LEVEL=very" logs dapi-test-pod || fail "configmap-env: $(k logs dapi-test-pod)"
    contains "/etc/secret-volume/.secret-file" logs secret-dotfiles-pod || fail "secret: $(k logs secret-dotfiles-pod)"
    [ "$(logs command-demo | sed -n 1p)" = command-demo ] || fail "command-demo: $(k logs command-demo)"
    [ "$(k exec configmap-pod -- cat /etc/config/log_level.conf)" = INFO ] || fail "configmap-volume"
    [ "$(k exec volume-test -- sh -c 'cd /projected-volume; cat my-group/my-username cpu_limit; echo; cat my-group/my-config labels')" = 'admin500
level=7zone="us-est-coast"' ] || fail "projected: $(k exec volume-test -- sh -c 'cd /projected-volume; head my-group/* cpu_limit labels')"
    # shellcheck disable=SC2016 # the shell in the pod expands it
    [ "$(k exec security-context-demo -- sh -c 'echo $(id -u) $(id -g) $(id -G); touch /data/demo/x; stat -c %g /data/demo/x')" = "1000 3000 3000 2000 4000
2000" ] || fail "security-context-demo: $(k exec security-context-demo -- id)"
    wait_for 20 "a line of the counter" contains "1: " logs counter
    wait_for 20 "the first file's lines" contains "1: " logs two-logs -c count-log-1
    wait_for 20 "the second file's lines" contains "INFO 1" logs two-logs -c count-log-2
    wait_for 20 "the node's name" contains "$NODE" logs dapi-envars-fieldref
    wait_for 20 "labels and annotations" contains 'builder="john-doe"' logs kubernetes-downwardapi-volume-example
    wait_for 20 "requests and limits" contains "33554432" logs dapi-envars-resourcefieldref
    ! known sidecar || wait_for 60 "the sidecar has the application's lines" contains logging logs deployment/myapp -c logshipper
    ! known hello || wait_for 60 "the Jobs are done" contains now jobs_done
    wait_for 90 "pi is reckoned" contains pi jobs_done
    contains 3.14159265358979323846 logs job/pi || fail "pi is $(k logs job/pi)"
    ! known hello || contains "Hello from the Kubernetes cluster" logs job/now || fail "hello: $(k logs job/now)"
    k rollout status deployment/redis-leader --timeout="$((60 * PATIENCE))s" >/dev/null
    [ "$(k exec deployment/redis-leader -- redis-cli ping)" = PONG ] || fail "redis-leader"
    k rollout status daemonset/node-exporter --timeout="$((60 * PATIENCE))s" >/dev/null
    wait_for 20 "node-exporter answers" contains "node_load1 " curl -sf "http://$ADDRESS:9100/metrics" # it is active before it listens
    running redis-password
    contains NOAUTH k exec redis-password -- redis-cli -p 6380 get x || fail "redis asks for no password"
    k exec redis-password -- test -d /var/lib/redis/appendonlydir || fail "redis writes elsewhere: $(k exec redis-password -- ls /var/lib/redis)"
    running memcached-0
    runs "$(unit_of memcached-0 memcached)" "/usr/bin/memcached -l 127.0.0.1 -m 64 -o modern -v"
    event "$(k get pods -l role=leader -o name | sed s,pod/,,)" '"docker.io/redis:6.0.5" (already present on machine )?as package redis-server \(line [0-9]+ of /etc/vks/images.conf\).*redis-server [0-9]'
    wait_for 60 "liveness-exec is restarted" at_least 1 restarts liveness-exec
}

pod() { # NAME IMAGE [CONTAINER_FIELDS]
    printf '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "%s"}, "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "c", "image": "%s"%s}]}}' \
        "$1" "$2" "${3:+, $3}" | apply
}
main() { sh_node "tr '\\0' ' ' </proc/$(main_pid "$1")/cmdline"; }

test_a_pod_waits_for_its_row_and_a_bad_table_changes_nothing() {
    local unit pid
    unit=$(unit_of a 'usr\x2fbin\x2fsleep')
    pod a quay.io/vks/sleeper:2 '"args": ["4711"], "env": [{"name": "SLEEPER_A", "value": "b"}]'
    wait_for 20 "there is no row for it" contains ImagePull state a
    table '[quay.io/vks/*]
program = /usr/bin/sleep
ignored = SLEEPER_*'
    running a
    runs "$unit" "/usr/bin/sleep 4711"
    event a "ImageDiffers: .*SLEEPER_A"
    event a "already present on machine as program /usr/bin/sleep \(line [0-9]+ of /etc/vks/images.conf\)"
    [ "$(image_id a)" = file:///usr/bin/sleep ] || fail "imageID $(image_id a)"
    node runuser -u vks -- vks-agent image quay.io/vks/sleeper | grep 'is the program /usr/bin/sleep, by line [0-9]* of /etc/vks/images.conf: \[quay.io/vks/\*\]' >/dev/null ||
        fail "$(node vks-agent image quay.io/vks/sleeper)"

    table '[quay.io/vks/*]
programme = /usr/bin/env'
    sh_node "journalctl -q -u vks-agent -o cat -n 50 | grep -q '^/etc/vks/images.conf:[0-9]*: \"programme\" is no key; the images that were known before hold'" || fail "the journal does not tell it"
    node vks-agent image --check && fail "--check finds nothing"
    pod b quay.io/vks/sleeper:2 '"args": ["4712"]'
    running b
    [ "$(main "$unit")" = "/usr/bin/sleep 4711 " ] || fail "a runs $(main "$unit")"

    # what has a unit keeps it, and what is new has the new meaning; a table that makes another program of it counts when the agent begins anew
    pid=$(main_pid "$unit")
    table '[quay.io/vks/*]
program = /usr/bin/env
command = env sleep'
    pod c quay.io/vks/sleeper:2 '"args": ["4713"]'
    running c
    runs "$(unit_of c 'usr\x2fbin\x2fenv')" "sleep 4713"
    k annotate pod a seen=yes >/dev/null
    wait_for 20 "the agent has seen it" contains '"seen":"yes"' kubectl get --raw "/api/v1/nodes/$NODE/proxy/pods"
    [ "$(main_pid "$unit")" = "$pid" ] || fail "a was begun anew"
    [ "$(k exec a -- printenv SLEEPER_A)" = b ] || fail "nothing can be run beside it any more"
    node systemctl restart vks-agent
    wait_for 30 "a is the other program" contains active node systemctl is-active "$(unit_of a 'usr\x2fbin\x2fenv')"
    runs "$(unit_of a 'usr\x2fbin\x2fenv')" "sleep 4711"
    wait_for 20 "and no more than that" equals inactive sh_node "systemctl is-active '$unit' || true"
}

test_a_tag_may_bind_the_version() {
    local version
    table '[quay.io/vks/uptimed]
package = uptimed
version = tag'
    pod wrong quay.io/vks/uptimed:99.1
    event wrong "Failed to pull image .*: line [0-9]+ of /etc/vks/images.conf has package uptimed for it if their versions have the same numbers, and the package is [0-9]" 60
    wait_for 20 "it waits" contains ImagePull state wrong
    version=$(sh_node "dpkg-query -W -f '\${Version}' uptimed")
    [[ $version =~ ^([0-9]+:)?([0-9]+(\.[0-9]+)*) ]]
    pod right "quay.io/vks/uptimed:${BASH_REMATCH[2]}-slim"
    running right
    [ "$(image_id right)" = "deb://uptimed@$version" ] || fail "imageID $(image_id right)"
}

run_tests
