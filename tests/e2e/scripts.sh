#!/bin/bash
# Packages whose maintainer scripts see to their units themselves, as those of third parties do: the pod runs; of the machine's own nothing is started
# or enabled that was not before, and what was, is.
# once: dpkg and systemd decide here, not the API server
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

WORK=$(mktemp -d)
REPO=/srv/vks-scripts
restore() {
    sh_node "systemctl -q stop 'vks-s-*'; flock /run/vks/install/lock dpkg -P \$(dpkg-query -W -f '\${Package} ' 'vks-s-*')
             rm -rf $REPO /etc/apt/sources.list.d/vks-scripts.list; find /etc/systemd/system /usr/lib/systemd/system -name 'vks-s-*' -exec rm -r {} +
             systemctl daemon-reload; systemctl reset-failed 'vks-s-*'" >/dev/null 2>&1 || true
    rm -rf "$WORK"
}
trap restore EXIT

unit() { printf '[Unit]\nDescription=%s\n[Service]\nExecStart=/usr/bin/%s\n[Install]\nWantedBy=multi-user.target\n' "$1" "$1"; }

# tree NAME [VERSION]: what each of them has; the test adds to it
tree() {
    local t=$WORK/$1
    rm -rf "$t"
    mkdir -p "$t/DEBIAN" "$t/usr/bin" "$t/usr/lib/systemd/system" "$t/usr/share/$1"
    printf '%s\n' "Package: $1" "Version: ${2:-1}" "Architecture: all" "Maintainer: vks <vks@example.org>" "Description: for a test" >"$t/DEBIAN/control"
    printf '#!/bin/sh\necho %s\nexec sleep 100000\n' "$1 ${2:-1}" >"$t/usr/bin/$1"
    chmod 755 "$t/usr/bin/$1"
}
postinst() { # NAME, the script on standard input
    { printf '#!/bin/sh\nset -e\n' && cat; } >"$WORK/$1/DEBIAN/postinst"
    chmod 755 "$WORK/$1/DEBIAN/postinst"
}
shipped() { unit "$1" >"$WORK/$1/usr/lib/systemd/system/$1.service"; }

publish() { # NAME...: the repository has these too
    local name
    mkdir -p "$WORK/repo"
    for name; do dpkg-deb -b --root-owner-group -Znone "$WORK/$name" "$WORK/repo" >/dev/null; done
    (cd "$WORK/repo" && dpkg-scanpackages -m . 2>/dev/null >Packages && tar -cf - .) | node sh -c "rm -rf $REPO; mkdir -p $REPO; tar -C $REPO -xf -
        echo 'deb [trusted=yes] file:$REPO ./' >/etc/apt/sources.list.d/vks-scripts.list"
    apt -o Dir::Etc::SourceList=/etc/apt/sources.list.d/vks-scripts.list -o Dir::Etc::SourceParts=- -o APT::Get::List-Cleanup=0 update
}

pod() { # NAME [IMAGE]
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: c, image: ${2:-vks-s-$1}}]
YAML
}

# Nothing of the packages' units is started or enabled, now and (a link in /etc is enough) when the machine starts; nothing stands in for anything.
assert_untouched() { # UNIT...
    local unit
    for unit; do
        [ "$(node systemctl show -P ActiveState "$unit")" = inactive ] || fail "$unit is $(node systemctl show -P ActiveState "$unit")"
        [ -z "$(sh_node "find /etc/systemd/system -path '*.wants/$unit'; find /etc/systemd/system -type l -lname '*/$unit'")" ] || fail "$unit is enabled"
    done
    [ -z "$(sh_node 'ls -A /run/systemd/system.control 2>/dev/null; cat /run/vks/install/masked 2>/dev/null')" ] || fail "stand-ins are left"
    [ -z "$(sh_node 'dpkg --audit')" ] || fail "$(sh_node 'dpkg --audit')"
}

