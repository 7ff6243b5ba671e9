#!/bin/bash
# What takes a kernel of the node's own, or two nodes: $NODE and $SECOND, both up and schedulable.
set -euo pipefail
SECOND=${SECOND:-uml2}
export SECOND
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

on() { NODE=$1 "$LAB" node exec "${@:2}"; } # NODE COMMAND...
ready() { k get node "$1" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'; }
nodes_of() { k get pods -l "app=$1" --field-selector status.phase=Running -o 'jsonpath={range .items[*]}{.spec.nodeName}{"\n"}{end}' | sort | uniq -c | awk '{ print $2 ":" $1 }' | paste -sd ' '; }
boot_id() { on "$1" cat /proc/sys/kernel/random/boot_id; }
another_boot() { # NODE BOOT_ID
    local now
    now=$(boot_id "$1") && [ "$now" != "$2" ]
}

set_of() { # KIND NAME MORE_OF_THE_SPEC: pods that sleep, labelled app: NAME
    apply <<YAML
apiVersion: apps/v1
kind: $1
metadata: {name: $2}
spec:
  $3
  selector: {matchLabels: {app: $2}}
  template:
    metadata: {labels: {app: $2}}
    spec: {terminationGracePeriodSeconds: 2, containers: [{name: c, image: /bin/sleep, command: [/bin/sleep, "10000"]}]}
YAML
}

# pinned NAME NODE SHELL_SCRIPT: a pod that stays there
pinned() { program "$1" "$3" "  nodeName: $2"; }

test_each_node_is_a_machine_of_its_own() {
    local n
    for n in "$NODE" "$SECOND"; do
        [ "$(on "$n" cat /sys/fs/cgroup/cgroup.controllers)" = "cpu io memory pids" ] || fail "controllers of $n"
        [ "$(on "$n" uname -r)" != "$(uname -r)" ] || fail "$n has this machine's kernel"
        [ "$(on "$n" hostname)" = "$n" ] || fail "name of $n"
        contains "$(k get node "$n" -o 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}')" on "$n" ip -4 addr show dev vec0 ||
            fail "address of $n"
    done
    [ "$(boot_id "$NODE")" != "$(boot_id "$SECOND")" ] || fail "one boot id"
    [ "$(on "$NODE" cat /etc/machine-id)" != "$(on "$SECOND" cat /etc/machine-id)" ] || fail "one machine id"
    [ "$(k get nodes -o 'jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}' | tr ' ' '\n' | sort -u | wc -l)" = 2 ] || fail "one address"
}

test_what_a_unit_uses_is_counted() {
    trap 'node systemctl stop lab-use.service' EXIT
    in_node /run/lab-use 'i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; exec sleep 1000'
    node systemd-run -q --unit=lab-use -p CPUAccounting=yes -p MemoryAccounting=yes -p TasksAccounting=yes sh /run/lab-use
    wait_for 20 "memory" at_least 4096 node systemctl show -P MemoryCurrent lab-use.service
    wait_for 20 "processor time" at_least 1000000 node systemctl show -P CPUUsageNSec lab-use.service
    wait_for 20 "one task" equals 1 node systemctl show -P TasksCurrent lab-use.service
}

# The shell's variable takes 64 MB.
test_memory_above_the_limit_ends_in_an_oom_kill() {
    trap 'node systemctl reset-failed lab-oom.service' EXIT
    local eat='x=$(head -c 64M /dev/zero | tr "\0" x); echo "has ${#x}"'
    in_node /run/lab-eat "$eat"
    [ "$(node sh /run/lab-eat)" = "has 67108864" ] || fail "not even without a limit"
    ! node systemd-run -q --wait --unit=lab-oom -p MemoryMax=20M -p MemorySwapMax=0 sh /run/lab-eat || fail "the limit is none"
    [ "$(node systemctl show -P Result lab-oom.service)" = oom-kill ] || fail "$(node systemctl status lab-oom.service)"
    wait_for 20 "the kernel's word" contains "Memory cgroup out of memory" node journalctl -k -o cat -g 'Memory cgroup out of memory'
}

# The pages of a tmpfs are counted for who has written them: more of them than any limit that was meant for the helper's own memory.
test_the_helper_is_not_killed_for_what_it_has_stored() {
    local out before
    trap 'node sh -c "test ! -e /root/policy.conf || mv /root/policy.conf /etc/vks/policy.conf; mount -o remount,size=50% /run/vks/pods; rm -f /usr/local/bin/hostile"' EXIT
    make -s -C "$ROOT_DIR" build/hostile
    "$LAB" node put "$ROOT_DIR/build/hostile" /usr/local/bin/hostile
    node sh -c 'cp -p /etc/vks/policy.conf /root/policy.conf && printf "max-pod-content = 2000\nmax-content = 90\n" >>/etc/vks/policy.conf && mount -o remount,size=75% /run/vks/pods'
    before=$(node systemctl show -P NRestarts vks-helper.service)
    out=$(node setpriv --reuid=vks --regid=vks --init-groups /usr/local/bin/hostile fill-flood 60) || fail "$out"
    echo "$out"
    grep -E '^content of one pod: 60 asked, (3[5-9]|[45][0-9]|60) done' <<<"$out" >/dev/null || fail "that was no 525 MB: $out"
    [ "$(node systemctl show -P NRestarts vks-helper.service)" = "$before" ] || fail "the helper was restarted"
    [ "$(node systemctl show -P Result vks-helper.service)" = success ] || fail "the helper: $(node systemctl show -P Result vks-helper.service)"
    ! node journalctl -k -o cat -g 'Killed process [0-9]+ .vks-helper' || fail "it was killed"
    node sh -c 'mount -o remount,size=50% /run/vks/pods; systemctl restart vks-agent.service' # it would remember for minutes that memory was short
    wait_for 60 "memory is not short any more" equals False condition MemoryPressure
}

# ends NAME REASON_AND_CODE [CONTAINER]
ends() { wait_for 120 "$1 has ended as $2" equals "$2" pod_field "$1" "{.status.containerStatuses[?(@.name==\"${3:-main}\")].state.terminated['reason','exitCode']}"; }

# Its shell's variable takes twice 40 MB for a moment; the other container of its pod, which has no limit, and another pod run on.
test_who_takes_more_memory_than_its_limit_dies_alone() {
    local pid other
    pinned beside "$NODE" 'exec sleep 10000'
    running beside
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: hog}
spec:
  nodeName: $NODE
  restartPolicy: Never
  terminationGracePeriodSeconds: 2
  containers:
  - name: main
    image: /bin/sh
    # the shell is not who takes it: the whole container is killed all the same
    command: [/bin/sh, -c, 'sleep 10000 & until [ -e /tmp/go ]; do sleep 0.2; done; sh -c "x=\$(head -c 40M /dev/zero | tr \"\\\\0\" x); echo has \${#x}"; echo lives on; sleep 10000']
    resources: {limits: {memory: 24Mi}}
  - {name: other, image: /bin/sleep, command: [/bin/sleep, "10000"]}
YAML
    running hog
    pid=$(main_pid "$(unit_of beside 'bin\x2fsh')") other=$(main_pid "$(unit_of hog 'bin\x2fsleep')")
    k exec hog -c other -- touch /tmp/go
    ends hog "OOMKilled 137"
    [ -z "$(k logs hog -c main)" ] || fail "it lived on: $(k logs hog -c main)"
    [ "$(main_pid "$(unit_of beside 'bin\x2fsh')")" = "$pid" ] && [ "$(main_pid "$(unit_of hog 'bin\x2fsleep')")" = "$other" ] || fail "somebody else was killed"
    [ "$(pod_field hog '{.status.containerStatuses[?(@.name=="other")].restartCount}')" = 0 ] || fail "the other was restarted"
    wait_for 20 "the kernel's word" contains "Memory cgroup out of memory" node journalctl -k -o cat -g 'Memory cgroup out of memory'
}

