# shellcheck shell=bash
# The lab's network: the machine's, or one of its own, in which every lab has the same ports and the same addresses without being in another's way.
#
# One of its own is a network namespace that lasts as long as the process "net" does. slirp4netns is its way out: a program without any setting on
# the machine, which carries connections from in there to wherever the machine gets, and none into it.

# shellcheck disable=SC2034 # the second is read elsewhere
# What slirp4netns gives to the inside, and where it answers questions for names as the machine's resolver does.
NET_ADDRESS=10.0.2.100
NET_RESOLVER=10.0.2.3

# Sets IN_NET: the words before a command that is to run in the lab's network.
net_entrance() {
    local pid
    IN_NET=()
    ! pid=$(daemon_pid net) || IN_NET=(nsenter --target "$pid" --net --)
}

in_net() { "${IN_NET[@]}" "$@"; }

net_own() { ((${#IN_NET[@]} > 0)); }

net_has_a_way_out() { in_net ip -o -4 addr show scope global | grep -F " $NET_ADDRESS/" >/dev/null; }

net_make() {
    local pid
    need unshare nsenter ip slirp4netns
    daemon_start net unshare --net sleep infinity
    wait_for 10 "a network namespace" net_made
    pid=$(daemon_pid net)
    daemon_start net-way-out slirp4netns --configure --mtu=65520 --disable-host-loopback "$pid" tap0
    net_entrance
    wait_for 10 "the network's way out (its log is $LOGS/net-way-out.log)" net_has_a_way_out
}

# unshare has become sleep.
net_made() {
    local pid
    pid=$(daemon_pid net) && [[ $(readlink "/proc/$pid/ns/net") != "$(readlink /proc/self/ns/net)" ]]
}

# Before anything else of the lab is started.
net_up() {
    local name
    case $VKS_LAB_NET in
    own) ;;
    machine | "")
        [[ -z $VKS_LAB_NET ]] || ! net_own || fail "this lab has a network of its own; use: lab down"
        return 0
        ;;
    *) fail "VKS_LAB_NET is own or machine, not $VKS_LAB_NET" ;;
    esac
    ! net_own || return 0
    for name in "$RUN"/*.pid; do
        name=$(basename "$name" .pid)
        ! daemon_alive "$name" || fail "this lab runs in the machine's network; use: lab down"
    done
    net_make
}

net_down() {
    daemon_stop net-way-out 2
    daemon_stop net 0
    IN_NET=()
}
