# shellcheck shell=bash
# shellcheck disable=SC2034 # the settings are read elsewhere
# What every other part of the lab uses: settings, messages, steps, the lock.

: "${VKS_CACHE:=/var/cache/vks-lab}" # downloads and builds: dear to make, kept
: "${VKS_LAB:=/var/lib/vks-lab}"     # what runs now: cheap to make, thrown away by "lab down"
: "${NODE:=node1}"
: "${NODE_KIND:=}" # nspawn (or nothing) or uml: what a new node is
: "${DEBIAN:=}"
: "${K8S:=}"
: "${K3S:=}"
: "${VKS_LAB_PORT:=6443}"       # the API server's, on 127.0.0.1; the three after it are taken as well
: "${VKS_LAB_ETCD_PORT:=12379}" # not 2379, where an etcd of the machine's own may be
: "${VKS_LAB_NET:=}"            # own: a network of the lab's own; machine (or nothing): the machine's
: "${VKS_LAB_CGROUP:=v2}"       # v1: what the machine has, where that is v1
: "${VKS_LAB_AUDIT:=}"          # 1: the API server writes audit.log (who asked what, no contents)

LOGS=$VKS_LAB/log
RUN=$VKS_LAB/run
BUILD_LOGS=$VKS_CACHE/log

fail() {
    echo "lab: $*" >&2
    exit 1
}

warn() { echo "lab: $*" >&2; }

need_root() {
    ((EUID == 0)) || fail "must be run as root"
}

