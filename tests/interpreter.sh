#!/bin/sh
# Print the path of a Python that imds-probe runs on: `interpreter.sh oldest` (3.11 where there is one) or `newest`.
# Looks at what PATH offers, and at what pyenv keeps where somebody uses it.
set -eu
versions="3.11 3.12 3.13 3.14"
[ "${1:-}" = newest ] && versions="3.14 3.13 3.12 3.11"
for version in $versions; do
    candidates="python$version"
    if command -v pyenv >/dev/null 2>&1; then
        for directory in "$(pyenv root)/versions/$version".*; do
            candidates="$candidates $directory/bin/python$version"
        done
    fi
    for candidate in $candidates; do
        # A name on PATH can be a shim that leads nowhere: only one that runs, and can make environments, counts.
        if path=$("$candidate" -c 'import ensurepip, sys; print(sys.executable)' 2>/dev/null); then
            echo "$path"
            exit 0
        fi
    done
done
echo "no Python 3.11 or newer with venv was found: apt-get install python3 python3-venv" >&2
exit 1
