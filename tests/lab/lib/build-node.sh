# shellcheck shell=bash
# The pristine tree of a node: Debian 12 as debootstrap makes it, up to date, with systemd.

NODE_TREE=$VKS_CACHE/node/tree
NODE_LOG=$BUILD_LOGS/node.log

node_built() { [[ -e $VKS_CACHE/node/complete ]]; }

in_tree() { # TREE COMMAND...
    local tree=$1
    shift
    timeout 900 env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        unshare --mount --pid --fork --kill-child --mount-proc="$tree/proc" chroot "$tree" "$@"
}

node_bootstrap() { # TREE
    local mirror
    mirror=$(debian_mirrors | awk '$2 == "bookworm" { print $1; exit }')
    # No mirror found: debootstrap has a default. The namespaces: interrupted, it would leave mounts and processes.
    timeout 1800 unshare --mount --pid --fork --kill-child --mount-proc debootstrap --variant=minbase \
        --include=systemd,systemd-sysv,dbus,ca-certificates,curl,iproute2,netbase,procps \
        bookworm "$1" ${mirror:+"$mirror"}
}

node_configure() { # TREE
    local tree=$1 sources unit
    sources=$(sources_list deb)
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
    in_tree "$1" apt-get -q update
    # No daemon may start in a chroot.
    printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
    chmod 755 "$1/usr/sbin/policy-rc.d"
    in_tree "$1" apt-get -q -y --no-install-recommends upgrade
    rm "$1/usr/sbin/policy-rc.d"
    in_tree "$1" apt-get clean
}

build_node() {
    local new=$VKS_CACHE/node.new
    if node_built; then
        node_refresh
        return
    fi
    lock "$VKS_CACHE/lock"
    ! node_built || return 0
    need debootstrap unshare chroot
    rm -rf --one-file-system -- "$new"
    mkdir -p "$new"
    step "$NODE_LOG" "node: debootstrap" node_bootstrap "$new/tree"
    step "$NODE_LOG" "node: sources, settings" node_configure "$new/tree"
    step "$NODE_LOG" "node: apt update and upgrade" node_update "$new/tree"
    touch "$new/complete"
    publish "$new" "$VKS_CACHE/node"
}

# After some days the package lists name files that the mirror no longer has. A tree that is some node's lower layer
# must not change, so that waits until no node uses it; without a network the old lists have to do.
node_refresh() {
    [[ -n $(find "$VKS_CACHE/node/complete" -mtime +3) ]] || return 0
    no_marked_process || return 0
    try step "$NODE_LOG" "node: package lists, older than 3 days" node_update "$NODE_TREE"
    if ((TRIED == 0)); then
        touch "$VKS_CACHE/node/complete"
    else
        warn "the node's package lists could not be renewed; going on with the old ones"
    fi
}
