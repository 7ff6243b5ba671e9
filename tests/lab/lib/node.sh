# shellcheck shell=bash
# The node, whatever its kind: nspawn.sh and uml.sh have the same few functions, each with its kind before its name.
#   build                     what it needs is in the cache, and its programs are there
#   create, start, started    its files in NODE_DIR; its processes; what else is wanted once it is up
#   leader                    prints the pid of what runs it, seen from outside; fails unless it runs
#   words LEADER COMMAND...   sets WORDS: what to run here so that the command runs there, as root
#   life                      prints what differs between two boots
#   tell LEADER poweroff|reboot
#   kill                      what else is to end, or to be removed, once NODE_DAEMON was killed
#   addresses, apiserver      which addresses it has; where it finds the API server

NODE_DIR=$VKS_LAB/nodes/$NODE
NODE_DAEMON=node-$NODE
# shellcheck disable=SC2034 # read elsewhere
NODE_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# What is there, else what was asked for.
node_kind() { cat "$NODE_DIR/kind" 2>/dev/null || echo "${NODE_KIND:-nspawn}"; }

of_kind() { # FUNCTION ARGUMENT...
    local function=$1 kind=${NODE_KIND:-nspawn}
    shift
    [[ ! -e $NODE_DIR/kind ]] || read -r kind <"$NODE_DIR/kind"
    "${kind}_$function" "$@"
}

node_leader() { of_kind leader; }
node_addresses() { of_kind addresses; }

main_address() {
    local address
    address=$(in_net ip -o -4 addr show scope global | awk '{ sub("/.*", "", $4); print $4; exit }')
    echo "${address:-192.0.2.1}" # for documentation only: leads nowhere
}

# Passes stdin and the exit code.
node_enter() { # LEADER COMMAND...
    local WORDS
    of_kind words "$@"
    "${WORDS[@]}"
}

# 255 when there is no node, as ssh has it
no_node() {
    warn "the node $NODE does not run; use: lab node up"
    exit 255
}

node_exec() { # COMMAND...
    local leader
    leader=$(node_leader) || no_node
    node_enter "$leader" "$@"
}

node_running() {
    local leader
    leader=$(node_leader) || return 1
    case $(node_enter "$leader" systemctl is-system-running 2>/dev/null) in
    running | degraded) return 0 ;;
    *) return 1 ;;
    esac
}

node_create() {
    rm -rf --one-file-system -- "$NODE_DIR"
    mkdir -p "$NODE_DIR"
    of_kind create
    echo "${NODE_KIND:-nspawn}" >"$NODE_DIR/kind"
    echo "$DEBIAN" >"$NODE_DIR/debian"
    touch "$NODE_DIR/complete"
}

node_boot() {
    [[ -e $NODE_DIR/complete ]] || node_create
    if ! daemon_alive "$NODE_DAEMON"; then
        # What a crash left of the node, before a second one gets at the same files.
        node_kill
        of_kind start
    fi
    wait_for 180 "the node to be up (its console is $LOGS/$NODE_DAEMON.log)" node_running_or_ended
    node_running
    of_kind started
}

node_running_or_ended() { ! daemon_alive "$NODE_DAEMON" || node_running; }

node_is() { # FILE WANTED
    local is
    [[ -e $NODE_DIR/complete ]] || return 0
    is=$(cat "$NODE_DIR/$1")
    [[ $is == "$2" ]] || fail "the node $NODE is $is, not $2; use: lab node reset"
}

node_up() {
    case $NODE_KIND in
    "" | nspawn | uml) ;;
    *) fail "NODE_KIND is nspawn or uml, not $NODE_KIND" ;;
    esac
    node_is debian "$DEBIAN"
    node_is kind "${NODE_KIND:-$(node_kind)}"
    of_kind build
    ! node_running || return 0
    step "$LOGS/up.log" "node $NODE" node_boot
}

# Hard and at once: for a node that is thrown away.
node_kill() {
    daemon_stop "$NODE_DAEMON" 0
    kill_marked "$NODE_DAEMON"
    of_kind kill
}

# In order, as an administrator would; what it has written stays.
node_down() {
    local leader
    if leader=$(node_leader); then
        of_kind tell "$leader" poweroff
        wait_for 60 "the node to shut down" daemon_gone "$NODE_DAEMON" || true
    fi
    node_kill
}

node_reset() {
    node_kill
    rm -rf --one-file-system -- "$NODE_DIR"
    node_up
}

node_rebooted() { # OLD_LIFE
    local now
    now=$(of_kind life) && [[ $now != "$1" ]] && node_running
}

node_reboot() {
    local leader before
    leader=$(node_leader) && before=$(of_kind life) || no_node
    of_kind tell "$leader" reboot
    wait_for 180 "the node to be up again" node_rebooted "$before"
    of_kind started
}

# A file, or a directory with all that is in it, as root's.
node_put() { # SOURCE DESTINATION
    local source=$1 destination=$2 mode
    if [[ -d $source ]]; then
        # shellcheck disable=SC2016 # expanded in the node
        tar -C "$source" -c . |
            node_exec sh -c 'mkdir -p "$1" && tar -C "$1" -x --no-same-owner' sh "$destination"
        return
    fi
    [[ -r $source ]] || fail "cannot read $source"
    mode=$(stat -Lc %a "$source")
    # shellcheck disable=SC2016
    node_exec sh -euc '
        to=$1
        case $to in */) mkdir -p "$to" ;; *) mkdir -p "$(dirname "$to")" ;; esac
        [ ! -d "$to" ] || to=${to%/}/$2
        cat >"$to.lab-new"
        chmod "$3" "$to.lab-new"
        mv "$to.lab-new" "$to"' sh "$destination" "${source##*/}" "$mode" <"$source"
}
