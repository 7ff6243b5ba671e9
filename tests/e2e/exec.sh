#!/bin/bash
# kubectl exec, cp, attach and run: with a client's streams, its terminal, and its vanishing.
#   EXEC_RUNS=N (30)      how often output-then-exit is tried; 300 before a release
#   EXEC_VANISH=N (10)    how many clients vanish; 100 before a release
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

EXEC_RUNS=${EXEC_RUNS:-30} EXEC_VANISH=${EXEC_VANISH:-10}
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT

shell() { # NAME [POD_SPEC_LINES]: a pod to run commands beside
    program "$1" 'trap "exit 0" TERM; while :; do sleep 0.2; done' "${2:-}"
    running "$1"
}
in_sh() { k exec "$1" -- sh -c "$2"; } # POD SCRIPT
uid_of() { pod_field "$1" '{.metadata.uid}'; }
commands_of() { sh_node "systemctl list-units --all --no-legend 'vks-exec-$(uid_of "$1")-*' | wc -l"; } # POD
nothing_runs_beside() { wait_for 20 "no command runs beside $1" equals 0 commands_of "$1"; }
restart_agent() { node systemctl restart vks-agent; }
agent_is_back() { # POD: and knows that one
    wait_for 30 "the agent is back" contains ok k get --raw "/api/v1/nodes/$NODE/proxy/healthz"
    wait_for 30 "the agent knows pod $1" k logs "$1"
}

# attach_and_ask POD CONTAINER: a shell at its terminal answers. kubectl has the terminal of script(1) to itself, as a person's has: timeout(1) would put it
# into the background. Its input stays open until it is killed, since the end of it would be the shell's, too.
attach_and_ask() {
    local attached
    mkfifo "$TMP/$NS-keys"
    exec 7<>"$TMP/$NS-keys"
    script -qec "exec kubectl -n $NS attach -it $1 -c $2" /dev/null <&7 >"$TMP/$NS-attach" 2>&1 7>&- &
    attached=$!
    wait_for 30 "the terminal of $1 answers" answers "$TMP/$NS-attach" || fail "attach: $(cat "$TMP/$NS-attach")"
    kill $attached 2>/dev/null || true
    wait $attached 2>/dev/null || true
    exec 7>&-
}

together a_command_may_be_long output_errors_and_exit_codes input_ends_and_bytes_are_kept what_cannot_be_run_is_said copies_are_the_same terminals_have_a_size_and_signals \
    the_command_is_as_the_container_is values_are_those_of_the_start many_at_once_and_nothing_is_lost a_container_that_ends_ends_its_commands attach_shows_both_outputs \
    run_it_and_its_input commands_beside_daemons a_console_is_its_containers_alone a_hostile_container_gains_nothing_by_a_command \
    what_commands_are_built_from_is_not_a_pods commands_end_with_the_pod_that_they_were_for an_editor_in_a_terminal

test_output_errors_and_exit_codes() {
    shell p
    local code=0
    in_sh p 'echo out; echo err >&2; exit 7' >"$TMP/$NS-out" 2>"$TMP/$NS-err" || code=$?
    [ $code = 7 ] || fail "exit code $code"
    [ "$(cat "$TMP/$NS-out")" = out ] || fail "output: $(cat "$TMP/$NS-out")"
    grep -qx err "$TMP/$NS-err" || fail "errors: $(cat "$TMP/$NS-err")"
    code=0
    in_sh p 'kill -9 $$' >/dev/null 2>&1 || code=$?
    [ $code = 137 ] || fail "a signal: $code"
    local own
    for own in 200 203 203 203 203 226 245; do # systemd's own numbers for what it could not execute
        code=0
        in_sh p "exit $own" >/dev/null 2>"$TMP/$NS-err" || code=$?
        [ $code = "$own" ] || fail "exit code $code for $own: $(cat "$TMP/$NS-err")"
    done
    [ "$(k exec p -- printf '%s|' 'a b' '$HOME' '%n' '"q"' "it's" $'two\nlines' '')" = $'a b|$HOME|%n|"q"|it\'s|two\nlines||' ] || fail "words are changed"
    nothing_runs_beside p
}

test_input_ends_and_bytes_are_kept() {
    shell p
    head -c 30000000 /dev/urandom >"$TMP/$NS-blob"
    [ "$(k exec -i p -- sha256sum <"$TMP/$NS-blob")" = "$(sha256sum <"$TMP/$NS-blob")" ] || fail "input is changed"
    k exec -i p -- cat <"$TMP/$NS-blob" | cmp - "$TMP/$NS-blob" || fail "output is changed"
    [ "$(printf 'one\ntwo\n' | k exec -i p -- head -n 1)" = one ] || fail "a command that reads no more"
    [ "$(k exec p -- sh -c 'cat; echo "no input"')" = "no input" ] || fail "without -i there is input"
    # a program that opens its streams by name
    [ "$(k exec -i p -- sh -c 'cat </dev/stdin >/dev/stdout; echo e >/dev/stderr' <<<named 2>/dev/null)" = named ] || fail "streams by name"
}

test_a_command_may_be_long() {
    local words
    shell p
    words=$(seq 2000 | tr '\n' ' ')
    # shellcheck disable=SC2086
    [ "$(k exec p -- sh -c 'echo $#' x $words)" = 2000 ] || fail "2000 words"
}

test_what_cannot_be_run_is_said() {
    shell p
    ! k exec p -- no-such-program 2>"$TMP/$NS-err" || fail "it ran"
    grep -q 'there is no program "no-such-program"' "$TMP/$NS-err" || fail "$(cat "$TMP/$NS-err")"
    in_sh p 'echo "#!/no/such/interpreter" >/tmp/script && chmod +x /tmp/script'
    ! k exec p -- /tmp/script 2>"$TMP/$NS-err" || fail "it ran"
    grep -q 'Failed at step EXEC spawning /tmp/script: No such file or directory' "$TMP/$NS-err" || fail "$(cat "$TMP/$NS-err")"
    ! k exec p -c other -- id 2>"$TMP/$NS-err" || fail "it ran"
    grep -q 'container.*other' "$TMP/$NS-err" || fail "$(cat "$TMP/$NS-err")"
    program ended 'exit 0' "  restartPolicy: Never"
    wait_for 30 "it has ended" equals Succeeded pod_field ended '{.status.phase}'
    ! k exec ended -- id 2>"$TMP/$NS-err" || fail "it ran"
    grep -qiE 'completed pod|container not found' "$TMP/$NS-err" || fail "$(cat "$TMP/$NS-err")"
}

