#!/bin/bash
# What a pod asks for and is limited to, as systemd has it. That the kernel heeds it is for tests/uml/nodes.sh.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

show() { node systemctl show --value -p "${2// /,}" "$1" | paste -sd ' '; } # UNIT PROPERTIES
slice_of() { # POD CLASS
    local uid
    uid=$(pod_field "$1" '{.metadata.uid}')
    echo "kubepods${2:+-$2}-pod${uid//-/_}.slice"
}
asks() { # NAME RESOURCES [MORE_OF_THE_SPEC]: a pod that sleeps
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  terminationGracePeriodSeconds: 1
  ${3:-}
  containers: [{name: main, image: /bin/sleep, command: [/bin/sleep, "3600"], resources: {$2}}]
YAML
    running "$1"
}
SLEEP='bin\x2fsleep'

test_requests_and_limits_are_the_units_and_the_slices() {
    asks p 'requests: {cpu: 250m, memory: 64Mi}, limits: {cpu: 1500m, memory: 128Mi}'
    local unit slice
    unit=$(unit_of p "$SLEEP") slice=$(slice_of p burstable)
    [ "$(node systemctl show -P Slice "$unit")" = "$slice" ] || fail "it is in $(node systemctl show -P Slice "$unit")"
    [ "$(show "$unit" CPUWeight)" = 10 ] || fail "weight"
    [ "$(show "$unit" CPUQuotaPerSecUSec)" = 1.500000s ] || fail "quota"
    [ "$(show "$unit" MemoryMax)" = 134217728 ] && [ "$(show "$unit" MemorySwapMax)" = 0 ] || fail "memory"
    [ "$(show "$unit" OOMPolicy)" = kill ] || fail "what happens without memory"
    [ "$(show "$slice" CPUWeight)" = 10 ] && [ "$(show "$slice" CPUQuotaPerSecUSec)" = 1.500000s ] && [ "$(show "$slice" MemoryMax)" = 134217728 ] || fail "of the slice"
    ! has_event p FieldsIgnored || fail "they are said to be ignored"
    k delete pod p --wait=true >/dev/null
    wait_for 20 "the slice's file is gone" sh_node "! test -e /run/systemd/system/$slice"
    wait_for 20 "PID 1 has no such slice" equals "" node systemctl list-units --all --no-legend "$slice"
}

# A machine of any size: the score is told by what the node says that it has.
test_who_asks_for_more_is_killed_later() {
    local unit kib
    kib=$(sh_node "sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo")
    asks none ''
    asks some 'requests: {memory: 256Mi}'
    asks all 'requests: {cpu: 10m, memory: 32Mi}, limits: {cpu: 10m, memory: 32Mi}'
    [ "$(show "$(unit_of none "$SLEEP")" OOMScoreAdjust)" = 1000 ] || fail "none: $(show "$(unit_of none "$SLEEP")" OOMScoreAdjust)"
    unit=$(unit_of some "$SLEEP")
    [ "$(show "$unit" OOMScoreAdjust)" = $((1000 - 1000 * 262144 / kib)) ] || fail "some: $(show "$unit" OOMScoreAdjust) with $kib KiB"
    [ "$(show "$(unit_of all "$SLEEP")" OOMScoreAdjust)" = -997 ] || fail "all: $(show "$(unit_of all "$SLEEP")" OOMScoreAdjust)"
    [ "$(show kubepods-besteffort.slice CPUWeight)" = 1 ] || fail "who asks for nothing has more than what is left"
    [ "$(show "$(slice_of none besteffort)" MemoryMax)" = infinity ] || fail "a limit out of nothing"
    sh_node "! test -e /run/systemd/system/$(slice_of none besteffort)" || fail "a file that says nothing"
}

