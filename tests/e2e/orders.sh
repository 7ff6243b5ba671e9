#!/bin/bash
# Pods that are changed, deleted, crashed and made again in random orders, while their Secret, their package, the agent and the helper change under them.
# Whatever the order: each container starts with the newest value, the last wish is what runs, and in the end nothing is left.
#   ORDERS=N SEED=S    how many orders (10 by default; 200 take a quarter of an hour), and which
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ORDERS=${ORDERS:-10} SEED=${SEED:-1}
STEPS=6
WORK=$(mktemp -d)
PROGRAM=/usr/bin/vks-order
IMAGES=(/bin/sh /bin/bash /bin/dash "$PROGRAM")

# A program that is a shell of its own, in a package with two versions.
package() { # VERSION
    local tree=$WORK/$1
    mkdir -p "$tree/DEBIAN" "$tree/usr/bin"
    printf '%s\n' "Package: vks-order" "Version: $1" "Architecture: all" "Maintainer: vks <vks@example.org>" "Description: for a test" >"$tree/DEBIAN/control"
    printf '#!/bin/sh\n# version %s\nexec /bin/sh "$@"\n' "$1" >"$tree/usr/bin/vks-order"
    chmod 755 "$tree/usr/bin/vks-order"
    dpkg-deb --build --root-owner-group "$tree" "$WORK/$1.deb" >/dev/null
    "$LAB" node put "$WORK/$1.deb" "/root/vks-order-$1.deb"
}
install_version() { node flock /run/vks/install/lock dpkg -i "/root/vks-order-$1.deb" >/dev/null 2>&1; }

secret() { k create secret generic "$1" --from-literal=v="$2" --dry-run=client -o yaml | apply; } # NAME VALUE
pod() { # NAME IMAGE: says its value, and runs until it is told to end
    apply <<YAML
apiVersion: v1
kind: Pod
metadata: {name: "$1"}
spec:
  terminationGracePeriodSeconds: 2
  volumes: [{name: seen, secret: {secretName: "$1"}}]
  containers:
  - name: main
    image: $2
    # where the agent's knowledge of the value is to be seen
    volumeMounts: [{name: seen, mountPath: /seen}]
    command: ["$2", -c, 'echo "value \$V"; trap "exit 0" TERM; while :; do sleep 0.2; done']
    env: [{name: V, valueFrom: {secretKeyRef: {name: "$1", key: v}}}]
YAML
}
unit_now() { sh_node "ls /run/systemd/system | grep '^vks\\.$NS\\.$1\\..*service\$'"; } # POD
crash() { node systemctl kill --kill-who=main --signal=KILL "$(unit_now "$1")" >/dev/null 2>&1; }
restarts() { pod_field "$1" '{.status.containerStatuses[0].restartCount}'; }
kill_agent() { node systemctl kill --signal=KILL vks-agent >/dev/null 2>&1; }
kill_helper() { node systemctl kill --signal=KILL vks-helper >/dev/null 2>&1; }
values() { k logs "$1" 2>/dev/null | sed -n 's/^value //p'; }
last_value() { values "$1" | tail -n 1; }
says_a_value() { [ -n "$(last_value "$1")" ]; }
# Another order may just have killed the agent, and then nobody serves the log.
read_values() { values "$1" >"$WORK/values-$1" && [ -s "$WORK/values-$1" ]; }

