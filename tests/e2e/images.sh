#!/bin/bash
# Images are packages: from apt's sources and from files, their versions, when apt is asked, and in what words it fails.
# once: apt decides here, not the API server
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# ---- a source of tiny packages in the node, and a web server with some as files; it is reached since the node shares the machine's network ----
WORK=$(mktemp -d)
REPO=/srv/vks-images # in the node
FILES=$WORK/files
mkdir "$FILES"

deb() { # DIRECTORY NAME VERSION [CONTROL_LINES] [FILE_NAME] [KIB]
    local tree=$WORK/tree
    rm -rf "$tree"
    mkdir -p "$tree/DEBIAN" "$tree/usr/bin"
    printf '%s\n' "Package: $2" "Version: $3" "Maintainer: vks <vks@example.org>" "Description: for a test" "${4:-Architecture: all}" >"$tree/DEBIAN/control"
    # shellcheck disable=SC2016
    printf '#!/bin/sh\necho %s\nexec sleep 100000\n' "$3" >"$tree/usr/bin/$2"
    chmod 755 "$tree/usr/bin/$2"
    [ -z "${6:-}" ] || { mkdir -p "$tree/usr/share/$2"; head -c "${6}k" /dev/urandom >"$tree/usr/share/$2/data"; }
    dpkg-deb -b --root-owner-group -Znone "$tree" "$1/${5:-$2_${3#*:}_all.deb}" >/dev/null
}

publish() { # the packages in $WORK/repo become the node's source
    (cd "$WORK/repo" && dpkg-scanpackages -m . 2>/dev/null >Packages)
    tar -C "$WORK/repo" -cf "$WORK/repo.tar" .
    "$LAB" node put "$WORK/repo.tar" /root/
    sh_node "rm -rf $REPO; mkdir -p $REPO; tar -C $REPO -xf /root/repo.tar; echo 'deb [trusted=yes] file:$REPO ./' >/etc/apt/sources.list.d/vks-images.list
             flock /run/vks/install/lock apt-get -qq -o Dir::Etc::SourceList=/etc/apt/sources.list.d/vks-images.list -o Dir::Etc::SourceParts=- -o APT::Get::List-Cleanup=0 update"
}

restore() {
    [ -z "${SERVER:-}" ] || kill "$SERVER"
    sh_node "rm -rf $REPO /etc/apt/sources.list.d/vks-* /root/repo.tar; apt-mark -qq unhold vks-te >/dev/null
             dpkg -P \$(dpkg-query -W -f '\${Package} ' 'vks-t*') >/dev/null 2>&1
             test ! -e /root/policy.conf || mv /root/policy.conf /etc/vks/policy.conf; systemctl stop vks-helper.service" >/dev/null 2>&1 || true
    rm -rf "$WORK"
}
trap restore EXIT

mkdir "$WORK/repo"
# what waits for another pod's version does not hear what apt would say
for name in vks-ta vks-tb vks-tc vks-td vks-te; do
    deb "$WORK/repo" $name 1.0
    deb "$WORK/repo" $name 1:2.0~rc1
done
for n in 0 1 2 3 4 5 6 7 8 9; do deb "$WORK/repo" "vks-tn$n" 1; done
for n in 1 2; do deb "$WORK/repo" "vks-tp$n" 1 $'Architecture: all\nProvides: vks-tvirtual'; done
deb "$WORK/repo" vks-tbig 1 "" "" 300
deb "$WORK/repo" vks-tdep 1 $'Architecture: all\nDepends: vks-t-nowhere (>= 3)'
publish
(cd "$FILES" && exec python3 -u -m http.server --bind 127.0.0.1 0 >"$WORK/server.log" 2>&1) &
SERVER=$!
wait_for 10 "the web server is up" grep -q "port [0-9]" "$WORK/server.log"
PORT=$(sed -nE 's/.*port ([0-9]+).*/\1/p' "$WORK/server.log")
sh_node "cp -p /etc/vks/policy.conf /root/policy.conf"

policy() { # LINES: in addition to what is shipped
    sh_node "cp -p /root/policy.conf /etc/vks/policy.conf; printf '%s\n' '$1' >>/etc/vks/policy.conf; systemctl stop vks-helper.service 2>/dev/null"
}

