#!/bin/bash
# What is changed in a pod that is there already: its images, its deadline, its labels, the grace of its end.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SH='bin\x2fsh' BASH_='bin\x2fbash'
count_units() { units | grep -c "${1:-.}" || true; } # [PATTERN]
units() { sh_node "ls /run/systemd/system | grep '^vks\\.$NS\\..*service\$' || true"; }
of_container() { pod_field "$1" "{.status.containerStatuses[?(@.name==\"$2\")]$3}"; } # POD CONTAINER JSONPATH
set_image() { k set image "pod/$1" "$2" >/dev/null; } # POD CONTAINER=IMAGE

# sleepers POD POLICY SCRIPT: two containers, "a" of /bin/sh runs the script, "b" of /bin/sleep sleeps; their grace is $GRACE, or 5
sleepers() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  restartPolicy: $2
  terminationGracePeriodSeconds: ${GRACE:-5}
  containers:
  - {name: a, image: /bin/sh, command: [/bin/sh, -c, $(printf '%s' "$3" | python3 -c 'import json,sys; print(json.dumps(sys.stdin.read()))')]}
  - {name: b, image: /bin/sleep, command: [/bin/sleep, "10000"]}
YAML
}

test_a_changed_image_restarts_its_container_and_no_other() {
    local policy other
    for policy in Always OnFailure Never; do
        sleepers "p-${policy,,}" $policy 'exec sleep 10000'
        running "p-${policy,,}"
    done
    for policy in always onfailure never; do
        other=$(of_container "p-$policy" b '.containerID')
        set_image "p-$policy" a=/bin/bash
        wait_for 30 "a is restarted" equals 1 of_container "p-$policy" a '.restartCount'
        running "p-$policy"
        equals /bin/bash of_container "p-$policy" a '.image' || fail "image"
        equals "$other" of_container "p-$policy" b '.containerID' || fail "b was restarted"
        [[ $(of_container "p-$policy" a '.lastState.terminated.exitCode') =~ ^(143|137)$ ]] || fail "lastState"
        event "p-$policy" "Killing: Container a definition changed, will be restarted"
        wait_for 20 "the old image's unit is gone" equals 2 count_units "p-$policy" || fail "units: $(units)"
        node systemctl is-active -q "$(unit_of "p-$policy" "$BASH_")" || fail "the unit of the new image"
        k delete pod "p-$policy" --wait=true --timeout=240s >/dev/null
    done
    assert_clean_node
    wait_for 30 "no directory is left" equals 0 sh_node 'ls -A /run/vks/pods | wc -l'
}

test_a_changed_image_has_its_grace() {
    sleepers polite Always 'trap "sleep 2; echo saved; exit 0" TERM; while :; do sleep 0.1; done'
    sleepers stubborn Always 'trap "" TERM; while :; do sleep 0.1; done'
    running polite; running stubborn
    heeds "$(unit_of polite "$SH")"
    heeds "$(unit_of stubborn "$SH")"
    set_image polite a=/bin/bash
    set_image stubborn a=/bin/bash
    wait_for 30 "restarted" equals 1 of_container polite a '.restartCount'
    equals 0 of_container polite a '.lastState.terminated.exitCode' || fail "it was not let finish"
    wait_for 30 "restarted" equals 1 of_container stubborn a '.restartCount'
    equals 137 of_container stubborn a '.lastState.terminated.exitCode' || fail "it was not killed"
}

# The container is ending for the new image when the old one is wanted again: it is started anew, and later it has its grace as before.
test_an_image_that_is_changed_back_and_forth() {
    GRACE=100 sleepers wavering Never 'trap "until [ -e /tmp/end ]; do sleep 0.1; done; exit 0" TERM; while :; do sleep 0.1; done'
    running wavering
    heeds "$(unit_of wavering "$SH")"
    set_image wavering a=/bin/bash
    event wavering "Killing: Container a definition changed, will be restarted"
    wait_for 30 "the change is seen" equals /bin/bash of_container wavering a '.image'
    set_image wavering a=/bin/sh
    wait_for 30 "the change back is seen" equals /bin/sh of_container wavering a '.image'
    in_pod "$(unit_of wavering "$SH")" touch /tmp/end
    wait_for 30 "a is restarted" equals 1 of_container wavering a '.restartCount'
    running wavering
    equals 0 of_container wavering a '.lastState.terminated.exitCode' || fail "it was not let finish"
    heeds "$(unit_of wavering "$SH")"
    set_image wavering a=/bin/bash
    wait_for 30 "a is restarted with the other image" equals 2 of_container wavering a '.restartCount'
    running wavering
    equals 0 of_container wavering a '.lastState.terminated.exitCode' || fail "it was killed without its grace"
    equals /bin/bash of_container wavering a '.image' || fail "image"
}