test_copies_are_the_same() {
    shell p
    mkdir -p "$TMP/$NS-tree/deep"
    head -c 3000000 /dev/urandom >"$TMP/$NS-tree/deep/random"
    truncate -s 5M "$TMP/$NS-tree/sparse"
    printf 'x' | dd of="$TMP/$NS-tree/sparse" bs=1 seek=4000000 conv=notrunc 2>/dev/null
    : >"$TMP/$NS-tree/empty"
    chmod 750 "$TMP/$NS-tree/deep"
    k cp "$TMP/$NS-tree" "p:/tmp/copy" || fail "to the pod"
    k cp "p:/tmp/copy" "$TMP/$NS-back" >/dev/null || fail "from the pod"
    diff -r "$TMP/$NS-tree" "$TMP/$NS-back" || fail "a copy differs"
    in_sh p 'ln -s random /tmp/copy/deep/link; test "$(readlink /tmp/copy/deep/link)" = random' || fail "a link"
    ! k cp "p:/tmp/no-such" "$TMP/$NS-none" 2>"$TMP/$NS-err" || [ ! -e "$TMP/$NS-none" ] || fail "what is not there was copied"
}

test_terminals_have_a_size_and_signals() {
    shell p
    in_terminal "stty rows 33 cols 99; kubectl -n $NS exec -it p -- sh -c 'until [ \"\$(stty size)\" = \"33 99\" ]; do sleep 0.1; done; stty size; test -t 0 && test -t 1 && test -t 2 && echo terminal; echo \$TERM >/dev/tty'" <&"$NEVER" >"$TMP/$NS-size"
    grep -qx "33 99" "$TMP/$NS-size" || fail "size: $(cat "$TMP/$NS-size")"
    grep -qx terminal "$TMP/$NS-size" || fail "no terminal: $(cat "$TMP/$NS-size")"
    # ^C is for the command, not for kubectl
    : >"$TMP/$NS-int"
    (
        wait_for 40 "the command waits for its signal" contains waiting cat "$TMP/$NS-int"
        printf '\003'
        wait_for 40 "it has had it" contains interrupted cat "$TMP/$NS-int"
    ) | in_terminal "kubectl -n $NS exec -it p -- sh -c 'trap \"echo interrupted; exit 4\" INT; echo waiting; while :; do sleep 0.1; done'" >"$TMP/$NS-int" || true
    grep -q interrupted "$TMP/$NS-int" || fail "no signal: $(cat "$TMP/$NS-int")"
    nothing_runs_beside p
}

# A terminal of 90 columns and 30 rows that nobody sees but the test: tmux has it, one for each test.
tm() { LC_ALL=C.UTF-8 TMUX_TMPDIR=$TMP tmux -u -L "$NS" -f /dev/null "$@"; }
# The command's exit code goes to a file: tmux itself at times forgets that of a pane that has died (dead=1, and no status).
in_tmux() { # COMMAND WORD...
    trap 'tm kill-server 2>/dev/null || true' EXIT
    rm -f "$TMP/$NS-code"
    tm new-session -d -s t -x 90 -y 30 -n main sh -c '"$@"; echo $? >"$0"' "$TMP/$NS-code" "$@" \; set-option -g remain-on-exit on \; set-option -g status off
    tm resize-window -t t -x 90 -y 30
}
screen() { tm capture-pane -p -t t; }
shows() { wait_for 20 "the screen shows \"$1\"" contains "$1" screen || fail "the screen: $(screen)"; }
hides() { ! contains "$1" screen; }
# asks LINE WORDS: typed until the screen shows them. A new size comes by other ways than what is typed.
asks() { wait_for 20 "the screen shows \"$2\"" asked "$@" || fail "the screen: $(screen)"; }
asked() {
    types "$1"
    read -rt 0.5 -u "$NEVER" || contains "$2" screen
}
types() { tm send-keys -t t -l "$1" && tm send-keys -t t Enter; }
ended_with() {
    wait_for 20 "kubectl has ended with $1" equals "$1" cat "$TMP/$NS-code" ||
        fail "kubectl's exit code: $(cat "$TMP/$NS-code" || true)
the node: $(sh_node "systemctl list-units --all --no-legend 'vks-exec*'; pgrep -ax bash")
the screen: $(screen)"
}

two_lines() { screen | sed -n '4p;29p'; }
test_an_editor_in_a_terminal() {
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 2
  containers: [{name: main, image: vim-tiny, command: [/bin/sh, -c, 'printf "one\ntwo\nthree\n" >/tmp/text; exec sleep 1000']}]
YAML
    running p 120
    in_tmux kubectl -n "$NS" exec -it p -- env TERM=screen vim.tiny -u NONE -N -n /tmp/text
    shows three
    wait_for 20 "it has the whole screen" equals $'~\n~' two_lines || fail "no whole screen of an editor: $(screen)"
    tm send-keys -t t j
    tm send-keys -t t -l 'ochanged here'
    shows 'changed here'
    shows INSERT
    tm send-keys -t t C-c # ends the insertion, and neither the editor nor kubectl; what is typed before that is done is dropped
    wait_for 20 "it inserts no more" hides INSERT || fail "the screen: $(screen)"
    asks ':set lines? columns?' 'lines=30'
    shows 'columns=90'
    tm send-keys -t t Enter
    tm resize-window -t t -x 71 -y 18
    asks ':set lines? columns?' 'lines=18'
    shows 'columns=71'
    tm send-keys -t t Enter
    types ':w'
    shows written
    types ':cquit 5' # the editor's exit code is kubectl's
    ended_with 5
    [ "$(in_sh p 'cat /tmp/text')" = $'one\ntwo\nchanged here\nthree' ] || fail "the file: $(in_sh p 'cat /tmp/text')"
    nothing_runs_beside p
}

