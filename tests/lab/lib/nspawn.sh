# shellcheck shell=bash
# NODE_KIND=nspawn: an overlay over the pristine tree, booted by systemd-nspawn in the lab's network (net.sh) on the machine's kernel.

nspawn_cgroup() { echo "vks-lab${VKS_LAB//\//-}-$NODE"; }

# The network's addresses are the node's.
nspawn_addresses() { in_net ip -o addr show scope global | awk '{ sub("/.*", "", $4); print $4 }'; }

nspawn_apiserver() { echo "$APISERVER"; }

nspawn_build() {
    build_node
    need systemd-nspawn nsenter unshare pgrep ip
}

# The pid, seen from outside, of the node's PID 1. The kernel may leave a process out of a list of children while another of them ends, so one look is none
# (proc(5), /proc/pid/task/tid/children).
nspawn_leader() {
    for _ in 1 2 3; do
        ! nspawn_look_for_leader || return 0
        sleep 0.05
    done
    return 1
}

nspawn_look_for_leader() {
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

# All of the node's namespaces, with an environment of its own.
nspawn_words() { # LEADER COMMAND...
    WORDS=(nsenter --target "$1" --mount --pid --net --uts --ipc --cgroup --
        env -i PATH="$NODE_PATH" HOME=/root USER=root LOGNAME=root
        SHELL=/bin/bash LANG=C.UTF-8 TERM="${TERM:-dumb}" container=systemd-nspawn "${@:2}")
}

# What tells one life between two boots from the next.
nspawn_life() { nspawn_leader; }

# /var is a plain copy and no overlay, because an overlay cannot have its upper layer on another one, and whoever runs in
# the node may want just that below /var.
nspawn_create() {
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
}

# The users of all these nodes are the machine's, and so is the kernel's limit of what each may watch: 128 is enough for root of five nodes, not of six.
allow_watches() {
    local limit=/proc/sys/fs/inotify/max_user_instances
    [ "$(<$limit)" -ge 1024 ] || echo 1024 >$limit || true
}

nspawn_start() {
    local resolver=copy-host
    allow_watches
    if net_own; then
        resolver=off # as it is in the tree
        echo "nameserver $NET_RESOLVER" >"$NODE_DIR/upper/etc/resolv.conf"
    fi
    daemon_start "$NODE_DAEMON" unshare --mount --propagation private \
        "$LAB_DIR/lib/node-run" "$NODE_TREE" "$NODE_DIR" "$NODE" "$VKS_LAB_CGROUP" "$(nspawn_cgroup)" "$resolver"
}

nspawn_started() { :; }

# Nobody enters while it goes down: systemd stops (SIGSTOP) what is left before it kills it, an nsenter whose child is stopped stops itself, and then
# never waits for that child, nor the node's end for anything else.
nspawn_tell() { # LEADER poweroff|reboot
    case $2 in
    poweroff) kill -RTMIN+4 "$1" ;;
    reboot) kill -RTMIN+5 "$1" ;;
    esac
}

nspawn_kill() { wait_for 10 "the node's last processes to end" no_cgroups_left || true; }

# Without systemd on the machine nobody else removes what node-run made. The last of the node's processes may still be on
# their way out.
cgroups_left() {
    local dir left=1
    for dir in /sys/fs/cgroup/"$(nspawn_cgroup)" /sys/fs/cgroup/*/"$(nspawn_cgroup)"; do
        [[ -d $dir ]] || continue
        find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null || true
        [[ ! -d $dir ]] || left=0
    done
    return "$left"
}

no_cgroups_left() { ! cgroups_left; }