test_images_that_are_swapped_or_shared() {
    sleepers swap Always 'exec sleep 10000'
    running swap
    k set image pod/swap a=/bin/bash b=/bin/sh >/dev/null
    wait_for 30 "both are restarted" equals "1 1" pod_field swap '{.status.containerStatuses[*].restartCount}'
    running swap
    k set image pod/swap a=/bin/sh b=/bin/bash >/dev/null
    wait_for 30 "both are restarted" equals "2 2" pod_field swap '{.status.containerStatuses[*].restartCount}'
    running swap
    k set image pod/swap a=/bin/bash >/dev/null # now both have it: b keeps its name, and runs on
    wait_for 30 "a is restarted" equals "3 2" pod_field swap '{.status.containerStatuses[*].restartCount}'
    running swap
    node systemctl restart vks-agent
    wait_for 30 "the agent is back" node systemctl is-active vks-agent
    k label pod swap seen=yes >/dev/null
    k set image pod/swap b=/bin/dash >/dev/null
    wait_for 30 "b is restarted" equals "3 3" pod_field swap '{.status.containerStatuses[*].restartCount}'
    running swap
    wait_for 20 "two units are left" equals 2 count_units || fail "units: $(units)"
    k delete pod swap --wait=true --timeout=240s >/dev/null
    assert_clean_node
}

test_a_wrong_image_is_corrected_and_runs() {
    local image reason
    for image in 'Not_An_Image' '/no/such/program' 'registry.example/x:1'; do
        apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: wrong}
spec: {containers: [{name: c, image: "$image", command: [/bin/sleep, "10000"]}, {name: d, image: /bin/sh, command: [/bin/sleep, "10000"]}]}
YAML
        reason=ImagePull # Err..., and ...BackOff a moment later
        [ "$image" = Not_An_Image ] && reason=InvalidImageName
        wait_for 20 "$image is $reason" contains $reason of_container wrong c '.state.waiting.reason'
        k set image pod/wrong c=/bin/bash >/dev/null
        running wrong 30
        k set image pod/wrong "c=$image" >/dev/null
        wait_for 20 "$image is $reason" contains $reason of_container wrong c '.state.waiting.reason'
        wait_for 20 "its last state is told" at_least 0 of_container wrong c '.lastState.terminated.exitCode'
        node systemctl kill -s KILL "$(unit_of wrong $SH)"
        wait_for 20 "the other container is restarted meanwhile" equals 1 of_container wrong d '.restartCount'
        k set image pod/wrong c=/bin/sleep >/dev/null
        running wrong 30
        k delete pod wrong --wait=true --timeout=240s >/dev/null
        assert_clean_node
    done
}

# Whether the pod's /var shows what the package keeps there is one answer for all of its containers, given before it is known which package it will be.
test_a_wrong_image_beside_what_runs_becomes_a_package_with_data() {
    local pid
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: data}
spec: {terminationGracePeriodSeconds: 5, containers: [{name: c, image: no-such-package-vks}, {name: d, image: /bin/sleep, command: [/bin/sleep, "10000"]}]}
YAML
    wait_for 60 "the other runs" equals true of_container data d .ready
    wait_for 60 "the first waits" contains Image of_container data c '.state.waiting.reason'
    pid=$(main_pid "$(unit_of data 'bin\x2fsleep')")
    set_image data c=redis-server
    running data 120
    wait_for 20 "redis answers" equals PONG node redis-cli ping
    [ "$(main_pid "$(unit_of data 'bin\x2fsleep')")" = "$pid" ] || fail "the other was started anew"
    # in place to what does not exist: that container ends, and the other goes on
    set_image data c=no-such-package-vks
    wait_for 60 "the first waits again" contains Image of_container data c '.state.waiting.reason'
    [ "$(main_pid "$(unit_of data 'bin\x2fsleep')")" = "$pid" ] || fail "the other was started anew"
    [ "$(pod_field data '{.status.phase}')" = Running ] || fail "both have begun, so it runs"
}

