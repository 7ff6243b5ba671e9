#!/bin/bash
# Where a container works, what programs of the pod's own it runs, and as whom: what in a container is the image's, and here is the machine's or the pod's.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# once POD SPEC [POD_LINES]: a container in flow style (without its name) that runs once
once() {
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  restartPolicy: Never
${3:-}
  containers: [{name: main, image: /bin/sh, $2}]
YAML
}
# says POD WORDS: it has ended well, and that is all that it said
says() {
    wait_for 60 "pod $1 has succeeded" equals Succeeded pod_field "$1" '{.status.phase}'
    wait_for 20 "pod $1 says \"$2\"" equals "$2" logs "$1" -c main
}
why() { pod_field "$1" '{.status.containerStatuses[0].state.waiting.reason}: {.status.containerStatuses[0].state.waiting.message}'; }
policy() { # LINE...: until the test's end
    trap 'sh_node "test ! -e /tmp/policy.conf || mv /tmp/policy.conf /etc/vks/policy.conf; systemctl stop vks-helper.service 2>/dev/null"' EXIT
    node cp -p /etc/vks/policy.conf /tmp/policy.conf
    printf '%s\n' "$@" | node tee -a /etc/vks/policy.conf >/dev/null
    node systemctl stop vks-helper.service 2>/dev/null
}

# ---- workingDir -----------------------------------------------------------------------------------------------------

test_a_missing_working_dir_is_made_and_nothing_on_the_machine() {
    local dir before after n=0
    before=$(sh_node 'ls -A / /srv /opt /usr /usr/share /var /var/lib /run /home /root /tmp /etc | grep -v systemd-private')
    for dir in /app/src/app /srv/work /opt/a/b /usr/share/app/x /home/node/app /root/app /run/app /var/lib/app /var/www/html /tmp/out /var/tmp/x/y /dev/shm/x /dev/shm; do
        n=$((n + 1))
        once "dir$n" "workingDir: $dir, command: [/bin/sh, -c, 'pwd; id -un; echo x >f && ls']"
    done
    n=0
    for dir in /app/src/app /srv/work /opt/a/b /usr/share/app/x /home/node/app /root/app /run/app /var/lib/app /var/www/html /tmp/out /var/tmp/x/y /dev/shm/x /dev/shm; do
        n=$((n + 1))
        says "dir$n" "$dir
vks-pod
f"
    done
    after=$(sh_node 'ls -A / /srv /opt /usr /usr/share /var /var/lib /run /home /root /tmp /etc | grep -v systemd-private')
    [ "$before" = "$after" ] || fail "the machine has something new: $(diff <(echo "$before") <(echo "$after"))"
    k delete pod --all --timeout=300s >/dev/null
    assert_clean_node
}

# Where the machine has no such directory, and where it hides what it has.
test_a_working_dir_and_volumes_in_a_home_and_in_no_directory_of_the_machines() {
    once home 'workingDir: /home/a/app, command: [/bin/sh, -c, "pwd; touch f /root/v/f /app/v/f; ls -A /home /root /app"], volumeMounts: [{name: v, mountPath: /root/v}, {name: v, mountPath: /app/v}]' \
        '  volumes: [{name: v, emptyDir: {}}]'
    says home "/home/a/app
/app:
v

/home:
a

/root:
v"
}

# With what another container has put there meanwhile, and by the user whose the container is.
test_a_working_dir_in_a_volume_is_made_as_its_container_starts() {
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: clone}
spec:
  restartPolicy: Never
  volumes: [{name: w, emptyDir: {}}]
  initContainers:
  - {name: i, image: /bin/sh, command: [/bin/sh, -c, 'mkdir /app/src && echo cloned >/app/src/f'], volumeMounts: [{name: w, mountPath: /app}]}
  containers:
  - {name: main, image: /bin/sh, workingDir: /app/src, command: [/bin/sh, -c, 'cat f && pwd'], volumeMounts: [{name: w, mountPath: /app}]}
  - {name: deeper, image: /bin/sh, workingDir: /app/src/a/b/, command: [/bin/sh, -c, 'pwd; stat -c %U .; stat -c %a .'], volumeMounts: [{name: w, mountPath: /app}]}
  - name: number
    image: /bin/sh
    workingDir: /app/number
    command: [/bin/sh, -c, 'pwd; stat -c %u .; stat -c %a .']
    securityContext: {runAsUser: 54321}
    volumeMounts: [{name: w, mountPath: /app}]
