# shellcheck shell=bash
# The newest stable Kubernetes that the machine's Go builds, from Go modules (tests/lab/current).

CURRENT_LOG=$BUILD_LOGS/current.log
CURRENT_SOURCE=$LAB_DIR/current

# The version is written in go.mod and nowhere else.
current_version() { awk '$1 == "k8s.io/kubernetes" { print $2; exit }' "$CURRENT_SOURCE/go.mod"; }

# An older build does not count once go.mod has moved on.
current_built() {
    [[ -e $VKS_CACHE/current/complete && $(<"$VKS_CACHE/current/complete") == "$(current_version)" ]]
}

# sudo forgets PATH, and Go's own archive unpacks to /usr/local.
current_go() {
    command -v go || { [[ -x /usr/local/go/bin/go ]] && echo /usr/local/go/bin/go; }
}

# Exit 3: no fault of the project's; who calls says that the current release was not tried.
not_here() {
    echo "lab: the current Kubernetes cannot be built here: $*" >&2
    exit 3
}

current_needs_go() {
    local go have want
    go=$(current_go) || not_here "there is no Go"
    have=$(cd / && GOTOOLCHAIN=local "$go" env GOVERSION)
    have=${have#go}
    want=$(awk '$1 == "go" { print $2; exit }' "$CURRENT_SOURCE/go.mod")
    [[ $(printf '%s\n%s\n' "$want" "${have%%[!0-9.]*}" | sort -V | head -n 1) == "$want" ]] ||
        not_here "it wants Go $want, this machine has $have"
}

# nice: a build of some minutes on all cores, while others may be testing.
run_go() {
    cd "$CURRENT_SOURCE" || return
    timeout 2400 nice env CGO_ENABLED=0 GO111MODULE=on GOWORK=off GOTOOLCHAIN=local GOFLAGS=-modcacherw \
        GOCACHE="$VKS_CACHE/go-build" GOMODCACHE="$VKS_CACHE/go-mod" "$(current_go)" "$@"
}

current_fetch() {
    local rc=0
    several_times run_go mod download >"$CURRENT_LOG.fetch" 2>&1 || rc=$? # what it has is not fetched again
    cat "$CURRENT_LOG.fetch"
    ((rc != 0)) || return 0
    # Reached, but not what go.sum says: that is a fault.
    ! grep -q -e 'checksum mismatch' -e 'SECURITY ERROR' "$CURRENT_LOG.fetch" || return 1
    return 3
}

# What Kubernetes' own Makefile links in.
version_flags() {
    local version minor package flags="-s -w"
    version=$(current_version)
    minor=${version#v1.}
    minor=${minor%%.*}
    for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
        flags+=" -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=$minor"
    done
    echo "$flags"
}

current_compile() { # OUT
    run_go build -p 2 -trimpath -ldflags "$(version_flags)" -o "$1/control-plane" .
    "$1/control-plane" kube-apiserver --version
}

build_current() {
    current_built || locked "$VKS_CACHE/current.lock" current_make
}

current_make() {
    local new=$VKS_CACHE/current.new version
    ! current_built || return 0 # while this one waited for the lock
    version=$(current_version)
    current_needs_go
    discard "$new"
    mkdir -p "$new" "$BUILD_LOGS"
    ABOUT=60 try step "$CURRENT_LOG" "kubernetes $version: fetch the modules" current_fetch
    ((TRIED != 3)) || not_here "its Go modules cannot be reached"
    ((TRIED == 0)) || exit "$TRIED"
    ABOUT=360 step "$CURRENT_LOG" "kubernetes $version: compile" current_compile "$new"
    echo "$version" >"$new/complete"
    publish "$new" "$VKS_CACHE/current"
}
