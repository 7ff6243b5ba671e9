# shellcheck shell=bash
# Where this machine gets its Debian packages from: the lab uses the same mirror and names none itself.

# Cloud images name a file that lists mirrors.
resolve_uri() { # URI
    case $1 in
    mirror+file:*)
        local file=${1#mirror+file:}
        awk '!/^#/ && NF { print $1; exit }' "${file%/}"
        ;;
    *) echo "$1" ;;
    esac
}

# The Debian that the machine is, where that is one the lab has nodes of; else the older of them.
machine_debian() {
    local codename
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    case $codename in
    bookworm | trixie) echo "$codename" ;;
    *) echo bookworm ;;
    esac
}

# One line each: URI SUITE, for Debian's own suites of a release: they lie where this machine has those of its own release from.
debian_mirrors() { # RELEASE
    local uri release component codename origin
    # shellcheck disable=SC2016 # for apt to replace
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(CODENAME) $(ORIGIN)' 'Created-By: Packages' |
        while read -r uri release component codename origin; do
            # Before the first apt-get update the last two are not known and stay unreplaced.
            [[ $codename =~ ^[a-z]+(-|$) ]] || codename=$release
            [[ $component == main && $codename =~ ^[a-z]+(-updates|-security)?$ ]] || continue
            # shellcheck disable=SC2016
            [[ $origin == Debian || $origin == '$(ORIGIN)' || -z $origin ]] || continue
            echo "$(resolve_uri "$uri") $1${BASH_REMATCH[1]}"
        done | sort -u
}

sources_list() { # deb|deb-src RELEASE
    debian_mirrors "$2" | awk -v kind="$1" '{ print kind, $1, $2, "main" }'
}

# The machine's proxy settings hold for the node as well: it shares the machine's network.
apt_proxies() {
    apt-config dump | grep -E '^Acquire::(http|https)::Proxy' || true
}
