#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs Debian packages for pods: install -- PACKAGE[=VERSION | =URL[@sha256:HEX]]...
# A URL is that of a package file: https://..., or deb://... for http.
# What it installs anew is neither started nor enabled, what was there before is left as it is. Run by the root helper through PID 1, in a unit of its
# own; what apt says goes to the journal of that unit, and the last line of a failure begins with "E: ".
set -eu
umask 022
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root
export DEBIAN_FRONTEND=noninteractive DEBIAN_PRIORITY=critical DEBCONF_NONINTERACTIVE_SEEN=true
export APT_LISTCHANGES_FRONTEND=none UCF_FORCE_CONFFOLD=1 NEEDRESTART_SUSPEND=1

state=/run/vks/install
cache=/var/cache/vks
archives=$cache/archives # what apt downloads
files=$cache/files       # package files from URLs: root's alone
units=/run/systemd/system
file_max=1024            # MiB
fetch_seconds=900

fail() {
        printf 'E: %s\n' "$*" >&2
        exit 1
}

apt() {
        apt-get -y -q --no-remove -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
                -o DPkg::Lock::Timeout=600 -o APT::Get::Allow-Downgrades=1 -o Dir::Cache::Archives="$archives" "$@"
}

# A link to /dev/null in the place of each unit: neither started by its package, nor enabled. They are written down
# before they are made, so that a run that was killed leaves nothing for good.
unmask() {
        [ -s "$state/masked" ] || return 0
        while read -r unit; do
                if [ "$(readlink "$units/$unit")" = /dev/null ]; then
                        rm "$units/$unit"
                fi
                # what enables an init script are its links, which a mask does not keep its package from making
                if [ -e "/etc/init.d/${unit%.service}" ]; then
                        update-rc.d "${unit%.service}" disable || true
                fi
        done <"$state/masked"
        rm "$state/masked"
        systemctl daemon-reload
}

# Is there a package of that very name? Otherwise apt-get takes it for a regular expression, for what some other package provides, or, by a sign
# at its end, for "install" or "remove" of another one: packages that policy was not asked about.
known() {
        apt-cache pkgnames "$1" | grep -Fxq -e "$1"
}

# What apt does not copy since it is on this machine already: packages of file: sources.
local_packages() {
        if grep -qs file:/ /etc/apt/sources.list /etc/apt/sources.list.d/*; then
                apt --print-uris install -- "$@" | sed -nE "s,^'file:(/[^']*)' .*,\1,p"
        fi
}

# The units (and init scripts, which become units) in the packages on standard input that this machine does not have yet.
new_units() {
        while read -r deb; do
                dpkg-deb --fsys-tarfile "$deb" | tar --quoting-style=literal -tf - |
                        sed -nE -e 's,^\./(usr/lib|lib|etc)/systemd/system/([A-Za-z0-9:_.@\\-]+\.(service|socket|timer|path))$,\2,p' \
                                -e 's,^\./etc/init\.d/([A-Za-z0-9:_.-]+)$,\1.service,p'
        done | sort -u | while read -r unit; do
                [ -e "/usr/lib/systemd/system/$unit" ] || [ -e "/lib/systemd/system/$unit" ] || [ -e "/etc/systemd/system/$unit" ] ||
                        [ -e "/etc/init.d/${unit%.service}" ] || [ -e "$units/$unit" ] || printf '%s\n' "$unit"
        done
}

# NAME URL[@sha256:HEX]: into $files/NAME.deb. The network is apt's own method's, as apt's own user; what is checked and installed is a copy
# that nobody else can change. dpkg sees it when it is known to be what was asked for.
fetch() {
        url=${2%@sha256:*}
        file=$files/$1.deb
        case $url in
        deb://*) url=http://${url#deb://} ;;
        esac
        install -d -m 700 -o _apt "$cache/partial"
        (
                ulimit -f $((file_max * 2048)) # blocks of 512 bytes
                exec timeout "$fetch_seconds" /usr/lib/apt/apt-helper -o Acquire::Retries=2 download-file "$url" "$cache/partial/$1.deb"
        )
        cp "$cache/partial/$1.deb" "$file"
        rm -r "$cache/partial"
        sum=$(sha256sum <"$file")
        case $2 in
        *@sha256:*) [ "${2##*@sha256:}" = "${sum%% *}" ] || fail "$url: its sha256 is ${sum%% *}, not the one that was asked for" ;;
        esac
        name=$(dpkg-deb -f "$file" Package) version=$(dpkg-deb -f "$file" Version) arch=$(dpkg-deb -f "$file" Architecture)
        [ "$name" = "$1" ] || fail "$url: the package in it is called $name, not $1"
        case ${url##*/} in
        "$1_${version#*:}_"*) ;;
        *) fail "$url: the package in it has version $version, which its file name does not tell" ;;
        esac
        case $arch in
        all | "$(dpkg --print-architecture)") ;;
        *) fail "$url: the package in it is for architecture $arch, this machine is $(dpkg --print-architecture)" ;;
        esac
}