pod() { # NAME IMAGE [CONTAINER_FIELDS]
    printf '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "%s"}, "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "c", "image": "%s"%s}]}}' \
        "$1" "$2" "${3:+, $3}" | apply
}
command() { printf '"command": ["/usr/bin/%s"]' "$1"; }
reason() { pod_field "$1" '{.status.containerStatuses[0].state.waiting.reason}'; }
image_id() { pod_field "$1" '{.status.containerStatuses[0].imageID}'; }
version() { sh_node "dpkg-query -W -f '\${Version}' $1 2>/dev/null"; }
# by hand, and not while an installation for a pod is under way
by_hand() { node flock /run/vks/install/lock env DEBIAN_FRONTEND=noninteractive "$@" >/dev/null 2>&1; }
purge() { by_hand dpkg -P "$@" || true; }
mark() { sh_node "date +%s.%N"; }
transactions() { # SINCE: how many installations were begun
    sh_node "journalctl --sync; journalctl -q _PID=1 --since=@$1 -o cat | grep -c '^Starting vks-install-' || true"
}
failures() { # POD: how often its pull has failed
    k get events --field-selector "involvedObject.name=$1" -o 'jsonpath={range .items[*]}{.count}{" "}{.message}{"\n"}{end}' |
        awk '/Failed to pull/ { n += $1 } END { print n + 0 }'
}
failed_for() { # POD: seconds between its first failure and its last, whatever apt has called them
    k get events --field-selector "involvedObject.name=$1" -o 'jsonpath={range .items[*]}{.firstTimestamp}{" "}{.lastTimestamp}{" "}{.message}{"\n"}{end}' |
        awk '/Failed to pull/ { if (!n++ || $1 < first) first = $1; if ($2 > last) last = $2 } END { print first, last }' | { read -r first last; echo $(($(date -d "$last" +%s) - $(date -d "$first" +%s))); }
}
fetched() { grep -c "GET /$1 " "$WORK/server.log" || true; }

test_a_package_file_from_a_url() {
    local url sum
    deb "$FILES" vks-tfile 1:1.2
    url=deb://127.0.0.1:$PORT/vks-tfile_1.2_all.deb
    sum=$(sha256sum <"$FILES/vks-tfile_1.2_all.deb")
    policy ""
    pod denied "$url" "$(command vks-tfile)"
    event denied "Failed: .*policy rule url: "
    policy "url = deb://127.0.0.1:$PORT/"
    pod nosum "$url" "$(command vks-tfile)"
    event nosum "Failed: .*policy rule url-needs-sha256"
    wait_for 20 "ErrImagePull" contains ImagePull reason nosum
    [ "$(fetched vks-tfile_1.2_all.deb)" = 0 ] || fail "it was fetched nevertheless"
    pod file "$url@sha256:${sum%% *}" "$(command vks-tfile)"
    running file
    [ "$(image_id file)" = "deb://vks-tfile@1:1.2@sha256:${sum%% *}" ] || fail "imageID $(image_id file)"
    event file "Successfully pulled image .*: vks-tfile 1:1.2"
    k delete pod file --wait=true >/dev/null
    pod again "$url@sha256:${sum%% *}" "$(command vks-tfile)"
    running again
    [ "$(fetched vks-tfile_1.2_all.deb)" = 1 ] || fail "fetched $(fetched vks-tfile_1.2_all.deb) times"
}

