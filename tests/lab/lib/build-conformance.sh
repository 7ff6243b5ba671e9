# shellcheck shell=bash
# Kubernetes' own end-to-end suite for the release that build-current.sh builds, and the programs that its pods ask for, from Go modules (tests/conformance).

CONFORMANCE_SOURCE=$LAB_DIR/../conformance
CONFORMANCE=$VKS_CACHE/conformance-$(current_version)

conformance_built() { [[ -e $CONFORMANCE/complete ]]; }

conformance_compile() { # OUT
    local module
    # The suite skips specs by the version that it believes it is of.
    run_go build -p 2 -trimpath -ldflags "-s -w" -o "$1/" github.com/onsi/ginkgo/v2/ginkgo k8s.io/kubernetes/test/images/agnhost k8s.io/kubernetes/test/images/nonewprivs
    run_go test -p 2 -vet=off -c -trimpath -ldflags "$(version_flags)" -o "$1/e2e.test" k8s.io/kubernetes/test/e2e
    # What the image of agnhost has beside its program.
    module=$(run_go list -m -f '{{.Dir}}' k8s.io/kubernetes)
    install -m 644 "$module"/test/images/agnhost/porter/localhost.crt "$module"/test/images/agnhost/porter/localhost.key "$1/"
    "$1/e2e.test" --version
}

build_conformance() {
    conformance_built || locked "$CONFORMANCE.lock" conformance_make
}

conformance_make() {
    local new=$CONFORMANCE.new version suite
    ! conformance_built || return 0 # while this one waited for the lock
    version=$(current_version)
    suite=$(CURRENT_SOURCE=$CONFORMANCE_SOURCE current_version)
    [[ $suite == "$version" ]] || fail "tests/conformance/go.mod is of $suite, tests/lab/current/go.mod of $version"
    # From here on: the same steps as for the control plane, with another module.
    # shellcheck disable=SC2034 # theirs
    local CURRENT_SOURCE=$CONFORMANCE_SOURCE CURRENT_LOG=$BUILD_LOGS/conformance.log
    current_needs_go
    discard "$new"
    mkdir -p "$new" "$BUILD_LOGS"
    ABOUT=60 try step "$CURRENT_LOG" "kubernetes $version, the suite: fetch the modules" current_fetch
    ((TRIED != 3)) || not_here "the Go modules of its suite cannot be reached"
    ((TRIED == 0)) || exit "$TRIED"
    ABOUT=600 step "$CURRENT_LOG" "kubernetes $version, the suite: compile" conformance_compile "$new"
    touch "$new/complete"
    publish "$new" "$CONFORMANCE"
}