# Work that was interrupted is finished before anything else. Somebody else's that is under way looks the same, but for its lock. The masks of a
# run that was killed are still there, and what is configured now is not started either.
repair() {
        for seconds in $(seq 600); do
                if [ -z "$(dpkg --audit)" ] && [ -z "$(ls -A /var/lib/dpkg/updates)" ]; then
                        return 0
                fi
                words=$(dpkg --force-confdef --force-confold --configure -a 2>&1) || true
                printf '%s\n' "$words"
                case $words in
                *"locked by another process"*) [ "$seconds" -gt 1 ] || echo "Waiting for dpkg's lock: another installation is under way" ;;
                *) break ;;
                esac
                sleep 1
        done
        # Killed while unpacking: apt takes these for installed. What apt has no archive of was a file that is fetched again if it is still wanted.
        broken=$(dpkg-query -W -f '${db:Status-Eflag} ${Package}\n' | sed -n 's/^reinstreq //p')
        # shellcheck disable=SC2086 # names of packages
        [ -z "$broken" ] || apt --reinstall install -- $broken || dpkg --force-remove-reinstreq --remove $broken
}

if [ "${1:-}" != -- ] || [ $# -lt 2 ]; then
        fail "usage: install -- PACKAGE[=VERSION]..."
fi
shift
for package; do
        case $package in
        [!a-z0-9]* | *[!a-zA-Z0-9.+:~=/_@-]* | *=*=*) fail "not a package: $package" ;;
        esac
done

mkdir -p "$state"
exec 9>"$state/lock"
flock 9
trap unmask EXIT
trap 'exit 1' HUP INT TERM

rm -rf "$archives" "$files" "$cache/partial"
mkdir -p "$archives/partial"
mkdir -m 700 "$files"
repair || true # whether that is an obstacle, apt says
updated=
for package; do
        shift
        case $package in
        *://*)
                fetch "${package%%=*}" "${package#*=}"
                package=$files/${package%%=*}.deb
                ;;
        *)
                known "${package%%=*}" || [ -n "$updated" ] || { # lists may be missing or old
                        updated=yes
                        apt update || true
                }
                known "${package%%=*}" || fail "Unable to locate package ${package%%=*}"
                ;;
        esac
        set -- "$@" "$package"
done
apt --download-only install -- "$@" || {
        # Lists may be missing or old. One source that cannot be had is no reason not to look into the others.
        apt update || true
        apt --download-only install -- "$@"
}
{
        [ ! -e "$state/masked" ] || cat "$state/masked"
        {
                find "$archives" "$files" -maxdepth 1 -name '*.deb'
                local_packages "$@"
        } | new_units
} | sort -u >"$state/masked.new"
mv "$state/masked.new" "$state/masked"
while read -r unit; do
        [ -e "$units/$unit" ] || ln -s /dev/null "$units/$unit"
done <"$state/masked"
apt install -- "$@"
rm -rf "$archives" "$files"