# What has no limit of its own in the kernel is looked after: the directory that a pod has closed, too.
test_who_fills_a_volume_beyond_its_limit_is_evicted_and_nobody_else() {
    fills() { # NAME VOLUME WHERE RESOURCES
        apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  terminationGracePeriodSeconds: 60
  volumes: [{name: v, emptyDir: {$2}}]
  containers:
  - name: main
    image: /bin/sh
    command: [/bin/sh, -c, "trap : TERM; mkdir -m 700 $3/own; head -c 3000000 /dev/zero >$3/own/file; while :; do sleep 1; done"]
    resources: {$4}
    volumeMounts: [{name: v, mountPath: /data}]
YAML
    }
    evicted() { # NAME MESSAGE
        wait_for 60 "$1 is evicted" equals "Failed Evicted" pod_field "$1" '{.status.phase} {.status.reason}'
        [ "$(pod_field "$1" '{.status.message}')" = "$2" ] || fail "$1: $(pod_field "$1" '{.status.message}')"
        [ "$(pod_field "$1" '{.status.conditions[?(@.type=="DisruptionTarget")].reason}')" = TerminationByKubelet ] || fail "$1: no condition"
        event "$1" "Evicted: ${2% }"
    }
    fills disk 'sizeLimit: 1Mi' /data ''
    fills memory 'sizeLimit: 1Mi, medium: Memory' /data ''
    fills layer '' /tmp 'limits: {ephemeral-storage: 2Mi}'
    fills roomy 'sizeLimit: 4Mi' /data 'limits: {ephemeral-storage: 4Mi}'
    running roomy
    evicted disk 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '
    evicted memory 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '
    evicted layer 'Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. '
    [ "$(pod_field roomy '{.status.phase}')" = Running ] || fail "it had room: $(pod_field roomy '{.status}')"
    ! has_event roomy 'Evicted|FieldsIgnored' || fail "it is told so"
    k delete pod --all --grace-period=1 >/dev/null
}

# The helper writes no more pods when three quarters of the tmpfs are full, be it with empty files: who fills it has to go, or no other pod ever begins.
test_who_fills_the_tmpfs_that_all_pods_share_is_evicted() {
    local inodes
    inodes=$(node stat -fc %c /run/vks/pods)
    # An agent that is started anew knows nothing of the pressure, which would last for minutes.
    # shellcheck disable=SC2064
    trap "node mount -o remount,nr_inodes=$inodes /run/vks/pods; node systemctl restart vks-agent.service" EXIT
    node mount -o remount,nr_inodes=3000 /run/vks/pods
    program names 'i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); true >/tmp/$i || break; done; exec sleep 3600'
    # or it had, and is gone already
    taken() { sh_node '[ "$(stat -fc %d /run/vks/pods)" -lt 700 ]' || equals Failed pod_field names '{.status.phase}'; }
    wait_for 30 "it has taken all names" taken
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: other}
spec:
  nodeName: ${NODE:-node1}
  terminationGracePeriodSeconds: 1
  containers: [{name: main, image: /bin/sleep, command: [/bin/sleep, "3600"], resources: {requests: {memory: 1Mi}}}]
YAML
    wait_for 90 "it is evicted" equals "Failed Evicted" pod_field names '{.status.phase} {.status.reason}'
    running other 90
    k delete pod --all --grace-period=1 >/dev/null
    gone names && gone other
}

# The tmpfs is small here, so that a few megabytes fill it. Who fills it runs for no more than a moment each time, and the kernel counts nothing of his in between.
test_who_fills_it_and_fails_is_evicted_and_not_who_runs() {
    # shellcheck disable=SC2064
    trap "node mount -o remount,size=$(($(node stat -fc '%b * %S / 1024' /run/vks/pods)))k /run/vks/pods; node systemctl restart vks-agent.service" EXIT
    program runs 'x=$(head -c 8M /dev/zero | tr "\0" x); echo ${#x} >/tmp/size; exec sleep 3600'
    wait_for 30 "it has its memory" k exec runs -- test -s /tmp/size
    node mount -o remount,size=16M /run/vks/pods
    program fails 'head -c 14M /dev/zero >/tmp/file; exit 1'
    wait_for 90 "it is evicted" equals "Failed Evicted" pod_field fails '{.status.phase} {.status.reason}'
    [ "$(pod_field runs '{.status.phase}')" = Running ] || fail "runs: $(pod_field runs '{.status}')"
    wait_for 30 "there is room again" sh_node '[ "$(stat -fc %a /run/vks/pods)" -gt 2000 ]'
    k delete pod --all --grace-period=1 >/dev/null
    gone fails && gone runs
}

