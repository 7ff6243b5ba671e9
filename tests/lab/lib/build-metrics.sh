# shellcheck shell=bash
# The metrics-server of clusters (kubectl top, autoscaling), from Go modules (tests/lab/metrics).

METRICS_SOURCE=$LAB_DIR/metrics
metrics_version() { awk '$1 == "require" && $2 == "sigs.k8s.io/metrics-server" { print $3; exit }' "$METRICS_SOURCE/go.mod"; }
METRICS=$VKS_CACHE/metrics-server-$(metrics_version)

metrics_built() { [[ -e $METRICS/complete ]]; }

metrics_compile() { # OUT
    run_go build -p 2 -trimpath -ldflags "-s -w" -o "$1/" sigs.k8s.io/metrics-server/cmd/metrics-server
    "$1/metrics-server" --version
}

build_metrics() {
    metrics_built || locked "$METRICS.lock" metrics_make
}

metrics_make() {
    local new=$METRICS.new
    ! metrics_built || return 0 # while this one waited for the lock
    # From here on: the same steps as for the control plane, with another module.
    # shellcheck disable=SC2034 # theirs
    local CURRENT_SOURCE=$METRICS_SOURCE CURRENT_LOG=$BUILD_LOGS/metrics.log
    current_needs_go
    discard "$new"
    mkdir -p "$new" "$BUILD_LOGS"
    ABOUT=60 try step "$CURRENT_LOG" "metrics-server $(metrics_version): fetch the modules" current_fetch
    ((TRIED != 3)) || not_here "the Go modules of metrics-server cannot be reached"
    ((TRIED == 0)) || exit "$TRIED"
    ABOUT=240 step "$CURRENT_LOG" "metrics-server $(metrics_version): compile" metrics_compile "$new"
    touch "$new/complete"
    publish "$new" "$METRICS"
}
