#!/bin/bash
# Who a pod's processes are, and what they may become (policy/privilege.h), as an agent that was taken over would have it: whoever brings a command,
# arguments or a configuration has no more than policy's ids, and the package's own command line is left as the package has it.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

UID_OF_POD=77777777-0000-4000-8000-00000000000

prepare() {
    make -s -C "$ROOT_DIR" build/helperctl
    "$LAB" node put "$ROOT_DIR/build/helperctl" /usr/local/bin/helperctl
    sh_node 'systemctl stop vks-agent.service; test -e /root/policy.conf || cp -p /etc/vks/policy.conf /root/policy.conf
             rm -rf /root/p && mkdir -p /root/p/DEBIAN /root/p/lib/systemd/system /root/p/usr/share/power /root/p/usr/share/dbus-1/system.d && cd /root/p
             printf "Package: power\nVersion: 1\nArchitecture: all\nMaintainer: vks <vks@localhost>\nDescription: units for a test\n" >DEBIAN/control
             unit() { { printf "[Service]\n"; cat; } >"lib/systemd/system/power-$1.service"; }
             D=/usr/share/power/daemon
             printf "User=backup\nGroup=disk\nSupplementaryGroups=shadow systemd-journal adm\nExecStart=$D\n" | unit groups
             printf "DynamicUser=yes\nSupplementaryGroups=shadow disk\nExecStart=$D\n" | unit dynamic
             printf "User=list\nExecStartPre=/usr/bin/id\nExecStart=$D\n" | unit member
             printf "ExecStart=$D\n" | unit root
             printf "User=root\nDynamicUser=yes\nExecStart=$D\n" | unit rootdynamic
             printf "Type=simple\nUser=irc\nBusName=org.vks.Power\nExecStart=$D\n" | unit bus
             printf "User=irc\nAmbientCapabilities=CAP_DAC_READ_SEARCH\nExecStart=$D\n" | unit caps
             printf "User=list\nStateDirectory=power\nExecStart=$D\n" | unit state
             printf "User=list\nRuntimeDirectory=lock/power\nExecStart=$D\n" | unit lock
             printf "User=list\nEnvironmentFile=-/power/env\nExecStart=$D\n" | unit environment
             printf "User=irc\nLoadCredential=key:/root/power.key\nExecStart=/bin/sh -c \"cat %%d/key; echo over; exec sleep 1000\"\n" | unit credential
             printf "User=list\nWorkingDirectory=/tmp\nExecStart=/usr/share/power/reader\n" | unit reader
             printf "#!/bin/sh\nx=\$(cat /etc/shadow)\necho over\nwhile :; do sleep 1; done\n" >usr/share/power/reader
             printf "User=irc\nBindReadOnlyPaths=/etc/hostname:/tmp/power\nTemporaryFileSystem=/var/tmp/power\nExecStart=$D\n" | unit mounts
             printf "User=irc\nPAMName=login\nExecStart=$D\n" | unit session
             printf "Type=notify\nNotifyAccess=all\nUser=irc\nExecStart=/bin/sh -c \"test -S /run/systemd/notify && echo is shown; systemd-notify --ready; echo done; exec sleep 1000\"\n" | unit notify
             printf "#!/bin/sh\nid; head -n 1 /etc/shadow 2>/dev/null; busctl --system list >/dev/null 2>&1 && echo there is a bus; echo over; exec sleep 1000\n" >usr/share/power/daemon
             chmod 755 usr/share/power/daemon usr/share/power/reader
             echo the key of root >/root/power.key; chmod 600 /root/power.key
             dpkg-deb -b /root/p /root/p.deb >/dev/null && dpkg -i /root/p.deb >/dev/null 2>&1; rm -rf /root/p /root/p.deb
             usermod -aG shadow list'
    trap undo EXIT
    SINCE=$(sh_node 'date +%s')
}
undo() {
    local n
    for n in 1 2 3 4 5 6 7 8 9; do gone_pod "$n"; done
    sh_node 'gpasswd -d list shadow; systemctl stop polkit.service; dpkg --purge power polkitd libpam-systemd; rm -rf /var/lib/power; rm -rf /usr/local/bin/helperctl /power /root/power.key; mv /root/policy.conf /etc/vks/policy.conf
             systemctl stop vks-helper.service; systemctl start vks-agent.service' >/dev/null 2>&1 || true
}