test_a_shell_in_a_terminal() {
    shell p
    in_tmux kubectl -n "$NS" exec -it p -- env PS1='\$ready\$ ' bash --norc --noprofile -i
    shows '$ready$'
    types 'sleep 1000; echo "code $?"'
    wait_for 20 "it sleeps" sh_node "pgrep -xf 'sleep 1000' >/dev/null"
    tm send-keys -t t C-c
    wait_for 20 "it does not" sh_node "! pgrep -xf 'sleep 1000' >/dev/null"
    types 'echo "after $((40+2))"'
    shows 'after 42'
    # a job is stopped and goes on
    types 'cat'
    wait_for 20 "it reads" sh_node 'pgrep -xf cat >/dev/null'
    tm send-keys -t t C-z
    shows 'Stopped'
    types 'fg'
    # before, the line's end would be the shell's to read, in whose mode it is another one
    wait_for 20 "it is in the foreground again" sh_node "ps -o stat= -p \"\$(pgrep -xf cat)\" | grep '^S.*+'"
    types 'back again'
    wait_for 20 "cat has repeated it" equals 2 sh -c "LC_ALL=C.UTF-8 TMUX_TMPDIR=$TMP tmux -L $NS capture-pane -p -t t | grep -cx 'back again'"
    tm send-keys -t t C-d
    tm resize-window -t t -x 64 -y 17
    asks 'stty size' '17 64'
    types 'exit 3'
    ended_with 3
    nothing_runs_beside p
}

# What the kernel says of a process' rights.
rights() { grep -E '^(Uid|Gid|Groups|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):' | tr -s '\t ' ' '; }

test_the_command_is_as_the_container_is() {
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - name: main
    image: /bin/sh
    command: [/bin/sh, -c, "exec sleep 1000"]
    workingDir: /made/here
    env: [{name: A, value: "b \"c\" $d"}, {name: odd.name, value: "1"}]
    volumeMounts: [{name: v, mountPath: /data}]
  - name: user
    image: /bin/bash
    command: [/bin/bash, -c, "exec sleep 1000"]
    securityContext: {runAsUser: 54321, runAsGroup: 54321}
  volumes: [{name: v, emptyDir: {}}]
YAML
    running p
    local c unit
    for c in main user; do
        unit=$(sh_node "grep -lx 'Container=$c' /run/systemd/system/vks.$NS.p.*.d/vks.conf" | sed 's,.*/\(vks\..*\)\.d/.*,\1,')
        runs "$unit" "sleep 1000"
        k exec p -c $c -- cat /proc/self/status | rights >"$TMP/$NS-command"
        sh_node "cat /proc/$(main_pid "$unit")/status" | rights >"$TMP/$NS-container"
        diff "$TMP/$NS-container" "$TMP/$NS-command" >&2 || fail "$c: the command has other rights than the container"
    done
    [ "$(k exec p -c main -- pwd)" = /made/here ] || fail "workingDir"
    [ "$(k exec p -c main -- sh -c 'echo $A')" = 'b "c" $d' ] || fail "variable"
    k exec p -c main -- env | grep -x 'odd.name=1' >/dev/null || fail "a variable with an odd name"
    k exec p -c main -- sh -c 'echo here >/data/f' && [ "$(k exec p -c main -- cat /data/f)" = here ] || fail "volume"
    ! k exec p -c main -- touch /etc/f 2>/dev/null || fail "/etc can be written to"
    k exec p -c main -- cat /proc/self/cgroup | grep "pod$(uid_of p | tr - _).slice" >/dev/null || fail "not in the pod's slice"
}

# gains_nothing POD CONTAINER UNIT WORD...: a command beside that container has the rights of its main process, as the kernel has them and not as anything
# in the pod says, and is in the pod's slice. It is left running; $COMMAND is its main process.
gains_nothing() {
    local pod=$1 container=$2 unit=$3 file=$TMP/$NS-gains slice beside
    shift 3
    kubectl -n "$NS" exec "$pod" -c "$container" -- "$@" >"$file-said" 2>&1 &
    beside="systemctl list-units --no-legend --plain 'vks-exec-$(uid_of "$pod")-$container-*'" # others of the pod may run already
    wait_for 20 "a command runs beside $container" sh_node "$beside | grep -q ." || fail "it said: $(cat "$file-said")"
    beside=$(sh_node "$beside | cut -d ' ' -f 1")
    wait_for 20 "it has a process" at_least 1 main_pid "$beside"
    COMMAND=$(main_pid "$beside")
    wait_for 20 "it has become the program" sh_node "readlink /proc/$COMMAND/exe | grep -x '.*/$1'" # what PID 1 and vks-exec do for it comes first
    sh_node "cat /proc/$COMMAND/status" | rights >"$file-command"
    sh_node "cat /proc/$(main_pid "$unit")/status" | rights >"$file-container"
    [ "$(wc -l <"$file-command")" = 10 ] || fail "$container: $(cat "$file-command" "$file-said")"
    diff "$file-container" "$file-command" >&2 || fail "$container: the command has other rights than the container"
    slice=pod$(uid_of "$pod" | tr - _).slice
    sh_node "cat /proc/$COMMAND/cgroup" | grep "$slice/$beside" >/dev/null || fail "$container: in $(sh_node "cat /proc/$COMMAND/cgroup")"
}

test_a_hostile_container_gains_nothing_by_a_command() {
    make -s -C "$ROOT_DIR" build/hostile.so
    k create configmap lib --from-file="$ROOT_DIR/build/hostile.so" >/dev/null
    apply <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: bin}
