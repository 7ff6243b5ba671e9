#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs Debian packages for pods: install -- PACKAGE[=VERSION | =URL[@sha256:HEX]]...
# A URL is that of a package file: https://..., or deb://... for http.
# What it installs anew is neither started nor enabled, what was there before is left as it is. Run by the root helper through PID 1, in a unit of its
# own; what apt says goes to the journal of that unit, and the last line of a failure begins with "E: ". Behind every run, however it ended, PID 1
# runs `install --end`.
# A script for another package manager takes the same words, and keeps what apt is told to keep here: nothing is removed, what the administrator has
# changed stays, locks of others are waited for and told of ("Waiting for ..."), what an earlier run left half-done is finished first, and $record and
# $made are written.
set -eu
umask 022
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root
export DEBIAN_FRONTEND=noninteractive DEBIAN_PRIORITY=critical DEBCONF_NONINTERACTIVE_SEEN=true
export APT_LISTCHANGES_FRONTEND=none UCF_FORCE_CONFFOLD=1 NEEDRESTART_SUSPEND=1

state=/run/vks/install
cache=/var/cache/vks
archives=$cache/archives # what apt downloads
files=$cache/files       # package files from URLs: root's alone
record=/var/lib/vks/installed # of packages that came from a URL: the file's sha256, and which list of files dpkg made of it
made=/var/lib/vks/units # of packages whose scripts make units: the paths of these
relatives=/var/lib/vks/relatives # of packages without a daemon: who may have it
units=/run/systemd/system.control
resolver=/etc/resolv.conf # a resolver's package puts a link in its place, which leads nowhere without the resolver's service, at the next boot
file_max=1024            # MiB
fetch_seconds=900

fail() {
        printf 'E: %s\n' "$*" >&2
        exit 1
}

apt() {
        apt-get -y -q --no-remove -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
                -o DPkg::Lock::Timeout=600 -o APT::Get::Allow-Downgrades=1 -o Dir::Cache::Archives="$archives" \
                -o DPkg::Pre-Install-Pkgs::="$0 --packages" "$@"
}

# Is there work of dpkg's that was interrupted, or is under way?
unfinished() {
        [ -n "$(dpkg --audit)" ] || [ -n "$(ls -A /var/lib/dpkg/updates)" ]
}

# What a unit that is new is for PID 1 until the end: something that starts, stops and reloads well, does nothing and cannot be enabled. It stands where
# it goes before every other file of that name, be that in /etc. A mask (a link to /dev/null) would be an error to scripts that start their unit.
stand_in() { # UNIT
        printf '[Unit]\nDescription=%s, neither started nor enabled: installed for pods\n' "$1"
        case $1 in
        *.service) printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\nExecReload=/bin/true\n' ;;
        *.socket) printf 'ConditionPathExists=!/\n[Socket]\nListenStream=%s/none\n' "$state" ;;
        *.timer) printf 'ConditionPathExists=!/\n[Timer]\nOnActiveSec=1y\n' ;;
        *.path) printf 'ConditionPathExists=!/\n[Path]\nPathExists=%s/none\n' "$state" ;;
        esac
}

# The units are written down before they get their stand-ins, so that a run that was killed leaves nothing for good. What runs has been somebody's wish
# since it was written down.
mask() {
        mkdir -p "$units"
        while read -r unit package; do
                [ -e "$units/$unit" ] || systemctl -q is-active -- "$unit" 2>/dev/null || stand_in "$unit" >"$units/$unit"
        done <"$state/masked"
}