policy() { sh_node "printf '%s\n' '$1' >/etc/vks/policy.conf; touch -d '1 minute ago' /etc/vks/policy.conf; systemctl stop vks-helper.service 2>/dev/null"; }

ctl() { node setpriv --reuid=vks --regid=vks --init-groups --inh-caps=-all --bounding-set=-all --no-new-privs /usr/local/bin/helperctl "$@"; }
unit_named() { echo "vks.default.p$1.power.service"; }

# pod NUMBER UNIT [WORD...]: one container of package power runs; what it says is its log.
pod() {
    local n=$1 unit=$2
    shift 2
    ctl write "default/p$n" "$UID_OF_POD$n" volume=f:files container=c image=power package=power "unit=power-$unit.service" "$@" >/dev/null || return 1
    ctl start "default/p$n" "$UID_OF_POD$n" "$(unit_named "$n")" >/dev/null
}
# What vks-log has written for it: the helper's own lines about a pod ("write ...: done") have its uid, too.
said() { sh_node "journalctl --sync; journalctl --no-pager -o cat --since=@$SINCE VKS_POD_UID=$UID_OF_POD$1 _SYSTEMD_UNIT=vks-log.service"; }
says() { wait_for 20 "pod $1 says \"$2\"" contains "$2" said "$1"; } # NUMBER WORDS
gone_pod() {
    ctl kill "default/p$1" "$UID_OF_POD$1" "$(unit_named "$1")" >/dev/null 2>&1 || true
    ctl stop "default/p$1" "$UID_OF_POD$1" "$(unit_named "$1")" >/dev/null 2>&1 || true
    wait_for 20 "pod $1 is removed" ctl remove "default/p$1" "$UID_OF_POD$1" || true
}
refused() { # RULE COMMAND...
    local rule=$1 out
    shift
    ! out=$("$@" 2>&1) || fail "was allowed: $*"
    [[ $out == *"$rule: "* ]] || fail "refused otherwise than by $rule: $out"
}
# helper's own words, not pod()'s
written() { ctl write "default/p$1" "$UID_OF_POD$1" volume=f:files container=c image="$2" package="$3" unit="$4" "${@:5}"; }

SAYS='id; head -n 1 /etc/shadow 2>/dev/null; cat /dev/sda /var/log/journal/*/system.journal 2>/dev/null | head -c 1 | wc -c; test -S /run/dbus/system_bus_socket && echo there is a bus; echo done; exec sleep 1000'

