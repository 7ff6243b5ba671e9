# shellcheck shell=bash
# The pristine tree of a node: Debian as debootstrap makes it, up to date, with systemd. One for each release.

[[ -n $DEBIAN ]] || DEBIAN=$(cat "$VKS_LAB/nodes/$NODE/debian" 2>/dev/null || echo bookworm)
NODE_CACHE=$VKS_CACHE/node
[[ $DEBIAN == bookworm ]] || NODE_CACHE+=-$DEBIAN
NODE_TREE=$NODE_CACHE/tree
NODE_LOG=$BUILD_LOGS/node.log

node_built() { [[ -e $NODE_CACHE/complete ]]; }

in_tree() { # TREE COMMAND...
    local tree=$1
    shift
    timeout 900 env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        unshare --mount --pid --fork --kill-child --mount-proc="$tree/proc" chroot "$tree" "$@"
}

bootstrap() { # TREE [MIRROR]: anew, but for what was downloaded before
    rm -rf --one-file-system -- "$1"
    mkdir -p "$1.debs"
    # The namespaces: interrupted, it would leave mounts and processes.
    timeout 1800 unshare --mount --pid --fork --kill-child --mount-proc debootstrap --variant=minbase --cache-dir="$1.debs" \
        --include=systemd,systemd-sysv,dbus,ca-certificates,curl,iproute2,netbase,procps "$DEBIAN" "$@"
}

node_bootstrap() { # TREE
    local mirror
    mirror=$(debian_mirrors "$DEBIAN" | awk -v suite="$DEBIAN" '$2 == suite { print $1; exit }')
    # No mirror found: debootstrap has a default.
    several_times bootstrap "$1" ${mirror:+"$mirror"}
    rm -rf -- "$1.debs"
}

node_configure() { # TREE
    local tree=$1 sources unit
    sources=$(sources_list deb "$DEBIAN")
    [[ -z $sources ]] || echo "$sources" >"$tree/etc/apt/sources.list"
    apt_proxies >"$tree/etc/apt/apt.conf.d/90lab"
    # Nothing in a node is worth a disk flush: packages install in half the time.
    echo force-unsafe-io >"$tree/etc/dpkg/dpkg.cfg.d/lab"
    # They would hold apt's lock at a time of their own choosing.
    for unit in apt-daily.timer apt-daily-upgrade.timer apt-daily.service apt-daily-upgrade.service; do
        ln -sf /dev/null "$tree/etc/systemd/system/$unit"
    done
    # Nobody can log in at the console (it is read only), so nothing need wait there.
    ln -sf /dev/null "$tree/etc/systemd/system/console-getty.service"
    # Each node gets its own when it is made.
    : >"$tree/etc/machine-id"
    rm -f "$tree/etc/hostname" "$tree/var/lib/dbus/machine-id"
}

node_update() { # TREE
    # The machine's own: chroot has no other way to resolve names, and nspawn replaces it at boot.
    cp -L /etc/resolv.conf "$1/etc/resolv.conf"
    several_times in_tree "$1" apt-get -q -o Acquire::Retries=5 -o APT::Update::Error-Mode=any update
    # No daemon may start in a chroot.
    printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
    chmod 755 "$1/usr/sbin/policy-rc.d"
    several_times in_tree "$1" apt-get -q -y -o Acquire::Retries=5 --no-install-recommends upgrade
    rm "$1/usr/sbin/policy-rc.d"
    in_tree "$1" apt-get clean
}

build_node() {
    local new=$NODE_CACHE.new
    if node_built; then
        node_refresh
        return
    fi
    lock "$VKS_CACHE/lock"
    ! node_built || return 0
    need debootstrap unshare chroot
    rm -rf --one-file-system -- "$new"
    mkdir -p "$new"
    step "$NODE_LOG" "node: debootstrap $DEBIAN" node_bootstrap "$new/tree"
    step "$NODE_LOG" "node: sources, settings" node_configure "$new/tree"
    step "$NODE_LOG" "node: apt update and upgrade" node_update "$new/tree"
    touch "$new/complete"
    publish "$new" "$NODE_CACHE"
}

# After some days the package lists name files that the mirror no longer has. A tree that is a node's lower layer must not
# change, not even while that node is down, so this waits for a "lab down". Without a network the old lists have to do.
node_refresh() {
    [[ -n $(find "$NODE_CACHE/complete" -mtime +3) ]] || return 0
    if compgen -G "$VKS_LAB/nodes/*" >/dev/null || grep -zqsF VKS_LAB_DAEMON= /proc/[0-9]*/environ; then
        return 0
    fi
    lock "$VKS_CACHE/lock"
    try step "$NODE_LOG" "node: package lists, older than 3 days" node_update "$NODE_TREE"
    if ((TRIED == 0)); then
        touch "$NODE_CACHE/complete"
    else
        warn "the node's package lists could not be renewed; going on with the old ones"
        touch -d '3 days ago' "$NODE_CACHE/complete" # tomorrow again
    fi
}