test_another_file_of_the_same_version() {
    local url=deb://127.0.0.1:$PORT/vks-tsame_1_all.deb one two
    policy "url = deb://127.0.0.1:$PORT/
url-needs-sha256 = no"
    deb "$FILES" vks-tsame 1
    one=$(sha256sum <"$FILES/vks-tsame_1_all.deb") one=${one%% *}
    "$LAB" node put "$FILES/vks-tsame_1_all.deb" /root/same.deb
    pod one "$url@sha256:$one" "$(command vks-tsame)"
    running one
    deb "$FILES" vks-tsame 1 $'Architecture: all\nHomepage: https://example.org'
    two=$(sha256sum <"$FILES/vks-tsame_1_all.deb") two=${two%% *}
    pod never "$url@sha256:$two" "$(command vks-tsame), \"imagePullPolicy\": \"Never\""
    wait_for 20 "it is not the file that was installed" equals ErrImageNeverPull reason never
    pod two "$url@sha256:$two" "$(command vks-tsame)"
    event two "Failed: .*pod $NS/one holds vks-tsame at version 1, sha256 $one"
    pod any "$url" "$(command vks-tsame)"
    running any
    [ "$(image_id any)" = "deb://vks-tsame@1@sha256:$one" ] || fail "imageID $(image_id any)"
    k delete pod one never any --wait=true >/dev/null
    running two
    [ "$(image_id two)" = "deb://vks-tsame@1@sha256:$two" ] || fail "imageID $(image_id two)"
    contains example.org node dpkg-query -W -f '${Homepage}' vks-tsame
    k delete pod two --wait=true >/dev/null
    # Unpacked by somebody else: where it came from is not known any more.
    by_hand dpkg -i /root/same.deb
    pod any "$url" "$(command vks-tsame)"
    running any
    [ "$(image_id any)" = deb://vks-tsame@1 ] || fail "imageID $(image_id any)"
    [ "$(fetched vks-tsame_1_all.deb)" = 2 ] || fail "fetched without need"
    pod two "$url@sha256:$two" "$(command vks-tsame)"
    running two
    contains example.org node dpkg-query -W -f '${Homepage}' vks-tsame
}

test_a_file_that_is_not_what_was_asked_for() {
    local host=deb://127.0.0.1:$PORT
    policy "url = deb://127.0.0.1:$PORT
url-needs-sha256 = no"
    deb "$FILES" vks-tsum 1
    deb "$FILES" vks-tother 1 "" vks-tname_1_all.deb
    deb "$FILES" vks-tver 2 "" vks-tver_1_all.deb
    deb "$FILES" vks-tarch 1 "Architecture: s390x" vks-tarch_1_s390x.deb
    pod sum "$host/vks-tsum_1_all.deb@sha256:$(printf '%064d' 0)"
    pod name "$host/vks-tname_1_all.deb"
    pod ver "$host/vks-tver_1_all.deb"
    pod arch "$host/vks-tarch_1_s390x.deb"
    pod away "$host/vks-taway_1_all.deb"
    event sum "Failed: .*its sha256 is .*, not the one that was asked for"
    event name "Failed: .*the package in it is called vks-tother, not vks-tname"
    event ver "Failed: .*the package in it has version 2"
    event arch "Failed: .*for architecture s390x"
    event away "Failed: .*404"
    wait_for 20 "ErrImagePull" contains ImagePull reason sum
    [ -z "$(sh_node "dpkg-query -W 'vks-tsum' 'vks-tother' 'vks-tver' 'vks-tarch' 2>/dev/null")" ] || fail "one was installed"
    # by one question: a pod that tries again makes these directories anew
    [ -z "$(sh_node 'find /var/cache/vks/files /var/cache/vks/partial -maxdepth 0 ! -perm 700 2>/dev/null')" ] || fail "files of all"
}

test_versions_and_who_holds_them() {
    purge vks-ta
    pod one vks-ta:1.0 "$(command vks-ta)"
    running one
    [ "$(version vks-ta)" = 1.0 ] || fail "not the version that was asked for"
    pod two vks-ta:1:2.0~rc1 "$(command vks-ta)"
    event two "Failed: .*pod $NS/one holds vks-ta at version 1.0"
    wait_for 20 "ErrImagePull" contains ImagePull reason two
    # Whoever names no version takes what is there, even with the policy Always.
    pod any vks-ta "$(command vks-ta), \"imagePullPolicy\": \"Always\""
    running any
    [ "$(version vks-ta)" = 1.0 ] || fail "upgraded under a pod that named its version"
    k delete pod one any --wait=true >/dev/null
    running two
    [ "$(image_id two)" = "deb://vks-ta@1:2.0~rc1" ] || fail "imageID $(image_id two)"
    k delete pod two --wait=true >/dev/null
    pod old vks-ta:1.0 "$(command vks-ta)"
    running old
    [ "$(version vks-ta)" = 1.0 ] || fail "no downgrade"
}

test_who_waits_for_a_version_is_woken_when_its_holder_ends() {
    local since asked
    purge vks-tb
    printf '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "holder"}, "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "vks-tb:1.0", %s}]}}' \
        "$(command vks-tb)" | apply
    running holder
    pod waiter vks-tb:1:2.0~rc1 "$(command vks-tb)"
    # The fifth try would be 80 s behind the fourth one.
    wait_for 120 "the fourth failure" at_least 4 failures waiter
    wait_for 10 "it waits" equals ImagePullBackOff reason waiter
    since=$(date +%s)
    node systemctl kill "$(unit_of holder vks-tb)"
    running waiter
    # when root was asked for it, not when apt was done: that is the machine's to say
    asked=$(sh_node "journalctl --sync; journalctl -q -u vks-helper.service -o short-unix --no-pager --since=@$since" | awk '/install .* vks-tb=/ { print int($1); exit }')
    [ -n "$asked" ] || fail "it was never asked for"
    [ $((asked - since)) -lt 60 ] || fail "it waited for the fifth try"
    wait_for 10 "the holder has ended" equals Failed pod_field holder '{.status.phase}'
    [ "$(version vks-tb)" = 1:2.0~rc1 ] || fail "version $(version vks-tb)"
}

test_a_deployment_changes_its_version() {
    purge vks-td
    printf '{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"app": "d"}},
        "template": {"metadata": {"labels": {"app": "d"}}, "spec": {"terminationGracePeriodSeconds": 1, "nodeName": "%s", "containers": [{"name": "c", "image": "vks-td:1.0", %s}]}}}}' \
        "$NODE" "$(command vks-td)" | apply
    k rollout status deployment d --timeout=900s >/dev/null
    k set image deployment d c=vks-td:1:2.0~rc1 >/dev/null
    k rollout status deployment d --timeout=900s >/dev/null
    [ "$(version vks-td)" = 1:2.0~rc1 ] || fail "version $(version vks-td)"
}