# Writes down a unit that a package's script has made: dpkg knows nothing of it, and it is the package's all the same.
note_unit() { # UNIT PACKAGE
        for dir in /etc /usr/lib /lib; do
                path=$dir/systemd/system/$1
                [ -f "$path" ] || continue
                if [ ! -L "$path" ] && ! grep -qsFx -e "$path" -e "${path#/usr}" -e "/usr$path" /var/lib/dpkg/info/*.list; then
                        mkdir -p "$made"
                        grep -qsFx -e "$path" "$made/$2" || printf '%s\n' "$path" >>"$made/$2"
                fi
                return 0
        done
}

# What is not there as a stand-in is not touched: it may have become the administrator's since.
unmask() {
        if [ -e "$state/resolver" ] && [ -L "$resolver" ]; then
                rm "$resolver" && cp -p "$state/resolver" "$resolver"
        fi
        rm -f "$state/resolver"
        [ -s "$state/masked" ] || return 0
        : >"$state/units"
        while read -r unit package; do
                [ -e "$units/$unit" ] || continue
                printf '%s\n' "$unit" >>"$state/units"
                note_unit "$unit" "$package"
        done <"$state/masked"
        # what depends on one of them (a daemon of the machine's own that was upgraded, too) goes on
        sed 's/@\./@*./' "$state/units" | xargs -rd '\n' systemctl stop --job-mode=ignore-dependencies -- || true
        # what enables an init script are its links; and those that a script has made without asking systemctl
        find /etc/systemd/system -type l -printf '%p\n%l\n' | while read -r link && read -r target; do
                if [ "${link%/*}" != /etc/systemd/system ] || [ "${link##*/}" != "${target##*/}" ]; then
                        ! grep -Fxq -e "${target##*/}" "$state/units" || rm "$link"
                fi
        done
        while read -r unit; do
                rm -f "$units/$unit"
                for link in /usr/lib/systemd/system/*.wants/"$unit" /usr/lib/systemd/system/*.requires/"$unit"; do # of the package's own: they count but where /etc says otherwise
                        [ -L "$link" ] || continue
                        link=/etc${link#/usr/lib}
                        mkdir -p "${link%/*}"
                        ln -sfn /dev/null "$link"
                done
                if [ -e "/etc/init.d/${unit%.service}" ]; then
                        update-rc.d "${unit%.service}" disable || true
                fi
        done <"$state/units"
        rm "$state/units"
        systemctl daemon-reload
}

finish() { # RESULT
        unmask || true
        if [ "$1" = success ] || ! unfinished; then
                rm -f "$state/masked"
        fi
}

# Those of the packages whose candidate is installed, as NAME=VERSION. Asking takes no lock. What apt knows as installed for some other package's sake
# is left out: it has to be told that it is wanted now, or it would go with that one.
newest() { # PACKAGE...
        # shellcheck disable=SC2016 # dpkg's, not the shell's
        apt-cache policy -- "$@" 2>/dev/null |
                awk '/^[^ ]/ { name = substr($1, 1, length($1) - 1) } $1 == "Installed:" { is = $2 } $1 == "Candidate:" && $2 == is { print name, is }' |
                while read -r name is; do
                        [ "$(dpkg-query -W -f '${db:Status-Status} ${Version}' "$name" 2>/dev/null)" != "installed $is" ] ||
                                [ -n "$(apt-mark showauto "$name")" ] || printf '%s=%s\n' "$name" "$is"
                done
}

# Of a package all of whose services its own timers and paths start: the packages of its source that depend on it, one of which may have the daemon
# (spamassassin: spamd). Whether it is wanted, the agent decides, and policy when it is asked for.
note_relatives() { # PACKAGE
        own=$(dpkg-query -L "$1" 2>/dev/null | sed -nE 's,^(/usr)?/lib/systemd/system/([^/]+)$,\2,p')
        services=$(printf '%s\n' "$own" | sed -n 's/\.service$//p')
        [ -n "$services" ] || return 0
        for service in $services; do
                printf '%s\n' "$own" | grep -Fxq -e "$service.timer" -e "$service.path" || return 0
        done
        mkdir -p "$relatives"
        # shellcheck disable=SC2016 # dpkg's, not the shell's
        apt-cache rdepends -- "$1" | sed -n 's/^  |\{0,1\}//p' | sort -u | xargs -rd '\n' apt-cache show --no-all-versions -- |
                awk -v name="$1" -v source="$(dpkg-query -W -f '${source:Package}' "$1")" '
                        function entry() { if (from == source && depends ~ "[ ,]" name "[ ,(:]") print package }
                        $1 == "Package:" { entry(); package = from = $2; depends = "" }
                        $1 == "Source:" { from = $2 }
                        $1 == "Depends:" { depends = $0 "," }
                        END { entry() }' >"$relatives/$1.$$"
        mv "$relatives/$1.$$" "$relatives/$1"
}

# Is there a package of that very name? Otherwise apt-get takes it for a regular expression, for what some other package provides, or, by a sign
# at its end, for "install" or "remove" of another one: packages that policy was not asked about.
known() {
        apt-cache pkgnames "$1" | grep -Fxq -e "$1"
}

# Why a name is not known, for whoever wrote it: where it is virtual, what provides it.
unknown() {
        by=$(apt-cache showpkg -- "$1" 2>/dev/null | sed -e '1,/^Reverse Provides:/d' -e 's/ .*//' | sort -u | head -n 9 | paste -sd, | sed 's/,/, /g') || by=
        fail "Unable to locate package $1${by:+: it is a virtual package, which others provide; name one of them ($by)}"
}