YAML
    says clone "cloned
/app/src"
    equals "/app/src/a/b
vks-pod
755" logs clone -c deeper || fail "$(logs clone -c deeper)"
    equals "/app/number
54321
755" logs clone -c number || fail "$(logs clone -c number)"
}

test_a_working_dir_is_there_again_after_a_restart() {
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: again}
spec:
  restartPolicy: OnFailure
  containers:
  - {name: main, image: /bin/sh, workingDir: /app/x, command: [/bin/sh, -c, 'pwd; test -e f && exit 0; touch f; exit 1']}
  - {name: tmp, image: /bin/sh, workingDir: /tmp/y, command: [/bin/sh, -c, 'pwd; test -e /tmp/f && exit 0; touch /tmp/f; rmdir /tmp/y; exit 1']}
YAML
    wait_for 60 "both have ended well" equals Succeeded pod_field again '{.status.phase}'
    equals "1 1" pod_field again '{.status.containerStatuses[*].restartCount}' || fail "restarts"
    equals /app/x logs again -c main || fail "$(logs again -c main)"
    equals /tmp/y logs again -c tmp || fail "$(logs again -c tmp)"
}

test_a_root_daemon_has_a_working_dir_only_where_every_pod_may_be_root() {
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: daemon}
spec:
  volumes: [{name: w, emptyDir: {}}]
  containers: [{name: cron, image: cron, workingDir: /data/spool/x, volumeMounts: [{name: w, mountPath: /data}]}]
YAML
    wait_for 60 "it is refused" contains "policy rule root: workingDir says where a program with rights of its package looks" why daemon
    policy 'root = allow'
    running daemon
    # cron itself goes elsewhere
    wait_for 20 "it is there" equals "root 755" in_pod "$(unit_of daemon cron)" stat -c '%U %a' /data/spool/x
    node grep -q '^Uid:.0.0.0.0$' "/proc/$(main_pid "$(unit_of daemon cron)")/status" || fail "it is not the package's user any more"
    k delete pod daemon --timeout=300s >/dev/null
}

# What a pod lays for a daemon that is root.
test_a_working_dir_is_not_made_through_links_of_another_container() {
    policy 'root = allow'
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: link}
spec:
  volumes: [{name: w, emptyDir: {}}]
  initContainers: [{name: i, image: /bin/sh, command: [/bin/sh, -c, 'ln -s /proc/1/root/etc /data/etc; ln -s /sys/fs/cgroup /data/cg'], volumeMounts: [{name: w, mountPath: /data}]}]
  containers:
  - {name: cron, image: cron, workingDir: /data/etc/vks-was-here, volumeMounts: [{name: w, mountPath: /data}]}
YAML
    wait_for 60 "it does not start" contains "workingDir /data/etc/vks-was-here" pod_field link '{.status.containerStatuses[0]}{.status.containerStatuses[0].lastState}'
    node test ! -e /etc/vks-was-here || fail "a directory was made on the machine"
    k delete pod link --timeout=300s >/dev/null
}

