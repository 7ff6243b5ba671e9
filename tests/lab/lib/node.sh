# shellcheck shell=bash
# The node: an overlay over the pristine tree, booted by systemd-nspawn in the lab's network (net.sh).

NODE_DIR=$VKS_LAB/nodes/$NODE
NODE_DAEMON=node-$NODE
node_cgroup() { echo "vks-lab${VKS_LAB//\//-}-$NODE"; }

# The network's addresses are the node's.
addresses() { in_net ip -o addr show scope global | awk '{ sub("/.*", "", $4); print $4 }'; }

main_address() {
    local address
    address=$(in_net ip -o -4 addr show scope global | awk '{ sub("/.*", "", $4); print $4; exit }')
    echo "${address:-192.0.2.1}" # for documentation only: leads nowhere
}

# The pid, seen from outside, of the node's PID 1.
node_leader() {
    local runner child pid key ours inner more
    runner=$(daemon_pid "$NODE_DAEMON") || return 1
    for child in $(children_of "$runner"); do
        for pid in $(children_of "$child"); do
            # Process 1 of one pid namespace below ours; nspawn has helper children while it starts.
            while read -r key ours inner more; do
                [[ $key == NSpid: ]] || continue
                [[ $inner == 1 && -z $more ]] || break
                echo "$ours"
                return 0
            done 2>/dev/null <"/proc/$pid/status"
        done
    done
    return 1
}

# What is asked with every "node exec" starts no program.
children_of() { # PID
    local children
    if read -r children 2>/dev/null <"/proc/$1/task/$1/children" || [[ -n ${children:-} ]]; then
        echo "$children"
    elif [[ ! -e /proc/$$/task/$$/children ]]; then
        pgrep -P "$1" # a kernel that does not tell
    fi
}

# Sets ENTER: the words before a command that is to run as root in all of the node's namespaces, with an environment of
# its own.
node_entrance() { # LEADER
    ENTER=(nsenter --target "$1" --mount --pid --net --uts --ipc --cgroup --
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root USER=root LOGNAME=root
        SHELL=/bin/bash LANG=C.UTF-8 TERM="${TERM:-dumb}" container=systemd-nspawn)
}

# Passes stdin and the exit code.
node_enter() { # LEADER COMMAND...
    local ENTER
    node_entrance "$1"
    shift
    "${ENTER[@]}" "$@"
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

# /var is a plain copy and no overlay, because an overlay cannot have its upper layer on another one, and whoever runs in
# the node may want just that below /var.
node_create() {
    rm -rf --one-file-system -- "$NODE_DIR"
    mkdir -p "$NODE_DIR"/{upper/etc,work,root}
    cp -a "$NODE_TREE/var" "$NODE_DIR/var"
    tr -d - </proc/sys/kernel/random/uuid >"$NODE_DIR/upper/etc/machine-id"
    echo "$NODE" >"$NODE_DIR/upper/etc/hostname"
    printf '127.0.0.1\tlocalhost\n127.0.1.1\t%s\n::1\tlocalhost ip6-localhost ip6-loopback\n' "$NODE" \
        >"$NODE_DIR/upper/etc/hosts"
    # Whoever tests here does not test the way to the mirror.
    install -D -m 644 /dev/stdin "$NODE_DIR/upper/etc/apt/apt.conf.d/91lab-retries" <<<'Acquire::Retries "5";'
    # The clock is the machine's, and this node is not to set it: chronyd -x.
    install -D -m 644 /dev/stdin "$NODE_DIR/upper/etc/default/chrony" <<<'DAEMON_OPTS="-F 1 -x"'
    echo "$DEBIAN" >"$NODE_DIR/debian"
    touch "$NODE_DIR/complete"
}

node_boot() {
    local resolver=copy-host
    [[ -e $NODE_DIR/complete ]] || node_create
    if ! daemon_alive "$NODE_DAEMON"; then
        # What a crash left of the node, before a second one gets at the same files.
        kill_marked "$NODE_DAEMON"
        if net_own; then
            resolver=off # as it is in the tree
            echo "nameserver $NET_RESOLVER" >"$NODE_DIR/upper/etc/resolv.conf"
        fi
        daemon_start "$NODE_DAEMON" unshare --mount --propagation private \
            "$LAB_DIR/lib/node-run" "$NODE_TREE" "$NODE_DIR" "$NODE" "$VKS_LAB_CGROUP" "$(node_cgroup)" "$resolver"
    fi
    wait_for 60 "the node to be up (its console is $LOGS/$NODE_DAEMON.log)" node_running
}

node_up() {
    local is
    is=$(cat "$NODE_DIR/debian" 2>/dev/null || echo bookworm)
    [[ ! -e $NODE_DIR/complete || $is == "$DEBIAN" ]] || fail "the node $NODE is Debian's $is, not $DEBIAN; use: lab node reset"
    build_node
    need systemd-nspawn nsenter unshare pgrep ip
    ! node_running || return 0
    step "$LOGS/up.log" "node $NODE" node_boot
}

# Hard and at once: for a node that is thrown away.
node_kill() {
    daemon_stop "$NODE_DAEMON" 0
    kill_marked "$NODE_DAEMON"
    node_leave_cgroups
}

# In order, as an administrator would; what it has written stays.
node_down() {
    local leader
    if leader=$(node_leader); then
        kill -RTMIN+4 "$leader" # systemd: poweroff.target
        wait_for 30 "the node to shut down" daemon_gone "$NODE_DAEMON" || true
    fi
    node_kill
}

node_reset() {
    node_kill
    rm -rf --one-file-system -- "$NODE_DIR"
    node_up
}

node_rebooted() { # OLD_LEADER
    local now
    now=$(node_leader) && [[ $now != "$1" ]] && node_running
}

# Nobody enters while it goes down: systemd stops (SIGSTOP) what is left before it kills it, an nsenter whose child is stopped stops itself, and then
# never waits for that child, nor the node's end for anything else.
node_reboot() {
    local before
    before=$(node_leader) || no_node
    kill -RTMIN+5 "$before" # systemd: reboot.target
    wait_for 60 "the node to be up again" node_rebooted "$before"
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

# Without systemd on the machine nobody else removes what node-run made. The last of the node's processes may still be on
# their way out.
cgroups_left() {
    local dir left=1
    for dir in /sys/fs/cgroup/"$(node_cgroup)" /sys/fs/cgroup/*/"$(node_cgroup)"; do
        [[ -d $dir ]] || continue
        find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null || true
        [[ ! -d $dir ]] || left=0
    done
    return "$left"
}

no_cgroups_left() { ! cgroups_left; }

node_leave_cgroups() { wait_for 10 "the node's last processes to end" no_cgroups_left || true; }
