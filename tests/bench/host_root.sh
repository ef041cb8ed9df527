#!/usr/bin/env bash
# The root of a host of 300 packages, once: Debian 12 as its cloud images have it, with a web server, a database and AWS' own tools.
# It lies outside of the tree, for the next clone to find.
set -euo pipefail
cache=${XDG_CACHE_HOME:-$HOME/.cache}/imds-probe
[ "$(id -u)" = 0 ] && sudo= || sudo=sudo
[ ! -e "$cache/host-300.tar" ] || exit 0

# debootstrap takes no recommendations, and knows no virtual package: python3-cffi-backend is one's provider.
packages=(
    systemd systemd-sysv dbus udev libpam-systemd cron logrotate rsyslog openssh-server openssh-client sudo
    nginx-light postgresql python3 python3-requests python3-boto3 python3-apt python3-cffi-backend perl ruby awscli
    cloud-init amazon-ec2-utils cloud-guest-utils unattended-upgrades
    iproute2 nftables iputils-ping netbase ethtool chrony curl wget ca-certificates git rsync
    vim-tiny less man-db bash-completion file lsof uuid-runtime xz-utils locales
)
work=$(mktemp -d)
trap '$sudo rm -rf --one-file-system "$work"' EXIT
$sudo debootstrap --variant=minbase --include="$(IFS=,; echo "${packages[*]}")" bookworm "$work/root" >"$work/log" 2>&1 ||
    { tail -n 5 "$work/log" >&2; exit 1; }
installed=$(grep -c '^Status: install ok installed$' "$work/root/var/lib/dpkg/status")
[ "$installed" = 300 ] || { echo "$installed packages were installed, not 300" >&2; exit 1; }
mkdir -p "$cache"
$sudo tar -C "$work/root" -c --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' . >"$work/whole"
mv "$work/whole" "$cache/host-300.tar"
