#!/bin/sh
# Run by the SSM agent as root, by `sh`, in the directory of the unpacked zip. Nothing is fetched: dpkg has all in one file.
# The same installs, upgrades, downgrades and repairs. It ends with 0 or 1, as the agent takes some other codes for orders.

# The agent's environment may be bare; dpkg wants the programs of sbin.
PATH=${PATH:+$PATH:}/usr/sbin:/usr/bin:/sbin:/bin
DEBIAN_FRONTEND=noninteractive
LC_ALL=C
export PATH DEBIAN_FRONTEND LC_ALL

cd "$(dirname "$0")" || exit 1

# A host that has just booted upgrades itself: dpkg does not wait for another one, so this does, for up to five minutes.
attempt=1
until said=$(dpkg --force-confdef --force-confold --install ./imds-probe_*.deb 2>&1 </dev/null); do
    case $said in
    *" lock"*) ;;
    *) attempt=150 ;;
    esac
    if [ "$attempt" -ge 150 ]; then
        printf '%s\n' "$said" "imds-probe was not installed" >&2
        exit 1
    fi
    attempt=$((attempt + 1))
    sleep 2
done
printf '%s\n' "$said"