test_a_reference_to_a_registry_is_no_image_here_and_says_what_is() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: reg}
spec: {containers: [{name: c, image: "registry.example/library/thing:7.2"}]}
YAML
    event reg "Failed: Error: ErrImagePull"
    wait_for 20 "it says what an image is" contains "Debian package" pod_field reg '{.status.containerStatuses[0].state.waiting.message}'
    wait_for 30 "ImagePullBackOff" equals ImagePullBackOff pod_field reg '{.status.containerStatuses[0].state.waiting.reason}'
    k delete pod reg --wait=true --timeout=240s >/dev/null
}

test_a_changed_pod_is_deleted_in_the_middle() {
    local when
    for when in 0 0.05 0.2 1; do
        sleepers "d$when" Always 'trap "sleep 1; exit 0" TERM; while :; do sleep 0.1; done'
        running "d$when"
        set_image "d$when" a=/bin/bash
        sleep $when
        k delete pod "d$when" --wait=false >/dev/null
    done
    for when in 0 0.05 0.2 1; do gone "d$when" 30; done
    assert_clean_node
    wait_for 30 "no directory is left" equals 0 sh_node 'ls -A /run/vks/pods | wc -l'
}

# The agent that comes back knows the units by what stands in them, not by the names that the pod's images would make.
test_an_image_is_changed_while_the_agent_is_away() {
    local other
    sleepers away Always 'exec sleep 10000'
    sleepers end Always 'exec sleep 10000'
    running away; running end
    other=$(of_container away b '.containerID')
    node systemctl stop vks-agent
    set_image away a=/bin/bash
    set_image end a=/bin/bash
    k delete pod end --wait=false >/dev/null
    node systemctl start vks-agent
    gone end 30
    wait_for 30 "a is restarted" equals 1 of_container away a '.restartCount'
    running away
    equals "$other" of_container away b '.containerID' || fail "b was restarted"
    wait_for 20 "no unit of the old image is left" equals 0 count_units 'x2fsh' || fail "units: $(units)"
    node systemctl restart vks-agent
    wait_for 30 "the agent is back" node systemctl is-active vks-agent
    k label pod away seen=yes >/dev/null
    k delete pod away --wait=true --timeout=240s >/dev/null
    assert_clean_node
}

test_init_containers_images_change_until_they_are_over() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: init}
spec:
  initContainers: [{name: i, image: /bin/sh, command: [/bin/sh, -c, "sleep 1; exit 1"]}]
  containers: [{name: c, image: /bin/sleep, command: [/bin/sleep, "10000"]}]
YAML
    wait_for 20 "the init container fails" at_least 1 pod_field init '{.status.initContainerStatuses[0].restartCount}'
    equals PodInitializing pod_field init '{.status.containerStatuses[0].state.waiting.reason}' || fail "the container waits for it"
    k set image pod/init i=/bin/true >/dev/null
    wait_for 30 "it runs the other image's unit" contains 'bin\x2ftrue' units
    k set image pod/init i=/bin/bash >/dev/null
    wait_for 30 "and the next one's" contains 'bin\x2fbash' units
    k delete pod init --wait=true --timeout=240s >/dev/null
    assert_clean_node
}

test_what_else_may_change_is_taken() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: more, labels: {a: one}, annotations: {n: first}}
spec:
  terminationGracePeriodSeconds: 2
  volumes: [{name: v, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}, {path: annotations, fieldRef: {fieldPath: metadata.annotations}}]}}]
  containers: [{name: c, image: /bin/sleep, command: [/bin/sleep, "10000"], volumeMounts: [{name: v, mountPath: /v}]}]
