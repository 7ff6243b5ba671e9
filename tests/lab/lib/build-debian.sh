# shellcheck shell=bash
# Kubernetes 1.20.2, the oldest release supported, from Debian 12's own source package, and the etcd beside it. Debian 12's Go compiles it, and
# neither that Go nor etcd is installed on this machine: their packages are fetched and unpacked here. So it is the same on any Debian, the
# machine needs no deb-src line, and nobody gets an etcd that starts with the machine.

DEBIAN_LOG=$BUILD_LOGS/debian.log
DEBIAN_ETCD=$VKS_CACHE/etcd/etcd
DEBIAN_TOOLS=(golang-1.19-go golang-1.19-src golang-github-modern-go-reflect2-dev)

debian_built() { [[ -e $VKS_CACHE/debian/complete && -x $DEBIAN_ETCD ]]; }

# A configuration of our own for apt: its lists are Debian 12's alone, and what the machine has installed, pinned or prefers does not count.
private_apt() {
    local dir=$VKS_CACHE/apt
    timeout 600 apt-get -q -o Acquire::Retries=5 -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o APT::Default-Release= \
        -o Dir::State::status="$dir/status" -o Dir::State::lists="$dir/lists" -o Dir::Cache="$dir" -o APT::Sandbox::User=root "$@"
}

private_apt_update() {
    local dir=$VKS_CACHE/apt
    mkdir -p "$dir/lists/partial" "$dir/archives/partial"
    : >"$dir/status"
    {
        sources_list deb-src bookworm
        sources_list deb bookworm
    } >"$dir/sources.list"
    if [[ ! -s $dir/sources.list ]]; then
        echo "this machine's apt has no source of Debian packages"
        return 1
    fi
    several_times private_apt update
}

# A previous download is used again (apt checks its hash).
debian_fetch() { # DOWNLOADS
    cd "$1" || return
    several_times private_apt source --download-only kubernetes
    several_times private_apt download "${DEBIAN_TOOLS[@]}"
}

unpack_package() { # DOWNLOADS PACKAGE DIR
    dpkg-deb -x "$(find "$1" -maxdepth 1 -name "$2_*.deb" | sort -V | tail -n 1)" "$3"
}

debian_unpack() { # DOWNLOADS DIR
    local dsc package source=$2/go/src/k8s.io/kubernetes reflect2=github.com/modern-go/reflect2
    dsc=$(find "$1" -maxdepth 1 -name 'kubernetes_*.dsc' | sort -V | tail -n 1)
    mkdir -p "${source%/*}" "$2/tools"
    dpkg-source --no-check -x "$dsc" "$source"
    for package in "${DEBIAN_TOOLS[@]}"; do
        unpack_package "$1" "$package" "$2/tools"
    done
    # The copy of reflect2 in the source is too old for Go 1.19, which moved what it reaches for: a map iteration
    # crashed once. Debian's package of it is not.
    rm -rf -- "$source/vendor/$reflect2"
    cp -rL "$2/tools/usr/share/gocode/src/$reflect2" "$source/vendor/$reflect2"
}

debian_go() { # DIR ARGUMENTS...
    cd "$1/go/src/k8s.io/kubernetes" || return
    with_debian_go "$1" go "${@:2}"
}

# The environment is this Go's alone: whatever Go the machine has and however that is set up, the outcome is the same.
with_debian_go() { # DIR COMMAND...
    local root=$1/tools/usr/lib/go-1.19
    timeout 7200 env -i HOME="$1" PATH="$root/bin:/usr/sbin:/usr/bin:/sbin:/bin" LC_ALL=C.UTF-8 GOROOT="$root" GO111MODULE=off \
        GOPATH="$1/go" GOCACHE="$VKS_CACHE/go-build" CGO_ENABLED=0 "${@:2}"
}

# This one generated file is not in the package: the API server does not compile without it.
debian_openapi() { # DIR
    local source=$1/go/src/k8s.io/kubernetes packages
    debian_go "$1" build -p 2 -trimpath -o "$1/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
    cd "$source" || return
    packages=$(
        grep -rl '+k8s:openapi-gen=' --include='*.go' pkg staging/src/k8s.io |
            grep -v -e /sample- -e /testdata/ -e /kube-openapi/ -e /code-generator/ |
            xargs -n 1 dirname | sort -u |
            sed 's,^staging/src/,k8s.io/kubernetes/vendor/,; s,^pkg/,k8s.io/kubernetes/pkg/,' | paste -sd,
    )
    with_debian_go "$1" "$1/openapi-gen" --logtostderr \
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
    debian_go "$1" build -p 2 -trimpath -ldflags "$flags" -o "$2/" \
        ./cmd/kube-apiserver ./cmd/kube-controller-manager ./cmd/kube-scheduler
}

etcd_unpack() { # DOWNLOADS NEW
    cd "$1" || return
    several_times private_apt download etcd-server
    unpack_package "$1" etcd-server "$2/tree"
    cp "$2/tree/usr/bin/etcd" "$2/"
    rm -rf -- "$2/tree"
    "$2/etcd" --version
}

etcd_make() {
    local new=$VKS_CACHE/etcd.new
    [[ ! -x $DEBIAN_ETCD ]] || return 0
    discard "$new"
    mkdir -p "$new" "$VKS_CACHE/download"
    step "$DEBIAN_LOG" "etcd: fetch and unpack" etcd_unpack "$VKS_CACHE/download" "$new"
    publish "$new" "$VKS_CACHE/etcd"
}

build_debian() {
    debian_built || locked "$VKS_CACHE/debian.lock" debian_make
}

debian_make() {
    local new=$VKS_CACHE/debian.new work=$VKS_CACHE/debian.work
    ! debian_built || return 0 # while this one waited for the lock
    need dpkg-source dpkg-deb
    step "$DEBIAN_LOG" "Debian 12: package lists" private_apt_update
    etcd_make
    ! debian_built || return 0 # but for etcd it was there
    discard "$new" "$work"
    mkdir -p "$new" "$work" "$VKS_CACHE/download"
    ABOUT=20 step "$DEBIAN_LOG" "kubernetes 1.20.2: fetch source and compiler" debian_fetch "$VKS_CACHE/download"
    step "$DEBIAN_LOG" "kubernetes 1.20.2: unpack" debian_unpack "$VKS_CACHE/download" "$work"
    ABOUT=30 step "$DEBIAN_LOG" "kubernetes 1.20.2: generate openapi" debian_openapi "$work"
    ABOUT=240 step "$DEBIAN_LOG" "kubernetes 1.20.2: compile" debian_compile "$work" "$new"
    discard "$work"
    touch "$new/complete"
    publish "$new" "$VKS_CACHE/debian"
}
