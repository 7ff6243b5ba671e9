# shellcheck shell=bash
# The project's package for another Debian than the machine's: built in a tree of that release that has what building wants.

BUILDER=$NODE_CACHE-builder
PROJECT=$(cd "$LAB_DIR/../.." && pwd)

builder_make() { # TREE
    mkdir -p "$1/root/vks/debian"
    cp "$PROJECT/packaging/debian/control" "$1/root/vks/debian/"
    in_tree "$1" apt-get -q -y --no-install-recommends install dpkg-dev fakeroot
    in_tree "$1" apt-get -q -y --no-install-recommends build-dep /root/vks
    in_tree "$1" apt-get clean
}

builder_run() { # TREE OUT
    rm -rf -- "$1/root/vks"
    mkdir -p "$1/root/vks"
    tar -C "$PROJECT" -c Makefile agent common helper packaging policy proto | tar -C "$1/root/vks" -x --no-same-owner
    in_tree "$1" /root/vks/packaging/build-deb /root/vks/build
    mkdir -p "$2"
    cp "$1"/root/vks/build/vks*.deb "$2/"
}

build_deb() {
    build_node
    locked "$BUILDER.lock" builder_build
}

builder_build() {
    local new=$BUILDER.new
    # What building wants may have become more.
    if ! cmp -s "$PROJECT/packaging/debian/control" "$BUILDER/control"; then
        discard "$new"
        mkdir -p "$new"
        step "$NODE_LOG" "package: a tree to build for $DEBIAN in" cp -a "$NODE_TREE" "$new/tree"
        ABOUT=40 step "$NODE_LOG" "package: what building wants" builder_make "$new/tree"
        cp "$PROJECT/packaging/debian/control" "$new/control"
        publish "$new" "$BUILDER"
    fi
    ABOUT=30 step "$NODE_LOG" "package: for $DEBIAN" builder_run "$BUILDER/tree" "$PROJECT/build/$DEBIAN"
}
