# Sourced by every end-to-end test: a real control plane, a real node that runs the installed package, real kubectl.
#
# A test is a function `test_<what_it_shows>`; it fails by `fail`, or by any command that fails (set -e). Every test has a
# namespace of its own, $NS, which is deleted behind it.
# shellcheck shell=bash

E2E_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT_DIR=$(cd "$E2E_DIR/../.." && pwd)
LAB=$ROOT_DIR/tests/lab/lab
# What a test starts and asks is in the lab's network.
[ -n "${IN_LAB:-}" ] || IN_LAB=yes exec "$LAB" run "$0" "$@"
NODE=${NODE:-node1}
KUBECONFIG=$("$LAB" kubeconfig admin)
export KUBECONFIG NODE

k() { kubectl -n "$NS" "$@"; }
node() { "$LAB" node exec "$@"; }
sh_node() { "$LAB" node exec sh -c "$1"; }

fail() {
    echo "  FAILED: $*" >&2
    exit 1
}

# wait_for SECONDS DESCRIPTION COMMAND...: until it succeeds. The seconds are those of an idle machine, and only end what will never come: a busy one has
# PATIENCE times as long. Where time itself is what a test shows, it has to look at it itself.
PATIENCE=${PATIENCE:-4}
wait_for() {
    local end=$(($(date +%s%N) + $1 * PATIENCE * 1000000000)) what=$2 pause=10
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ "$(date +%s%N)" -gt "$end" ]; then
            echo "  waited in vain: $what" >&2
            k get pods -o wide >&2 || true
            k get events --sort-by=.lastTimestamp 2>/dev/null | tail -n 15 >&2 || true
            node journalctl -u vks-agent -u vks-helper -n 20 --no-pager -o cat >&2 || true
            return 1
        fi
        # What takes long is asked less often: each question costs the machine a tenth of a second.
        sleep "0.$pause"
        pause=$((pause < 40 ? pause + 5 : 40))
    done
}

# equals EXPECTED COMMAND...: it prints exactly that.
equals() {
    local want=$1 got
    shift
    got=$("$@" 2>&1) || return 1
    [ "$got" = "$want" ]
}

contains() {
    local want=$1 got
    shift
    got=$("$@" 2>&1) || return 1
    [[ $got == *"$want"* ]]
}

# at_least NUMBER COMMAND...: it prints that or more.
at_least() {
    local want=$1 got
    shift
    got=$("$@" 2>&1) || return 1
    [[ $got =~ ^[0-9]+$ ]] && [ "$got" -ge "$want" ]
}

field() { k get "$1" "$2" -o "jsonpath=$3"; } # KIND NAME JSONPATH
pod_field() { field pod "$1" "$2"; }
# This watches, where a question now and then would cost more than what it asks for.
running() { wait_for "${2:-60}" "pod $1 is ready" k wait --for=condition=Ready "pod/$1" --timeout="$((${2:-60} * PATIENCE))s"; }
gone() { wait_for "${2:-60}" "pod $1 is gone" sh -c "! kubectl -n $NS get pod $1"; }
has_event() { k get events --field-selector "involvedObject.name=$1" -o 'jsonpath={range .items[*]}{.reason}{": "}{.message}{"\n"}{end}' | grep -qE "$2"; }
event() { wait_for "${3:-30}" "an event of $1 like \"$2\"" has_event "$1" "$2"; }
unit_of() { echo "vks.$NS.$1.${2}.service"; } # POD IMAGE
main_pid() { node systemctl show -P MainPID "$1"; }
# in_pod UNIT COMMAND...: with the mounts that the container sees
in_pod() {
    local pid
    pid=$(main_pid "$1")
    shift
    [ "$pid" -gt 0 ] && node nsenter -t "$pid" -m -- "$@"
}

# runs UNIT WORDS: its main process has become that program, with all that it is to be: a unit is active before.
runs() { wait_for 20 "$1 runs $2" contains "$2" sh_node "tr '\\0' ' ' </proc/$(main_pid "$1")/cmdline"; }
# logs POD [OPTION]...: journald reads in its own time; what has been written by now is shown.
logs() { node journalctl --sync && k logs "$@"; }
# apt WORD...: by hand, and not while an installation for a pod is under way
apt() { node flock /run/vks/install/lock env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=600 "$@" >/dev/null 2>&1; }

# apply: a manifest on standard input, in the test's namespace
apply() { k apply -f - >/dev/null; }

