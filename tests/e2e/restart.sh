#!/bin/bash
# Restart at any moment: of a container, of the agent, of the API server, of the machine.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

restarted() { wait_for "${3:-30}" "$1 was restarted $2 times" at_least "$2" restarts "$1"; } # POD TIMES [SECONDS]
restarts() { pod_field "$1" '{.status.containerStatuses[0].restartCount}'; }
agent_ready() { wait_for 30 "the agent is back" node systemctl is-active vks-agent; }
SH='bin\x2fsh'

test_a_crashing_container_comes_back_with_back_off() {
    program crash 'sleep 0.5; exit 7'
    wait_for 30 "CrashLoopBackOff" equals CrashLoopBackOff pod_field crash '{.status.containerStatuses[0].state.waiting.reason}'
    [ "$(pod_field crash '{.status.containerStatuses[0].lastState.terminated.exitCode}')" = 7 ] || fail "exit code"
    event crash "BackOff:"
    restarted crash 2 # after 10 s
}

test_a_killed_process_shows_137_and_is_restarted() {
    program victim 'while :; do sleep 1; done'
    running victim
    node systemctl kill -s KILL "$(unit_of victim $SH)"
    wait_for 20 "a restart" equals 1 restarts victim
    running victim
    [ "$(pod_field victim '{.status.containerStatuses[0].lastState.terminated.exitCode}')" = 137 ] || fail "exit code"
}

# Another version of vks may have another text for it, and lets nobody beside what runs by an older one (kubectl exec).
test_what_an_earlier_agent_wrote_is_written_anew_at_its_next_start() {
    local unit first second
    written() { sh_node "stat -c '%i %w' \$(systemctl show -P FragmentPath '$unit')"; }
    program old 'exec sleep 10000'
    running old
    unit=$(unit_of old $SH) first=$(written)
    node systemctl restart vks-agent
    agent_ready
    [ "$(written)" = "$first" ] || fail "what runs was written anew"
    node systemctl kill -s KILL "$unit"
    restarted old 1
    running old
    second=$(written)
    [ "$second" != "$first" ] || fail "it is the earlier agent's"
    equals here k exec old -- echo here || fail "nobody may beside it"
    node systemctl kill -s KILL "$unit"
    restarted old 2 60
    running old
    [ "$(written)" = "$second" ] || fail "it is written at each start"
}

test_policies_never_and_on_failure() {
    program never 'exit 3' "  restartPolicy: Never"
    program good 'exit 0' "  restartPolicy: OnFailure"
    program bad 'sleep 0.2; exit 1' "  restartPolicy: OnFailure"
    wait_for 30 "Failed" equals Failed pod_field never '{.status.phase}'
    wait_for 30 "Succeeded" equals Succeeded pod_field good '{.status.phase}'
    restarted bad 1
    [ "$(pod_field never '{.status.containerStatuses[0].state.terminated.exitCode}')" = 3 ] || fail "exit code"
    [ "$(pod_field good '{.status.containerStatuses[0].state.terminated.reason}')" = Completed ] || fail "reason"
}

test_the_agent_is_killed_and_nothing_else_notices() {
    program stays 'exec sleep 10000'
    program goes 'exec sleep 10000'
    program ends 'until [ -e /tmp/go ]; do sleep 0.1; done; exit 5' "  restartPolicy: Never"
    running stays; running goes; running ends
    local pid id
    pid=$(main_pid "$(unit_of stays $SH)")
    id=$(pod_field stays '{.status.containerStatuses[0].containerID}')
    node systemctl kill -s KILL vks-agent
    node systemctl stop vks-agent
    k delete pod goes --wait=false >/dev/null
    in_pod "$(unit_of ends $SH)" touch /tmp/go
    wait_for 20 "one ends meanwhile" equals 0 main_pid "$(unit_of ends $SH)"
    node systemctl start vks-agent
    agent_ready
    gone goes 30
    wait_for 30 "the end is reported" equals 5 pod_field ends '{.status.containerStatuses[0].state.terminated.exitCode}'
    [ "$(main_pid "$(unit_of stays $SH)")" = "$pid" ] || fail "the process is another one"
    [ "$(pod_field stays '{.status.containerStatuses[0].containerID}')" = "$id" ] || fail "the run is another one"
    [ "$(restarts stays)" = 0 ] || fail "restartCount"
    [ -z "$(sh_node "ls -d /run/systemd/system/vks.$NS.goes.* 2>/dev/null")" ] || fail "units of a deleted pod are left"
}

# systemd starts a unit five times in ten seconds, and then no more (DefaultStartLimitBurst=), if that does not say otherwise.
test_however_often_the_agent_is_restarted_its_sockets_are_there() {
    local unit
    for _ in 1 2 3 4 5 6 7 8; do node systemctl restart vks-agent; done
    agent_ready
    for unit in vks-helper.socket vks-console.socket vks-usage.socket vks-inhibit.socket vks-agent.service vks-helper.service vks-log.service; do
        [ "$(node systemctl show -P StartLimitIntervalUSec $unit)" = 0 ] || fail "$unit gives up"
    done
    equals 4 sh_node 'systemctl list-units --plain --no-legend --state=active "vks-*.socket" | wc -l' || fail "$(sh_node 'systemctl list-units --all "vks-*.socket"')"
}

test_systemd_supervises_while_the_agent_is_away() {
    program alone 'while :; do sleep 1; done'
    running alone
    node systemctl stop vks-agent
    node systemctl kill -s KILL "$(unit_of alone $SH)"
    wait_for 10 "it waits to be started again" equals auto-restart node systemctl show -P SubState "$(unit_of alone $SH)"
    node systemctl start vks-agent
    wait_for 30 "the agent takes over" equals 1 restarts alone
    running alone
}

