# shellcheck shell=bash
# NODE_KIND=uml: a User-mode Linux, Debian's kernel as a process of this machine. Such a node has cgroup v2 with controllers, an address (10.99.x.y on a
# bridge in the lab's network), a port 10250 and a clock of its own. Its disk is a copy-on-write file over an image of the pristine tree, which all nodes of
# that Debian share. Commands get there by ssh with a key of the lab's own.

UML_CACHE=$NODE_CACHE-uml
UML_SHIM=$LAB_DIR/lib/uml-preload.c # says what for
UML_KEY=$VKS_LAB/ssh-key
UML_LAB=$(($(cksum <<<"$VKS_LAB" | cut -d ' ' -f 1) % 254 + 1)) # so that two labs in the machine's network have different ones
UML_NET=10.99.$UML_LAB
UML_GATEWAY=$UML_NET.1
UML_BRIDGE=vkslab$UML_LAB
UML_PROXY_PORT=3128
: "${VKS_LAB_UML_MEMORY:=1000M}"

# ---- the image ----

uml_modules() { echo "/usr/lib/uml/modules/$(linux.uml --version)"; }

# What the image is made of. Another kernel, another tree or another recipe make another image.
uml_recipe() { { linux.uml --version && stat -c %Y "$NODE_CACHE/complete" && cat "$LAB_DIR/lib/uml.sh" "$UML_SHIM"; } | cksum; }

uml_built() { [[ -e $UML_CACHE/complete && $(<"$UML_CACHE/complete") == "$(uml_recipe)" ]]; }

uml_build() {
    need linux.uml cc mke2fs ssh ssh-keygen ip tinyproxy
    build_node
    uml_built || locked "$UML_CACHE.lock" uml_make
}

uml_make() {
    local new=$UML_CACHE.new
    ! uml_built || return 0 # while this one waited for the lock
    discard "$new"
    mkdir -p "$new"
    ABOUT=30 step "$NODE_LOG" "node with a kernel: packages" uml_tree "$new/tree"
    step "$NODE_LOG" "node with a kernel: settings" uml_configure "$new/tree"
    step "$NODE_LOG" "node with a kernel: disk image" mke2fs -q -t ext4 -E root_owner=0:0 -d "$new/tree" "$new/root.img" 4G
    discard "$new/tree"
    step "$NODE_LOG" "node with a kernel: ptrace" cc -std=c17 -D_GNU_SOURCE -O2 -fPIC -shared -o "$new/uml-preload.so" "$UML_SHIM"
    uml_recipe >"$new/complete"
    publish "$new" "$UML_CACHE"
}

uml_tree() { # TREE
    cp -a "$NODE_TREE" "$1"
    cp -L /etc/resolv.conf "$1/etc/resolv.conf"
    printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d" # no daemon may start in a chroot
    chmod 755 "$1/usr/sbin/policy-rc.d"
    several_times in_tree "$1" apt-get -q -y -o Acquire::Retries=5 --no-install-recommends install openssh-server kmod
    rm "$1/usr/sbin/policy-rc.d"
    in_tree "$1" apt-get clean
    mkdir -p "$1/usr/lib/modules"
    cp -a "$(uml_modules)" "$1/usr/lib/modules/"
}

