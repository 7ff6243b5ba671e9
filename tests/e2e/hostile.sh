#!/bin/bash
# An agent that means harm (tests/hostile/hostile.c) has the helper to itself: whatever it asks, nothing on the machine but vks's own directories
# once: the helper decides here, there is no API server in it
# and units is different afterwards, no secret got out, and the helper still serves.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Type, mode, owner, size, time and content of every file but those that live: the kernel's, the journal, apt's, and vks's own.
snapshot() {
    sh_node 'find / \( -path /proc -o -path /sys -o -path /dev -o -path /run/vks -o -path /var/lib/vks -o -path /var/log -o -path /run/log \
                 -o -path /run/systemd/units -o -path /run/systemd/transient -o -path /run/systemd/propagate -o -path /run/systemd/inaccessible \
                 -o -path /run/systemd/journal -o -path /run/systemd/sessions -o -path /run/credentials -o -path /run/user -o -path "/tmp/systemd-private-*" \
                 -o -path "/var/tmp/systemd-private-*" -o -path /var/lib/apt -o -path /var/cache/apt -o -path /var/cache/vks -o -path /srv/hostile -o -path /var/lib/systemd/timers -o -path /run/systemd/timesync \
                 -o -path /var/lib/systemd/linger -o -path /run/host -o -path /run/udev -o -path "/run/systemd/system/vks.*" -o -path "/run/systemd/system/run-vks-*" \) -prune -o -type d ! -path /run/systemd/system ! -path /tmp ! -path /var/tmp ! -path /run ! -path /run/systemd \
                 -printf "%y %m %u:%g %T@ %p\n" -o ! -type d -printf "%y %m %u:%g %s %T@ %l %p\n" | sort -k6
             find /etc /usr/local /home /root -xdev -type f -size -1000k -exec sha256sum {} + | sort -k2
             systemctl list-unit-files --no-legend --no-pager | grep -v "^vks\.\|^run-vks\|^vks-install-" | sort
             systemctl list-units --all --no-legend --no-pager --plain --type=service,socket,mount,timer,target |
                 awk "{print \$1, \$2}" | grep -vE "^(vks\.|run-vks|vks-helper\.service|vks-install-|kubepods|user|session|apt-daily|systemd-(tmpfiles-clean|hostnamed|timedated)|run-)" | sort'
}

prepare() {
    make -s -C "$ROOT_DIR" build/hostile
    "$LAB" node put "$ROOT_DIR/build/hostile" /usr/local/bin/hostile
    sh_node 'systemctl stop vks-agent.service; id -u vks-pod >/dev/null
             mkdir -p /var/cache/vks /srv/hostile/allowed /srv/hostile/bound /srv/hostile/open && chmod 1777 /srv/hostile/open && ln -sfn /etc /srv/hostile/link
             chmod 777 /srv/hostile/allowed
             mountpoint -q /srv/hostile/bound || mount --bind /etc /srv/hostile/bound
             test -e /tmp/policy.conf || cp -p /etc/vks/policy.conf /tmp/policy.conf
             { echo "host-path = /srv/hostile/allowed rw /srv/hostile/open rw"; echo "package = hostile-* coreutils dpkg systemd vks cowsay*"; echo "deny-package = hostile-* cowsay"; } >/etc/vks/policy.conf
             systemctl stop vks-helper.service; systemctl reset-failed vks-helper.service 2>/dev/null; true'
}
undo() {
    sh_node 'umount /srv/hostile/bound; rm -rf /srv/hostile /usr/local/bin/hostile; mv /tmp/policy.conf /etc/vks/policy.conf
             systemctl stop vks-helper.service; systemctl start vks-agent.service' 2>/dev/null || true
}

attack() { # SEED REQUESTS
    sh_node "cd / && exec setpriv --reuid=vks --regid=vks --init-groups --inh-caps=-all --bounding-set=-all --no-new-privs /usr/local/bin/hostile attack $1 $2"
}

# Not in the journal, not in what anybody may ask systemd, not in a file that anybody may read.
no_secret_is_out() {
    local secret=hostile-secret-d41d8cd9
    sh_node "! journalctl --no-pager -o export -b 2>/dev/null | grep -aq $secret" || fail "the journal has it"
    sh_node "! systemctl show 'vks.*' 2>/dev/null | grep -q $secret" || fail "systemctl show has it"
    sh_node "! setpriv --reuid=nobody --regid=nogroup --clear-groups grep -rlIs $secret /run /etc /var /tmp /srv 2>/dev/null | grep ." || fail "a readable file has it"
}

test_an_agent_that_means_harm_gets_nowhere() {
    # not local: the trap runs when the function is over
    before=$(mktemp) after=$(mktemp)
    trap 'undo; rm -f "$before" "$after"' EXIT
    prepare
    snapshot >"$before"
    sh_node '! dpkg-query -W cowsay' >/dev/null 2>&1 || fail "cowsay is there already"
    attack "${SEED:-1}" "${REQUESTS:-10000}" || fail "see above"
    no_secret_is_out
    snapshot >"$after"
    diff "$before" "$after" >&2 || fail "the machine is not what it was"
    ! node coredumpctl --no-pager list vks-helper >/dev/null 2>&1 || fail "the helper crashed"
    [ "$(node systemctl show -P NRestarts vks-helper.service)" = 0 ] || fail "the helper was restarted"
    sh_node "! journalctl --no-pager -b -u vks-helper.service | grep -E 'AddressSanitizer|runtime error|dumped core|code=killed'" || fail "the helper crashed"
    sh_node 'test -z "$(ls /run/systemd/system | grep hostile)"' || fail "units were left behind"
}

run_tests