test_groups_of_a_package_are_not_a_pods() {
    local n=0 unit how
    prepare
    policy 'root = deny'
    pod 9 groups
    says 9 'root:' || fail "the package's own command line is not in its groups: this test shows nothing"
    for unit in groups dynamic member; do
        for how in command args; do
            n=$((n + 1))
            if [ $how = command ]; then pod $n $unit command=/bin/sh arg=-c "arg=$SAYS"
            else sh_node "printf '#!/bin/sh\nexec \"\$@\"\n' >/usr/share/power/daemon"; pod $n $unit arg=/bin/sh arg=-c "arg=$SAYS"; fi
            says $n 'done'
            ! said $n | grep -E '^root:|disk|shadow|journal|\(adm\)' || fail "$unit with $how of the pod's own has a group of the package's"
        done
    done
    # a person of this machine is in no group, either, that was not asked about
    sh_node 'useradd -u 2345 -G shadow,disk vks-person'
    ctl write default/p7 "${UID_OF_POD}7" container=c image=/bin/sh user=2345 command=/bin/sh arg=-c "arg=$SAYS" >/dev/null
    ctl start default/p7 "${UID_OF_POD}7" 'vks.default.p7.bin\x2fsh.service' >/dev/null
    says 7 'uid=2345(vks-person)'
    says 7 'done'
    ! said 7 | grep -E '^root:|disk|shadow' || fail "runAsUser brings groups of a person"
    ctl kill default/p7 "${UID_OF_POD}7" 'vks.default.p7.bin\x2fsh.service' >/dev/null
    ctl stop default/p7 "${UID_OF_POD}7" 'vks.default.p7.bin\x2fsh.service' >/dev/null
    gone_pod 7
    pod 8 member user=2345 # the package's commands, which have their configuration from the pod
    says 8 'uid=2345(vks-person)'
    ! said 8 | grep -E '^root:|disk|shadow' || fail "a package's other commands have groups of a person"
    gone_pod 8
    sh_node 'userdel vks-person'
    policy $'root = deny\ngroup = 42'
    gone_pod 1
    pod 1 groups command=/bin/sh arg=-c "arg=$SAYS"
    says 1 'groups=34(backup),42(shadow)'
}

# What root mounts beneath a directory comes to whoever sees it, as root mounted it.
test_a_directory_of_the_machines_that_is_read_only_stays_so_when_something_is_mounted_in_it() {
    uid=${UID_OF_POD}1 unit='vks.default.p1.bin\x2fsh.service'
    make -s -C "$ROOT_DIR" build/helperctl
    "$LAB" node put "$ROOT_DIR/build/helperctl" /usr/local/bin/helperctl
    trap 'ctl kill default/p1 $uid "$unit"; ctl stop default/p1 $uid "$unit"; wait_for 20 "it is removed" ctl remove default/p1 $uid
          sh_node "umount /srv/power/disk; rm -rf /srv/power /usr/local/bin/helperctl; mv /root/policy.conf /etc/vks/policy.conf; systemctl stop vks-helper.service; systemctl start vks-agent.service"' EXIT
    sh_node 'systemctl stop vks-agent.service; test -e /root/policy.conf || cp -p /etc/vks/policy.conf /root/policy.conf; mkdir -p /srv/power/disk'
    policy $'root = deny\nhost-path = /srv/power ro'
    # shellcheck disable=SC2016 # the pod's, not this shell's
    ctl write default/p1 $uid volume=h:host:/srv/power container=c image=/bin/sh user=2345 mount=h:/data:ro command=/bin/sh arg=-c \
        arg='echo begun; until [ -e /data/go ]; do sleep 0.2; done; touch /data/disk/file && echo wrote; echo done; exec sleep 1000' >/dev/null
    SINCE=$(sh_node 'date +%s')
    ctl start default/p1 $uid "$unit" >/dev/null
    says 1 begun
    sh_node 'mount -t tmpfs -o mode=0700,uid=2345 none /srv/power/disk; touch /srv/power/go'
    says 1 'done'
    ! said 1 | grep -x wrote || fail "it wrote where it may only read"
    [ -z "$(sh_node 'ls -A /srv/power/disk')" ] || fail "something is there"
}

test_the_bus_is_for_the_packages_own_command_line() {
    prepare
    policy 'root = deny'
    pod 1 bus
    says 1 'there is a bus'
    pod 2 bus command=/bin/sh arg=-c "arg=$SAYS"
    pod 3 groups
    says 2 'done'
    says 3 'root:'
    says 3 'over'
    ! said 2 | grep 'there is a bus' || fail "a command of the pod's own sees the bus"
    ! said 3 | grep 'there is a bus' || fail "who has no name there sees the bus"
    refused bus written 4 power power power-bus.service arg=x
    refused bus written 4 power power power-bus.service user=4711
    policy $'root = deny\nbus = avahi-*'
    refused bus written 4 power power power-bus.service
}