# One order: the same for the same seed, but for what the others do meanwhile.
order() { # NUMBER
    local pod=o$1 value=1 image=/bin/sh crashes=0 exists=yes said="" before
    RANDOM=$((SEED * 1000 + $1))
    secret "$pod" 1
    pod "$pod" $image
    for _ in $(seq $STEPS); do
        sleep "0.$((RANDOM % 10))"
        case $((RANDOM % 10)) in
            0 | 1)
                image=${IMAGES[RANDOM % ${#IMAGES[@]}]} said+=" image=$image"
                if [ $exists ]; then k set image "pod/$pod" "main=$image" >/dev/null; fi
                ;;
            2 | 3)
                value=$((value + 1)) said+=" value=$value"
                secret "$pod" $value
                ;;
            4 | 5)
                # a third crash would wait for its back-off longer than all the rest takes
                if [ $crashes -lt 2 ]; then
                    said+=" crash"
                    ! crash "$pod" || crashes=$((crashes + 1))
                fi
                ;;
            6)
                said+=" delete"
                k delete pod "$pod" --ignore-not-found --wait=false --grace-period=$((RANDOM % 4)) >/dev/null 2>&1
                exists=""
                ;;
            7)
                said+=" agent"
                kill_agent || true
                ;;
            8)
                said+=" helper"
                kill_helper || true
                ;;
            9)
                said+=" package"
                install_version $((RANDOM % 2 + 1)) || true
                ;;
        esac
        if [ ! $exists ] && [ $((RANDOM % 2)) = 0 ]; then
            said+=" again"
            gone "$pod"
            pod "$pod" "$image"
            exists=yes crashes=0
        fi
    done
    echo "$1:$said" >>"$WORK/orders"
    if [ ! $exists ]; then
        gone "$pod"
        pod "$pod" "$image"
    fi
    wait_for 60 "order $1 ($said): the pod runs" equals "$image true" pod_field "$pod" '{.status.containerStatuses[0].image} {.status.containerStatuses[0].ready}'
    wait_for 20 "order $1 ($said): it says its value" says_a_value "$pod"

    value=$((value + 1))
    secret "$pod" $value
    before=$(restarts "$pod")
    # a value is as new as the agent's watch, no newer
    wait_for 30 "order $1 ($said): the agent knows the newest value" equals $value sh_node "cat /run/vks/pods/$(pod_field "$pod" '{.metadata.uid}')/files/seen/v"
    wait_for 60 "order $1 ($said): something runs" crash "$pod" # a crash of a moment ago may not be told yet, and has its back-off
    wait_for 60 "order $1 ($said): it is restarted" at_least $((before + 1)) restarts "$pod"
    wait_for 20 "order $1 ($said): the newest value, $value" equals $value last_value "$pod"
    wait_for 20 "order $1 ($said): its log is served" read_values "$pod"
    sort -n -c "$WORK/values-$pod" 2>/dev/null || fail "order $1 ($said): values went back: $(tr '\n' ' ' <"$WORK/values-$pod")"
    k delete pod "$pod" --wait=false >/dev/null
    gone "$pod" 30 || fail "order $1 ($said): the pod does not end"
    echo "$1" >>"$WORK/done"
}

# shellcheck disable=SC2016 # the node expands it
descriptors() { sh_node 'ls /proc/$(systemctl show -P MainPID vks-agent)/fd | wc -l'; }

test_whatever_the_order_values_are_new_and_nothing_is_left() {
    local number pids=() pid
    package 1
    package 2
    install_version 1
    for number in $(seq "$ORDERS"); do
        while [ ${#pids[@]} -ge 5 ]; do
            wait -n "${pids[@]}" || true
            for pid in "${!pids[@]}"; do kill -0 "${pids[$pid]}" 2>/dev/null || unset "pids[$pid]"; done
        done
        order "$number" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || true; done
    [ "$(wc -l <"$WORK/done")" = "$ORDERS" ] || fail "not all orders ended well; SEED=$SEED, and they were: $(cat "$WORK/orders")"
    assert_clean_node
    wait_for 30 "no directory is left" equals 0 sh_node 'ls -A /run/vks/pods | wc -l'
    wait_for 30 "no job is left" contains "No jobs" node systemctl list-jobs
    wait_for 10 "no process is left" equals 0 sh_node "pgrep -c -u vks-pod || true"
    node systemctl is-active -q vks-agent || fail "the agent"
    few_descriptors() { [ "$(descriptors)" -lt 40 ]; }
    wait_for 20 "the agent holds few descriptors" few_descriptors || fail "the agent holds $(descriptors) descriptors"
}

run_tests
rm -rf "$WORK"