data:
  id: "#!/bin/sh\necho 'uid=0(root) of the pod'\n"
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 2
  volumes: [{name: lib, configMap: {name: lib}}, {name: bin, configMap: {name: bin, defaultMode: 0755}}]
  containers:
  # what the loader and shells listen to, where vks-exec is root for a moment
  - name: loader
    image: /bin/sleep
    command: [/bin/sleep, "12321"]
    securityContext: {runAsUser: 54321, runAsGroup: 54321}
    env: [{name: LD_PRELOAD, value: /run/lib/hostile.so}, {name: LD_AUDIT, value: /run/lib/hostile.so}, {name: LD_LIBRARY_PATH, value: /run/lib},
          {name: GCONV_PATH, value: /run/lib}, {name: ENV, value: /run/lib/hostile.so}, {name: CREDENTIALS_DIRECTORY, value: /run/lib}]
    volumeMounts: [{name: lib, mountPath: /run/lib}]
  # its own programs before the machine's
  - name: programs
    image: /bin/bash
    command: [/bin/bash, -c, 'exec sleep 12322']
    env: [{name: PATH, value: "/run/bin:/usr/bin:/bin"}]
    volumeMounts: [{name: bin, mountPath: /run/bin}]
  # a namespace of its own, in which it is root and everything is another thing
  - name: mounts
    image: /bin/sh
    command: [/bin/sh, -c, 'unshare -Urm sh -c "mount -t tmpfs none /usr/local; mount --bind /var/tmp /proc; mount --bind /bin/true /bin/ls; echo mounted; exec sleep 12323" & exec sleep 12324']
YAML
    running p
    local unit
    unit=$(unit_of p 'bin\x2fsleep')
    runs "$unit" "sleep 12321"
    gains_nothing p loader "$unit" sleep 500
    wait_for 20 "the library is loaded" contains hostile.so sh_node "cat /proc/$COMMAND/maps" || fail "what is to be shown is not: the library is not loaded"
    k exec p -c loader -- sh -c 'id -u; true' >"$TMP/$NS-loader" 2>&1
    grep -qx 54321 "$TMP/$NS-loader" || fail "$(cat "$TMP/$NS-loader")"
    ! grep -q hostile-is-root "$TMP/$NS-loader" "$TMP/$NS-gains-said" || fail "root has loaded a pod's library"
    ! node journalctl -q -b -o cat --since -5min -g hostile-is-root || fail "root has loaded a pod's library"

    unit=$(unit_of p 'bin\x2fbash')
    runs "$unit" "sleep 12322"
    gains_nothing p programs "$unit" sleep 500
    [ "$(k exec p -c programs -- sh -c id)" = 'uid=0(root) of the pod' ] || fail "what is to be shown is not: the pod's program is not run"

    unit=$(unit_of p 'bin\x2fsh')
    runs "$unit" "sleep 12324"
    wait_for 20 "it has mounted" contains mounted k logs p -c mounts
    gains_nothing p mounts "$unit" sleep 500
    [ "$(k exec p -c mounts -- sh -c 'test -r /proc/self/status && ls -d /usr/local/bin')" = /usr/local/bin ] || fail "a command sees what the container has mounted for itself"
}

# A container may name no path of the machine's own programs, nor /proc or the loader's files, for a mount.
test_what_commands_are_built_from_is_not_a_pods() {
    local path i=0
    for path in /proc /bin /usr/bin /usr/local/bin /lib64 /etc /etc/ld.so.preload /usr/libexec/vks /dev /sys; do
        i=$((i + 1))
        apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "m$i"}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  volumes: [{name: v, emptyDir: {}}]
  containers: [{name: main, image: /bin/sleep, command: [/bin/sleep, "1000"], volumeMounts: [{name: v, mountPath: $path}]}]
YAML
    done
    for i in $(seq $i); do
        wait_for 30 "m$i is refused" contains 'mount' pod_field "m$i" '{.status.containerStatuses[0].state.waiting.message}'
        ! k exec "m$i" -- id >"$TMP/$NS-m" 2>&1 || fail "m$i: $(cat "$TMP/$NS-m")"
    done
}

test_commands_end_with_the_pod_that_they_were_for() {
    # one that is stopping, and does not want to
    program p 'trap "" TERM; until [ -e /tmp/go ]; do sleep 0.2; done' "  terminationGracePeriodSeconds: 60" # a longer one leaves its unit as it is
    running p
    heeds "$(unit_of p 'bin\x2fsh')"
    local first second
    first=$(uid_of p)
    k exec p -- sleep 600 >/dev/null 2>&1 &
    wait_for 20 "it runs" equals 1 commands_of p
    k delete pod p --wait=false >/dev/null
    wait_for 20 "it is stopping" contains deactivating node systemctl show -P ActiveState "$(unit_of p 'bin\x2fsh')"
    k exec p -- id >"$TMP/$NS-stopping" 2>&1 || true
    ! grep -q 'uid=0' "$TMP/$NS-stopping" || fail "$(cat "$TMP/$NS-stopping")"
    in_pod "$(unit_of p 'bin\x2fsh')" touch /tmp/go || true
    gone p
    of_first() { sh_node "systemctl list-units --all --no-legend 'vks-exec-$first-*' | wc -l"; }
    wait_for 20 "no command of it is left" equals 0 of_first
    # a pod of the same name, whose units have the same names
    shell p
    first=$(uid_of p)
    k exec p -- sleep 600 >/dev/null 2>&1 &
    wait_for 20 "it runs" equals 1 commands_of p
    k delete pod p --grace-period=0 --force >/dev/null 2>&1
    shell p
    second=$(uid_of p)
    [ "$first" != "$second" ] || fail "it is the same pod"
    wait_for 20 "no command of the first is left" equals 0 of_first
    [[ "$(k exec p -- cat /proc/self/cgroup)" == *"pod${second//-/_}.slice"* ]] || fail "a command is beside another pod of that name"
    nothing_runs_beside p
}