# An agent that was taken over may ask for what it likes: the one who looks sees pods' directories, and of the machine what everybody sees.
test_who_looks_what_files_take_sees_nothing_else() {
    local out ask='use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Peer => "/run/vks/usage.sock") or die "$!\n"; print $s join("\0", @ARGV), "\0"; $s->flush; shutdown($s, 1);
        local $/; my $a = <$s> // ""; $a =~ tr/\0/\n/; print $a'
    out=$(node setpriv --reuid=vks --regid=vks --init-groups perl -e "$ask" /usr/lib/os-release /etc /etc/shadow /root /home /boot /var/lib/vks/pki /run/vks /run /sys /dev /disk/../etc /proc/1/root \
        /proc/1/root/etc --help --exclude=x '/disk/*' -) || fail "the agent cannot ask"
    grep -qE '^[0-9]+	/usr/lib/os-release$' <<<"$out" || fail "it sees nothing at all: $out"
    ! grep -vE '^[0-9]+	/usr/|^0	/(dev|sys|run|proc)(/|$)' <<<"$out" || fail "it sees more"
    ! node setpriv --reuid=nobody --clear-groups perl -e "$ask" /usr 2>/dev/null || fail "anybody may ask"
    [ "$(node sh -c 'cd /usr/lib/systemd/system 2>/dev/null || cd /lib/systemd/system; sed -n s/^CapabilityBoundingSet=//p vks-usage@.service')" = CAP_DAC_READ_SEARCH ] || fail "it may more"
    wait_for 20 "nothing of it stays" equals "" node systemctl list-units --all --no-legend 'vks-usage@*'
}

test_a_pod_is_bounded_when_all_of_its_containers_are() {
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: a, image: /bin/sleep, command: [/bin/sleep, "3600"], resources: {limits: {memory: 32Mi, cpu: 100m}}}
  - {name: b, image: /bin/sleep, command: [/bin/sleep, "3600"], resources: {limits: {memory: 16Mi}}}
YAML
    running p
    [ "$(show "$(slice_of p burstable)" MemoryMax)" = 50331648 ] || fail "not the sum"
    [ "$(show "$(slice_of p burstable)" CPUQuotaPerSecUSec)" = infinity ] || fail "one has no limit of CPU"
    [ "$(show "$(unit_of p "$SLEEP.a")" CPUQuotaPerSecUSec)" = 100ms ] || fail "the other one has"
    k exec p -c a -- true || fail "no command beside a container with limits"
}

# An agent that comes back finds them as they are, and a container that is made anew has them again.
test_limits_outlive_the_agent_and_a_new_image() {
    asks p 'limits: {memory: 32Mi, cpu: 100m}'
    local unit
    sh_node 'systemctl restart vks-agent'
    k patch pod p --type=json -p '[{"op":"replace","path":"/spec/containers/0/image","value":"/usr/bin/sleep"}]' >/dev/null
    unit=$(unit_of p 'usr\x2fbin\x2fsleep')
    wait_for 60 "the new unit runs" contains active node systemctl is-active "$unit"
    [ "$(show "$unit" MemoryMax)" = 33554432 ] || fail "without its limit"
    [ "$(show "$(slice_of p)" MemoryMax)" = 33554432 ] || fail "the pod without its limit"
}

test_a_pod_has_so_many_processes() {
    trap 'sh_node "test ! -e /root/agent.kept || mv /root/agent.kept /etc/vks/agent.yaml; systemctl restart vks-agent"' EXIT
    sh_node "cp -p /etc/vks/agent.yaml /root/agent.kept; echo 'podPidsLimit: 77' >>/etc/vks/agent.yaml; systemctl restart vks-agent"
    asks none ''
    asks some 'requests: {cpu: 10m}'
    [ "$(show "$(slice_of none besteffort)" TasksMax)" = 77 ] || fail "of a pod that asks for nothing"
    [ "$(show "$(slice_of some burstable)" TasksMax)" = 77 ] || fail "of a pod that asks for something"
}

together requests_and_limits_are_the_units_and_the_slices who_asks_for_more_is_killed_later a_pod_is_bounded_when_all_of_its_containers_are
run_tests