test_a_working_dir_that_cannot_be_made_is_told() {
    k create configmap m --from-literal=a=1 >/dev/null
    once vks 'workingDir: /etc/vks/x, command: [/bin/pwd]'
    event vks 'workingDir /etc/vks/x is not there: policy rule mount-target: '
    wait_for 20 "the status has it" contains CreateContainerConfigError: why vks
    once system 'workingDir: /usr/lib/none, command: [/bin/pwd]'
    event system 'workingDir /usr/lib/none is not there: policy rule mount-target: '
    once readonly 'workingDir: /m/x, command: [/bin/pwd], volumeMounts: [{name: m, mountPath: /m}]' '  volumes: [{name: m, configMap: {name: m}}]'
    wait_for 60 "it has failed" equals Failed pod_field readonly '{.status.phase}'
    contains "workingDir /m/x" pod_field readonly '{.status.containerStatuses[0].state.terminated}' || fail "$(pod_field readonly '{.status.containerStatuses[0].state}')"
    once file 'workingDir: /etc/passwd, command: [/bin/pwd]'
    wait_for 60 "it has failed, too" equals Failed pod_field file '{.status.phase}'
}

# ---- programs of the pod's own --------------------------------------------------------------------------------------

SCRIPT='#!/bin/sh
echo "ran as $0 $*"'

test_paths_as_people_write_them() {
    once tidy "workingDir: /data//x/./, terminationMessagePath: //tmp/./m, volumeMounts: [{name: v, mountPath: /data//x/}, {name: v, mountPath: ./rel}, {name: v, mountPath: /a/../b}],
        command: [/bin/sh, -c, 'pwd; echo x >f; cat /rel/f /b/f; echo over >/tmp/m']" '  volumes: [{name: v, emptyDir: {}}]'
    says tidy "/data/x
x
x"
    equals over pod_field tidy '{.status.containerStatuses[0].state.terminated.message}' || fail "no message"
    k create configmap tidy --from-literal=key=value >/dev/null
    once items "volumeMounts: [{name: v, mountPath: /c}], command: [/bin/sh, -c, 'cat /c/a/b']" '  volumes: [{name: v, configMap: {name: tidy, items: [{key: key, path: ./a//b}]}}]'
    says items value
}

test_a_program_is_found_from_the_working_directory() {
    k create configmap own --from-literal=run.sh='#!/bin/sh
echo "own $1"' >/dev/null
    once machine "workingDir: /usr/bin, command: [./sh, -c, 'echo one']"
    once root "command: [bin/sh, -c, 'echo two']"
    once own "workingDir: /scripts, volumeMounts: [{name: v, mountPath: /scripts}], command: [../scripts/run.sh, three]" '  volumes: [{name: v, configMap: {name: own, defaultMode: 0755}}]'
    once expanded "workingDir: /scripts, env: [{name: P, value: ./run.sh}], volumeMounts: [{name: v, mountPath: /scripts}], command: [\$(P), four]" '  volumes: [{name: v, configMap: {name: own, defaultMode: 0755}}]'
    once beside "workingDir: /tmp/w, command: [/bin/sh, -c, 'printf \"#!/bin/sh\\necho five\\n\" >x; chmod +x x; sleep 1000']"
    says machine one
    says root two
    says own "own three"
    says expanded "own four"
    wait_for 30 "a command beside it" equals five k exec beside -- ./x
}