test_values_are_those_of_the_start() {
    k create secret generic s --from-literal=v=one >/dev/null
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - name: main
    image: /bin/sh
    command: [/bin/sh, -c, "while :; do sleep 0.2; done"]
    args: ["$(V)"]
    env: [{name: V, valueFrom: {secretKeyRef: {name: s, key: v}}}]
YAML
    running p
    [ "$(in_sh p 'echo $V')" = one ] || fail "value: $(in_sh p 'echo $V')"
    k create secret generic s --from-literal=v=two --dry-run=client -o yaml | k apply -f - >/dev/null 2>&1
    sleep 2
    [ "$(in_sh p 'echo $V')" = one ] || fail "a value of later than the start"
}

test_many_at_once_and_nothing_is_lost() {
    shell p
    local i pids=() bad=0
    for i in $(seq 50); do
        (
            for _ in 1 2 3; do
                out=$(kubectl -n "$NS" exec p -- sh -c "echo $i; exit 0") && [ "$out" = "$i" ] && exit 0
                # an API server of 1.20 gives up a dial now and then while 50 are made; what the node says is no such thing
                echo "$out" >>"$TMP/$NS-many"
            done
            exit 1
        ) &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i" || bad=$((bad + 1)); done
    [ $bad = 0 ] || fail "$bad of 50 at once failed: $(cat "$TMP/$NS-many")"
    for i in $(seq "$EXEC_RUNS"); do
        [ "$(in_sh p "seq 2000; echo end-$i" | tail -n 1)" = "end-$i" ] || fail "run $i: the end of its output is lost"
    done
    nothing_runs_beside p
}

test_a_container_that_ends_ends_its_commands() {
    shell p
    k exec p -- sleep 500 >/dev/null 2>"$TMP/$NS-err" &
    local pid=$! code=0 uid
    wait_for 20 "it runs" equals 1 commands_of p
    node systemctl kill --kill-who=main --signal=KILL "$(unit_of p 'bin\x2fsh')"
    wait $pid || code=$?
    [ $code = 143 ] || fail "exit code $code: $(cat "$TMP/$NS-err")"
    # one that has only begun: PID 1 gives up what it is just starting
    local i
    for i in 1 2 3 4 5; do
        shell "r$i"
        k exec "r$i" -- sleep 500 >/dev/null 2>"$TMP/$NS-err" &
        pid=$! code=0
        sh_node "n=0; until systemctl show -P MainPID 'vks-exec-$(uid_of "r$i")-*' | grep -q '^[1-9]' || [ \$((n += 1)) -gt 20000 ]; do :; done
                 systemctl kill --kill-who=main --signal=KILL '$(unit_of "r$i" 'bin\x2fsh')'"
        wait $pid || code=$?
        [ $code = 143 ] || fail "exit code $code as it begins: $(cat "$TMP/$NS-err")"
    done
    shell q
    k exec q -- sleep 500 >/dev/null 2>&1 &
    wait_for 20 "it runs" equals 1 commands_of q
    uid=$(uid_of q)
    k delete pod q --timeout=240s >/dev/null
    wait_for 20 "no command of it is left" equals 0 sh_node "systemctl list-units --all --no-legend 'vks-exec-$uid-*' | wc -l"
}

test_attach_shows_both_outputs() {
    program p 'while [ ! -e /tmp/end ]; do echo out; echo err >&2; sleep 0.2; done; echo "out, the last"; echo "err, the last" >&2' "  restartPolicy: Never"
    running p
    timeout 300 kubectl -n "$NS" attach p >"$TMP/$NS-out" 2>"$TMP/$NS-err" &
    local attached=$!
    wait_for 30 "its output is shown" grep -qx out "$TMP/$NS-out"
    wait_for 30 "its errors are shown" grep -qx err "$TMP/$NS-err"
    in_pod "$(unit_of p 'bin\x2fsh')" touch /tmp/end
    wait $attached || fail "attach: $?"
    grep -qx "out, the last" "$TMP/$NS-out" || fail "the end is missing: $(tail -n 2 "$TMP/$NS-out")"
    grep -qx "err, the last" "$TMP/$NS-err" || fail "errors: $(tail -n 2 "$TMP/$NS-err")"
}

test_run_it_and_its_input() {
    : >"$TMP/$NS-run"
    (
        exec 7>&1
        wait_for 60 "a shell answers" answers "$TMP/$NS-run"
        printf 'until [ "$(stty size)" = "31 98" ]; do sleep 0.1; done; stty size; exit 0\n'
        wait_for 60 "it has ended" no_pod r
    ) | in_terminal "stty rows 31 cols 98; kubectl -n $NS run r -it --rm --pod-running-timeout=5m --restart=Never --image=bash --image-pull-policy=IfNotPresent --command -- bash" >"$TMP/$NS-run" || true
    grep -qx 42 "$TMP/$NS-run" || fail "run -it: $(cat "$TMP/$NS-run")"
    grep -qx "31 98" "$TMP/$NS-run" || fail "size: $(cat "$TMP/$NS-run")"
    k run s -i --pod-running-timeout=5m --restart=Never --image=bash --image-pull-policy=IfNotPresent --command -- sh -c 'wc -c' <<<hello >"$TMP/$NS-in" 2>&1 || fail "run -i: $(cat "$TMP/$NS-in")"
    wait_for 20 "it has ended" equals Succeeded pod_field s '{.status.phase}'
    wait_for 10 "its output" contains 6 k logs s # stdinOnce: the input ended with the client
}