need() { # PROGRAM...
    local program missing=()
    for program; do
        command -v "$program" >/dev/null || missing+=("$program")
    done
    ((${#missing[@]} == 0)) ||
        fail "not installed: ${missing[*]} (the Debian packages the lab wants stand in $LAB_DIR/packages)"
}

now_ms() { date +%s%3N; }

seconds_since() { # MS
    local ms=$(($(now_ms) - $1))
    printf '%d.%01d s\n' $((ms / 1000)) $((ms % 1000 / 100))
}

# One line for each step with its duration; what the step says goes to a log, and is shown only when it fails. A step of minutes shows that it
# moves: ABOUT=240 step ... says that it took 240 s on a quiet machine of two cores.
# The subshell keeps "set -e" in force inside the function, which "if step ..." would switch off: never call it so, but by "try".
step() { # LOG TITLE COMMAND...
    local log=$1 title=$2 about=${ABOUT:-0} start rc lines work ticker
    shift 2
    mkdir -p "${log%/*}"
    start=$(now_ms)
    echo "=== $title: $(date -Is)" >>"$log"
    lines=$(wc -l <"$log")
    step_begins "$title" "$about"
    set +e
    (
        unset ABOUT # of this step, not of those inside it
        set -e
        "$@"
    ) >>"$log" 2>&1 </dev/null &
    work=$!
    step_moves "$title" "$about" "$work" </dev/null &
    ticker=$!
    wait "$work" # in the background, because only then a signal is heeded before it has ended
    rc=$?
    {
        kill "$ticker"
        wait "$ticker"
    } 2>/dev/null
    set -e
    if ((rc == 0)); then
        step_says "$title" "$(seconds_since "$start")"
        return 0
    fi
    step_says "$title" "FAILED after $(seconds_since "$start")"
    {
        echo "lab: $title failed ($rc); the whole log is $log, its end:"
        tail -n "+$((lines + 1))" "$log" | tail -n 15 | sed 's/^/  | /'
    } >&2
    exit "$rc"
}

# On a terminal the step's line is written over and over; elsewhere (a log, CI) each word about a step is a line.
step_says() { # TITLE WORDS
    [[ ! -t 1 ]] || printf '\r\033[K'
    printf '%-44s %s\n' "$1" "$2"
}

step_begins() { # TITLE ABOUT
    if [[ -t 1 ]]; then
        printf '%-44s ' "$1"
    elif (($2 >= TICK)); then
        step_says "$1" "takes about $(duration "$2")"
    fi
}

# How often a step says in a log that it still moves; on a terminal each second.
: "${TICK:=30}"

step_moves() { # TITLE ABOUT PID: until that process ends or this one is killed
    local start=$SECONDS tick=$TICK fd words
    [[ ! -t 1 ]] || tick=1
    # Nobody waits for the child of this one that makes the pipe below: it would hold the locks for a moment longer than they are taken.
    for fd in "${LOCKS[@]}"; do exec {fd}>&-; done
    # A sleep of the shell's own: a program would outlive this, and hold the pipe that somebody reads our lines from.
    exec {fd}<> <(:)
    while read -rt "$tick" -u "$fd" || kill -0 "$3" 2>/dev/null; do
        words=$(duration $((SECONDS - start)))
        (($2 == 0)) || words+=" of about $(duration "$2")"
        if [[ -t 1 ]]; then
            printf '\r\033[K%-44s %s' "$1" "$words"
        else
            step_says "$1" "$words"
        fi
    done
}

duration() { # SECONDS, for people: 45 s, 2 min, 2 min 10 s
    local minutes=$(($1 / 60)) seconds=$(($1 % 60))
    if ((minutes == 0)); then
        echo "$seconds s"
    elif ((seconds == 0)); then
        echo "$minutes min"
    else
        echo "$minutes min $seconds s"
    fi
}

# Interrupted: what was started goes as well, or a compiler would go on and hold the lock.
on_signal() {
    trap '' INT TERM HUP
    echo "lab: interrupted" >&2
    end_children "$BASHPID"
    exit 130
}

end_children() { # PID
    local child
    for child in $(pgrep -P "$1"); do
        end_children "$child"
        kill -TERM "$child" 2>/dev/null || true
    done
}

# What may fail: leaves the exit code in TRIED. ("if step" and "step ||" would switch "set -e" off inside.)
try() { # COMMAND...
    set +e
    (
        set -e
        "$@"
    )
    # shellcheck disable=SC2034 # the caller's
    TRIED=$?
    set -e
}

# Downloads fail now and then.
several_times() { # COMMAND...
    local n
    for n in 1 2 3; do
        "$@" && return
        ((n == 3)) || {
            warn "failed: $*; once more"
            sleep $((n * 10))
        }
    done
    return 1
}

# Polls; the condition is an ordinary command and is cheap.
wait_for() { # SECONDS WHAT COMMAND...
    local limit=$1 what=$2 end
    shift 2
    end=$(($(now_ms) + limit * 1000))
    until "$@"; do
        if (($(now_ms) > end)); then
            warn "gave up waiting for $what after $limit s"
            return 1
        fi
        sleep 0.1
    done
}

# Two people (or two test runs) at once: the second waits. Each thing that is built has a lock of its own, and what runs has one. A lock that this
# process holds is not taken again: on a second descriptor it would wait for itself. The descriptor is closed in everything that stays (daemon.sh).
declare -gA LOCKS=() # FILE -> descriptor

lock() { # FILE: until unlock, or the end of the process
    local fd
    [[ -z ${LOCKS[$1]:-} ]] || return 0
    mkdir -p "${1%/*}"
    exec {fd}>"$1"
    LOCKS[$1]=$fd
    flock -n "$fd" && return
    warn "another lab command is at work, waiting for it"
    flock -w 1800 "$fd" || fail "waited 30 minutes for the lock $1"
}

unlock() { # FILE
    local fd=${LOCKS[$1]}
    unset "LOCKS[$1]"
    exec {fd}>&-
}

# For the time of one command, unless the caller holds the lock already and for longer.
locked() { # FILE COMMAND...
    local file=$1
    shift
    if [[ -n ${LOCKS[$file]:-} ]]; then
        "$@"
        return
    fi
    lock "$file"
    "$@"
    unlock "$file"
}

# A directory appears under its name only when it is complete, so an interrupted build is never taken for a whole one.
publish() { # NEW FINAL
    discard "$2.old"
    [[ ! -e $2 ]] || mv -- "$2" "$2.old"
    mv -- "$1" "$2"
    discard "$2.old"
}

# A step, because a tree of a hundred thousand files takes a minute on a busy disk.
discard() { # TREE...: those that are there
    local tree
    for tree; do
        [[ ! -e $tree ]] || step "$BUILD_LOGS/discard.log" "remove ${tree##*/}" rm -rf --one-file-system -- "$tree"
    done
}
