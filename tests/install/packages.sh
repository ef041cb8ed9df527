#!/usr/bin/env bash
# The packages that tests/install looks at, made anew only when something has changed that is in them. They lie outside of
# the tree, each set in a directory named after what it was made of, and so does what they are made from, which is fetched
# once: tests have no network.
#   this     what `make packages` makes
#   next     a higher version, for this machine, signed by a throw-away key; compressed by gzip, which is quick
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/imds-probe
python=.venv/bin/python
export SOURCE_DATE_EPOCH=1760000000

# Offline where what is needed was fetched already. Where it needs other packages than at that time, all is fetched again.
requirements=$(sed -n '/^install_requires/,/^$/p' setup.cfg; cat packaging/downloads.py packaging/wheel_index.py)
fetched=$cache/package-inputs/fetched-for
if [ "$(cat "$fetched" 2>/dev/null)" != "$(sha256sum <<<"$requirements")" ]; then
    "$python" packaging/build.py --fetch-only
    sha256sum <<<"$requirements" >"$fetched"
fi

key=$(
    {
        find packaging imds_probe systemd LICENSE setup.cfg tests/install/packages.sh -type f ! -path '*__pycache__*' -print0
        find "$cache/package-inputs" -type f \( -name '*.deb' -o -name '*.whl' \) -print0
    } | sort -z | xargs -0 sha256sum | sed "s|$cache||" | sha256sum | cut -c1-32
)
packages=$cache/packages/$key
if [ ! -e "$packages/made" ]; then
    # Of former sets only what was used in the last days is kept: each is some 100 MB.
    find "$cache/packages" -mindepth 1 -maxdepth 1 -mtime +2 -exec rm -rf {} + 2>/dev/null || true
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    export GNUPGHOME=$work/gnupg
    mkdir -m 700 "$GNUPGHOME"
    gpg --batch --quiet --passphrase '' --quick-generate-key 'Throw-away <throw@away.invalid>' rsa3072 sign never
    gpg --batch --armor --export-secret-keys >"$work/key.asc"
    "$python" packaging/build.py --offline --out "$work/made/this"
    IMDS_PROBE_SIGNING_KEY=$work/key.asc "$python" packaging/build.py --offline --out "$work/made/next" \
        --architecture "$(uname -m)" --version 99.0.0 --compression gzip
    gpg --batch --armor --export >"$work/made/key.pub"
    gpgconf --kill all
    touch "$work/made/made"
    mkdir -p "$cache/packages"
    rm -rf "$packages"
    mv -T "$work/made" "$packages"
fi
touch "$packages"
echo "$packages" >.venv/.package-set  # this clone's: another one may be at another commit