test_a_script_that_has_to_start_its_unit_does_not_fail() {
    local names=(strict absolute asks service instance others)
    for name in "${names[@]}"; do tree "vks-s-$name"; done
    for name in strict absolute asks service; do shipped "vks-s-$name"; done
    postinst vks-s-strict <<<'systemctl daemon-reload; systemctl enable vks-s-strict.service; systemctl start vks-s-strict; systemctl reload-or-restart vks-s-strict'
    postinst vks-s-absolute <<<'PATH=/nowhere; /bin/systemctl enable --now vks-s-absolute.service; /usr/bin/systemctl restart vks-s-absolute.service'
    postinst vks-s-asks <<<'systemctl start vks-s-asks; systemctl is-active --quiet vks-s-asks; systemctl status vks-s-asks >/dev/null; systemctl is-enabled vks-s-asks'
    postinst vks-s-service <<<'service vks-s-service start; invoke-rc.d vks-s-service restart; deb-systemd-invoke start vks-s-service.service'
    unit vks-s-instance >"$WORK/vks-s-instance/usr/lib/systemd/system/vks-s-instance.service"
    unit vks-s-instance >"$WORK/vks-s-instance/usr/lib/systemd/system/vks-s-instance@.service"
    postinst vks-s-instance <<<'systemctl enable --now vks-s-instance@one vks-s-instance@two vks-s-instance'
    shipped vks-s-others
    printf '[Socket]\nListenStream=/run/vks-s-others\n[Install]\nWantedBy=sockets.target\n' >"$WORK/vks-s-others/usr/lib/systemd/system/vks-s-others.socket"
    printf '[Timer]\nOnActiveSec=1\n[Install]\nWantedBy=timers.target\n' >"$WORK/vks-s-others/usr/lib/systemd/system/vks-s-others.timer"
    printf '[Path]\nPathExists=/etc/passwd\n[Install]\nWantedBy=multi-user.target\n' >"$WORK/vks-s-others/usr/lib/systemd/system/vks-s-others.path"
    printf '[Unit]\nWants=vks-s-others.service\n[Install]\nWantedBy=multi-user.target\n' >"$WORK/vks-s-others/usr/lib/systemd/system/vks-s-others.target"
    postinst vks-s-others <<<'systemctl enable --now vks-s-others.socket vks-s-others.timer vks-s-others.path vks-s-others.target'
    publish "${names[@]/#/vks-s-}"
    for name in "${names[@]}"; do pod "$name"; done
    for name in "${names[@]}"; do running "$name"; done
    for name in "${names[@]}"; do assert_untouched "vks-s-$name.service"; done
    assert_untouched vks-s-instance@one.service vks-s-instance@two.service vks-s-others.{socket,timer,path,target}
    wait_for 20 "what it says" equals "vks-s-strict 1" logs strict
}

# dpkg takes a package whose names in it do not begin with "./", as dpkg-deb has them and other programs need not.
test_a_package_that_dpkg_deb_has_not_made_is_like_others() {
    local t=$WORK/vks-s-bare
    tree vks-s-bare && shipped vks-s-bare
    postinst vks-s-bare <<<'systemctl daemon-reload; systemctl enable vks-s-bare; systemctl start vks-s-bare'
    publish vks-s-bare
    (cd "$t/DEBIAN" && tar --owner=0 --group=0 -cf "$WORK/control.tar" control postinst && cd .. && tar --owner=0 --group=0 -cf "$WORK/data.tar" usr &&
        cd "$WORK" && echo 2.0 >debian-binary && ar rc repo/vks-s-bare_1_all.deb debian-binary control.tar data.tar && rm debian-binary control.tar data.tar)
    ! dpkg-deb -c "$WORK/repo/vks-s-bare_1_all.deb" | grep ' \./' || fail "it is like others: this test shows nothing"
    publish
    pod bare
    wait_for 60 "the pod runs" contains "vks-s-bare 1" k logs bare
    wait_for 20 "the installation has ended" sh_node '[ ! -e /run/vks/install/masked ]'
    assert_untouched vks-s-bare.service
}

# A package may have links of its own among what a target starts, in /usr/lib: nobody has to enable anything then.
test_what_a_package_has_a_target_start_is_not_started_at_boot() {
    tree vks-s-wanted && shipped vks-s-wanted
    mkdir "$WORK/vks-s-wanted/usr/lib/systemd/system/multi-user.target.wants"
    ln -s ../vks-s-wanted.service "$WORK/vks-s-wanted/usr/lib/systemd/system/multi-user.target.wants/"
    publish vks-s-wanted
    pod wanted
    wait_for 60 "the pod runs" contains "vks-s-wanted 1" k logs wanted
    wait_for 20 "the installation has ended" sh_node '[ ! -e /run/vks/install/masked ]'
    [ -z "$(node systemctl show -P WantedBy vks-s-wanted.service)" ] || fail "$(node systemctl show -p WantedBy vks-s-wanted.service)"
    sh_node 'systemctl start multi-user.target' # as at boot
    [ "$(node systemctl show -P ActiveState vks-s-wanted.service)" = inactive ] || fail "it runs outside of pods"
    sh_node 'find /etc/systemd/system -lname /dev/null -name vks-s-wanted.service -delete'
}

