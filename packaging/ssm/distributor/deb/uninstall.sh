#!/bin/sh
# Run by the SSM agent as root, by `sh`. It removes and does not purge: the agent also runs it before each update that is not
# in place, and what was seen of callers in two weeks must outlive that. It ends with 0 or 1, see install.sh.

PATH=${PATH:+$PATH:}/usr/sbin:/usr/bin:/sbin:/bin
DEBIAN_FRONTEND=noninteractive
LC_ALL=C
export PATH DEBIAN_FRONTEND LC_ALL

case $(dpkg-query --show --showformat='${db:Status-Status}' imds-probe 2>/dev/null) in
"" | not-installed | config-files)
    echo "imds-probe is not installed"
    exit 0
    ;;
esac

attempt=1
until said=$(dpkg --remove imds-probe 2>&1 </dev/null); do
    case $said in
    *" lock"*) ;;
    *) attempt=150 ;;
    esac
    if [ "$attempt" -ge 150 ]; then
        printf '%s\n' "$said" "imds-probe was not removed" >&2
        exit 1
    fi
    attempt=$((attempt + 1))
    sleep 2
done
printf '%s\n' "$said" "Kept: /etc/imds-probe and /var/lib/imds-probe. dpkg --purge imds-probe removes them as well."