# There is no udev, which systemd-networkd would wait for: a service of our own sets the address. What differs between nodes comes from the kernel's
# command line (uml_start).
uml_configure() { # TREE
    local unit
    echo '/dev/ubda / ext4 rw,noatime 0 0' >"$1/etc/fstab"
    for unit in getty.target systemd-networkd.service systemd-networkd.socket systemd-networkd-wait-online.service; do
        ln -sf /dev/null "$1/etc/systemd/system/$unit"
    done
    # Many tests at once use one connection, and some of them many connections.
    printf '%s\n' 'PermitRootLogin prohibit-password' 'MaxSessions 500' 'MaxStartups 500' 'UseDNS no' 'PrintMotd no' 'PrintLastLog no' 'UsePAM no' \
        >"$1/etc/ssh/sshd_config.d/lab.conf"
    rm -f "$1/etc/apt/apt.conf.d/90lab" # the machine's way out; the node's is written by vks-lab-node
    # Whoever tests here does not test the way to the mirror.
    echo 'Acquire::Retries "5";' >"$1/etc/apt/apt.conf.d/91lab-retries"
    install -D -m 755 /dev/stdin "$1/usr/local/lib/vks-lab-node" <<'SCRIPT'
#!/bin/sh
# Who this node is, from the kernel's command line.
set -eu
for word in $(cat /proc/cmdline); do
    case $word in
    lab.name=*) name=${word#*=} ;;
    lab.net=*) net=${word#*=} ;;
    lab.number=*) number=${word#*=} ;;
    lab.proxy=*) proxy=${word#*=} ;;
    lab.key=*) key=${word#*=} ;;
    esac
done
ip link set lo up
ip addr replace "$net.$number/24" dev vec0
ip link set vec0 up
ip route replace default via "$net.1"
echo "$name" >/etc/hostname
hostname -F /etc/hostname 2>/dev/null || echo "$name" >/proc/sys/kernel/hostname
printf '127.0.0.1\tlocalhost\n%s\t%s\n::1\tlocalhost ip6-localhost ip6-loopback\n' "$net.$number" "$name" >/etc/hosts
printf 'Acquire::http::Proxy "http://%s/";\nAcquire::https::Proxy "http://%s/";\n' "$net.1:$proxy" "$net.1:$proxy" >/etc/apt/apt.conf.d/90lab
mkdir -p -m 700 /root/.ssh
echo "ssh-ed25519 $key" >/root/.ssh/authorized_keys
SCRIPT
    install -D -m 644 /dev/stdin "$1/etc/systemd/system/vks-lab-node.service" <<'UNIT'
[Unit]
Description=Name, address and key of this node of the lab
DefaultDependencies=no
After=systemd-remount-fs.service
Before=network-pre.target network.target sysinit.target
Wants=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/lib/vks-lab-node
[Install]
WantedBy=sysinit.target
UNIT
    mkdir -p "$1/etc/systemd/system/sysinit.target.wants"
    ln -sf ../vks-lab-node.service "$1/etc/systemd/system/sysinit.target.wants/"
    : >"$1/etc/machine-id" # systemd writes down what the command line says
}

# ---- the network: a bridge with a tap device for each node ----

uml_net_is_up() { in_net ip link show dev "$UML_BRIDGE" >/dev/null 2>&1; }

uml_net_up() {
    uml_net_is_up || {
        in_net ip link add "$UML_BRIDGE" type bridge
        in_net ip addr add "$UML_GATEWAY/24" dev "$UML_BRIDGE"
        in_net ip link set "$UML_BRIDGE" up
    }
    daemon_alive uml-proxy || uml_proxy_start
}

# The nodes' way to the mirror: nothing is forwarded from the bridge.
uml_proxy_start() {
    local resolver=/etc/resolv.conf
    {
        printf '%s\n' "Port $UML_PROXY_PORT" "Listen $UML_GATEWAY" "Allow $UML_NET.0/24" "Timeout 600" "MaxClients 200" "LogLevel Warning"
        # The machine's own proxy, if it has one.
        apt_proxies | sed -nE 's,^Acquire::http::Proxy "http://([^/"]+)/?";,Upstream http \1,p'
    } >"$VKS_LAB/uml-proxy.conf"
    if net_own; then
        resolver=$VKS_LAB/uml-proxy.resolv
        echo "nameserver $NET_RESOLVER" >"$resolver"
    fi
    # shellcheck disable=SC2016 # expanded by sh
    daemon_start uml-proxy unshare --mount --propagation private sh -c \
        '[ "$1" = /etc/resolv.conf ] || mount --bind "$1" "$(readlink -f /etc/resolv.conf)"; exec tinyproxy -d -c "$2"' sh "$resolver" "$VKS_LAB/uml-proxy.conf"
}

uml_net_down() {
    daemon_stop uml-proxy 0
    ! uml_net_is_up || in_net ip link del "$UML_BRIDGE"
    rm -f "$UML_KEY" "$UML_KEY.pub" "$VKS_LAB"/uml-proxy.*
}

uml_number() { cat "$NODE_DIR/number"; }
uml_tap() { echo "$UML_BRIDGE-$(uml_number)"; }
uml_addresses() { echo "$UML_NET.$(uml_number)"; }
uml_apiserver() { echo "https://$UML_GATEWAY:$VKS_LAB_PORT"; }

# One that was started before the first such node, in the machine's network, listens on 127.0.0.1 only.
uml_reaches_apiserver() {
    ! daemon_alive apiserver || in_net bash -c ": <>/dev/tcp/$UML_GATEWAY/$VKS_LAB_PORT" 2>/dev/null || {
        k8s_stop_apiserver
        k8s_start_apiserver
    }
}

