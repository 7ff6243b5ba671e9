#!/bin/bash
# Bad input is refused with a clear event on the pod, and nothing is half-done.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

pod() { # NAME CONTAINER_FIELDS [SPEC_LINES]
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  terminationGracePeriodSeconds: 1
${3:-}
  containers: [{name: c, $2}]
YAML
}
reason() { pod_field "$1" '{.status.containerStatuses[0].state.waiting.reason}'; }
nothing_written() { [ -z "$(sh_node "ls -d /run/systemd/system/vks.$NS.$1.* 2>/dev/null")" ] || fail "units were written"; }

test_a_package_that_does_not_exist() {
    pod nopkg 'image: no-such-package-vks'
    event nopkg "Failed: .*Unable to locate package no-such-package-vks" 60
    wait_for 20 "ErrImagePull" contains Image reason nopkg
    nothing_written nopkg
    wait_for 40 "ImagePullBackOff" equals ImagePullBackOff reason nopkg
    event nopkg 'BackOff: Back-off pulling image "no-such-package-vks": ErrImagePull'
    event nopkg "Failed: Error: ImagePullBackOff"
}

test_a_good_package_beside_a_bad_one_is_installed() {
    apt purge sl || true
    pod bad 'image: no-such-package-vks2'
    pod good 'image: sl, command: ["/bin/sleep", "1000"]'
    running good 90
    event bad "Failed: .*no-such-package-vks2"
}

test_a_package_without_a_unit_needs_a_command() {
    apt install zsh
    pod nocmd 'image: zsh'
    event nocmd "command.*zsh|zsh.*command"
    wait_for 20 "reason" equals CreateContainerConfigError reason nocmd
    nothing_written nocmd
    pod cmd 'image: zsh, command: ["/bin/zsh", "-c", "sleep 1000"]'
    running cmd
}

test_an_image_that_is_no_package_name() {
    pod reg 'image: "No/Such_Name!"'
    wait_for 20 "InvalidImageName" equals InvalidImageName reason reg
    event reg "No/Such_Name!"
    nothing_written reg
    k delete pod reg --timeout=300s >/dev/null || fail "it cannot be deleted"
}

test_an_unknown_volume_type() {
    pod iscsi 'image: /bin/sleep, command: ["/bin/sleep", "1000"]' '  volumes: [{name: v, iscsi: {targetPortal: "192.0.2.1:3260", iqn: "iqn.2001-04.com.example:x", lun: 0}}]'
    event iscsi 'unsupported volume type "iscsi"'
    nothing_written iscsi
    k delete pod iscsi --timeout=300s >/dev/null || fail "it cannot be deleted"
}

# Of the two lines that systemd has for it, "Unable to locate executable '...'" and "Failed at step EXEC spawning ...", that which the journal had first.
is_not_there() { # JOB PROGRAM
    [[ "$(k get pod -l "job-name=$1" -o 'jsonpath={.items[0].status.containerStatuses[0].state.terminated.message}')" =~ $2\'?": No such file" ]]
}

test_a_program_that_is_not_there() {
    pod noprog 'image: /usr/bin/no-such-program'
    event noprog "no program /usr/bin/no-such-program"
    pod nocommand 'image: /bin/sh, command: ["/usr/bin/no-such-program"]' '  restartPolicy: Never'
    wait_for 20 "StartError" contains StartError pod_field nocommand '{.status.containerStatuses[0].state.terminated.reason}'
    # by its name it is the same: a run that fails, which is counted, and the pod's other container is not kept from running
    apply <<YAML
apiVersion: batch/v1
kind: Job
metadata: {name: noname}
spec:
  backoffLimit: 0
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: /bin/sh, command: [no-such-program]}]}}
YAML
    pod beside 'image: /bin/sh, command: [no-such-program]}, {name: other, image: /bin/sh, command: [/bin/sleep, "1000"]'
    wait_for 30 "the Job has failed" equals 1 field job noname '{.status.failed}'
    wait_for 20 "its message" is_not_there noname /usr/bin/no-such-program
    wait_for 30 "the other runs" equals true pod_field beside '{.status.containerStatuses[1].ready}'
}