# systemd-resolved and resolvconf put a link in the place of the machine's own file, to what their service keeps in /run: one that was never to run there
# would leave the machine without names at its next boot.
test_a_resolver_for_pods_leaves_the_machine_its_own() {
    local before
    before=$(node stat -c '%F %s %a %U' /etc/resolv.conf) && [[ $before == "regular file "* ]] || fail "the machine has none of its own: $before"
    tree vks-s-resolver && shipped vks-s-resolver
    postinst vks-s-resolver <<<'mkdir -p /run/vks-s-resolver; cp /etc/resolv.conf /run/vks-s-resolver/stub; ln -sf ../run/vks-s-resolver/stub /etc/resolv.conf'
    publish vks-s-resolver
    pod resolver
    wait_for 60 "the pod runs" contains "vks-s-resolver 1" k logs resolver
    wait_for 20 "the installation has ended" sh_node '[ ! -e /run/vks/install/masked ]'
    [ "$(node stat -c '%F %s %a %U' /etc/resolv.conf)" = "$before" ] || fail "$(node ls -l /etc/resolv.conf)"
    assert_untouched vks-s-resolver.service
}

test_a_unit_that_a_script_makes_is_the_packages() {
    local names=(copies etc writes links)
    for name in "${names[@]}"; do
        tree "vks-s-$name"
        unit "vks-s-$name" >"$WORK/vks-s-$name/usr/share/vks-s-$name/vks-s-$name.service"
    done
    postinst vks-s-copies <<<'cp /usr/share/vks-s-copies/vks-s-copies.service /lib/systemd/system/; systemctl daemon-reload; systemctl enable vks-s-copies; systemctl restart vks-s-copies'
    postinst vks-s-etc <<<'cp /usr/share/vks-s-etc/vks-s-etc.service /etc/systemd/system/; systemctl daemon-reload; systemctl enable --now vks-s-etc.service'
    rm "$WORK/vks-s-writes/usr/share/vks-s-writes/vks-s-writes.service"
    postinst vks-s-writes <<'SH'
NAME=vks-s-writes
printf '[Service]\nExecStart=/usr/bin/%s\n[Install]\nWantedBy=multi-user.target\n' $NAME >/etc/systemd/system/$NAME.service
systemctl daemon-reload
systemctl enable --now $NAME
SH
    shipped vks-s-links
    postinst vks-s-links <<<'mkdir -p /etc/systemd/system/multi-user.target.wants; ln -s /lib/systemd/system/vks-s-links.service /etc/systemd/system/multi-user.target.wants/; systemctl start multi-user.target'
    publish "${names[@]/#/vks-s-}"
    for name in "${names[@]}"; do pod "$name"; done
    for name in "${names[@]}"; do running "$name"; done
    for name in "${names[@]}"; do assert_untouched "vks-s-$name.service"; done
    event writes "from unit vks-s-writes.service of package vks-s-writes"
    wait_for 20 "what it says" equals "vks-s-etc 1" logs etc
    # a unit of the administrator's own does not become a package's by lying there
    sh_node 'cp /etc/systemd/system/vks-s-etc.service /etc/systemd/system/vks-s-own.service'
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: own, annotations: {vks.systemd.io/unit: vks-s-own.service}}
spec: {containers: [{name: c, image: vks-s-etc, imagePullPolicy: IfNotPresent}]}
YAML
    event own "has the unit vks-s-own.service"
}

test_what_a_script_leaves_running_ends_with_the_installation() {
    tree vks-s-leaves
    shipped vks-s-leaves
    postinst vks-s-leaves <<<'setsid nohup sleep 98765 >/dev/null 2>&1 &'
    publish vks-s-leaves
    pod leaves
    running leaves
    ! sh_node 'pgrep -fx "sleep 98765"' || fail "it runs"
}