# Looks for processes of its user by their command lines, which everybody reads, and tries to enter their view, which takes what ptrace(2) takes.
# shellcheck disable=SC2016 # the pod's, not this shell's
REACHES='for p in /proc/[0-9]*; do case $(tr "\0" " " <$p/cmdline 2>/dev/null) in "sleep 1000 "|"/bin/sleep 1002 ") ls $p/root/run >/dev/null 2>&1 && echo reached $(tr "\0" " " <$p/cmdline);; esac; done; echo done; exec sleep 1001'

test_the_rights_of_a_packages_own_command_line_are_not_its_users() {
    local n=0 unit
    prepare
    policy 'root = deny'
    for unit in member groups bus; do
        pod $((n + 1)) $unit
        says $((n + 1)) 'over'
        pod $((n + 2)) $unit command=/bin/sleep arg=1002
        wait_for 20 "a command of the pod's own runs" sh_node "pgrep -xf '/bin/sleep 1002'" # a unit is active before its program is
        pod $((n + 3)) $unit command=/bin/sh arg=-c "arg=$REACHES"
        says $((n + 3)) 'done'
        said $((n + 3)) | grep "reached /bin/sleep 1002" >/dev/null || fail "$unit: it reaches nobody of its user: this test shows nothing"
        ! said $((n + 3)) | grep 'reached sleep 1000' || fail "$unit: a command of the pod's own has what the package's own command line has"
        gone_pod $((n + 1))
        gone_pod $((n + 2))
        gone_pod $((n + 3))
        n=$((n + 3))
    done
}

# By ptrace(2) and /proc/PID what root alone may read would be everybody's who has the user: the pod's other containers, and kubectl exec.
test_what_pid_1_reads_for_a_package_is_not_its_users() {
    prepare
    policy 'root = deny'
    pod 1 credential
    says 1 'the key of root' || fail "the package's own command line has no credential: this test shows nothing"
    # shellcheck disable=SC2016
    pod 2 credential command=/bin/sh arg=-c 'arg=ls /proc/self/root/run >/dev/null && echo sees itself; cat /proc/[0-9]*/root/run/credentials/*/key 2>/dev/null; echo done; exec sleep 1000'
    says 2 'done'
    contains 'sees itself' said 2 || fail "it reaches nobody: this test shows nothing"
    ! said 2 | grep 'the key of root' || fail "a command of the pod's own has what PID 1 read for the package's"
    refused root written 3 power power power-credential.service mount=f:/usr/share/power # where its code may be
}

# Nor are they in a file of that user's: who has the user may have the kernel write down all of the program's memory.
test_the_memory_of_who_has_rights_of_a_package_is_not_its_users() {
    # shellcheck disable=SC2016
    local own='P=$(pgrep -x reader); prlimit --core=unlimited:unlimited --pid "$P" && echo has a limit of its own; kill -ABRT "$P"; sleep 1; ls /tmp; echo done; exec sleep 1000'
    local k=(image=power package=power unit=power-reader.service shares)
    prepare
    policy 'root = deny'
    ctl write default/p1 "${UID_OF_POD}1" container=c "${k[@]}" container=k "${k[@]}" command=/bin/sh arg=-c "arg=$own" >/dev/null
    ctl start default/p1 "${UID_OF_POD}1" vks.default.p1.power.c.service >/dev/null
    says 1 'over'
    ctl start default/p1 "${UID_OF_POD}1" vks.default.p1.power.k.service >/dev/null
    says 1 'done'
    ! said 1 | grep -E 'limit of its own|^core' || fail "another of its user takes its memory"
    ctl kill default/p1 "${UID_OF_POD}1" vks.default.p1.power.k.service >/dev/null
}