test_a_command_that_can_be_no_program_is_one_that_is_not_there() {
    local n word said
    apply <<YAML
apiVersion: batch/v1
kind: Job
metadata: {name: line}
spec:
  backoffLimit: 0
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: /bin/sh, command: ["echo hello"]}]}}
YAML
    pod again 'image: /bin/sh, command: [""]}, {name: path, image: /bin/sh, command: ["/bin/echo hello"]}, {name: other, image: /bin/sh, command: [/bin/sleep, "1000"]'
    wait_for 30 "the Job has failed" equals 1 field job line '{.status.failed}'
    wait_for 20 "its end" equals "StartError 128" k get pod -l job-name=line -o 'jsonpath={.items[0].status.containerStatuses[0].state.terminated.reason} {.items[0].status.containerStatuses[0].state.terminated.exitCode}'
    wait_for 20 "its message" is_not_there line no-such-program:echo_hello
    for n in 0 1; do
        wait_for 60 "it is started again" at_least 2 pod_field again "{.status.containerStatuses[$n].restartCount}"
        wait_for 60 "with a delay" equals CrashLoopBackOff pod_field again "{.status.containerStatuses[$n].state.waiting.reason}"
    done
    [ "$(pod_field again '{.status.containerStatuses[2].ready} {.status.containerStatuses[2].restartCount} {.status.phase}')" = "true 0 Running" ] || fail "the other"
    for word in '' no-such-program 'echo hello'; do
        ! said=$(k exec again -c other -- "$word" 2>&1) || fail "\"$word\" ran"
        [[ $said == *"there is no program \"$word\""* ]] || fail "\"$word\": $said"
    done
}

container() { pod_field "$1" "{.status.$2[?(@.name==\"$3\")]$4}"; } # POD LIST CONTAINER JSONPATH
waits() { wait_for 60 "$3 of $1 waits with $4" contains "$4" container "$1" "$2" "$3" '.state.waiting.reason'; } # POD LIST CONTAINER REASON

