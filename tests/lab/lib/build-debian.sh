# shellcheck shell=bash
# Kubernetes 1.20.2, the oldest release supported, from Debian's own source package.

DEBIAN_LOG=$BUILD_LOGS/debian.log
DEBIAN_GO=/usr/lib/go-1.19/bin/go

debian_built() { [[ -e $VKS_CACHE/debian/complete ]]; }

# A configuration of our own for apt, so that the machine needs no deb-src line and its lists stay as they are.
private_apt() {
    local dir=$VKS_CACHE/apt
    timeout 600 apt-get -q -o Acquire::Retries=5 -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$dir/lists" -o Dir::Cache="$dir" -o APT::Sandbox::User=root "$@"
}

debian_fetch() { # DIR
    local dir=$VKS_CACHE/apt
    mkdir -p "$dir/lists/partial" "$dir/archives/partial"
    sources_list deb-src >"$dir/sources.list"
    if [[ ! -s $dir/sources.list ]]; then
        echo "this machine's apt has no source of Debian bookworm packages"
        return 1
    fi
    cd "$1" || return
    # A previous download is used again (apt checks its hash).
    several_times private_apt update
    several_times private_apt source --download-only kubernetes
}

debian_unpack() { # DOWNLOADS DIR
    local dsc
    dsc=$(find "$1" -name 'kubernetes_*.dsc' | sort | tail -n 1)
    mkdir -p "$2/go/src/k8s.io"
    dpkg-source --no-check -x "$dsc" "$2/go/src/k8s.io/kubernetes"
    # The copy of reflect2 in the source is too old for Go 1.19, which moved what it reaches for: a map iteration
    # crashed once. Debian's package of it is not.
    local vendored=$2/go/src/k8s.io/kubernetes/vendor/github.com/modern-go/reflect2
    local packaged=/usr/share/gocode/src/github.com/modern-go/reflect2
    rm -rf -- "$vendored"
    cp -rL "$packaged" "$vendored"
}

debian_go() { # DIR ARGUMENTS...
    local gopath=$1/go
    shift
    cd "$gopath/src/k8s.io/kubernetes" || return
    timeout 1800 env -u GOFLAGS -u GOROOT GO111MODULE=off GOPATH="$gopath" GOCACHE="$VKS_CACHE/go-build" \
        CGO_ENABLED=0 "$DEBIAN_GO" "$@"
}

# This one generated file is not in the package: the API server does not compile without it.
debian_openapi() { # DIR
    local source=$1/go/src/k8s.io/kubernetes packages
    debian_go "$1" build -p 2 -o "$1/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
    cd "$source" || return
    packages=$(
        grep -rl '+k8s:openapi-gen=' --include='*.go' pkg staging/src/k8s.io |
            grep -v -e /sample- -e /testdata/ -e /kube-openapi/ -e /code-generator/ |
            xargs -n 1 dirname | sort -u |
            sed 's,^staging/src/,k8s.io/kubernetes/vendor/,; s,^pkg/,k8s.io/kubernetes/pkg/,' | paste -sd,
    )
    GO111MODULE=off GOPATH=$1/go GOCACHE=$VKS_CACHE/go-build PATH=${DEBIAN_GO%/*}:$PATH \
        timeout 900 env -u GOFLAGS -u GOROOT "$1/openapi-gen" --logtostderr \
        --input-dirs "$packages" --output-package k8s.io/kubernetes/pkg/generated/openapi \
        --output-file-base zz_generated.openapi --output-base "$1/go/src" \
        --go-header-file vendor/k8s.io/code-generator/hack/boilerplate.go.txt --report-filename "$1/violations"
}

debian_compile() { # DIR OUT
    local version=k8s.io/component-base/version client=k8s.io/client-go/pkg/version flags="-s -w" package
    for package in "$version" "$client" "k8s.io/kubernetes/vendor/$version" "k8s.io/kubernetes/vendor/$client"; do
        flags+=" -X $package.gitVersion=v1.20.2 -X $package.gitMajor=1 -X $package.gitMinor=20"
    done
    mkdir -p "$2"
    debian_go "$1" build -p 2 -ldflags "$flags" -o "$2/" \
        ./cmd/kube-apiserver ./cmd/kube-controller-manager ./cmd/kube-scheduler
}

build_debian() {
    local new=$VKS_CACHE/debian.new work=$VKS_CACHE/debian.work
    ! debian_built || return 0
    lock "$VKS_CACHE/lock"
    ! debian_built || return 0
    need dpkg-source
    [[ -x $DEBIAN_GO && -d /usr/share/gocode/src/github.com/modern-go/reflect2 ]] ||
        fail "the packages golang-1.19-go and golang-github-modern-go-reflect2-dev are wanted for Kubernetes 1.20.2"
    rm -rf -- "$new" "$work"
    mkdir -p "$new" "$work" "$VKS_CACHE/download"
    step "$DEBIAN_LOG" "kubernetes 1.20.2: fetch the source" debian_fetch "$VKS_CACHE/download"
    step "$DEBIAN_LOG" "kubernetes 1.20.2: unpack" debian_unpack "$VKS_CACHE/download" "$work"
    step "$DEBIAN_LOG" "kubernetes 1.20.2: generate openapi" debian_openapi "$work"
    step "$DEBIAN_LOG" "kubernetes 1.20.2: compile" debian_compile "$work" "$new"
    rm -rf -- "$work"
    touch "$new/complete"
    publish "$new" "$VKS_CACHE/debian"
}