test_a_dynamic_user_writes_to_the_pods_tmp() {
    local dir
    prepare
    policy 'root = deny'
    pod 1 dynamic command=/bin/sh arg=-c 'arg=touch /tmp/mine /var/tmp/mine; echo done; exec sleep 1000'
    says 1 'done'
    for dir in tmp var/tmp; do
        node test -e "/run/vks/pods/${UID_OF_POD}1/$dir/mine" || fail "its /$dir is not the pod's, which is counted, and which commands beside it see"
    done
}

times_done() { said "$1" | grep -c '^done'; }

# PID 1 gives a directory to the unit's user with all that is in it, where it belongs to somebody else or another group.
test_nothing_of_the_machines_is_given_to_a_user_because_its_directory_has_another_group() {
    prepare
    policy 'root = deny'
    sh_node 'install -d -o list -g list /var/lib/power; echo machines-secret >/var/lib/power/secret; chmod 600 /var/lib/power/secret'
    pod 1 state var groups=5000 command=/bin/sh arg=-c \
        'arg=chgrp 5000 /var/lib/power && echo another group; cat /var/lib/power/secret; touch /var/lib/power/own && ls /var/lib/power; echo done; exec sleep 1000'
    says 1 'done'
    ctl restart default/p1 "${UID_OF_POD}1" "$(unit_named 1)" >/dev/null
    wait_for 20 "it runs again" equals 2 times_done 1
    said 1 | grep 'another group' >/dev/null || fail "the group is as it was: this test shows nothing"
    said 1 | grep '^own' >/dev/null || fail "it cannot write to its own directory"
    ! said 1 | grep 'machines-secret' || fail "a file of root's is the pod's"
    [ "$(node stat -c %U:%G /var/lib/power)" = list:list ] || fail "the machine's directory has changed"
}

# In a directory that all may write to, what is root's now is anybody's to replace when root has taken it away (PrivateTmp= of a service of the machine's, in
# /var/tmp), or PID 1 has given it to a user. PID 1 would follow a link there as it mounts: over vks-exec, which root runs.
test_no_mount_point_is_where_all_may_write() {
    local dir pod link='cd /run/lock && ls -ld power; mv power gone; ln -s /usr/libexec/vks power; echo "has tried"; exec sleep 1000' mark=/usr/libexec/vks/mark unit
    prepare
    policy 'root = deny'
    dir=$(sh_node 'mktemp -d /var/tmp/roots.XXXXXX')
    refused mount-target ctl write default/p1 "${UID_OF_POD}1" volume=v:disk container=c image=/bin/sh command=/bin/sh user=23457 mount=v:"$dir" var
    node rmdir "$dir"

    pod=("volume=v:disk" container=m image=/bin/sleep command=/bin/sleep arg=1000 user=23457 mount=v:/run/lock/power
         container=w image=/bin/sh command=/bin/sh arg=-c "arg=printf '#!/bin/sh\nid >$mark; exec sleep 1000\n' >/data/vks-exec; chmod 755 /data/vks-exec; exec sleep 1000" user=23456 mount=v:/data)
    ctl write default/p2 "${UID_OF_POD}2" "${pod[@]}" >/dev/null || fail "it is not written"
    ctl write default/p2 "${UID_OF_POD}2" "${pod[@]}" container=g image=power package=power unit=power-lock.service command=/bin/sh arg=-c "arg=$link" >/dev/null ||
        fail "it is not written with the package's"
    ctl start default/p2 "${UID_OF_POD}2" 'vks.default.p2.bin\x2fsh.service' 'vks.default.p2.power.service' >/dev/null
    says 2 'has tried'
    wait_for 20 "the program is there" node test -x "/var/lib/vks/pods/${UID_OF_POD}2/volumes/v/vks-exec"
    ctl start default/p2 "${UID_OF_POD}2" 'vks.default.p2.bin\x2fsleep.service' >/dev/null
    wait_for 20 "the last container runs" sh_node "pgrep -u 23457 -xf '/bin/sleep 1000' || test -e /var/lib/vks/pods/${UID_OF_POD}2/volumes/v/mark"
    ! node test -e "/var/lib/vks/pods/${UID_OF_POD}2/volumes/v/mark" || fail "root has run a program of the pod's"
    for unit in 'bin\x2fsh' 'bin\x2fsleep'; do ctl kill default/p2 "${UID_OF_POD}2" "vks.default.p2.$unit.service" >/dev/null || true; done
}