# The client comes when the API server says that the container runs: then it is shown what was said by then. What has ended by then it is told, and asks for the log.
test_what_lives_for_a_moment_is_seen() {
    local i
    for i in $(seq $((EXEC_RUNS / 3))); do
        k run "a$i" --attach --pod-running-timeout=5m --restart=Never --image=bash --image-pull-policy=IfNotPresent --command -- sh -c "echo first-$i; echo last-$i" >"$TMP/$NS-a" 2>&1 </dev/null ||
            fail "run --attach: $(cat "$TMP/$NS-a")"
        [[ $(cat "$TMP/$NS-a") == *"first-$i"*"last-$i"* ]] || fail "run --attach, $i: $(cat "$TMP/$NS-a")"
        in_terminal "kubectl -n $NS run t$i -it --rm --pod-running-timeout=5m --restart=Never --image=bash --image-pull-policy=IfNotPresent --command -- sh -c 'echo first-$i; echo last-$i'" \
            <&"$NEVER" >"$TMP/$NS-t" || fail "run -it: $(cat "$TMP/$NS-t")"
        [[ $(cat "$TMP/$NS-t") == *"first-$i"*"last-$i"* ]] || fail "run -it, $i: $(cat "$TMP/$NS-t")"
    done
}

test_commands_beside_daemons() {
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: cron}
spec: {containers: [{name: main, image: cron}]}
---
apiVersion: v1
kind: Pod
metadata: {name: redis}
spec: {containers: [{name: main, image: redis-server}]}
YAML
    running redis 60
    running cron 60
    [ "$(k exec redis -- id -un)" = redis ] || fail "redis: $(k exec redis -- id)"
    wait_for 20 "redis answers" equals PONG k exec redis -- redis-cli ping
    # the daemon is root, by its package's own command line; a command is not
    [ "$(k exec cron -- id -un)" = vks-pod ] || fail "cron: $(k exec cron -- id)"
    ! k exec cron -- cat /etc/shadow >/dev/null 2>&1 || fail "root's file was read"
}

# A daemon closes its descriptors and lives on; what it opens again is its terminal still, and is the agent's to read, whichever agent's.
test_a_container_may_close_its_terminal() {
    kept() { node systemctl show -P NFileDescriptorStore vks-agent; }
    no_more_than_kept() { [ "$(kept)" -le "$kept" ]; } # of an earlier one it may have let go meanwhile
    local pid before kept
    kept=$(kept)
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: d}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - name: main
    image: /bin/bash
    tty: true
    stdin: true
    command: [/bin/bash, -c, 'echo first; exec <&- >&- 2>&-; i=0; while sleep 0.3; do echo "again $((i=i+1))" >/dev/tty; done']
YAML
    running d
    pid=$(main_pid "$(unit_of d 'bin\x2fbash')")
    wait_for 20 "its output goes on" contains 'again 3' k logs d
    node systemctl kill --signal=KILL vks-agent
    agent_is_back d
    before=$(k logs d --tail=1)
    [[ $before == again* ]] || fail "the log ends with $before"
    wait_for 20 "the next agent hears it" contains "again $((${before//[^0-9]/} + 5))" k logs d
    kubectl -n "$NS" attach d >"$TMP/$NS-seen" 2>&1 &
    wait_for 30 "who attaches hears it" grep -q '^again' "$TMP/$NS-seen" || fail "attach: $(cat "$TMP/$NS-seen")"
    kill $! 2>/dev/null || true
    [ "$(main_pid "$(unit_of d 'bin\x2fbash')")" = "$pid" ] || fail "the container was restarted"
    k delete pod d --timeout=240s >/dev/null
    wait_for 10 "PID 1 keeps nothing of it" no_more_than_kept
}

test_a_terminal_outlives_the_agent() {
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: t}
spec:
  terminationGracePeriodSeconds: 2
  containers: [{name: main, image: /bin/bash, tty: true, stdin: true, command: [/bin/bash, --norc]}]
YAML
    running t
    local pid
    pid=$(main_pid "$(unit_of t 'bin\x2fbash')")
    node systemctl kill --signal=KILL vks-agent
    agent_is_back t
    attach_and_ask t main
    [ "$(main_pid "$(unit_of t 'bin\x2fbash')")" = "$pid" ] || fail "the container was restarted"
    wait_for 10 "what was on the terminal is in the log" contains 42 k logs t
}

# Who is not the main process of a container that has one gets no terminal and no input: not by asking, in whatever way (tests/hostile/hostile.c), not
# as a child of such a process, and not in the moments in which a container comes for its own.
test_a_console_is_its_containers_alone() {
    make -s -C "$ROOT_DIR" build/hostile
    "$LAB" node put "$ROOT_DIR/build/hostile" /usr/local/bin/hostile-console
    trap 'sh_node "rm -f /usr/local/bin/hostile-console"' EXIT
    sh_node 'cd / && for i in 1 2 3; do setpriv --reuid=nobody --regid=nogroup --clear-groups /usr/local/bin/hostile-console consoles; done' >"$TMP/nobody" &
    local asks=$!
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: c}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - {name: main, image: /bin/bash, tty: true, stdin: true, command: [/bin/bash, --norc]}
  - name: child
    image: /bin/sh
    stdin: true
    command: [/bin/sh, -c, '/usr/local/bin/hostile-console consoles /run/systemd/vks-console; read line; echo "input: $line"; exec sleep 1000']
  - {name: without, image: /bin/sleep, command: [/bin/sh, -c, 'test -S /run/systemd/vks-console; echo "a socket: $?"; exec sleep 1000']}
YAML
    running c
    wait_for 60 "the child has asked" contains consoles: k logs c -c child
    [[ "$(k logs c -c child)" =~ ^'consoles: asked '[1-9][0-9]*' times, got 0'$ ]] || fail "a child: $(k logs c -c child)"
    wait_for 20 "who has none has no way to it" equals 'a socket: 1' k logs c -c without
    # their own they have
    printf 'mine\n' | kubectl -n "$NS" attach -i c -c child >/dev/null 2>&1 &
    wait_for 30 "the child's container has its input" contains 'input: mine' k logs c -c child
    kill $! 2>/dev/null || true
    attach_and_ask c main
    wait "$asks"
    [ "$(grep -cx 'consoles: asked 12 times, got 0' "$TMP/nobody")" = 3 ] || fail "nobody: $(cat "$TMP/nobody")"
}