# An agent that was taken over takes all the memory there is. The kernel's score would have everybody else killed before it; and what PID 1 keeps for it is bounded with it.
test_an_agent_that_takes_all_memory_dies_alone() {
    local pid since
    trap 'node sh -c "rm -rf /run/systemd/system/vks-agent.service.d; systemctl daemon-reload; systemctl reset-failed vks-agent.service; systemctl restart vks-agent.service; systemctl stop lab-other.service"' EXIT
    pinned beside "$NODE" 'exec sleep 10000'
    running beside
    pid=$(main_pid "$(unit_of beside 'bin\x2fsh')")
    node systemd-run -q --unit=lab-other sleep 10000
    since=$(node date +%s)
    [ "$(node systemctl show -P OOMScoreAdjust vks-agent.service)" = -999 ] || fail "pods do not go first: this test shows nothing"
    node sh -c 'mkdir -p /run/systemd/system/vks-agent.service.d
                printf "[Service]\nType=exec\nRestart=no\nWatchdogSec=0\nExecStart=\nExecStart=/usr/bin/tail /dev/zero\n" >/run/systemd/system/vks-agent.service.d/lab.conf
                systemctl daemon-reload; systemctl restart vks-agent.service'
    wait_for 120 "the kernel has killed it" equals oom-kill node systemctl show -P Result vks-agent.service
    [ "$(main_pid "$(unit_of beside 'bin\x2fsh')")" = "$pid" ] && node systemctl -q is-active lab-other.service || fail "somebody else was killed"
    wait_for 20 "the kernel's word" contains "Memory cgroup out of memory" node journalctl -k -o cat --since="@$since"
    ! node journalctl -k -o cat --since="@$since" | grep '^Out of memory' || fail "it had all of the machine's"
}