# PID 1 makes what is missing of a mount point before anything is read-only: where a link leads, in the machine's own /etc.
test_no_mount_of_a_package_is_where_all_may_write() {
    local name plant='ln -s /etc/vks-made /tmp/power && ln -s /etc/vks-made.d/x /var/tmp/power && echo done; exec sleep 1000'
    prepare
    policy 'root = deny'
    ctl write default/p1 "${UID_OF_POD}1" container=a image=/bin/sh user=23456 command=/bin/sh arg=-c "arg=$plant" \
        container=c image=power package=power unit=power-mounts.service >/dev/null || fail "it is not written"
    ctl start default/p1 "${UID_OF_POD}1" 'vks.default.p1.bin\x2fsh.service' >/dev/null
    says 1 'done'
    ctl start default/p1 "${UID_OF_POD}1" "$(unit_named 1)" >/dev/null
    says 1 'over'
    for name in /etc/vks-made /etc/vks-made.d; do
        if node test -e $name; then
            node rm -r $name
            fail "PID 1 has made $name, which a pod named"
        fi
    done
    ctl kill default/p1 "${UID_OF_POD}1" 'vks.default.p1.bin\x2fsh.service' >/dev/null
}

runs_again_or_has() { [ "$(times_done 1)" = 2 ] || node test -e "$1"; } # MARK
# Root has moved a package's data, and put a link in their place. In the pod it leads to where anybody may write, and on from there, to vks-exec.
test_a_link_of_roots_is_no_mount_point() {
    local wait='mkdir /var/tmp/power; until test -e /tmp/written; do sleep 0.1; done; mv /var/tmp/power /var/tmp/old; ln -s /usr/libexec/vks /var/tmp/power; echo has tried; exec sleep 1000'
    local write='printf "#!/bin/sh\nid >/usr/libexec/vks/mark; exec sleep 1000\n" >/var/lib/power/vks-exec; chmod 755 /var/lib/power/vks-exec; touch /tmp/written; echo done; exec sleep 1000'
    prepare
    policy 'root = deny'
    sh_node 'rm -rf /var/lib/power; ln -s /var/tmp/power /var/lib/power'
    ctl write default/p1 "${UID_OF_POD}1" container=a image=/bin/sh var user=23456 command=/bin/sh arg=-c "arg=$wait" \
        container=c image=power package=power unit=power-state.service var command=/bin/sh arg=-c "arg=$write" >/dev/null || fail "it is not written"
    ctl start default/p1 "${UID_OF_POD}1" 'vks.default.p1.bin\x2fsh.service' >/dev/null
    wait_for 20 "the first container runs" node test -d "/run/vks/pods/${UID_OF_POD}1/upper/tmp/power"
    ctl start default/p1 "${UID_OF_POD}1" "$(unit_named 1)" >/dev/null
    says 1 'has tried'
    ctl restart default/p1 "${UID_OF_POD}1" "$(unit_named 1)" >/dev/null
    wait_for 20 "it runs again" runs_again_or_has "/run/vks/pods/${UID_OF_POD}1/given/var/lib/power/mark"
    ctl kill default/p1 "${UID_OF_POD}1" 'vks.default.p1.bin\x2fsh.service' >/dev/null || true
    ! node test -e "/run/vks/pods/${UID_OF_POD}1/given/var/lib/power/mark" || fail "root has run a program of the pod's"
}