test_programs_of_the_pods_own_run() {
    k create configmap s --from-literal=run.sh="$SCRIPT" >/dev/null
    k create secret generic t --from-literal=run.sh="$SCRIPT" >/dev/null
    once map 'command: [/scripts/run.sh, a], volumeMounts: [{name: s, mountPath: /scripts}]' '  volumes: [{name: s, configMap: {name: s, defaultMode: 0755}}]'
    once secret 'command: [/etc/opt/x/run.sh, a], volumeMounts: [{name: s, mountPath: /etc/opt/x}]' '  volumes: [{name: s, secret: {secretName: t, defaultMode: 0755}}]'
    once projected 'command: [/var/run/p/run.sh, a], volumeMounts: [{name: s, mountPath: /var/run/p}]' '  volumes: [{name: s, projected: {defaultMode: 0555, sources: [{configMap: {name: s}}]}}]'
    once number 'command: [/scripts/run.sh, a], securityContext: {runAsUser: 54321}, volumeMounts: [{name: s, mountPath: /scripts}]' \
        '  volumes: [{name: s, configMap: {name: s, defaultMode: 0755}}]'
    once filled 'command: [/filled/bin/copy.sh, a, b], volumeMounts: [{name: w, mountPath: /filled}]' \
        "  volumes: [{name: s, configMap: {name: s}}, {name: w, emptyDir: {medium: Memory}}]
  initContainers: [{name: i, image: /bin/sh, command: [/bin/sh, -c, 'mkdir /w/bin && cp /s/run.sh /w/bin/copy.sh && chmod +x /w/bin/copy.sh'], volumeMounts: [{name: w, mountPath: /w}, {name: s, mountPath: /s}]}]"
    once notx 'command: [/scripts/run.sh, a], volumeMounts: [{name: s, mountPath: /scripts}]' '  volumes: [{name: s, configMap: {name: s}}]'
    says map "ran as /scripts/run.sh a"
    says secret "ran as /etc/opt/x/run.sh a"
    says projected "ran as /var/run/p/run.sh a"
    says number "ran as /scripts/run.sh a"
    says filled "ran as /filled/bin/copy.sh a b"
    wait_for 60 "without its bit it does not run" equals Failed pod_field notx '{.status.phase}'
    contains "Permission denied" pod_field notx '{.status.containerStatuses[0].state.terminated.message}' || fail "$(pod_field notx '{.status.containerStatuses[0].state}')"
}

test_policy_says_whether_they_may_and_whether_as_root() {
    k create configmap s --from-literal=run.sh="$SCRIPT" >/dev/null
    policy 'program = /usr/bin/* /bin/* /scripts/*' 'host-path = /srv/tools rw' 'root = allow'
    local v='  volumes: [{name: s, configMap: {name: s, defaultMode: 0755}}]' m='volumeMounts: [{name: s, mountPath: /scripts}]'
    once named "command: [/scripts/run.sh], $m" "$v"
    event named "policy rule program: /scripts/run.sh is not allowed, since it is the pod's own: it takes the word \"pod\""
    sh_node 'mkdir -p /srv/tools && printf "#!/bin/sh\necho hosts\n" >/srv/tools/run && chmod 755 /srv/tools/run'
    once host 'command: [/t/run], volumeMounts: [{name: h, mountPath: /t}]' '  volumes: [{name: h, hostPath: {path: /srv/tools}}]'
    event host 'policy rule program: /srv/tools/run is not allowed: it takes a line "program = /srv/tools/run"'
    k delete pod --all --timeout=300s >/dev/null
    printf '%s\n' 'program = pod /srv/tools/*' | node tee -a /etc/vks/policy.conf >/dev/null
    node systemctl stop vks-helper.service 2>/dev/null
    once host 'command: [/t/run], volumeMounts: [{name: h, mountPath: /t}]' '  volumes: [{name: h, hostPath: {path: /srv/tools}}]'
    says host hosts
    once root "command: [/scripts/run.sh], $m" "$v"
    event root "/scripts/run.sh is the pod's own, and such a program does not run as root"
    once user "command: [/scripts/run.sh], securityContext: {runAsUser: 1234}, $m" "$v"
    says user "ran as /scripts/run.sh "
    k delete pod --all --timeout=300s >/dev/null
    node rm -r /srv/tools
}

# ---- as whom --------------------------------------------------------------------------------------------------------

test_who_must_not_be_root_is_not_started_as_root() {
    apply <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: cron}
spec:
  securityContext: {runAsNonRoot: true}
  containers: [{name: main, image: cron}]
YAML
    once zero 'command: [/bin/true], securityContext: {runAsNonRoot: true, runAsUser: 0}'
    once nobody 'command: [/bin/sh, -c, "id -un"], securityContext: {runAsNonRoot: true}'
    event cron "^Failed: Error: .*container has runAsNonRoot and image will run as root \\(pod: \"cron_$NS\\($(pod_field cron '{.metadata.uid}')\\)\", container: main\\)" 120
    wait_for 20 "the status has it" contains CreateContainerConfigError: why cron
    [ "$(main_pid "$(unit_of cron cron)")" = 0 ] || fail "it runs"
    event zero "container's runAsUser breaks non-root policy"
    says nobody vks-pod
}