# fills NAME MIB MORE_OF_THE_SPEC RESOURCES: a pod that writes so much to memory
fills() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  nodeName: $NODE
  $3
  terminationGracePeriodSeconds: 2
  volumes: [{name: m, emptyDir: {medium: Memory}}]
  containers:
  - name: main
    image: /bin/sh
    command: [/bin/sh, -c, "head -c ${2}M /dev/zero >/m/file && touch /m/done; exec sleep 10000"]
    resources: {$4}
    volumeMounts: [{name: m, mountPath: /m}]
YAML
}
full() { wait_for 60 "$1 has what it wants" k exec "$1" -- test -e /m/done; }
evictions() { kubectl get --raw "/api/v1/nodes/$NODE/proxy/metrics" | awk -v name="kubelet_evictions{eviction_signal=\"$1\"}" '$1 == name { print $2 }'; }
condition() { k get node "$NODE" -o "jsonpath={.status.conditions[?(@.type==\"$1\")].status}"; }

# Of four pods one is spared as critical, one has less than it asked for, one is small; the fourth goes, and is enough. The node lives, tells what it lacks, and takes
# nobody meanwhile who asks for no memory.
test_short_of_memory_the_node_evicts_who_has_most_beyond_what_he_asked_for() {
    local free pid
    trap 'node sed -i "/^eviction/d" /etc/vks/agent.yaml; node systemctl restart vks-agent.service' EXIT
    fills spared 100 'priorityClassName: system-node-critical' ''
    fills asks 100 '' 'requests: {memory: 200Mi}'
    fills small 1 '' ''
    for pid in spared asks small; do running $pid; full $pid; done
    pid=$(main_pid "$(unit_of small 'bin\x2fsh')")
    free=$(node sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)
    node sh -c "printf 'evictionHard: {memory.available: $((free - 61440))Ki}\nevictionPressureTransitionPeriod: 40s\n' >>/etc/vks/agent.yaml; systemctl restart vks-agent.service"
    wait_for 60 "the agent is back" equals True ready "$NODE"
    [ "$(condition MemoryPressure)" = False ] || fail "pressure before there is any"
    fills greedy 140 '' 'requests: {memory: 16Mi}'
    wait_for 120 "greedy is evicted" equals "Failed Evicted" pod_field greedy '{.status.phase} {.status.reason}'
    pod_field greedy '{.status.message}' | grep -E '^The node was low on resource: memory. Threshold quantity: [0-9]+Ki, available: [0-9]+Ki. Container main was using [0-9]+(Ki|Mi)?, request is 16Mi, has larger consumption of memory. $' ||
        fail "$(pod_field greedy '{.status.message}')"
    wait_for 30 "the node says so" equals True condition MemoryPressure
    [ "$(evictions memory.available)" = 1 ] || fail "counted: $(evictions memory.available)"
    pinned late "$NODE" 'exec sleep 10000'
    wait_for 30 "nobody comes in who asks for nothing" equals "Failed Evicted: Pod was rejected: The node had condition: [MemoryPressure]. " \
        pod_field late '{.status.phase} {.status.reason}: {.status.message}'
    wait_for 60 "that is over" equals False condition MemoryPressure
    for name in spared asks small; do
        [ "$(pod_field $name '{.status.phase}')" = Running ] || fail "$name: $(pod_field $name '{.status.phase} {.status.message}')"
    done
    [ "$(main_pid "$(unit_of small 'bin\x2fsh')")" = "$pid" ] || fail "small was restarted"
    ! node journalctl -k -o cat -g 'Out of memory: Killed' || fail "the kernel had to kill"
}

