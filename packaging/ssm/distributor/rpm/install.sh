#!/bin/sh
# Run by the SSM agent as root, by `sh`, in the directory of the unpacked zip. Nothing is fetched: rpm has all in one file,
# where dnf, yum and zypper would first ask their repositories. rpm itself waits for whoever has its database locked.
# The same installs, upgrades, downgrades and repairs. It ends with 0 or 1, as the agent takes some other codes for orders.

# The agent's environment may be bare.
PATH=${PATH:+$PATH:}/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL

cd "$(dirname "$0")" || exit 1

if ! rpm --upgrade --oldpackage --replacepkgs ./imds-probe-*.rpm </dev/null; then
    echo "imds-probe was not installed" >&2
    exit 1
fi
rpm --query imds-probe || exit 1
