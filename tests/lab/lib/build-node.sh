# shellcheck shell=bash
# The pristine tree of a node: Debian as debootstrap makes it, up to date, with systemd. One for each release.

# What is there, else what the machine is.
[[ -n $DEBIAN ]] || DEBIAN=$(cat "$VKS_LAB/nodes/$NODE/debian" 2>/dev/null || machine_debian)
NODE_CACHE=$VKS_CACHE/node
[[ $DEBIAN == bookworm ]] || NODE_CACHE+=-$DEBIAN
NODE_TREE=$NODE_CACHE/tree
NODE_LOG=$BUILD_LOGS/node.log
DEBS=$VKS_CACHE/download/$DEBIAN # debootstrap's: kept, so that the next tree of that release takes half the time

node_built() { [[ -e $NODE_CACHE/complete ]]; }

in_tree() { # TREE COMMAND...
    local tree=$1
    shift
    timeout 900 env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        unshare --mount --pid --fork --kill-child --mount-proc="$tree/proc" chroot "$tree" "$@"
}

bootstrap() { # TREE PACKAGES [MIRROR]: anew, but for what was downloaded before
    rm -rf --one-file-system -- "$1"
    mkdir -p "$DEBS"
    # The namespaces: interrupted, it would leave mounts and processes.
    timeout 1800 unshare --mount --pid --fork --kill-child --mount-proc debootstrap --variant=minbase --cache-dir="$DEBS" \
        --include="$2" "$DEBIAN" "$1" "${@:3}"
}

tree_bootstrap() { # TREE PACKAGES
    local mirror
    mirror=$(debian_mirrors "$DEBIAN" | awk -v suite="$DEBIAN" '$2 == suite { print $1; exit }')
    # No mirror found: debootstrap has a default.
    several_times bootstrap "$1" "$2" ${mirror:+"$mirror"}
}

node_bootstrap() { # TREE
    tree_bootstrap "$1" systemd,systemd-sysv,dbus,ca-certificates,curl,iproute2,netbase,procps
}

tree_configure() { # TREE
    local sources
    sources=$(sources_list deb "$DEBIAN")
    [[ -z $sources ]] || echo "$sources" >"$1/etc/apt/sources.list"
    apt_proxies >"$1/etc/apt/apt.conf.d/90lab"
    # Nothing in it is worth a disk flush: packages install in half the time.
    echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/lab"
}

node_configure() { # TREE
    local tree=$1 unit
    tree_configure "$tree"
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
    if node_built; then
        node_refresh
    else
        locked "$NODE_CACHE.lock" node_make
    fi
}

node_make() {
    local new=$NODE_CACHE.new
    ! node_built || return 0 # while this one waited for the lock
    need debootstrap unshare chroot
    discard "$new"
    mkdir -p "$new"
    ABOUT=60 step "$NODE_LOG" "node: debootstrap $DEBIAN" node_bootstrap "$new/tree"
    step "$NODE_LOG" "node: sources, settings" node_configure "$new/tree"
    step "$NODE_LOG" "node: apt update and upgrade" node_update "$new/tree"
    touch "$new/complete"
    publish "$new" "$NODE_CACHE"
}

node_is_old() { [[ -n $(find "$NODE_CACHE/complete" -mtime +3) ]]; }

# This lab or another one.
labs_run() { compgen -G "$VKS_LAB/nodes/*" >/dev/null || grep -zqsF VKS_LAB_DAEMON= /proc/[0-9]*/environ; }

# After some days the package lists name files that the mirror no longer has. A tree that is a node's lower layer must not
# change, not even while that node is down, so this waits for a "lab down". Without a network the old lists have to do.
node_refresh() {
    node_is_old || return 0
    ! labs_run || return 0
    locked "$NODE_CACHE.lock" node_renew
}

node_renew() {
    node_is_old || return 0
    try step "$NODE_LOG" "node: package lists, older than 3 days" node_update "$NODE_TREE"
    if ((TRIED == 0)); then
        touch "$NODE_CACHE/complete"
    else
        warn "the node's package lists could not be renewed; going on with the old ones"
        touch -d '3 days ago' "$NODE_CACHE/complete" # tomorrow again
    fi
}
