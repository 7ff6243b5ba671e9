# shellcheck shell=bash
# Processes that outlive the command that starts them, and how they are found again.
#
# A pid file holds the pid and its start time, so a pid that was given to another process (after a reboot, say) is not
# mistaken for ours. Besides, each process carries a mark in its environment: what a crash left without a pid file is
# found by that.

MARK="VKS_LAB_DAEMON=$VKS_LAB:" # and its name

start_time() { # PID
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    stat=${stat##*) } # the name may hold blanks and parentheses
    # shellcheck disable=SC2086 # fields are wanted
    set -- $stat
    [[ $1 != Z && $1 != X ]] || return 1
    echo "${20}"
}

daemon_pid() { # NAME; fails unless it runs
    local pid started
    [[ -e $RUN/$1.pid ]] || return 1
    read -r pid started <"$RUN/$1.pid" || return 1
    [[ $(start_time "$pid") == "$started" ]] || return 1
    echo "$pid"
}

daemon_alive() { daemon_pid "$1" >/dev/null; }

daemon_start() { # NAME COMMAND...
    local name=$1 scope=()
    shift
    mkdir -p "$RUN" "$LOGS"
    # Under systemd: a scope of its own, or the node would have to share the cgroup of the shell that started it, and
    # the session's end might take it along.
    [[ ! -d /run/systemd/system ]] ||
        scope=(systemd-run --scope --quiet --collect --property=Delegate=yes --)
    [[ ! -e $LOGS/$name.log ]] || mv "$LOGS/$name.log" "$LOGS/$name.log.1"
    (
        # The lock, and whatever pipes a test runner holds: an open copy here would make them wait for us.
        for fd in "/proc/$BASHPID/fd"/*; do
            fd=${fd##*/}
            ((fd <= 2)) || eval "exec $fd>&-"
        done
        cd /
        exec env "$MARK$name" setsid "${scope[@]}" "${IN_NET[@]}" "$@" </dev/null >"$LOGS/$name.log" 2>&1
    ) &
    local pid=$! started
    started=$(start_time "$pid") || {
        warn "$name ended at once; its log is $LOGS/$name.log:"
        tail -n 15 "$LOGS/$name.log" >&2
        return 1
    }
    echo "$pid $started" >"$RUN/$name.pid"
}

daemon_gone() { ! daemon_alive "$1"; }

daemon_stop() { # NAME [SECONDS before it is killed]
    local pid grace=${2:-5}
    if pid=$(daemon_pid "$1"); then
        if ((grace > 0)); then
            kill -TERM "$pid" 2>/dev/null || true
            wait_for "$grace" "$1 to end" daemon_gone "$1" 2>/dev/null || true
        fi
        if daemon_alive "$1"; then
            kill -KILL "$pid" 2>/dev/null || true
            wait_for 10 "$1 to be gone" daemon_gone "$1" || true
        fi
    fi
    rm -f "$RUN/$1.pid"
}

marked_processes() { # [NAME]
    # Processes come and go meanwhile: unreadable entries are no error.
    if (($# > 0)); then
        grep -zlxsF "$MARK$1" /proc/[0-9]*/environ || true
    else
        grep -zlsF "$MARK" /proc/[0-9]*/environ || true
    fi | sed 's,^/proc/,,; s,/environ$,,'
}

no_marked_process() { [[ -z $(marked_processes "$@") ]]; }

kill_marked() { # [NAME]; all of the lab's without
    local pid
    for pid in $(marked_processes "$@"); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    wait_for 10 "left-over processes to end" no_marked_process "$@"
}
