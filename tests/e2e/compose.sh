#!/bin/bash
# An opponent that composes (tests/hostile/compose.h): sequences of requests, drawn by a seed, over three pods whose containers are made of every kind of
# package unit and volume, while their programs replace directories by links and plant files. An eye looks over the whole machine for marks: root where nothing
# may be root, files changed or left, secrets read, mounts and processes left, a helper that hangs.
# once: the helper and PID 1 decide here, there is no API server in it
#
#   COMPOSE_SECONDS=90   how long; an hour before a release
#   SEED=N               the first sequence, the others follow (today's date: each day has sequences of its own)
#   REPLAY="SEED STEPS"  only that beginning of that sequence, as a mark's line has it
#   HELPER=FILE          against that helper, which is to have a hole: it is the first mark that makes the test pass (tests/hostile/rediscover)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SECONDS_LONG=${COMPOSE_SECONDS:-90}
PROGRAM=/usr/local/bin/mischief
DROPIN=/run/systemd/system/vks-helper.service.d/compose.conf

# Units as packages have them; each with a way of its own by which PID 1, or the daemon, has something that a pod has not.
package() {
    local tree
    tree=$(mktemp -d)
    mkdir -p "$tree/DEBIAN" "$tree/lib/systemd/system" "$tree/usr/share/compose"
    printf '%s\n' 'Package: compose' 'Version: 1' 'Architecture: all' 'Maintainer: vks <vks@localhost>' 'Description: units for a test' >"$tree/DEBIAN/control"
    unit() { { printf '[Service]\n'; cat; } >"$tree/lib/systemd/system/compose-$1.service"; } # NAME
    local own="ExecStart=$PROGRAM package stay"
    unit state <<<"$own"$'\nStateDirectory=compose-state'
    unit cache <<<"$own"$'\nUser=daemon\nCacheDirectory=compose/cache'
    unit run <<<"$own"$'\nUser=daemon\nRuntimeDirectory=compose-run\nRuntimeDirectoryMode=0777'
    unit fork <<<"Type=forking"$'\nUser=daemon\nRuntimeDirectory=compose-run\nRuntimeDirectoryMode=0777\nPIDFile=/run/compose-run/pid\nExecStart=/bin/sh -c '"'$PROGRAM package stay & sleep 0.2'"
    unit lock <<<"Type=forking"$'\nUser=daemon\nPIDFile=/run/lock/pid\nExecStart=/bin/sh -c '"'$PROGRAM package stay & sleep 0.2'"
    unit moved <<<"$own"$'\nStateDirectory=compose-moved'
    unit gives <<<"$own"$'\nUser=daemon\nRuntimeDirectory=lock/compose'
    unit logs <<<"$own"$'\nLogsDirectory=compose-logs'
    unit dynamic <<<"$own"$'\nDynamicUser=yes\nStateDirectory=compose-dynamic'
    unit bus <<<"$own"$'\nType=simple\nUser=daemon\nBusName=org.compose.Test'
    unit socket <<<"$own"$'\nUser=daemon'
    unit quoted <<<"$own"$'\nUser=daemon\nExecStartPre="+'"$PROGRAM"'" package'
    unit escaped <<<"$own"$'\nUser=daemon\nExecStartPre=\\x2b'"$PROGRAM package"
    unit only <<<"$own"$'\nUser=daemon\nPermissionsStartOnly=yes\nExecStartPre='"$PROGRAM package"
    unit noexec <<<"$own"$'\nUser=daemon\nNoExecPaths=/\nExecPaths=/usr/local/bin /usr/lib /lib /lib64'
    unit paths <<<"$own"$'\nUser=daemon\nReadWritePaths=/srv/compose /etc/compose /var/lib/compose-state'
    unit bind <<<"$own"$'\nUser=daemon\nBindPaths=/srv/compose/ro:/mnt -/srv/compose/closed:/srv/compose/rw'
    unit join <<<"$own"$'\nUser=daemon\nPrivateTmp=yes'
    sed -i '1i [Unit]\nJoinsNamespaceOf=vks.compose.p1.compose.service systemd-timesyncd.service' "$tree/lib/systemd/system/compose-join.service"
    unit tmpfs <<<"$own"$'\nUser=daemon\nTemporaryFileSystem=/:ro\nBindReadOnlyPaths=/usr /lib /lib64 /etc /srv/compose'
    unit other <<<"$own"$'\nUser=daemon\nGroup=disk\nSupplementaryGroups=shadow adm systemd-journal'
    unit able <<<"$own"$'\nUser=daemon\nAmbientCapabilities=CAP_DAC_OVERRIDE CAP_SETUID CAP_NET_BIND_SERVICE'
    unit credential <<<"$own"$'\nUser=daemon\nLoadCredential=compose:/etc/compose.secret'
    unit user@ <<<"$own"$'\nUser=%i'
    unit group@ <<<"$own"$'\nUser=daemon\nGroup=%i'
    unit dir@ <<<"$own"$'\nUser=daemon\nStateDirectory=compose/%i'
    unit slash <<<"$own"$'\nStateDirectory=compose-slash/'
    unit outer <<<"$own"$'\nUser=daemon\nStateDirectory=./compose-nest'
    unit nest <<<"$own"$'\nUser=daemon\nStateDirectory=compose-nest compose-nest/x/sub'
    unit code <<<$'ExecStart=/usr/lib/compose/daemon' # root's, and it runs whatever lies in two places of code
    unit script <<<$'ExecStart=/usr/share/compose/run'
    printf '#!/bin/sh\n/usr/share/compose/hook\nexec %s package stay\n' "$PROGRAM" >"$tree/usr/share/compose/run"
    printf '#!/bin/sh\nexit 0\n' >"$tree/usr/share/compose/hook"
    mkdir -p "$tree/usr/lib/compose" "$tree/usr/share/compose/lib" "$tree/opt/compose/lib"
    printf '#!/bin/sh\n%s package\nwhile sleep 0.2; do for f in /usr/share/compose/lib/* /opt/compose/lib/*; do "$f" code; done; done\n' "$PROGRAM" >"$tree/usr/lib/compose/daemon"
    chmod 755 "$tree" "$tree/usr/share/compose/run" "$tree/usr/share/compose/hook" "$tree/usr/lib/compose/daemon"
    printf '[Socket]\nListenStream=/run/compose.sock\n' >"$tree/lib/systemd/system/compose-socket.socket"
    dpkg-deb --build --root-owner-group "$tree" "$tree.deb" >/dev/null
    "$LAB" node put "$tree.deb" /root/compose.deb
    rm -r "$tree" "$tree.deb"
    sh_node 'dpkg -i /root/compose.deb >/dev/null 2>&1; rm /root/compose.deb; systemctl daemon-reload; dpkg-query -W compose >/dev/null'
}