# systemd 254 and later hand a unit's binds on to a program that takes quotes off their paths, however the unit's text has them: a path with quotes is another one than
# policy was asked about. By kubectl alone: root ran the pod's program in the place of vks-exec (Debian 13).
test_a_path_with_quotes_is_mounted_nowhere() {
    local path out
    prepare
    policy 'root = deny'
    ctl fill default/p1 "${UID_OF_POD}1" f vks-exec=x >/dev/null || fail "no volume"
    for path in '/usr/"libexec"/vks' "/usr/lib'exec'/vks" '/etc/ld.so."preload"'; do
        ! out=$(ctl write default/p1 "${UID_OF_POD}1" volume=f:files container=c image=/bin/sh user=23456 command=/bin/sleep arg=1000 "mount=f:$path") || fail "$path is mounted"
        [[ $out == "-22 "*"mountPath: "* ]] || fail "$path: $out"
    done
}

# vks-exec is root before it is whom nobody knows: what the package's unit reads into its variables, a user's file perhaps, says nothing to its loader.
test_a_packages_variables_load_nothing_as_root() {
    prepare
    policy 'root = deny'
    sh_node 'mkdir -p /power && printf "LD_DEBUG=libs\nLD_DEBUG_OUTPUT=/data/debug\nOPTION=is there\n" >/power/env'
    # shellcheck disable=SC2016
    ctl write default/p1 "${UID_OF_POD}1" volume=v:disk container=c image=power package=power unit=power-environment.service user=23456 mount=v:/data \
        command=/bin/sh arg=-c 'arg=echo "it $OPTION"; exec sleep 1000' >/dev/null || fail "it is not written"
    ctl start default/p1 "${UID_OF_POD}1" "$(unit_named 1)" >/dev/null
    says 1 'it is there' # the package's options are
    [ -z "$(node find "/var/lib/vks/pods/${UID_OF_POD}1/volumes/v" -name 'debug*')" ] || fail "root's loader has heeded what the package's unit reads"
}

test_a_pod_has_no_session_of_the_machine() {
    prepare
    apt install libpam-systemd || fail "libpam-systemd is not installed"
    policy 'root = deny'
    pod 1 session env=XDG_SESSION_CLASS=user env=XDG_SEAT=seat0 env=XDG_SESSION_TYPE=tty
    says 1 'uid='
    # shellcheck disable=SC2016
    sh_node 'cat /proc/$(systemctl show -P MainPID '"$(unit_named 1)"')/cgroup' | grep -F "$(unit_named 1)" >/dev/null || fail "its process is not in its unit"
    ! node loginctl --no-legend list-sessions | grep irc || fail "it has a session"
}

# Who may write to PID 1's socket may hand it what it waits for as it closes it: that of systemd 252 does nothing else meanwhile.
test_pid_1s_socket_is_for_daemons_that_notify() {
    prepare
    policy 'root = package'
    pod 1 notify
    says 1 'done'
    contains 'is shown' said 1 || fail "a daemon that notifies PID 1 cannot"
    pod 2 notify command=/bin/sh arg=-c 'arg=test -S /run/systemd/notify && echo is shown; echo done; exec sleep 1000'
    pod 3 member command=/bin/sh arg=-c 'arg=test -S /run/systemd/notify && echo is shown; echo done; exec sleep 1000'
    says 2 'done'
    says 3 'done'
    ! contains 'is shown' said 2 || fail "a command of the pod's own is shown PID 1's socket"
    ! contains 'is shown' said 3 || fail "who has nothing to say to PID 1 is shown its socket"
}