# kuberuntime_manager.go, SyncPod: each container is started by itself.
test_what_one_container_waits_for_holds_up_no_other() {
    local c list=containerStatuses pid sleep='image: /bin/sleep, command: [sleep, "1000"]'
    pod many "image: no-such-package-vks3}, {name: never, image: cowsay, imagePullPolicy: Never}, {name: name, image: 'No/Such_Name!'},
    {name: policy, $sleep, securityContext: {runAsUser: 0}}, {name: nonroot, $sleep, securityContext: {runAsUser: 0, runAsNonRoot: true}},
    {name: env, $sleep, env: [{name: X, valueFrom: {configMapKeyRef: {name: late, key: k}}}]}, {name: dir, $sleep, workingDir: relative},
    {name: good, $sleep}, {name: other, $sleep"
    for c in good other; do wait_for 60 "$c runs" equals true container many $list $c .ready; done
    waits many $list c Image
    waits many $list never ErrImageNeverPull
    waits many $list name InvalidImageName
    for c in policy nonroot env dir; do waits many $list $c CreateContainerConfigError; done
    [ "$(pod_field many '{.status.phase}')" = Pending ] || fail "a container that has never begun keeps the pod Pending"
    event many "Error: container policy: policy rule root"
    event many "Error: container's runAsUser breaks non-root policy"
    event many 'configmap "late" not found'
    # an agent that comes back leaves what runs alone, and waits for the same
    pid=$(main_pid "vks.$NS.many.bin\\x2fsleep.good.service")
    node systemctl restart vks-agent
    k create configmap late --from-literal=k=v >/dev/null
    wait_for 60 "what it waited for is there" equals true container many $list env .ready
    k set image pod/many c=/bin/bash >/dev/null # which ends at once: it has begun
    wait_for 60 "c has run" at_least 1 container many $list c .restartCount
    for c in policy nonroot dir; do waits many $list $c CreateContainerConfigError; done
    [ "$(main_pid "vks.$NS.many.bin\\x2fsleep.good.service")" = "$pid" ] || fail "it was started anew"
    k delete pod many --timeout=120s >/dev/null || fail "it cannot be deleted"
    assert_clean_node
}

test_an_init_container_that_cannot_be_had_holds_up_what_comes_behind_it() {
    local kind sleep='image: /bin/sleep, command: [sleep, "1000"]'
    pod image "$sleep" '  initContainers: [{name: first, image: /bin/true, command: ["true"]}, {name: bad, image: no-such-package-vks4}]'
    pod policy "$sleep" '  initContainers: [{name: first, image: /bin/true, command: ["true"]}, {name: bad, image: /bin/true, command: ["true"], securityContext: {runAsUser: 0}}]'
    pod spec "$sleep" '  initContainers: [{name: first, image: /bin/true, command: ["true"]}, {name: bad, image: /bin/true, command: ["true"], workingDir: relative}]'
    # it does not wait for one that comes behind it
    pod behind 'image: no-such-package-vks5' '  initContainers: [{name: first, image: /bin/true, command: ["true"]}]'
    for kind in image policy spec behind; do
        wait_for 60 "the first of $kind has run" equals Completed container $kind initContainerStatuses first '.state.terminated.reason'
        [ "$(container $kind containerStatuses c .started)" = false ] || fail "$kind: it has begun"
    done
    waits image initContainerStatuses bad Image
    waits policy initContainerStatuses bad CreateContainerConfigError
    waits spec initContainerStatuses bad CreateContainerConfigError
    for kind in image policy spec; do waits $kind containerStatuses c PodInitializing; done
    waits behind containerStatuses c Image
}

# Both are started by one request, until it fails.
test_a_unit_that_systemd_does_not_start_holds_up_no_other() {
    local unit="/etc/systemd/system/vks.$NS.masked.bin\\x2fsh.service"
    trap 'sh_node "rm -f /etc/systemd/system/vks.*; systemctl daemon-reload"' EXIT
    node ln -s /dev/null "$unit"
    pod masked 'image: /bin/sh, command: [sleep, "1000"]}, {name: other, image: /bin/sleep, command: [sleep, "1000"]'
    event masked "Error: .*masked"
    wait_for 30 "the other runs" equals true container masked containerStatuses other .ready
    waits masked containerStatuses c RunContainerError
    node rm "$unit"
    node systemctl daemon-reload
    running masked 60
    [ "$(container masked containerStatuses other .restartCount)" = 0 ] || fail "the other was started anew"
}

test_a_pod_that_never_restarts_waits_for_the_one_that_has_not_begun() {
    pod once 'image: no-such-package-vks6}, {name: over, image: /bin/true, command: ["true"]' '  restartPolicy: Never'
    wait_for 60 "the other is over" equals Completed container once containerStatuses over '.state.terminated.reason'
    waits once containerStatuses c Image
    [ "$(pod_field once '{.status.phase}')" = Pending ] || fail "its phase"
}

test_never_pull_means_never() {
    pod never 'image: cowsay, imagePullPolicy: Never, command: ["/usr/games/cowsay"]'
    wait_for 20 "ErrImageNeverPull" equals ErrImageNeverPull reason never
}

test_policy_is_named_when_it_refuses() {
    trap 'sh_node "test ! -e /tmp/policy.conf || mv /tmp/policy.conf /etc/vks/policy.conf; systemctl stop vks-helper.service 2>/dev/null"' EXIT
    sh_node "cp -p /etc/vks/policy.conf /tmp/policy.conf && echo 'deny-package = fortune-mod' >>/etc/vks/policy.conf && systemctl stop vks-helper.service 2>/dev/null"
    pod denied 'image: fortune-mod, command: ["/usr/games/fortune"]'
    event denied "deny-package"
    pod root 'image: /bin/sleep, command: ["/bin/sleep", "1000"], securityContext: {runAsUser: 0}'
    event root "rule root"
    nothing_written root
}

test_a_mistake_in_the_policy_stops_everything_until_it_is_mended() {
    trap 'sh_node "test ! -e /tmp/policy.conf || mv /tmp/policy.conf /etc/vks/policy.conf; systemctl stop vks-helper.service 2>/dev/null"' EXIT
    sh_node "cp -p /etc/vks/policy.conf /tmp/policy.conf && echo 'rot = deny' >>/etc/vks/policy.conf && systemctl stop vks-helper.service 2>/dev/null"
    local since
    since=$(node date +%s)
    pod waits 'image: /bin/sleep, command: ["/bin/sleep", "1000"]'
    wait_for 30 "the mistake is told" sh_node "journalctl -u vks-helper.service --since @$since --no-pager | grep 'policy.conf:[0-9]*: unknown key .rot.'"
    wait_for 60 "it was tried many times" at_least 8 sh_node "journalctl -u vks-helper.service --since @$since --no-pager | grep -c 'unknown key'"
    nothing_written waits
    node mv /tmp/policy.conf /etc/vks/policy.conf
    running waits 60
}

test_what_the_helper_does_later_is_waited_for_and_told() {
    trap 'sh_node "test ! -e /tmp/policy.conf || mv /tmp/policy.conf /etc/vks/policy.conf"' EXIT
    sh_node "cp -p /etc/vks/policy.conf /tmp/policy.conf && echo 'max-content = 0' >>/etc/vks/policy.conf"
    pod later 'image: /bin/sleep, command: ["/bin/sleep", "1000"]'
    event later 'Deferred: this node will do it later: .*policy rule max-content' 60
    wait_for 30 "the reason" equals ContainerCreating reason later
    nothing_written later
    node mv /tmp/policy.conf /etc/vks/policy.conf
    running later 60
}

test_an_installation_waits_while_many_others_are_under_way() {
    trap 'sh_node "systemctl stop \"vks-install-foreign-*.service\""' EXIT
    apt purge sl || true
    sh_node 'for i in $(seq 8); do systemd-run -q --unit=vks-install-foreign-$i sleep 600; done'
    pod turn 'image: sl, command: ["/bin/sleep", "1000"]'
    event turn 'Pulling: .*8 installations run or wait already, and no more than 8 may' 60
    ! node dpkg-query -W sl >/dev/null 2>&1 || fail "it is installed"
    sh_node 'systemctl stop "vks-install-foreign-*.service"'
    running turn 120
}

# Jobs of the machine's own: services that never say that they are ready.
# What counts is what pods have asked for: jobs that never end, the machine's or others', are in nobody's way.
test_pods_start_while_systemd_has_much_to_do() {
    trap 'sh_node "systemctl stop \"lab-late-*.service\""' EXIT
    sh_node 'for i in $(seq 260); do systemd-run -q --no-block --unit=lab-late-$i -p Type=notify -p TimeoutStartSec=600 sleep 1000; done'
    wait_for 60 "systemd has much to do" at_least 256 node systemctl show -P NJobs
    pod patient 'image: /bin/sleep, command: ["/bin/sleep", "1000"]'
    running patient 60
    at_least 256 node systemctl show -P NJobs || fail "it has done it"
}

test_a_full_disk_under_the_unit_directory() {
    trap 'sh_node "umount -l /run/systemd/system 2>/dev/null; systemctl stop vks-helper.service 2>/dev/null"' EXIT
    # the helper holds its directories open: it is to find the full one
    sh_node 'mkdir -p /run/systemd/system && mount -t tmpfs -o size=4k,nr_inodes=4 full /run/systemd/system && systemctl stop vks-helper.service 2>/dev/null'
    pod full 'image: /bin/sleep, command: ["/bin/sleep", "1000"]'
    event full "[Nn]o space" 30
    sh_node 'umount -l /run/systemd/system; systemctl stop vks-helper.service 2>/dev/null'
    nothing_written full
    running full 60
}

test_a_wrong_kubeconfig_names_its_field() {
    sh_node "sed 's/client-key-data: .*/client-key-data: \"%%%\"/' /etc/vks/kubeconfig >/tmp/bad.kubeconfig; chmod 644 /tmp/bad.kubeconfig"
    contains client-key-data sh_node 'vks-agent --kubeconfig /tmp/bad.kubeconfig --dry-run 2>&1 || true' || fail "$(sh_node 'vks-agent --kubeconfig /tmp/bad.kubeconfig --dry-run 2>&1')"
    contains /nowhere sh_node 'vks-agent --kubeconfig /nowhere --dry-run 2>&1 || true' || fail "a missing file"
}

test_an_unreachable_api_server_is_told_and_waited_for() {
    sh_node "sed 's,server: https://[^ ]*,server: https://127.0.0.1:9,' /etc/vks/kubeconfig >/tmp/away.kubeconfig; chmod 644 /tmp/away.kubeconfig"
    sh_node 'timeout 300 vks-agent --kubeconfig /tmp/away.kubeconfig --dry-run >/tmp/away 2>&1 & echo $! >/tmp/away.pid'
    wait_for 20 "it says which" node grep -q 127.0.0.1 /tmp/away || fail "nothing is said"
    sh_node 'kill $(cat /tmp/away.pid); rm /tmp/away /tmp/away.pid'
}

together a_package_that_does_not_exist a_good_package_beside_a_bad_one_is_installed a_package_without_a_unit_needs_a_command \
    an_image_that_is_no_package_name an_unknown_volume_type a_program_that_is_not_there a_command_that_can_be_no_program_is_one_that_is_not_there \
    an_init_container_that_cannot_be_had_holds_up_what_comes_behind_it a_pod_that_never_restarts_waits_for_the_one_that_has_not_begun never_pull_means_never a_wrong_kubeconfig_names_its_field \
    an_unreachable_api_server_is_told_and_waited_for
run_tests
