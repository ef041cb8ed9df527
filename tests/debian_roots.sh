#!/usr/bin/env bash
# Roots of Debian 11, 12 and 13 as debootstrap makes them, once: what package managers and os-release(5) keep, to read,
# and SUITE.tar, all of it, to install packages in. They lie outside of the tree, for the next clone to find.
set -euo pipefail
cache=${XDG_CACHE_HOME:-$HOME/.cache}/imds-probe/debian-roots
[ "$(id -u)" = 0 ] && sudo= || sudo=sudo
mkdir -p "$cache"

make_root() { # SUITE
    local work
    work=$(mktemp -d)
    $sudo debootstrap --variant=minbase "$1" "$work/root" >"$work/log" 2>&1 || { tail -n 5 "$work/log" >&2; return 1; }
    $sudo tar -C "$work/root" -c --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' . >"$work/whole"
    mkdir "$work/kept"
    $sudo tar -C "$work/root" -c etc/os-release usr/lib/os-release var/lib/dpkg | tar -C "$work/kept" -x --no-same-owner
    [ -e "$cache/$1" ] || mv -T "$work/kept" "$cache/$1"
    mv "$work/whole" "$cache/$1.tar"
    $sudo rm -rf --one-file-system "$work"
}

jobs=()
for suite in bullseye bookworm trixie; do
    [ -e "$cache/$suite/var/lib/dpkg/status" ] && [ -e "$cache/$suite.tar" ] || { make_root "$suite" & jobs+=($!); }
done
for job in ${jobs[@]+"${jobs[@]}"}; do wait "$job"; done
