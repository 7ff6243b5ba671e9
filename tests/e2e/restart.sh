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
    program ends 'sleep 2; exit 5' "  restartPolicy: Never"
    running stays; running goes
    local pid id
    pid=$(main_pid "$(unit_of stays $SH)")
    id=$(pod_field stays '{.status.containerStatuses[0].containerID}')
    node systemctl kill -s KILL vks-agent
    node systemctl stop vks-agent
    k delete pod goes --wait=false >/dev/null
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

waits() { pod_field "$1" '{.status.containerStatuses[0].state.waiting.message}'; }
last_run() { date -d "$(pod_field "$1" "{.status.containerStatuses[0].lastState.terminated.$2}")" +%s; } # POD FIELD
test_a_back_off_survives_the_agent() {
    local ended
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
    wait_for 30 "the probe's pod waits" contains "back-off 10s restarting failed container=main pod=sick_$NS(" waits sick
    wait_for 60 "the other one waits" contains "restarting failed container=main pod=crash_$NS(" waits crash
    ended=$(last_run sick finishedAt)
    node systemctl restart vks-agent
    wait_for 60 "the next one is longer" contains "back-off 20s restarting" waits sick
    [ $(($(last_run sick startedAt) - ended)) -ge 10 ] || fail "it was restarted after $(($(last_run sick startedAt) - ended)) s"
    [ "$(restarts sick)" = 2 ] || fail "restarts: $(restarts sick)"
    wait_for 60 "so is the other's" contains "back-off 20s restarting" waits crash
    [ "$(restarts crash)" = 2 ] || fail "restarts: $(restarts crash)"
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
    wait_for 30 "it has begun" contains "" pod_field hangs '{.status.startTime}'
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
    [ "$(pod_field hangs '{.status.startTime}')" = "$start" ] || fail "it began anew"
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
    wait_for 60 "the node is Ready" equals True kubectl get node "$NODE" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
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