# Is the package installed, and does a service of it run? Then it is the machine's own, and what its new version adds is as Debian has it.
is_machines_own() { # PACKAGE
        dpkg-query -L "$1" 2>/dev/null | sed -nE -e 's,^(/usr)?/lib/systemd/system/([^@/]+\.(service|socket|timer|path))$,\2,p' -e 's,^/etc/init\.d/(.+)$,\1.service,p' |
                xargs -rd '\n' systemctl is-active -- 2>/dev/null | grep -Fxq active
}

# The units that a package file may bring, and init scripts, which become units: what lies anywhere in it under the name of a unit, for scripts that put
# it into its place themselves, and what these scripts name, for those that write it there (under the package's name, where a variable has it). The names in
# it begin with "./" where dpkg-deb(1) has made it, and need not elsewhere.
units_of() { # FILE PACKAGE
        dpkg-deb --fsys-tarfile "$1" | tar --quoting-style=literal -tf - |
                sed -nE -e '/\/(dbus-1|systemd\/user)\//d' -e 's,^(.*/)?([A-Za-z0-9:_.@\\-]+\.(service|socket|timer|path|target))$,\2,p' \
                        -e 's,^(\./)?etc/init\.d/([A-Za-z0-9:_.-]+)$,\2.service,p'
        scripts=$(dpkg-deb --ctrl-tarfile "$1" | tar --wildcards -xOf - './p*inst' 'p*inst' 2>/dev/null | tr -d '\000') || true
        printf '%s\n' "$scripts" | grep -oE '[A-Za-z0-9:_@\\-][A-Za-z0-9:_.@\\-]*\.(service|socket|timer|path|target)\b' || true
        case $scripts in
        *systemd/system*) printf '%s.service\n' "$2" ;;
        esac
}

# Is there such a unit on this machine, or the template of which it is an instance?
is_there() { # UNIT
        for name in "$1" "${1%@*}@.${1##*.}"; do
                for dir in /etc/systemd/system "$units" /run/systemd/system /run/systemd/generator /run/systemd/generator.late /usr/lib/systemd/system; do
                        [ ! -e "$dir/$name" ] || return 0
                done
        done
        [ -e "/lib/systemd/system/$1" ] || [ -e "/etc/init.d/${1%.service}" ]
}

# Does the package have that unit already, and is it neither enabled nor running? An earlier run has left it so, or somebody who does not want it to run.
is_idle() { # UNIT PACKAGE
        { dpkg-query -L "$2" && cat "$made/$2"; } 2>/dev/null | grep -Fxq -e "/usr/lib/systemd/system/$1" -e "/lib/systemd/system/$1" -e "/etc/systemd/system/$1" &&
                [ "$(systemctl is-enabled -- "$1" 2>/dev/null)" = disabled ]
}

# Those in the packages on standard input that this machine does not have yet, or that are idle: their scripts would start them.
new_units() {
        while read -r deb; do
                package=$(dpkg-deb -f "$deb" Package)
                is_machines_own "$package" || units_of "$deb" "$package" | sed "s/\$/ $package/"
        done | sort -u | while read -r unit package; do
                is_there "$unit" && ! is_idle "$unit" "$package" || printf '%s %s\n' "$unit" "$package"
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
        sum=$(sha256sum <"$file") sum=${sum%% *}
        case $2 in
        *@sha256:*) [ "${2##*@sha256:}" = "$sum" ] || fail "$url: its sha256 is $sum, not the one that was asked for" ;;
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