test_where_everybody_may_be_root_a_user_may_become_it() {
    policy 'root = allow'
    once gain 'command: [/bin/sh, -c, "grep NoNewPrivs /proc/self/status; id -u"], securityContext: {runAsUser: 54321}'
    says gain "NoNewPrivs:	0
54321"
    k delete pod gain --timeout=300s >/dev/null
}

# Whoever may become root gives that up by allowPrivilegeEscalation: false, for what he runs beside it as well.
test_a_set_user_id_program_makes_nobody_more_who_gives_that_up() {
    local who with='allowPrivilegeEscalation: false' say='grep NoNewPrivs /proc/self/status; id -u'
    policy 'root = allow'
    once kept "command: [/bin/sh, -c, '$say'], securityContext: {runAsUser: 54321, $with}"
    once root "command: [/bin/sh, -c, '$say'], securityContext: {runAsUser: 0, $with}"
    says kept "NoNewPrivs:	1
54321"
    says root "NoNewPrivs:	1
0"
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: beside}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: main, image: /bin/sleep, args: ["1000"], securityContext: {runAsUser: 54321, $with}}]
YAML
    running beside
    who=$(k exec beside -- grep NoNewPrivs /proc/self/status) || fail "$who"
    [ "$who" = "NoNewPrivs:	1" ] || fail "exec: $who"
    k delete pod kept root beside --timeout=300s >/dev/null
}

# Not the kubelet's 0: this is a real machine (policy/DESIGN.md).
test_a_user_without_a_group_does_not_get_roots() {
    once unknown 'command: [/bin/sh, -c, "id -u; id -gn; id -G"], securityContext: {runAsUser: 54321}'
    says unknown "54321
vks-pod
$(node getent group vks-pod | cut -d: -f3)"
}

# ---- the end --------------------------------------------------------------------------------------------------------

# As in a container: the signal is the main process's, and what it leaves behind ends with it.
test_the_signal_is_the_main_processes_and_what_it_leaves_behind_ends_with_it() {
    local grace
    # No test has the time of either: who waits for the child fails.
    for grace in 3000 6000; do # the pod's own, and a longer one
        program main$grace 'sh -c "trap \"echo child was told\" TERM; while :; do sleep 0.1; done" & trap "echo told; exit 0" TERM; echo up; while :; do sleep 0.1; done' '  terminationGracePeriodSeconds: 3000'
    done
    for grace in 3000 6000; do
        running main$grace
        wait_for 10 "it is up" contains up logs main$grace
    done
    for grace in 3000 6000; do
        local uid
        uid=$(pod_field main$grace '{.metadata.uid}')
        k delete pod main$grace --grace-period=$grace --timeout=200s >/dev/null || fail "its child was waited for"
        node journalctl --sync
        contains told node journalctl -o cat "VKS_POD_UID=$uid" || fail "it was not told to end"
        ! node journalctl -o cat "VKS_POD_UID=$uid" | grep 'child was told' || fail "grace $grace: its child was told, too"
    done
    assert_clean_node
}

together a_working_dir_and_volumes_in_a_home_and_in_no_directory_of_the_machines a_missing_working_dir_is_made_and_nothing_on_the_machine a_working_dir_in_a_volume_is_made_as_its_container_starts \
    a_working_dir_is_there_again_after_a_restart a_working_dir_that_cannot_be_made_is_told programs_of_the_pods_own_run \
    paths_as_people_write_them a_program_is_found_from_the_working_directory \
    a_user_without_a_group_does_not_get_roots the_signal_is_the_main_processes_and_what_it_leaves_behind_ends_with_it
run_tests
