#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs Debian packages for pods: install -- PACKAGE[=VERSION]...
# What it installs anew is neither started nor enabled, what was there before is left as it is. Run by the root helper through PID 1, in a unit of its
# own; what apt says goes to the journal of that unit, and the last line of a failure begins with "E: ".
set -eu
umask 022
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root
export DEBIAN_FRONTEND=noninteractive DEBIAN_PRIORITY=critical DEBCONF_NONINTERACTIVE_SEEN=true
export APT_LISTCHANGES_FRONTEND=none UCF_FORCE_CONFFOLD=1 NEEDRESTART_SUSPEND=1

state=/run/vks/install
archives=/var/cache/vks/archives
units=/run/systemd/system

fail() {
        echo "E: $*" >&2
        exit 1
}

apt() {
        apt-get -y -q --no-remove -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
                -o DPkg::Lock::Timeout=600 -o APT::Install-Recommends=0 -o APT::Install-Suggests=0 \
                -o APT::Get::Allow-Downgrades=1 -o Dir::Cache::Archives="$archives" "$@"
}

# A link to /dev/null in the place of each unit: neither started by its package, nor enabled. They are written down
# before they are made, so that a run that was killed leaves nothing for good.
unmask() {
        [ -e "$state/masked" ] || return 0
        while read -r unit; do
                if [ "$(readlink "$units/$unit")" = /dev/null ]; then
                        rm "$units/$unit"
                fi
        done <"$state/masked"
        rm "$state/masked"
        systemctl daemon-reload
}

# The units (and init scripts, which become units) in the downloaded packages that this machine does not have yet.
new_units() {
        for deb in "$archives"/*.deb; do
                [ -e "$deb" ] || continue
                dpkg-deb --fsys-tarfile "$deb" | tar -tf - |
                        sed -nE -e 's,^\./(usr/lib|lib|etc)/systemd/system/([A-Za-z0-9:_.@\\-]+\.(service|socket|timer|path))$,\2,p' \
                                -e 's,^\./etc/init\.d/([A-Za-z0-9:_.-]+)$,\1.service,p'
        done | sort -u | while read -r unit; do
                [ -e "/usr/lib/systemd/system/$unit" ] || [ -e "/lib/systemd/system/$unit" ] || [ -e "/etc/systemd/system/$unit" ] ||
                        [ -e "/etc/init.d/${unit%.service}" ] || [ -e "$units/$unit" ] || printf '%s\n' "$unit"
        done
}

if [ "${1:-}" != -- ] || [ $# -lt 2 ]; then
        fail "usage: install -- PACKAGE[=VERSION]..."
fi
shift
for package; do
        case $package in
        [!a-z0-9]* | *[!a-zA-Z0-9.+:~=-]* | *=*=*) fail "not a package: $package" ;;
        esac
done

mkdir -p "$state"
exec 9>"$state/lock"
flock 9
unmask
trap unmask EXIT
trap 'exit 1' HUP INT TERM

rm -rf "$archives"
mkdir -p "$archives/partial"
[ -z "$(dpkg --audit)" ] || dpkg --force-confdef --force-confold --configure -a
apt --download-only install -- "$@" || {
        # Lists may be missing or old.
        apt update
        apt --download-only install -- "$@"
}
new_units >"$state/masked.new"
mv "$state/masked.new" "$state/masked"
while read -r unit; do
        ln -s /dev/null "$units/$unit"
done <"$state/masked"
apt --no-download install -- "$@"
rm -rf "$archives"