# What must stay as it is, and what nobody may read.
directories() {
    sh_node 'umask 022; secret() { printf "compose-secret-%s-0123456789\n" "$1" >"$2"; }
             mkdir -p /srv/compose/closed/below /srv/compose/ro/sub /srv/compose/rw/sub /opt/compose/bin /etc/compose/deep /var/disk \
                 /var/lib/compose-state/below /var/lib/compose/closed /var/cache/compose/cache /var/log/compose-logs /var/tmp/compose /var/tmp/compose-moved
             ln -sfn ../tmp/compose-moved /var/lib/compose-moved
             secret closed /srv/compose/closed/open; secret below /srv/compose/closed/below/open; secret name /srv/compose/closed/compose-secret-listed-
             chmod 700 /srv/compose/closed /var/lib/compose-state /var/lib/compose /var/lib/compose/closed
             secret psk /var/lib/compose-state/psk; secret lower /var/lib/compose-state/below/open; secret instance /var/lib/compose/closed/psk
             secret cache /var/cache/compose/cache/psk; secret logs /var/log/compose-logs/psk
             chmod 600 /var/lib/compose-state/psk /var/lib/compose/closed/psk /var/cache/compose/cache/psk /var/log/compose-logs/psk
             secret etc /etc/compose.secret; secret agent /etc/vks/compose-test; chmod 600 /etc/compose.secret; chmod 750 /etc/vks; chgrp vks /etc/vks
             chmod 777 /srv/compose/rw; ln -sfn /var/lib /srv/compose/link; ln -f /usr/local/bin/mischief /opt/compose/bin/app'
}