# What stands in the record of a package that is installed from a file with that sha256. dpkg writes the list of a package's files anew whenever it
# unpacks it, so a record from before that is void.
record_of() { # NAME SHA256
        list=/var/lib/dpkg/info/$1.list
        [ -e "$list" ] || list=/var/lib/dpkg/info/$1:$(dpkg --print-architecture).list
        [ ! -e "$list" ] || printf '%s %s\n' "$2" "$(stat -c %.9Y "$list")"
}

# Work that was interrupted is finished before anything else. Somebody else's that is under way looks the same, but for its lock. What the run that was
# killed had masked is masked again meanwhile: what is configured now is not started either.
repair() {
        if unfinished; then
                [ ! -e "$state/masked" ] || mask
        else
                unmask
                rm -f "$state/masked"
                return 0
        fi
        for seconds in $(seq 600); do
                unfinished || return 0
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

# $again: files of the version that is installed, which is no news to apt, but are not what was installed.
transaction() { # OPTION_OF_APT_OR_NOTHING PACKAGE...
        option=$1
        shift
        # shellcheck disable=SC2086 # names of files without blanks
        { [ -z "$again" ] || apt $option --reinstall install -- $again; } && apt $option install -- "$@"
}

mkdir -p "$state"
if [ "${1:-}" = --packages ]; then
        # By apt, when it has dpkg's lock and before it runs dpkg, with the names of all package files: what is new is what is new now.
        {
                [ ! -e "$state/masked" ] || cat "$state/masked"
                new_units
        } | sort -u >"$state/masked.new"
        mv "$state/masked.new" "$state/masked"
        [ ! -f "$resolver" ] || [ -L "$resolver" ] || [ -e "$state/resolver" ] || cp -p "$resolver" "$state/resolver"
        mask
        exit 0
fi
exec 9>"$state/lock"
if [ "${1:-}" = --end ]; then
        flock -n 9 || exit 0 # the next one has begun already, and what was masked is its business now
        finish "${SERVICE_RESULT:-}"
        exit 0
fi
if [ "${1:-}" != -- ] || [ $# -lt 2 ]; then
        fail "usage: install -- PACKAGE[=VERSION]..."
fi
shift
for package; do
        case $package in
        [!a-z0-9]* | *[!a-zA-Z0-9.+:~=/_@-]* | *=*=*) fail "not a package: $package" ;;
        esac
done

# Everything from here on takes turns, but for what is the newest already.
for package in $(newest "$@"); do
        note_relatives "${package%=*}" || true
        echo "${package%=*} is already the newest version (${package#*=})."
        for other; do
                shift
                [ "$other" = "${package%=*}" ] || set -- "$@" "$other"
        done
done
[ $# -gt 0 ] || exit 0
flock -n 9 || {
        echo "Waiting for the turn: another installation is under way"
        flock 9
}
# A package that is installed has its units noted before anybody else can have the lock, also when another one has failed. Whoever failed has had the last word.
trap 'if [ $? -eq 0 ]; then finish success; else finish failed >/dev/null 2>&1; fi' EXIT
rm -rf "$archives" "$files" "$cache/partial"
mkdir -p "$archives/partial"
mkdir -m 700 "$files"
mkdir -p "$record"
repair || true # whether that is an obstacle, apt says
again='' fetched='' updated=''
for package; do
        shift
        case $package in
        *://*)
                fetch "${package%%=*}" "${package#*=}"
                package=$files/$name.deb
                fetched="$fetched $name:$sum"
                if [ "$(dpkg-query -W -f '${db:Status-Status} ${Version}' "$name" 2>/dev/null)" = "installed $version" ] &&
                        [ "$(cat "$record/$name" 2>/dev/null)" != "$(record_of "$name" "$sum")" ]; then
                        again="$again $package"
                fi
                ;;
        *)
                known "${package%%=*}" || [ -n "$updated" ] || { # lists may be missing or old
                        updated=yes
                        apt update || true
                }
                known "${package%%=*}" || unknown "${package%%=*}"
                ;;
        esac
        set -- "$@" "$package"
done
transaction --download-only "$@" || {
        # Lists may be missing or old. One source that cannot be had is no reason not to look into the others.
        apt update || true
        transaction --download-only "$@"
}
transaction "" "$@"
for package; do
        note_relatives "${package%%=*}" || true
done
for package in $fetched; do
        record_of "${package%:*}" "${package#*:}" >"$record/${package%:*}"
done
rm -rf "$archives" "$files"
