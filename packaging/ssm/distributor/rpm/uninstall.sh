#!/bin/sh
# Run by the SSM agent as root, by `sh`. What was seen of callers stays: the agent also runs this before each update that is
# not in place. It ends with 0 or 1, see install.sh.

PATH=${PATH:+$PATH:}/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL

if ! rpm --query imds-probe >/dev/null 2>&1; then
    echo "imds-probe is not installed"
    exit 0
fi
if ! rpm --erase imds-probe </dev/null; then
    echo "imds-probe was not removed" >&2
    exit 1
fi
echo "Removed. Kept: /var/lib/imds-probe, and edited settings as /etc/imds-probe/imds-probe.toml.rpmsave."