# What PID 1 asks before it starts a program of root's for user vks: is there a pod that answers?
test_who_speaks_for_the_machine_is_the_machine() {
    local own='command=/bin/sh'
    prepare
    apt install polkitd || fail "polkitd is not installed"
    policy 'root = package'
    ctl write default/p1 "${UID_OF_POD}1" container=c image=polkitd package=polkitd unit=polkit.service >/dev/null || fail "as it is, polkitd may be a pod"
    ctl remove default/p1 "${UID_OF_POD}1" >/dev/null
    refused machine written 1 polkitd polkitd polkit.service mount=f:/etc/polkit-1/rules.d
    policy 'root = deny'
    ctl fill default/p1 "${UID_OF_POD}1" f '00.rules=polkit.addRule(function(a,s){return polkit.Result.YES;});' >/dev/null
    refused machine written 1 polkitd polkitd polkit.service mount=f:/etc/polkit-1/rules.d
    refused machine written 1 polkitd polkitd polkit.service mount=f:/etc/polkit-1/rules.d arg=--no-debug
    refused machine written 1 polkitd polkitd polkit.service $own # who is polkitd may change what polkitd says
    refused machine written 1 dbus dbus dbus.service $own
    refused machine written 1 systemd systemd systemd-networkd.service $own
    refused machine written 1 systemd systemd systemd-logind.service env=SYSTEMD_LOG_LEVEL=debug
    policy 'user = 0-65533'
    refused machine ctl write default/p1 "${UID_OF_POD}1" container=c image=/bin/sh "user=$(node id -u polkitd)"
    refused machine ctl write default/p1 "${UID_OF_POD}1" container=c image=/bin/sh "user=$(node id -u vks)"
    ! node setpriv --reuid=vks --regid=vks --init-groups systemd-run --no-ask-password -q --wait --pipe id || fail "user vks may start a program as root"
}

test_what_a_root_daemon_runs_is_not_the_pods() {
    local place
    prepare
    policy 'root = package'
    ctl fill default/p1 "${UID_OF_POD}1" f 'daemon=#!/bin/sh
echo the code of the pod as $(id -u)
exec sleep 1000' >/dev/null
    sh_node 'mkdir /power'
    for place in /usr/share/power /opt/x /root /etc/ssl /etc/security /power/x; do
        refused root written 1 power power power-root.service "mount=f:$place"
    done || exit 1
    refused root written 1 power power power-groups.service mount=f:/usr/share/power # not root, but in its groups
    refused root written 1 power power power-root.service dir=/srv
    refused root written 1 power power power-root.service env=HOME=/srv
    pod 1 root mount=f:/etc/power mount=f:/srv
    says 1 'uid=0(root)' # its own
    pod 2 root command=/bin/sh arg=-c "arg=$SAYS" mount=f:/usr/share/power
    says 2 'done'
    ! said 2 | grep 'uid=0' || fail "a command of the pod's own is root"
    policy 'root = deny'
    pod 4 rootdynamic
    says 4 'uid='
    ! said 4 | grep 'uid=0' || fail "DynamicUser=yes with User=root is root"
    refused root written 3 power power power-caps.service
    pod 3 caps command=/bin/sh arg=-c "arg=$SAYS"
    says 3 'done'
    ! said 3 | grep '^root:' || fail "a command of the pod's own has the capabilities of the package's"
}

test_the_policy_is_explained() {
    local out
    prepare
    policy 'preset = untrusted'
    out=$(node /usr/libexec/vks/vks-helper --explain)
    grep -x 'root = deny' <<<"$out" >/dev/null || fail "the preset is not in force: $out"
    grep 'No process of a pod is root' <<<"$out" >/dev/null || fail "that is not explained: $out"
    refused user ctl write default/p1 "${UID_OF_POD}1" container=c image=/bin/sh user=1000
    refused bus written 1 power power power-bus.service
    pod 1 root
    says 1 'uid='
    ! said 1 | grep 'uid=0' || fail "a pod is root"
    policy 'root = package'
    node /usr/libexec/vks/vks-helper --explain | grep 'CANNOT BE HELD' >/dev/null || fail "what cannot be held is not said"
}

run_tests