test_always_asks_once_for_the_candidate_and_never_for_a_restart() {
    local since unit
    purge vks-ta
    by_hand apt-get -qq -y --allow-downgrades install vks-ta=1.0
    pod there vks-ta "$(command vks-ta), \"imagePullPolicy\": \"IfNotPresent\""
    running there
    event there "already present on machine"
    [ "$(version vks-ta)" = 1.0 ] || fail "IfNotPresent upgraded it"
    since=$(mark)
    pod new vks-ta "$(command vks-ta)"
    running new
    [ "$(image_id new)" = "deb://vks-ta@1:2.0~rc1" ] || fail "imageID $(image_id new)"
    for n in 1 2 3 4 5; do pod "more$n" vks-ta "$(command vks-ta)"; done
    k wait pod --all --for=condition=Ready --timeout=900s >/dev/null
    unit=$(unit_of new vks-ta)
    node systemctl kill -s KILL "$unit"
    wait_for 20 "a restart" equals 1 pod_field new '{.status.containerStatuses[0].restartCount}'
    node systemctl restart vks-agent
    k delete pod more1 --wait=true >/dev/null
    pod program /bin/sleep '"args": ["1000"], "command": ["/bin/sleep"], "imagePullPolicy": "Always"'
    running program
    [ "$(transactions "$since")" = 1 ] || fail "$(transactions "$since") transactions"
}

test_what_is_the_newest_waits_for_nobodys_turn() {
    local held
    purge vks-ta vks-tn0 vks-tn1
    by_hand apt-get -qq -y --allow-downgrades install vks-ta=1.0 vks-tn0
    node systemctl restart vks-agent # it forgets what it has asked about
    exec {held}> >(node flock /run/vks/install/lock cat >/dev/null)
    wait_for 10 "the lock is taken" sh_node '! flock -n /run/vks/install/lock true'
    pod new vks-tn1 "$(command vks-tn1)"
    event new "Pulling image .*: Waiting for the turn"
    # together: one of them has a newer candidate, and waits
    pod older vks-ta "$(command vks-ta)" &
    pod there vks-tn0 "$(command vks-tn0)"
    running there
    event there "Successfully pulled image \"vks-tn0\""
    printf '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bash"}, "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "bash", "command": ["/bin/true"]}]}}' | apply
    wait_for 60 "bash has run" equals Succeeded pod_field bash '{.status.phase}'
    wait $!
    [ "$(pod_field new '{.status.phase}') $(pod_field older '{.status.phase}')" = "Pending Pending" ] || fail "who needs dpkg had no turn to wait for"
    [ "$(version vks-ta)" = 1.0 ] || fail "version $(version vks-ta)"
    exec {held}>&-
    running new
    running older
    [ "$(image_id older)" = "deb://vks-ta@1:2.0~rc1" ] || fail "imageID $(image_id older)"
}

waiting() { k get pods -o 'jsonpath={range .items[*]}{.status.containerStatuses[0].state.waiting.reason}{"\n"}{end}' | grep -c .; }
test_fifty_pods_of_ten_packages_in_three_transactions() {
    local since n list="" held
    purge vks-tn{0..9}
    # however long it takes to make the pods: the first installation waits until all of them are there
    exec {held}> >(node flock /run/vks/install/lock cat >/dev/null)
    wait_for 10 "the lock is taken" sh_node '! flock -n /run/vks/install/lock true'
    since=$(mark)
    for n in $(seq 0 49); do
        list+="{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"p$n\"}, \"spec\": {\"terminationGracePeriodSeconds\": 1,
               \"containers\": [{\"name\": \"c\", \"image\": \"vks-tn$((n % 10))\", $(command "vks-tn$((n % 10))")}]}},"
    done
    printf '{"apiVersion": "v1", "kind": "List", "items": [%s]}' "${list%,}" | apply
    wait_for 60 "the agent knows all of them" equals 50 waiting
    exec {held}>&-
    k wait pod --all --for=condition=Ready --timeout=1200s >/dev/null
    [ "$(transactions "$since")" -le 3 ] || fail "$(transactions "$since") transactions"
}