# A user of the machine who connects without end is in nobody's way but his own.
# Whoever closes a connection that lingers last waits for as long as its sender likes; the agent has a node to look after.
test_what_a_stranger_hands_over_does_not_keep_the_agent() {
    local before
    make -s -C "$ROOT_DIR" build/hostile
    "$LAB" node put "$ROOT_DIR/build/hostile" /usr/local/bin/hostile-linger
    trap 'sh_node "rm -f /usr/local/bin/hostile-linger"' EXIT
    before=$(main_pid vks-agent.service)
    sh_node 'cd / && setpriv --reuid=nobody --regid=nogroup --clear-groups /usr/local/bin/hostile-linger linger-at-consoles' >"$TMP/linger" &
    local lingers=$!
    wait_for 20 "it has handed over" contains "handed over" cat "$TMP/linger"
    for _ in 1 2 3 4 5; do
        wait_for 20 "the agent does not wait" equals ok node curl -s -m 60 http://127.0.0.1:10248/healthz || fail "the agent waits"
    done
    kill -0 $lingers && ! grep -q "let go" "$TMP/linger" || fail "nothing lingers any more: this test shows nothing"
    sh_node 'pkill -x hostile-linger' || true
    wait $lingers || true
    [ "$(main_pid vks-agent.service)" = "$before" ] || fail "the agent was started anew"
}

test_a_flood_of_strangers_takes_no_console_away() {
    local i
    make -s -C "$ROOT_DIR" build/hostile
    "$LAB" node put "$ROOT_DIR/build/hostile" /usr/local/bin/hostile-flood
    trap 'sh_node "rm -f /usr/local/bin/hostile-flood"' EXIT
    sh_node 'cd / && setpriv --reuid=nobody --regid=nogroup --clear-groups /usr/local/bin/hostile-flood flood-consoles 20' >"$TMP/flood" &
    local flood=$!
    for i in 1 2 3 4 5; do
        apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: f$i}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: main, image: /bin/bash, tty: true, command: [/bin/bash, -c, 'tty; exec sleep 1000']}]