# program NAME SHELL_SCRIPT [POD_SPEC_LINES]: a pod that runs a script with the node's /bin/sh
program() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  terminationGracePeriodSeconds: 5
${3:-}
  containers:
  - name: main
    image: /bin/sh
    command: [/bin/sh, -c, $(printf '%s' "$2" | python3 -c 'import json,sys; print(json.dumps(sys.stdin.read()))')]
YAML
}

# Nothing of vks's pods is on the node: no unit, no unit file, no directory.
assert_clean_node() {
    wait_for 20 "no units of namespace $NS are left" sh_clean || {
        node sh -c "systemctl list-units --all 'vks.*' 'kubepods*' '*vks-pods*' --no-legend; ls /run/systemd/system /run/vks/pods /var/lib/vks/pods" >&2 || true
        return 1
    }
}
sh_clean() {
    sh_node "test -z \"\$(ls -d /run/systemd/system/vks.$NS.* 2>/dev/null)\" &&
             test -z \"\$(systemctl list-units --all --no-legend 'vks.$NS.*')\""
}

# Most tests have the node to themselves, one after the other. Those that leave alone what others use (the agent, the policy, apt's sources, packages of
# others, the node's files) may run at the same time as their like, each with its own namespace and pods: a suite names them, and they come first.
AT_ONCE=${AT_ONCE:-4}
together() { TOGETHER=("$@"); } # TEST..., without the "test_"
TOGETHER=()

run_tests() {
    local t only=${ONLY:-} alone=() asides=() pid passed failed
    RESULTS=$(mktemp -d)
    for t in $(declare -F | awk '{print $3}' | grep '^test_'); do
        [[ -z $only || $t =~ $only ]] || continue
        [[ " ${TOGETHER[*]} " != *" ${t#test_} "* ]] || continue
        alone+=("$t")
    done
    trap 'trap - TERM; kill $(jobs -p) 2>/dev/null; exit 130' INT TERM
    for t in "${TOGETHER[@]}"; do
        [ "$(type -t "test_$t")" = function ] || fail "there is no test_$t" # the list is wrong
        [[ -z $only || test_$t =~ $only ]] || continue
        while [ ${#asides[@]} -ge "$AT_ONCE" ]; do
            wait -n "${asides[@]}" || true
            for pid in "${!asides[@]}"; do kill -0 "${asides[$pid]}" 2>/dev/null || unset "asides[$pid]"; done
        done
        run_aside "test_$t" &
        asides+=($!)
    done
    # These, and not what else a suite has running (a web server, say).
    for pid in "${asides[@]}"; do wait "$pid" || true; done
    for t in "${alone[@]}"; do run_test "$t"; done
    passed=$(find "$RESULTS" -name '*.passed' | wc -l) failed=$(find "$RESULTS" -name '*.failed' | wc -l)
    [ $((passed + failed)) -eq $((${#alone[@]} + ${#TOGETHER[@]})) ] || [ -n "$only" ] || failed=$((failed + 1)) # one has ended without a word
    rm -r "$RESULTS"
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

# What it says comes in one piece.
run_aside() { # TEST
    local said
    said=$(run_test "$1" 2>&1)
    (
        flock 9
        printf '%s\n' "$said"
    ) 9>>"$RESULTS/lock"
}

run_test() { # TEST
    local t=$1 rc=0 started took
    NS=t-$(printf '%s' "$t" | cksum | cut -d ' ' -f 1)
    started=$(date +%s%N)
    # what an earlier run has left ends first
    kubectl delete namespace "$NS" --ignore-not-found --wait=false >/dev/null 2>&1 || true
    wait_for 60 "the namespace is made" kubectl create namespace "$NS"
    wait_for 30 "the namespace has its service account" kubectl -n "$NS" get serviceaccount default
    set +e
    (
        set -e
        "$t"
    )
    rc=$?
    set -e
    # no pod of it is in the next test's way
    kubectl delete namespace "$NS" --wait=false >/dev/null 2>&1 || true
    wait_for 60 "the pods of the test are gone" equals "" k get pods -o name || true
    took=$((($(date +%s%N) - started) / 100000000))
    if [ "$rc" -eq 0 ]; then
        printf '  ok      %s (%d.%d s)\n' "${t#test_}" $((took / 10)) $((took % 10))
        echo >"$RESULTS/$t.passed"
    else
        printf '  FAILED  %s (%d.%d s)\n' "${t#test_}" $((took / 10)) $((took % 10))
        echo >"$RESULTS/$t.failed"
    fi
}