test_a_lock_of_somebody_else_is_waited_for_and_told() {
    purge vks-ta
    # shellcheck disable=SC2016
    sh_node 'perl -e '\''use Fcntl; open(F, ">", "/var/lib/dpkg/lock-frontend"); my $l = pack("s s l! l! i", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $l) or die; open(P, ">", "/run/vks-holder"); print P $$; close P; sleep 600'\'' >/dev/null 2>&1 &'
    wait_for 10 "it has the lock" node test -s /run/vks-holder
    pod waits vks-ta "$(command vks-ta)"
    event waits "Pulling: .*Waiting for cache lock: .*lock-frontend.*perl" || { sh_node 'kill $(cat /run/vks-holder)'; fail "it is not told"; }
    sh_node 'kill $(cat /run/vks-holder); rm /run/vks-holder'
    running waits
}

test_apt_says_itself_why_not() {
    local name
    purge vks-tc vks-te
    pod dep vks-tdep "$(command vks-tdep)"
    pod unknown vks-tunknown "$(command vks-tunknown)"
    event unknown "Failed: .*Unable to locate package vks-tunknown"
    pod virtual vks-tvirtual "$(command vks-ta)"
    event virtual "Failed: .*Unable to locate package vks-tvirtual: it is a virtual package, which others provide; name one of them \(vks-tp1, vks-tp2\)"
    event dep "Failed: .*Depends: vks-t-nowhere"
    pod nover vks-tc:7.7 "$(command vks-tc)"
    event nover "Failed: .*Version '7.7' for 'vks-tc' was not found"
    by_hand apt-get -qq -y --allow-downgrades install vks-te=1.0
    by_hand apt-mark hold vks-te
    pod held vks-te:1:2.0~rc1 "$(command vks-te)"
    event held "Failed: .*Held packages were changed"
    # Kubernetes' schedule: 10 s behind the first failure, 20 s behind the second one, ...
    for name in dep unknown nover held; do
        wait_for 60 "$name: the third failure" at_least 3 failures "$name"
        wait_for 20 "it waits" equals ImagePullBackOff reason "$name" || fail "$name: $(reason "$name")"
        [ "$(failed_for "$name")" -ge 29 ] || fail "$name: three failures in $(failed_for "$name") s"
    done
    by_hand apt-mark unhold vks-te
}

test_a_source_that_nobody_signed_is_refused() {
    purge vks-ta
    sh_node "rm -f /etc/apt/sources.list.d/vks-images.list; echo 'deb file:$REPO ./' >/etc/apt/sources.list.d/vks-unsigned.list
             flock /run/vks/install/lock apt-get -qq -o Dir::Etc::SourceList=/etc/apt/sources.list.d/vks-unsigned.list -o Dir::Etc::SourceParts=- -o APT::Get::List-Cleanup=0 update >/dev/null 2>&1 || true"
    pod unsigned vks-ta "$(command vks-ta)"
    event unsigned "Failed: .*(not signed|unauthenticated packages|does not have a Release file)" 60
    wait_for 60 "back-off" equals ImagePullBackOff reason unsigned
    sh_node "rm -f /etc/apt/sources.list.d/vks-unsigned.list"
    publish
    running unsigned 60
}

# Full when apt fetches, and full when dpkg unpacks: what that leaves is mended when there is room.
test_a_full_disk_is_said_and_passes() {
    purge sl vks-tbig
    sh_node "mkdir -p /var/cache/vks /usr/share/vks-tbig; mount -t tmpfs -o size=64k full /var/cache/vks; head -c 60k /dev/zero >/var/cache/vks/x
             mount -t tmpfs -o size=64k full /usr/share/vks-tbig"
    pod fetch sl '"command": ["/bin/sleep", "1000"]'
    pod unpack vks-tbig "$(command vks-tbig)"
    { event fetch "Failed: .*(No space left on device|enough free space)" && event unpack "Failed: .*No space left on device" &&
        wait_for 60 "back-off" equals ImagePullBackOff reason fetch && wait_for 60 "back-off" equals ImagePullBackOff reason unpack; } ||
        { node umount /var/cache/vks /usr/share/vks-tbig; fail "a full disk is not told"; }
    node umount /var/cache/vks /usr/share/vks-tbig
    running fetch
    running unpack
    [ -z "$(node dpkg --audit)" ] || fail "$(node dpkg --audit)"
}

# Who waits for a version is not among them: it shows how soon it is woken, and somebody else's installation would be in its way.
together apt_says_itself_why_not versions_and_who_holds_them a_deployment_changes_its_version
run_tests