prepare() {
    make -s -C "$ROOT_DIR" build/compose build/mischief
    "$LAB" node put "$ROOT_DIR/build/compose" /usr/local/bin/vks-compose
    "$LAB" node put "$ROOT_DIR/build/mischief" $PROGRAM
    trap undo EXIT
    sh_node 'systemctl stop vks-agent.service; chmod 755 /usr/local/bin/mischief
             test -e /root/policy.conf || cp -p /etc/vks/policy.conf /root/policy.conf; stat -c "%a %g" /etc/vks >/root/etc-vks.mode
             systemctl stop $(systemctl list-units --plain --no-legend --type=timer | cut -d " " -f 1) || true' # midnight changes files, too
    wait_for 300 "installations of earlier pods are over" sh_node '! { systemctl list-jobs --no-legend "vks-install-*"; systemctl list-units --no-legend --state=activating "vks-install-*"; } | grep .'
    package || fail "the package for this test is not installed"
    directories
    [ -z "${HELPER:-}" ] || other_helper
}
other_helper() {
    "$LAB" node put "$HELPER" /usr/local/sbin/vks-helper-compose
    sh_node "chmod 755 /usr/local/sbin/vks-helper-compose; mkdir -p ${DROPIN%/*}
             printf '[Service]\nExecStart=\nExecStart=/usr/local/sbin/vks-helper-compose\n' >$DROPIN; systemctl daemon-reload; systemctl stop vks-helper.service"
}
# A hole may have let a pod keep PID 1 waiting for ever: then the machine is started anew.
revive() {
    if ! sh_node "rm -f $DROPIN /usr/local/sbin/vks-helper-compose; timeout 30 systemctl daemon-reload" >/dev/null 2>&1; then
        "$LAB" node down
        "$LAB" node up
    fi
}
undo() {
    [ -z "${HELPER:-}" ] || revive
    sh_node 'systemctl stop "vks.compose.*"; dpkg --purge compose; read -r mode group </root/etc-vks.mode && chmod "$mode" /etc/vks && chgrp "$group" /etc/vks
             rm -rf /srv/compose /opt/compose /etc/compose /etc/compose.secret /etc/vks/compose-test /var/disk /var/lib/compose* /var/cache/compose /var/log/compose-logs /var/tmp/compose*
             rm -f /usr/local/bin/vks-compose /usr/local/bin/mischief /root/etc-vks.mode; mv /root/policy.conf /etc/vks/policy.conf
             systemctl daemon-reload; systemctl stop vks-helper.service; systemctl start vks-agent.service timers.target' >/dev/null 2>&1 || true
}

# A helper that serves nobody shows nothing.
has_a_mark() {
    local code=0 said
    said=$(node vks-compose until "$SECONDS_LONG" "${SEED:-1}") || code=$?
    printf '%s\n' "$said"
    [ $code = 1 ] && [[ $said == *MARK:* && $said != *"an honest pod is not served"* ]]
}

test_whatever_is_composed_leaves_no_mark() {
    prepare
    if [ -n "${REPLAY:-}" ]; then
        # shellcheck disable=SC2086 # two words
        node vks-compose replay $REPLAY || fail "it shows a mark"
        return
    fi
    if [ -n "${HELPER:-}" ]; then
        has_a_mark || fail "no mark within $SECONDS_LONG s"
        return
    fi
    node vks-compose "$SECONDS_LONG" "${SEED:-$(date +%Y%m%d)000}" || fail "see above"
}

run_tests