# waits_again POD MORE_RESTARTS_THAN: it waits to be started again; TIMES that it was, DELAY, and when its last run had BEGUN and ENDED, all of one moment
waits_again() {
    local all
    all=$(pod_field "$1" '{.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].lastState.terminated.startedAt} {.status.containerStatuses[0].lastState.terminated.finishedAt} {.status.containerStatuses[0].state.waiting.message}')
    [[ $all =~ ^([0-9]+)\ ([^ ]+)\ ([^ ]+)\ back-off\ ([0-9]+)s\ restarting\ failed\ container=main\ pod=$1_$NS\( ]] && [ "${BASH_REMATCH[1]}" -gt "$2" ] || return 1
    TIMES=${BASH_REMATCH[1]} DELAY=${BASH_REMATCH[4]} BEGUN=$(date -d "${BASH_REMATCH[2]}" +%s) ENDED=$(date -d "${BASH_REMATCH[3]}" +%s)
}
test_a_back_off_survives_the_agent() {
    local ended times delay
    program crash 'exit 7'
    # Whom the agent has stopped, systemd does not start again.
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: sick}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: main, image: /bin/sh, command: [/bin/sleep, "10000"], livenessProbe: {exec: {command: [/bin/false]}, periodSeconds: 1, failureThreshold: 1}}
YAML
    wait_for 60 "the other one waits" waits_again crash 0
    wait_for 30 "the probe's pod waits" waits_again sick 0
    times=$TIMES delay=$DELAY ended=$ENDED
    [ "$delay" = $((10 << (times - 1))) ] || fail "it waits for $delay s after $times restarts"
    node systemctl restart vks-agent
    wait_for 60 "the next time" waits_again sick "$times"
    [ "$DELAY" = $((10 << (TIMES - 1))) ] || fail "it waits for $DELAY s after $TIMES restarts"
    [ $((BEGUN - ended)) -ge "$delay" ] || fail "it was restarted after $((BEGUN - ended)) s"
    wait_for 60 "the other's second time" waits_again crash 1
    [ "$DELAY" = $((10 << (TIMES - 1))) ] || fail "the other waits for $DELAY s after $TIMES restarts"
}

ended_by_deadline() { equals "Failed DeadlineExceeded" pod_field "$1" '{.status.phase} {.status.reason}'; }
past() { [ "$(date +%s)" -gt "$1" ]; }
test_a_deadline_passes_while_the_agent_is_away() {
    local start pod
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: hangs}
spec:
  activeDeadlineSeconds: 5
  terminationGracePeriodSeconds: 1
  initContainers: [{name: i, image: /bin/sh, command: [/bin/sleep, "10000"]}]
  containers: [{name: c, image: /bin/sh, command: [/bin/sleep, "10000"]}]
YAML
    program shortened 'exec sleep 10000' "  activeDeadlineSeconds: 600"
    running shortened
    wait_for 30 "it has begun" contains "T" pod_field hangs "{.status.startTime}"
    start=$(pod_field hangs '{.status.startTime}')
    node systemctl stop vks-agent
    k patch pod shortened -p '{"spec":{"activeDeadlineSeconds":1}}' >/dev/null
    wait_for 30 "the deadline has passed" past $(($(date -d "$start" +%s) + 5))
    node systemctl start vks-agent
    for pod in hangs shortened; do
        wait_for 30 "its deadline has ended $pod" ended_by_deadline $pod
        event $pod "DeadlineExceeded: Pod was active on the node longer than the specified deadline"
        wait_for 20 "nothing of it runs" equals "" sh_node "systemctl list-units --no-legend --state=active,activating,deactivating 'vks.$NS.$pod.*'"
    done
    [ "$(pod_field hangs '{.status.startTime}')" = "$start" ] || fail "it began anew: $start, $(pod_field hangs '{.status.startTime}')"
    [ -z "$(pod_field hangs '{.status.containerStatuses[0].state.running}')" ] || fail "the container behind it was started"
}

test_the_api_server_is_away_for_a_while() {
    program before 'exec sleep 10000'
    running before
    local pid
    pid=$(main_pid "$(unit_of before $SH)")
    "$LAB" k8s stop-apiserver >/dev/null
    sleep "${OUTAGE:-25}"
    "$LAB" k8s start-apiserver >/dev/null
    [ "$(main_pid "$(unit_of before $SH)")" = "$pid" ] || fail "the pod did not run on"
    program after 'exec sleep 10000'
    running after 60
    [ "$(sh_node "systemctl list-units --no-legend 'vks.$NS.*' | wc -l")" = 2 ] || fail "something is there twice"
    wait_for 60 "the node is Ready" equals True k get node "$NODE" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
}

test_the_machine_reboots_and_pods_come_back() {
    program p 'exec sleep 10000'
    program over 'exit 0' "  restartPolicy: Never"
    running p
    wait_for 30 "Succeeded" equals Succeeded pod_field over '{.status.phase}'
    "$LAB" node reboot >/dev/null
    agent_ready
    wait_for 60 "it was restarted" equals 1 restarts p
    running p 60
    [ "$(pod_field over '{.status.phase}')" = Succeeded ] || fail "a finished pod ran again"
}

test_the_helper_leaves_when_idle_and_comes_when_called() {
    node systemctl stop vks-helper.service
    program q 'exec sleep 10000'
    running q
    wait_for 60 "it leaves" equals inactive node systemctl show -P ActiveState vks-helper.service
}

together a_crashing_container_comes_back_with_back_off a_killed_process_shows_137_and_is_restarted policies_never_and_on_failure
run_tests
