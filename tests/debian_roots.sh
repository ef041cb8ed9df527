#!/usr/bin/env bash
# Roots of Debian 11, 12 and 13 as debootstrap makes them, once: what package managers and os-release(5) keep, to read,
# and SUITE.tar, all of it, to install packages in; SUITE-systemd.tar has systemd besides, to be booted. They lie outside of
# the tree, for the next clone to find. With the argument "scheduled", trixie-scheduled.tar besides, which has cron and cloud-init.
set -euo pipefail
cache=${XDG_CACHE_HOME:-$HOME/.cache}/imds-probe/debian-roots
[ "$(id -u)" = 0 ] && sudo= || sudo=sudo
mkdir -p "$cache"

bootstrap() { # SUITE DIRECTORY OPTION...: DIRECTORY/root, and all of that in DIRECTORY/whole
    $sudo debootstrap --variant=minbase "${@:3}" "$1" "$2/root" >"$2/log" 2>&1 || { tail -n 5 "$2/log" >&2; return 1; }
    $sudo tar -C "$2/root" -c --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' . >"$2/whole"
}

make_root() { # SUITE
    local work
    work=$(mktemp -d)
    bootstrap "$1" "$work"
    mkdir "$work/kept"
    $sudo tar -C "$work/root" -c etc/os-release usr/lib/os-release var/lib/dpkg | tar -C "$work/kept" -x --no-same-owner
    [ -e "$cache/$1" ] || mv -T "$work/kept" "$cache/$1"
    mv "$work/whole" "$cache/$1.tar"
    $sudo rm -rf --one-file-system "$work"
}

make_bootable() { # SUITE NAME PACKAGES
    local work
    work=$(mktemp -d)
    bootstrap "$1" "$work" --include="systemd,systemd-sysv,dbus$3"
    mv "$work/whole" "$cache/$1-$2.tar"
    $sudo rm -rf --one-file-system "$work"
}

jobs=()
for suite in bullseye bookworm trixie; do
    [ -e "$cache/$suite/var/lib/dpkg/status" ] && [ -e "$cache/$suite.tar" ] || { make_root "$suite" & jobs+=($!); }
done
for suite in bullseye trixie; do
    [ -e "$cache/$suite-systemd.tar" ] || { make_bootable "$suite" systemd "" & jobs+=($!); }
done
if [ "${1:-}" = scheduled ] && [ ! -e "$cache/trixie-scheduled.tar" ]; then
    make_bootable trixie scheduled ,cron,cloud-init,python3-cffi-backend & jobs+=($!)
fi
for job in ${jobs[@]+"${jobs[@]}"}; do wait "$job"; done