YAML
    running more
    local id unit
    id=$(pod_field more '{.status.containerStatuses[0].containerID}')
    unit=$(unit_of more 'bin\x2fsleep')
    k label pod more a=two --overwrite >/dev/null
    wait_for 30 "the label is there" contains 'a="two"' in_pod "$unit" cat /v/labels
    k annotate pod more n=second --overwrite >/dev/null
    wait_for 30 "the annotation is there" contains 'n="second"' in_pod "$unit" cat /v/annotations
    k patch pod more --type=json -p '[{"op":"add","path":"/spec/tolerations/-","value":{"key":"x","operator":"Exists"}}]' >/dev/null
    k label pod more a=three --overwrite >/dev/null
    wait_for 30 "the label is there" contains 'a="three"' in_pod "$unit" cat /v/labels
    equals "$id" pod_field more '{.status.containerStatuses[0].containerID}' || fail "it was restarted"
    k patch pod more -p '{"spec":{"activeDeadlineSeconds":3}}' >/dev/null
    wait_for 30 "its deadline ends it" equals DeadlineExceeded pod_field more '{.status.reason}'
}

# ---- the grace of the end -------------------------------------------------------------------------------------------

# slow NAME SECONDS: takes so long to end, and its own grace is 2
slow() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  terminationGracePeriodSeconds: 2
  containers: [{name: main, image: /bin/sh, command: [/bin/sh, -c, 'trap "echo saving; sleep $2; echo saved; exit 0" TERM; echo up; while :; do sleep 0.1; done']}]
YAML
    running "$1"
    heeds "$(unit_of "$1" "$SH")"
    pod_field "$1" '{.metadata.uid}' >"$TMP/$1.uid"
}

said() { node journalctl --sync; node journalctl -o cat "VKS_POD_UID=$(cat "$TMP/$1.uid")" | grep -x "$2" >/dev/null; } # POD WORDS
saved() { wait_for 10 "$1 has said so" said "$1" saved; }

test_a_longer_grace_at_delete_is_granted() {
    slow long 6
    slow evicted 6
    slow drained 6
    k label pod drained drain="$NS" >/dev/null
    k delete pod long --grace-period=40 --wait=false >/dev/null
    kubectl create --raw "/api/v1/namespaces/$NS/pods/evicted/eviction" -f - >/dev/null <<JSON
{"apiVersion":"policy/v1beta1","kind":"Eviction","metadata":{"name":"evicted","namespace":"$NS"},"deleteOptions":{"gracePeriodSeconds":40}}
JSON
    k drain "$NODE" --force --ignore-daemonsets --delete-emptydir-data --grace-period=40 --pod-selector="drain=$NS" --timeout=300s >/dev/null 2>&1 || fail "drain"
    kubectl uncordon "$NODE" >/dev/null
    gone long 30; gone evicted 30; gone drained 30
    saved long || fail "deleted, it was killed before it had finished"
    saved evicted || fail "evicted, it was killed before it had finished"
    saved drained || fail "drained, it was killed before it had finished"
    assert_clean_node
}

# A second delete may shorten the grace, and only that: the API server takes no longer one.
test_a_longer_grace_ends_too_and_a_later_delete_shortens_it() {
    local begin
    slow bounded 100
    slow shortened 1000
    begin=$SECONDS
    k delete pod bounded --grace-period=5 --wait=false >/dev/null
    k delete pod bounded --grace-period=300 --wait=false --ignore-not-found >/dev/null
    k delete pod shortened --grace-period=900 --wait=false >/dev/null
    gone bounded 30
    [ $((SECONDS - begin)) -ge 5 ] || fail "it was killed after $((SECONDS - begin)) s"
    equals true bash -c "k get pod shortened -o jsonpath='{.status.containerStatuses[0].ready}'" || fail "900 s are not over"
    k delete pod shortened --grace-period=1 --wait=false >/dev/null
    gone shortened 20
    said bounded saved && fail "bounded"
    assert_clean_node
}

test_a_longer_grace_outlives_the_agent() {
    slow kept 8
    k delete pod kept --grace-period=60 --wait=false >/dev/null
    wait_for 10 "it ends" said kept saving
    node systemctl kill -s KILL vks-agent
    gone kept 40
    saved kept || fail "it was killed before it had finished"
    assert_clean_node
}

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
run_tests