# ---- the node ----

uml_create() {
    local number=2
    while grep -qxs "$number" "$VKS_LAB"/nodes/*/number; do
        ((number += 1))
    done
    echo "$number" >"$NODE_DIR/number"
    tr -d - </proc/sys/kernel/random/uuid >"$NODE_DIR/machine-id"
    # The image that this node's disk lies over, whatever the cache has next. The kernel under a name of the node's own: what it leaves is found by that.
    ln "$UML_CACHE/root.img" "$NODE_DIR/" 2>/dev/null || cp -p --sparse=always "$UML_CACHE/root.img" "$NODE_DIR/"
    cp "$(command -v linux.uml)" "$NODE_DIR/linux"
    cp "$UML_CACHE/uml-preload.so" "$NODE_DIR/"
}

uml_start() {
    local tap number
    tap=$(uml_tap) number=$(uml_number)
    uml_net_up
    uml_reaches_apiserver
    [[ -e $UML_KEY ]] || ssh-keygen -q -t ed25519 -N '' -C vks-lab -f "$UML_KEY"
    in_net ip tuntap add dev "$tap" mode tap
    in_net ip link set "$tap" master "$UML_BRIDGE" up
    # HOME: the kernel's own directory (~/.uml) lies there.
    daemon_start "$NODE_DAEMON" env HOME="$NODE_DIR" LD_PRELOAD="$NODE_DIR/uml-preload.so" "$NODE_DIR/linux" mem="$VKS_LAB_UML_MEMORY" \
        ubd0="$NODE_DIR/disk.cow,$NODE_DIR/root.img" root=/dev/ubda rw con0=null,fd:1 con=null umid="$NODE" \
        "vec0:transport=tap,ifname=$tap,depth=128,gro=1,mac=02:63:$(printf '%02x:00:00:%02x' "$UML_LAB" "$number")" \
        systemd.unified_cgroup_hierarchy=1 systemd.hostname="$NODE" systemd.machine_id="$(<"$NODE_DIR/machine-id")" \
        lab.name="$NODE" lab.net="$UML_NET" lab.number="$number" lab.proxy="$UML_PROXY_PORT" lab.key="$(cut -d ' ' -f 2 "$UML_KEY.pub")"
}

# One connection that all commands share: each of its own would cost a second of the node's slow processor.
uml_started() {
    local SSH
    daemon_stop "ssh-$NODE" 0
    rm -f "$RUN/ssh-$NODE"
    uml_ssh
    daemon_start "ssh-$NODE" "${SSH[@]}" -M -N
    wait_for 30 "a connection to the node" test -S "$RUN/ssh-$NODE"
}

uml_ssh() { # sets SSH
    SSH=(ssh -F none -i "$UML_KEY" -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR
        -o ConnectTimeout=10 -o ServerAliveInterval=10 -S "$RUN/ssh-$NODE" "root@$(uml_addresses)")
}

# The pid of its kernel.
uml_leader() { daemon_pid "$NODE_DAEMON"; }

# shellcheck disable=SC2034 # the caller's
uml_words() { # LEADER COMMAND...
    local SSH
    uml_ssh
    [[ ! -t 0 || ! -t 1 ]] || SSH+=(-t)
    shift
    WORDS=("${IN_NET[@]}" "${SSH[@]}" --
        "cd / && exec env -i PATH=$NODE_PATH HOME=/root USER=root LOGNAME=root SHELL=/bin/bash LANG=C.UTF-8 TERM=${TERM:-dumb} ${*@Q}")
}

uml_life() { node_exec cat /proc/sys/kernel/random/boot_id 2>/dev/null; }

uml_tell() { # LEADER poweroff|reboot
    node_enter "$1" systemctl --no-block "$2" || true
}

uml_no_process() { [[ -z $(uml_processes) ]]; }

# The node's processes are this machine's processes, too, without an environment that would tell whose they are.
uml_processes() {
    find /proc/[0-9]*/exe -maxdepth 0 -lname "$NODE_DIR/linux*" 2>/dev/null | cut -d / -f 3
}

uml_kill() {
    local pid
    daemon_stop "ssh-$NODE" 0
    for pid in $(uml_processes); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    wait_for 10 "the node's last processes to end" uml_no_process || true
    [[ ! -e $NODE_DIR/number ]] || in_net ip link del "$(uml_tap)" 2>/dev/null || true
    rm -rf -- "$NODE_DIR/.uml"
}
