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

# k ARGUMENT...: kubectl in the test's namespace. To start kubectl takes a tenth of a second of a processor, so what is only read (-o jsonpath=, -o name, logs),
# what is applied and is not there yet, and what each test does to its namespace, is asked of tests/tools/quick_kubectl.py, which runs as long as this script does
# and says the same. What that does not understand, and all else, is kubectl's own, which has little garbage to collect. (A function is no process: whoever wants
# kubectl's pid starts kubectl.) What a command has said before kubectl 1.32 has made its streams is lost, as kubectl says itself: a command without input is
# run again then.
read -r QUICK_PORT QUICK_PASSWORD < <(exec "$ROOT_DIR/tests/tools/quick_kubectl.py")
QUICK_KUBECONFIG=$KUBECONFIG
k() {
    local fd code="?" said error words="$*" given=() quick='^ (get .* -o (name|jsonpath)|create namespace |delete (namespace|pods) |apply -f -$|logs [^ ]+( -c [^ ]+)?$)'
    if [ "$*" = "apply -f -" ]; then
        IFS= read -r -d '' "given[0]" || true
    fi
    if [[ " $*" =~ $quick && $KUBECONFIG == "$QUICK_KUBECONFIG" ]] && { exec {fd}<>"/dev/tcp/127.0.0.1/$QUICK_PORT"; } 2>/dev/null; then
        printf '%s\0' "$QUICK_PASSWORD" -n "$NS" "$@" "${given[@]}" "" >&"$fd"
        IFS= read -r -d '' -u "$fd" code && IFS= read -r -d '' -u "$fd" said && IFS= read -r -d '' -u "$fd" error || code="?"
        exec {fd}>&-
    fi
    if [ "$code" = "?" ] && [ ${#given[@]} -gt 0 ]; then
        printf '%s' "${given[0]}" | GOMAXPROCS=1 GOGC=off GOMEMLIMIT=200MiB kubectl -n "$NS" "$@"
    elif [[ $1 == exec && ! " ${words%% -- *} " =~ ' '(-i|-t|-it|-ti)' ' ]]; then
        for _ in 1 2 3; do
            code=0
            { error=$(GOMAXPROCS=1 GOGC=off GOMEMLIMIT=200MiB kubectl -n "$NS" "$@" 2>&1 >&8 8>&-); } 8>&1 || code=$?
            [[ $error == *"Unknown stream id"* ]] || break
        done
        [ -z "$error" ] || printf '%s\n' "$error" >&2
        return "$code"
    elif [ "$code" = "?" ]; then
        GOMAXPROCS=1 GOGC=off GOMEMLIMIT=200MiB kubectl -n "$NS" "$@"
    else
        printf '%s' "$said"
        printf '%s' "$error" >&2
        return "$code"
    fi
}
export NS QUICK_PORT QUICK_PASSWORD QUICK_KUBECONFIG && export -f k # for bash -c
node() { "$LAB" node exec "$@"; }
sh_node() { "$LAB" node exec sh -c "$1"; }
# For systemd-run, which gets the file's name and not the text: when anybody has systemd 252 reload just then, words with ";", "$" or a line's end become others.
in_node() { sh_node "cat >'$1'" <<<"$2"; } # FILE TEXT

fail() {
    echo "  FAILED: $*" >&2
    exit 1
}

# wait_for SECONDS DESCRIPTION COMMAND...: until it succeeds. The seconds are those of an idle machine, and only end what will never come: a busy one has
# PATIENCE times as long. Where time itself is what a test shows, it has to look at it itself.
PATIENCE=${PATIENCE:-4}
exec {NEVER}<> <(:) # from which nothing is read: who waits for that starts no program
wait_for() {
    local end what=$2 pause=50
    end=$((${EPOCHREALTIME/[.,]/} + $1 * PATIENCE * 1000000))
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ "${EPOCHREALTIME/[.,]/}" -gt "$end" ]; then
            echo "  waited in vain: $what" >&2
            k get pods -o wide >&2 || true
            k get events --sort-by=.lastTimestamp 2>/dev/null | tail -n 15 >&2 || true
            node journalctl -u vks-agent -u vks-helper -n 20 --no-pager -o cat >&2 || true
            return 1
        fi
        # What takes long is asked less often: a question that starts programs costs the machine up to a tenth of a second.
        read -rt "$(printf '0.%03d' $pause)" -u "$NEVER" || true
        pause=$((pause < 300 ? pause + 50 : 300))
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
running() { wait_for "${2:-60}" "pod $1 is ready" equals True pod_field "$1" '{.status.conditions[?(@.type=="Ready")].status}'; }
gone() { wait_for "${2:-60}" "pod $1 is gone" no_pod "$1"; }
no_pod() { ! k get pod "$1" -o name; }
has_event() { k get events --field-selector "involvedObject.name=$1" -o 'jsonpath={range .items[*]}{.reason}{": "}{.message}{"\n"}{end}' | grep -E "$2" >/dev/null; }
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
runs() { wait_for 20 "$1 runs $2" contains "$2" sh_node "tr '\\0' ' ' </proc/\$(systemctl show -P MainPID '$1')/cmdline"; }
# heeds UNIT: its main process has said what TERM is to do. A unit is active, and its program runs, before its shell comes to a trap.
heeds() { wait_for 20 "$1 has its trap" sh_node "grep -qE '^Sig(Cgt|Ign):.*[4-7c-f]...\$' /proc/\$(systemctl show -P MainPID '$1')/status"; }
# logs POD [OPTION]...: journald reads in its own time; what has been written by now is shown.
logs() { node journalctl --sync && k logs "$@"; }
# apt WORD...: by hand, and not while an installation for a pod is under way
apt() { node flock /run/vks/install/lock env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=600 "$@" >/dev/null 2>&1; }

# in_terminal COMMAND: what a person sees who types what is on standard input
in_terminal() { timeout 300 script -qec "$1" /dev/null | stdbuf -oL tr -d '\r'; }
# answers FILE: a shell has answered there, asked by descriptor 7. What is typed before it reads may be nobody's, so this is to be waited for.
answers() {
    printf 'echo $((40+2))\n' >&7
    tr -d '\r' <"$1" | grep -x 42
}

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

# The answer to who makes it may be lost; that of an earlier run is another one.
namespace_is_made() { # UID_OF_THE_EARLIER
    local got
    k create namespace "$NS" || { got=$(k get namespace "$NS" -o 'jsonpath={.status.phase} {.metadata.uid}') && [[ $got == "Active "* && $got != *" $1" ]]; }
}

run_test() { # TEST
    local t=$1 rc=0 started took before
    NS=t-$(printf '%s' "$t" | cksum | cut -d ' ' -f 1)
    started=${EPOCHREALTIME/[.,]/}
    # what an earlier run has left ends first
    before=$(k get namespace "$NS" -o 'jsonpath={.metadata.uid}' 2>/dev/null) || before=""
    [ -z "$before" ] || k delete namespace "$NS" --wait=false >/dev/null 2>&1 || true
    wait_for 60 "the namespace is made" namespace_is_made "$before"
    wait_for 30 "the namespace has its service account" k get serviceaccount default -o name
    set +e
    (
        set -e
        "$t"
    )
    rc=$?
    set -e
    # No pod of it is in the next test's way, whatever grace a failed test has left it with. What ends namespaces first waits for five seconds, in which no pod
    # comes there any more but none goes either.
    k delete namespace "$NS" --wait=false >/dev/null 2>&1 || true
    [ -z "$(k get pods -o name 2>/dev/null)" ] || k delete pods --all --grace-period=1 --wait=false >/dev/null 2>&1 || true
    wait_for 60 "the pods of the test are gone" equals "" k get pods -o name || true
    took=$(((${EPOCHREALTIME/[.,]/} - started) / 100000))
    if [ "$rc" -eq 0 ]; then
        printf '  ok      %s (%d.%d s)\n' "${t#test_}" $((took / 10)) $((took % 10))
        echo >"$RESULTS/$t.passed"
    else
        printf '  FAILED  %s (%d.%d s)\n' "${t#test_}" $((took / 10)) $((took % 10))
        echo >"$RESULTS/$t.failed"
    fi
}