YAML
    done
    for i in 1 2 3 4 5; do
        wait_for 30 "f$i has said what it has" contains t k logs "f$i"
        [[ "$(k logs "f$i")" == /dev/pts/* ]] || fail "f$i has no terminal: $(k logs "f$i")"
    done
    wait "$flood" 2>/dev/null || true
    [ "$(sed -n 's/ connections$//p' "$TMP/flood")" -gt 1000 ] || fail "that was no flood: $(cat "$TMP/flood")"
}

test_a_client_that_vanishes_leaves_nothing() {
    shell p
    local i pid before
    k exec p -- true
    before=$(sh_node 'ls /proc/$(systemctl show -P MainPID vks-agent)/fd | wc -l')
    for i in $(seq "$EXEC_VANISH"); do
        kubectl -n "$NS" exec -i p -- sh -c 'cat >/dev/null; sleep 600' </dev/zero >/dev/null 2>&1 &
        pid=$!
        sleep "0.$((RANDOM % 10))"
        kill -9 $pid 2>/dev/null || true
        wait $pid 2>/dev/null || true
    done
    nothing_runs_beside p
    wait_for 20 "no process of them is left" equals 0 sh_node 'pgrep -cxf "sleep 600" || true'
    wait_for 20 "no descriptor is left" equals yes sh_node "[ \$(ls /proc/\$(systemctl show -P MainPID vks-agent)/fd | wc -l) -le $((before + 2)) ] && echo yes"
}

test_the_agent_or_the_helper_is_killed_meanwhile() {
    shell p
    local code=0
    kubectl -n "$NS" exec p -- sleep 600 >/dev/null 2>&1 &
    wait_for 20 "it runs" equals 1 commands_of p
    node systemctl kill --signal=KILL vks-helper
    [ "$(commands_of p)" = 1 ] || fail "the helper's end ended a command"
    [ "$(in_sh p 'echo after')" = after ] || fail "after the helper's end"
    node systemctl kill --signal=KILL vks-agent
    wait $! || code=$?
    [ $code != 0 ] || fail "kubectl says that all went well"
    nothing_runs_beside p
    agent_is_back p
    [ "$(in_sh p 'echo after')" = after ] || fail "after the agent's end"
    [ "$(pod_field p '{.status.containerStatuses[0].restartCount}')" = 0 ] || fail "the container was restarted"
}

# codes_of N: how the containers of the pods e1 to eN ended, as kubectl shows it
codes_of() {
    local i
    for i in $(seq "$1"); do pod_field "e$i" '{.status.containerStatuses[0].state.terminated.exitCode} '; done
}

# What systemd was told to start just before it reloads has lost its command and its streams (252), and what has ended just before is gone when that is
# done: the first is asked for again, and of the second the last word counts.
test_a_reload_of_systemd_hides_no_end() {
    shell p
    local i j code lost=0
    trap 'sh_node "touch /run/reloads-end"' EXIT
    # in threes, as apt has them; without a pause systemd (257) would do nothing else
    sh_node 'while test ! -e /run/reloads-end; do systemctl daemon-reload; systemctl daemon-reload; systemctl daemon-reload; sleep 0.5; done; rm /run/reloads-end' >/dev/null 2>&1 &
    for i in $(seq 12); do
        program "e$i" "exit $((i % 3))" '  restartPolicy: Never'
    done
    for i in $(seq 6); do
        for j in 0 3 7 9; do
            { code=0; timeout 300 kubectl -n "$NS" exec p -- sh -c "exit $j" >/dev/null 2>>"$TMP/$NS-err" || code=$?
              [ $code = $j ] || echo "$code for $j" >>"$TMP/$NS-lost"; } &
        done
        wait_for 60 "these have ended" none_runs_here
    done
    wait_for 60 "each container's end is known" equals '1 2 0 1 2 0 1 2 0 1 2 0 ' codes_of 12 || lost=1
    [ ! -e "$TMP/$NS-lost" ] || fail "$(cat "$TMP/$NS-lost" "$TMP/$NS-err")"
    [ $lost = 0 ] || fail "the containers: $(codes_of 12)"
    nothing_runs_beside p
}
none_runs_here() { [ "$(jobs -pr | wc -l)" -le 1 ]; } # but the reloads

# A reload on a slow machine with many units looks like that to whoever asks PID 1: no answer, and then all of them.
test_a_systemd_that_stands_still_refuses_nothing() {
    shell p
    local leader code=0
    leader=$("$LAB" node leader)
    trap 'kill -CONT '"$leader" EXIT
    kill -STOP "$leader"
    (
        sleep 14
        kill -CONT "$leader"
    ) &
    program q 'exit 4' '  restartPolicy: Never'
    timeout 300 kubectl -n "$NS" exec p -- sh -c 'exit 3' >/dev/null 2>"$TMP/$NS-err" || code=$?
    wait
    [ $code = 3 ] || fail "exit code $code: $(cat "$TMP/$NS-err")"
    wait_for 60 "the new pod's end is known" equals 4 k get pod q -o 'jsonpath={.status.containerStatuses[0].state.terminated.exitCode}'
    [ -z "$(k get events --field-selector involvedObject.name=q,type=Warning -o name)" ] || fail "$(k get events)"
    nothing_runs_beside p
}

# configured LINE: agent.yaml has that line, too; without one, none that a test has put there.
configured() {
    sh_node "test -e /root/agent.kept || cp -p /etc/vks/agent.yaml /root/agent.kept; cp -p /root/agent.kept /etc/vks/agent.yaml; echo '${1:-}' >>/etc/vks/agent.yaml"
    [ -n "${1:-}" ] || sh_node "mv /root/agent.kept /etc/vks/agent.yaml"
    restart_agent
    wait_for 30 "the agent answers for its pods" contains again k exec p -- echo again
}

test_what_idles_is_ended() {
    shell p
    trap 'configured' EXIT
    configured 'streamingConnectionIdleTimeout: 4s' # kubectl itself pings every 5 s
    local websockets code
    for websockets in true false; do
        code=0
        KUBECTL_REMOTE_COMMAND_WEBSOCKETS=$websockets timeout 300 kubectl -n "$NS" exec p -- sleep 600 >/dev/null 2>"$TMP/$NS-err" || code=$?
        [ $code = 1 ] || fail "exit code $code with websockets=$websockets: $(cat "$TMP/$NS-err")"
        grep -q 'nothing has passed for 4 s' "$TMP/$NS-err" || fail "websockets=$websockets: $(cat "$TMP/$NS-err")"
    done
    nothing_runs_beside p
    # a line now and then is no idling, and it is the whole connection that counts: here one direction alone has something
    [ "$(in_sh p 'i=0; while [ $i -lt 40 ]; do sleep 0.2; echo $((i += 1)); done' | tail -n 1)" = 40 ] || fail "what does not idle is ended"
}

test_policy_may_forbid_it() {
    shell p
    node sh -c 'cp /etc/vks/policy.conf /root/policy.kept; echo "exec = kube-*" >>/etc/vks/policy.conf; touch -d "1 minute ago" /etc/vks/policy.conf'
    ! k exec p -- id >/dev/null 2>"$TMP/$NS-err" || fail "it ran"
    node sh -c 'cp /root/policy.kept /etc/vks/policy.conf; touch -d "1 minute ago" /etc/vks/policy.conf'
    grep -q 'policy rule exec' "$TMP/$NS-err" || fail "$(cat "$TMP/$NS-err")"
    [ "$(k exec p -- echo again)" = again ] || fail "it is forbidden still"
    node journalctl --sync
    node journalctl -q -u vks-helper -o cat --since -10min | grep "exec $NS/p main: echo for" >/dev/null || fail "no line about it"
}

# A container that does not read, or says more than anybody wants to hear, has its own terminal to itself: the agent takes no more memory for it, and serves others.
test_a_terminal_that_is_flooded_is_in_nobodys_way() {
    local before after pumps=()
    # its own memory; what it has mapped of a journal that grows meanwhile is the page cache's
    own() { sh_node "sed -n 's/^RssAnon:[^0-9]*\\([0-9]*\\) kB/\\1/p' /proc/\$(systemctl show -P MainPID vks-agent)/status"; }
    # Nobody has the last one's terminal open any more.
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: deaf}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: input, image: /bin/sleep, stdin: true, command: [/bin/sleep, "1000"]}
  - {name: keys, image: /bin/bash, tty: true, stdin: true, command: [/bin/bash, -c, 'stty raw -echo; exec sleep 1000']}
  - {name: talks, image: /bin/sh, tty: true, command: [/bin/sh, -c, 'while :; do head -c 1000000 /dev/urandom | base64; sleep 0.2; done']}
  - {name: hangs, image: /bin/bash, tty: true, stdin: true, command: [/bin/bash, -c, 'stty -a </dev/tty; exec 0<&- 1>&- 2>&-; exec sleep 1000']}
YAML
    running deaf
    shell p
    before=$(own)
    for c in input keys hangs; do
        (head -c 200000000 /dev/zero | timeout 20 kubectl -n "$NS" attach -i deaf -c $c >/dev/null 2>&1) &
        pumps+=($!)
    done
    # a client that reads nothing of what is said
    timeout 20 kubectl -n "$NS" attach deaf -c talks 2>/dev/null > >(exec sleep 20) &
    pumps+=($!)
    for _ in 1 2 3; do
        sleep 2
        [ "$(timeout 300 kubectl -n "$NS" exec p -- echo served)" = served ] || fail "nobody else is served"
    done
    after=$(own)
    [ $((after - before)) -lt 10000 ] || fail "the agent had $before kB, and has $after"
    wait "${pumps[@]}" 2>/dev/null || true
    contains ok k get --raw "/api/v1/nodes/$NODE/proxy/healthz" || fail "the agent does not answer"
    [ "$(pod_field deaf '{.status.containerStatuses[*].restartCount}')" = "0 0 0 0" ] || fail "one has ended: $(k get pod deaf -o yaml)"
    k delete pod deaf --timeout=240s >/dev/null
}

run_tests