# Of two that have written as much, the one goes that has not asked for the room; what it wrote goes with it, and the node has enough.
test_short_of_disk_the_node_evicts_who_has_not_asked_for_it() {
    local free name
    trap 'node sed -i "/^eviction/d" /etc/vks/agent.yaml; node systemctl restart vks-agent.service' EXIT
    for name in asks greedy; do
        apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: $name}
spec:
  nodeName: $NODE
  terminationGracePeriodSeconds: 2
  volumes: [{name: d, emptyDir: {}}]
  containers:
  - name: main
    image: /bin/sh
    command: [/bin/sh, -c, 'head -c 60M /dev/zero >/d/file && sync /d/file && touch /d/done; exec sleep 10000']
    volumeMounts: [{name: d, mountPath: /d}]
    resources: {requests: {$([ $name = greedy ] || echo 'ephemeral-storage: 200Mi')}}
YAML
    done
    for name in asks greedy; do
        running $name
        wait_for 60 "$name has what it wants" k exec $name -- test -e /d/done
    done
    free=$(node stat -f -c '%a %S' /var/lib/vks)
    free=$((${free% *} * ${free#* } / 1024))
    node sh -c "printf 'evictionHard: {nodefs.available: $((free + 30720))Ki}\nevictionPressureTransitionPeriod: 5s\n' >>/etc/vks/agent.yaml; systemctl restart vks-agent.service"
    wait_for 120 "greedy is evicted" equals "Failed Evicted" pod_field greedy '{.status.phase} {.status.reason}'
    pod_field greedy '{.status.message}' | grep -E '^The node was low on resource: ephemeral-storage. Threshold quantity: [0-9]+(Ki|Mi)?, available: [0-9]+(Ki|Mi)?. $' ||
        fail "$(pod_field greedy '{.status.message}')"
    wait_for 60 "there is enough again" equals False condition DiskPressure
    [ "$(evictions nodefs.available)" = 1 ] || fail "counted: $(evictions nodefs.available)"
    [ "$(pod_field asks '{.status.phase}')" = Running ] || fail "asks: $(pod_field asks '{.status.phase} {.status.message}')"
}

# What the kernel gave to each, of one processor, while both want all of it.
test_cpu_is_shared_by_what_is_asked_for() {
    local one three before after a b
    for a in 100 300; do
        apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: cpu$a}
spec:
  nodeName: $NODE
  terminationGracePeriodSeconds: 1
  containers: [{name: main, image: /bin/sh, command: [/bin/sh, -c, 'while :; do :; done'], resources: {requests: {cpu: ${a}m}}}]
YAML
    done
    running cpu100
    running cpu300
    one=$(unit_of cpu100 'bin\x2fsh') three=$(unit_of cpu300 'bin\x2fsh')
    used() { node systemctl show -P CPUUsageNSec "$one" "$three" | grep . | paste -sd ' '; }
    before=$(used)
    # until the first has had a second of it
    had_a_second() { after=$(used) && [ $((${after%% *} - ${before%% *})) -gt 1000000000 ]; }
    wait_for 60 "a second of CPU" had_a_second
    after=$(used)
    a=$((${after%% *} - ${before%% *})) b=$((${after##* } - ${before##* }))
    echo "    1:3 is 1:$((b * 100 / a)) %"
    # weights are whole numbers, 4 and 12
    [ $((b * 10 / a)) -ge 24 ] && [ $((b * 10 / a)) -le 36 ] || fail "$a and $b"
}

test_a_limit_of_cpu_throttles() {
    local unit
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: slow}
spec:
  nodeName: $NODE
  terminationGracePeriodSeconds: 1
  containers: [{name: main, image: /bin/sh, command: [/bin/sh, -c, 'while :; do :; done'], resources: {limits: {cpu: 100m}}}]
YAML
    running slow
    unit=$(unit_of slow 'bin\x2fsh')
    throttled() { node sh -c "sed -n 's/^nr_throttled //p' /sys/fs/cgroup\$(systemctl show -P ControlGroup '$unit')/cpu.stat"; }
    wait_for 60 "it is throttled" at_least 10 throttled
}

# Before 1.33 no API server could be asked for it.
test_two_pods_are_resized_without_a_restart() {
    kubectl get --raw /api/v1 | grep '"pods/resize"' >/dev/null || return 0
    local name pid=()
    for name in one two; do
        apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: $name}
spec:
  nodeName: $NODE
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: /bin/sh
    # it holds 8 MB
    command: [/bin/sh, -c, 'x=\$(head -c 8M /dev/zero | tr "\\0" x); touch /tmp/full; sleep 10000; echo \${#x}']
    resources: {requests: {cpu: 100m, memory: 32Mi}, limits: {cpu: 200m, memory: 64Mi}}
YAML
    done
    of_kernel() { # POD FILE
        node sh -c "cat /sys/fs/cgroup\$(systemctl show -P ControlGroup '$(unit_of "$1" 'bin\x2fsh')')/$2"
    }
    of_slice() { node sh -c "cat \"\$(dirname /sys/fs/cgroup\$(systemctl show -P ControlGroup '$(unit_of "$1" 'bin\x2fsh')'))/$2\""; }
    resize() { k patch pod "$1" --subresource resize -p "{\"spec\":{\"containers\":[{\"name\":\"main\",\"resources\":{$2}}]}}" >/dev/null; }
    for name in one two; do
        running $name
        wait_for 60 "$name has its memory" k exec $name -- test -e /tmp/full
        pid+=("$(main_pid "$(unit_of $name 'bin\x2fsh')")")
    done
    equals "20000 100000" of_kernel one cpu.max || fail "before: $(of_kernel one cpu.max)"
    for name in one two; do
        resize $name '"requests":{"cpu":"300m","memory":"48Mi"},"limits":{"cpu":"500m","memory":"96Mi"}'
    done
    for name in one two; do
        wait_for 30 "$name has more" equals 100663296 of_kernel $name memory.max
        wait_for 10 "its slice, too" equals 100663296 of_slice $name memory.max
        wait_for 10 "$name has more CPU" equals "50000 100000" of_kernel $name cpu.max
        wait_for 10 "its slice" equals "50000 100000" of_slice $name cpu.max
        wait_for 10 "its weight" equals 12 of_kernel $name cpu.weight
        wait_for 30 "$name is told" equals "96Mi 500m 48Mi" pod_field $name '{.status.containerStatuses[0].resources.limits.memory} {.status.containerStatuses[0].resources.limits.cpu} {.status.containerStatuses[0].allocatedResources.memory}'
    done
    # what is in use cannot be taken away, and nobody is killed for it
    resize one '"requests":{"cpu":"300m","memory":"4Mi"},"limits":{"cpu":"500m","memory":"4Mi"}'
    event one 'ResizeError: Pod resize error: .*cannot decrease memory limits: .attempting to set pod memory limit .4194304. below current usage'
    wait_for 20 "the status has it" equals "Error 96Mi" pod_field one '{.status.conditions[?(@.type=="PodResizeInProgress")].reason} {.status.containerStatuses[0].resources.limits.memory}'
    equals 100663296 of_kernel one memory.max || fail "it was taken away"
    resize one '"requests":{"cpu":"300m","memory":"4Mi"},"limits":{"cpu":"500m","memory":"80Mi"}'
    wait_for 30 "one has less" equals 83886080 of_kernel one memory.max
    wait_for 30 "it is told" equals " 80Mi" pod_field one '{.status.conditions[?(@.type=="PodResizeInProgress")].reason} {.status.containerStatuses[0].resources.limits.memory}'
    for name in one two; do
        [ "$(main_pid "$(unit_of $name 'bin\x2fsh')")" = "${pid[0]}" ] || fail "$name was restarted"
        [ "$(pod_field $name '{.status.containerStatuses[0].restartCount}')" = 0 ] || fail "a restart of $name is counted"
        pid=("${pid[@]:1}")
    done
}

test_a_fork_bomb_stops_at_the_pods_limit() {
    local slice
    trap 'node sh -c "test ! -e /root/agent.kept || mv /root/agent.kept /etc/vks/agent.yaml; systemctl restart vks-agent"' EXIT
    node sh -c "cp -p /etc/vks/agent.yaml /root/agent.kept; echo 'podPidsLimit: 40' >>/etc/vks/agent.yaml; systemctl restart vks-agent"
    # a shell that gets no process any more ends, and what it has begun does not
    pinned bomb "$NODE" 'until [ -e /tmp/go ]; do sleep 0.2; done; sh -c "while :; do sleep 10000 & done"; exec sleep 10000'
    running bomb
    k exec bomb -- touch /tmp/go
    slice="kubepods-besteffort-pod$(pod_field bomb '{.metadata.uid}' | tr - _).slice"
    # the kernel counts it where the process is, or where the limit is: cgroups(7) of before 6.11 and after
    refused() { node sh -c "cd /sys/fs/cgroup\$(systemctl show -P ControlGroup $slice) && cat pids.events */pids.events | sed -n 's/^max //p' | sort -n | tail -n 1"; }
    wait_for 60 "the kernel refuses one" at_least 1 refused
    [ "$(node systemctl show -P TasksCurrent "$slice")" -le 40 ] || fail "$(node systemctl show -P TasksCurrent "$slice") tasks"
    pinned after "$NODE" 'exec sleep 10000'
    running after
}

test_a_daemon_set_runs_on_both_and_a_drain_moves_the_rest() {
    trap 'kubectl uncordon "$NODE" "$SECOND" >/dev/null' EXIT
    local pod
    set_of DaemonSet each ""
    wait_for 60 "one on each" equals "$NODE:1 $SECOND:1" nodes_of each
    kubectl cordon "$SECOND" >/dev/null
    # who hears of it by a watch, as the scheduler does, says so in the node's taints
    wait_for 30 "it is heard of" contains node.kubernetes.io/unschedulable k get node "$SECOND" -o 'jsonpath={.spec.taints}'
    set_of Deployment moves "replicas: 3"
    wait_for 60 "three on the first" equals "$NODE:3" nodes_of moves
    for pod in $(k get pods -l app=each -o name); do
        [ -z "$(k logs "$pod")" ] || fail "sleep says something"
    done
    kubectl uncordon "$SECOND" >/dev/null
    kubectl drain "$NODE" --ignore-daemonsets --timeout=240s >/dev/null 2>&1 || fail "drain"
    wait_for 60 "three on the second" equals "$SECOND:3" nodes_of moves
    wait_for 60 "nothing but the daemon set's is left on the first" equals "$NODE:1 $SECOND:1" nodes_of each
    wait_for 30 "no units are left" equals 1 sh_node "ls -d /run/systemd/system/vks.$NS.*.service | wc -l"
    wait_for 30 "their units are there" equals 4 on "$SECOND" sh -c "ls -d /run/systemd/system/vks.$NS.*.service | wc -l"
}

test_pods_come_back_after_a_reboot() {
    local before uid
    pinned back "$NODE" 'echo "boot $(cat /proc/sys/kernel/random/boot_id)"; exec sleep 10000'
    running back
    before=$(boot_id "$NODE") uid=$(pod_field back '{.metadata.uid}')
    wait_for 20 "its line" contains "boot $before" k logs back
    "$LAB" node reboot
    wait_for 60 "it is another boot" another_boot "$NODE" "$before"
    wait_for 60 "it runs in the new boot" contains "boot $(boot_id "$NODE")" k logs back
    wait_for 60 "the pod is started anew" at_least 1 pod_field back '{.status.containerStatuses[0].restartCount}'
    running back
    [ "$(pod_field back '{.metadata.uid}')" = "$uid" ] || fail "another pod"
    wait_for 30 "the node is Ready" equals True ready "$NODE"
}

# A pod that takes some seconds to end, in which others are asked for, and says in the journal when it is asked to and when it has.
slow_to_end() { # POD [PRIORITY_CLASS]
    local class=
    [ -z "${2:-}" ] || class="
  priorityClassName: $2"
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  nodeName: $NODE$class
  terminationGracePeriodSeconds: 30
  containers:
  - name: main
    image: /bin/sh
    command: [/bin/sh, -c, 'trap "echo asked \\\$(date +%s%N); sleep 8; echo over \\\$(date +%s%N); exit 3" TERM; echo up; while :; do sleep 0.1; done']
YAML
}
said() { on "$NODE" journalctl -o cat VKS_POD="$NS/$1" | awk -v word="$2" '$1 == word { print $2 }'; } # POD WORD: its time
why_not_ready() { k get node "$NODE" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].message}'; }

# The delay is logind's to grant.
test_pods_end_in_their_order_when_the_machine_shuts_down() {
    local before
    before=$(boot_id "$NODE")
    trap 'on "$NODE" sh -c "sed -i /^shutdownGracePeriod/d /etc/vks/agent.yaml; rm -f /etc/systemd/logind.conf.d/vks.conf; systemctl restart systemd-logind vks-agent"' EXIT
    on "$NODE" sh -c 'printf "shutdownGracePeriod: 60s\nshutdownGracePeriodCriticalPods: 20s\n" >>/etc/vks/agent.yaml; systemctl restart vks-agent'
    node_says() { k get events -n default --field-selector "involvedObject.name=$NODE" -o 'jsonpath={range .items[*]}{.message}{"\n"}{end}' | grep "$1" >/dev/null; }
    wait_for 60 "it is said what the delay takes" node_says 'InhibitDelayMaxSec=60'
    on "$NODE" sh -c 'mkdir -p /etc/systemd/logind.conf.d; printf "[Login]\nInhibitDelayMaxSec=60\n" >/etc/systemd/logind.conf.d/vks.conf; systemctl restart systemd-logind; systemctl restart vks-agent'
    wait_for 60 "the delay is granted" contains vks-agent on "$NODE" systemd-inhibit --list --no-pager
    slow_to_end plain
    slow_to_end critical system-cluster-critical
    for pod in plain critical; do
        running $pod
        wait_for 20 "$pod heeds its signal" contains up k logs $pod
    done
    on "$NODE" systemctl --no-block reboot
    wait_for 30 "the node says why it is not Ready" equals "node is shutting down" why_not_ready
    pinned late "$NODE" 'sleep 10000'
    wait_for 30 "who comes now is not let in" equals NodeShutdown pod_field late '{.status.reason}'
    wait_for 60 "the first has failed" equals Failed pod_field plain '{.status.phase}'
    wait_for 60 "and the other one" equals Failed pod_field critical '{.status.phase}'
    [ "$(pod_field plain '{.status.reason}: {.status.message}')" = "Terminated: Pod was terminated in response to imminent node shutdown." ] || fail "$(pod_field plain '{.status}')"
    [ "$(pod_field plain '{.status.conditions[?(@.type=="DisruptionTarget")].reason}')" = TerminationByKubelet ] || fail "no DisruptionTarget"
    [ "$(pod_field plain '{.status.containerStatuses[0].state.terminated.exitCode}')" = 3 ] || fail "it was killed"
    wait_for 120 "ssh answers in the next boot" another_boot "$NODE" "$before"
    wait_for 120 "the node is Ready again" equals True ready "$NODE"
    node_says 'Shutdown manager detected shutdown event' || fail "no event"
    [ "$(said plain over)" -gt "$(said plain asked)" ] && [ "$(said critical asked)" -gt "$(said plain over)" ] || fail "the critical one did not wait"
    [ "$(said critical over)" -gt "$(said critical asked)" ] || fail "the machine did not wait for the critical one"
}

# The lab's authorities live for a year: the first certificate is renewed in its last third, and the second in what is left.
test_a_year_passes_and_the_certificate_is_renewed() {
    local role=system:certificates.k8s.io:certificatesigningrequests:selfnodeclient last day=86400 left
    pki=/var/lib/vks/pki/kubelet-client-current.pem
    trap 'on "$SECOND" sh -c "date -s @$(date +%s) >/dev/null; sed -i /^rotateCertificates/d /etc/vks/agent.yaml; rm -f $pki; systemctl restart vks-agent"
          kubectl delete clusterrolebinding vks-year --ignore-not-found >/dev/null' EXIT
    serial() { on "$SECOND" openssl x509 -noout -serial -in "$pki"; }
    another() { local now; now=$(serial) && [ "$now" != "$last" ]; }
    kubectl create clusterrolebinding vks-year --clusterrole="$role" --group=system:nodes >/dev/null
    on "$SECOND" sh -c 'echo "rotateCertificates: true" >>/etc/vks/agent.yaml; systemctl restart vks-agent'
    last=
    wait_for 60 "the first one" another
    last=$(serial)
    left=$((($(date -d "$(on "$SECOND" openssl x509 -noout -enddate -in "$pki" | cut -d= -f2)" +%s) - $(date +%s)) / day))
    [ "$left" -gt 300 ] || fail "it is good for $left days only"
    on "$SECOND" date -s "@$(($(date +%s) + left / 2 * day))" >/dev/null
    pinned half "$SECOND" 'echo half; exec sleep 10000'
    running half
    [ "$(serial)" = "$last" ] || fail "it was renewed after half of its life"
    on "$SECOND" date -s "@$(($(date +%s) + left * 92 / 100 * day))" >/dev/null
    wait_for 60 "the second one" another
    last=$(serial)
    on "$SECOND" date -s "@$(($(date +%s) + (left - 1) * day))" >/dev/null
    wait_for 60 "the third one" another
    pinned late "$SECOND" 'echo late; exec sleep 10000'
    running late
    wait_for 60 "the node is Ready" equals True ready "$SECOND"
}

test_a_clock_that_is_set_forward_ends_nothing() {
    trap 'on "$SECOND" date -s "@$(date +%s)" >/dev/null' EXIT
    local pid
    pinned before "$SECOND" 'i=0; while :; do i=$((i+1)); echo "tick $i"; sleep 1; done'
    running before
    pid=$(on "$SECOND" systemctl show -P MainPID "$(unit_of before 'bin\x2fsh')")
    on "$SECOND" date -s "@$(($(date +%s) + 3 * 3600))" >/dev/null
    [ $(($(on "$SECOND" date +%s) - $(date +%s))) -gt 10000 ] || fail "the clock was not set"
    [ $(($(on "$NODE" date +%s) - $(date +%s))) -lt 60 ] || fail "the other node's clock went along"
    # the lease is renewed by the node's own clock
    lease_is_ahead() { [ $(($(date -d "$(k get lease -n kube-node-lease "$SECOND" -o 'jsonpath={.spec.renewTime}')" +%s) - $(date +%s))) -gt 10000 ]; }
    wait_for 60 "the lease is renewed" lease_is_ahead
    pinned after "$SECOND" 'echo "after"; exec sleep 10000'
    running after
    wait_for 20 "its line" contains after k logs after
    [ "$(on "$SECOND" systemctl show -P MainPID "$(unit_of before 'bin\x2fsh')")" = "$pid" ] || fail "the pod was started again"
    [ "$(pod_field before '{.status.containerStatuses[0].restartCount}')" = 0 ] || fail "a restart is counted"
    k delete pod after --timeout=240s >/dev/null
    wait_for 60 "the node is Ready" equals True ready "$SECOND"
}

# Both of the server and of the machine that has it mounted, as its administrator does it. The pod knows the server's name and the path alone.
test_nfs_is_where_the_machine_has_mounted_it() {
    trap 'node sh -c "umount /srv/shared; exportfs -ua; test ! -e /root/policy.conf || mv /root/policy.conf /etc/vks/policy.conf; systemctl stop vks-helper.service 2>/dev/null"' EXIT
    node sh -c 'DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install nfs-kernel-server >/tmp/apt 2>&1' || fail "$(node tail -n 5 /tmp/apt)"
    node sh -c 'mkdir -p /srv/exported/deep /srv/shared && chmod 1777 /srv/exported/deep && echo from-server >/srv/exported/deep/f && cp -p /etc/vks/policy.conf /root/policy.conf &&
                echo "host-path = /srv/shared rw" >>/etc/vks/policy.conf && systemctl stop vks-helper.service 2>/dev/null
                echo "/srv/exported 127.0.0.1(rw,no_root_squash,no_subtree_check,insecure,fsid=7)" >/etc/exports && systemctl restart nfs-server && exportfs -ra'
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  nodeName: $NODE
  terminationGracePeriodSeconds: 1
  volumes: [{name: v, nfs: {server: 127.0.0.1, path: /srv/exported/deep}}]
  containers: [{name: c, image: /bin/sleep, command: [/bin/sh, -c, 'cat /data/f; echo from-pod >/data/g; exec sleep 10000'], volumeMounts: [{name: v, mountPath: /data}]}]
YAML
    event p 'FailedMount: .*nfs 127.0.0.1:/srv/exported/deep is not mounted on this machine' 60
    node mount -t nfs4 127.0.0.1:/srv/exported /srv/shared
    running p 120
    wait_for 30 "it reads" equals from-server k logs p
    wait_for 30 "it writes" equals from-pod node cat /srv/exported/deep/g
    k delete pod p --timeout=120s >/dev/null
    node test -e /srv/exported/deep/g || fail "the volume went with the pod"
}

run_tests