# state UNIT: what is to be the same after as before
state() { node systemctl show -P ActiveState -P UnitFileState "$1" | paste -sd' '; }
test_a_daemon_of_the_machines_own_that_is_upgraded_along_is_restarted() {
    local before
    for name in own needs; do tree "vks-s-$name"; shipped "vks-s-$name"; done
    postinst vks-s-own <<<'systemctl daemon-reload; systemctl enable vks-s-own; systemctl restart vks-s-own'
    publish vks-s-own
    apt install vks-s-own
    [ "$(state vks-s-own)" = "active enabled" ] || fail "$(state vks-s-own)"
    before=$(main_pid vks-s-own)
    # the new version has one unit more that the daemon needs
    tree vks-s-own 2
    shipped vks-s-own
    sed -i 's/^Description.*/&\nRequires=vks-s-own-more.service\nAfter=vks-s-own-more.service/' "$WORK/vks-s-own/usr/lib/systemd/system/vks-s-own.service"
    printf '[Service]\nExecStart=/bin/sleep 100001\n' >"$WORK/vks-s-own/usr/lib/systemd/system/vks-s-own-more.service"
    postinst vks-s-own <<<'systemctl daemon-reload; systemctl restart vks-s-own'
    echo "Depends: vks-s-own (>= 2)" >>"$WORK/vks-s-needs/DEBIAN/control"
    postinst vks-s-needs <<<'systemctl enable --now vks-s-needs'
    publish vks-s-own vks-s-needs
    pod needs
    running needs
    [ "$(state vks-s-own)" = "active enabled" ] || fail "it was active and enabled, it is $(state vks-s-own)"
    [ "$(main_pid vks-s-own)" != "$before" ] || fail "it runs as it was before"
    [ "$(state vks-s-own-more)" = "active static" ] || fail "what its new version needs: $(state vks-s-own-more)"
    assert_untouched vks-s-needs.service
}

test_an_upgrade_by_the_machines_own_apt_starts_nothing_either() {
    tree vks-s-later
    shipped vks-s-later
    # as debhelper writes it
    cat >"$WORK/helped" <<'SH'
deb-systemd-helper unmask vks-s-later.service >/dev/null || true
if deb-systemd-helper --quiet was-enabled vks-s-later.service; then
    deb-systemd-helper enable vks-s-later.service >/dev/null || true
else
    deb-systemd-helper update-state vks-s-later.service >/dev/null || true
fi
systemctl --system daemon-reload >/dev/null || true
if [ -n "$2" ]; then _dh_action=restart; else _dh_action=start; fi
deb-systemd-invoke $_dh_action vks-s-later.service >/dev/null || true
SH
    postinst vks-s-later <"$WORK/helped"
    publish vks-s-later
    pod later
    running later
    assert_untouched vks-s-later.service
    tree vks-s-later 2
    shipped vks-s-later
    postinst vks-s-later <"$WORK/helped"
    publish vks-s-later
    apt install vks-s-later
    [ "$(node dpkg-query -W -f '${Version}' vks-s-later)" = 2 ] || fail "it is not upgraded"
    assert_untouched vks-s-later.service
}

# Nor does one that a pod asks for, be the scripts whose they are: that their unit is there already is no reason.
test_an_upgrade_for_a_pod_starts_nothing_either() {
    local version
    for version in 1 2; do
        tree vks-s-again $version && shipped vks-s-again
        unit vks-s-again-made >"$WORK/vks-s-again/usr/share/vks-s-again/made"
        postinst vks-s-again <<<'cp /usr/share/vks-s-again/made /etc/systemd/system/vks-s-again-made.service; systemctl daemon-reload; systemctl enable vks-s-again vks-s-again-made; systemctl restart vks-s-again vks-s-again-made'
        publish vks-s-again
        pod "again-$version" "vks-s-again:$version"
        wait_for 60 "version $version is there" equals "$version" node dpkg-query -W -f '${Version}' vks-s-again
        wait_for 20 "the installation has ended" sh_node '[ ! -e /run/vks/install/masked ]'
        assert_untouched vks-s-again.service vks-s-again-made.service
        k delete pod "again-$version" --now >/dev/null # who runs one version keeps the other from coming
    done
}

run_tests
