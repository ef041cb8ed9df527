#!/usr/bin/env bash
# The packages that tests/install looks at, made anew only when something has changed that is in them. They lie outside of
# the tree, each set in a directory named after what it was made of, and so does what they are made from, which is fetched
# once: tests have no network. Of the newest, as what the lock file names may be gone from the mirror by the time of a test.
#   this     what `make packages` makes, but compressed by gzip, which takes half the time
#   next     a higher version, for this machine, signed by a throw-away key; compressed by gzip, too
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/imds-probe
python=.venv/bin/python
export SOURCE_DATE_EPOCH=1760000000

mkdir -p "$cache/packages"
exec 9>"$cache/packages/lock"
flock 9  # another clone may be at the same

inputs=$("$python" packaging/build.py --newest --fetch-once)
key=$(
    {
        find packaging imds_probe systemd docs examples ./*.md LICENSE setup.cfg tests/install/packages.sh -type f ! -path '*__pycache__*' -print0
        xargs -d '\n' -I {} find {} -type f \( -name '*.deb' -o -name '*.whl' \) -print0 <<<"$inputs"
    } | sort -z | xargs -0 sha256sum | sed "s|$cache||" | sha256sum | cut -c1-32
)
packages=$cache/packages/$key
if [ ! -e "$packages/made" ]; then
    # Of former sets only what was used in the last days is kept: each is some 100 MB.
    find "$cache/packages" -mindepth 1 -maxdepth 1 -type d -mtime +2 -exec rm -rf {} +
    work=$(mktemp -d)
    export GNUPGHOME=$work/gnupg
    trap 'gpgconf --kill all; rm -rf "$work"' EXIT
    mkdir -m 700 "$GNUPGHOME"
    gpg --batch --quiet --passphrase '' --quick-generate-key 'Throw-away <throw@away.invalid>' rsa3072 sign never 9>&-
    gpg --batch --armor --export-secret-keys >"$work/key.asc" 9>&-
    "$python" packaging/build.py --newest --offline --out "$work/made/this" --compression gzip
    IMDS_PROBE_SIGNING_KEY=$work/key.asc "$python" packaging/build.py --newest --offline --out "$work/made/next" \
        --architecture "$(uname -m)" --version 99.0.0 --compression gzip
    gpg --batch --armor --export >"$work/made/key.pub"
    touch "$work/made/made"
    rm -rf "$packages"
    mv -T "$work/made" "$packages"
fi
touch "$packages"
echo "$packages" >.venv/.package-set  # this clone's: another one may be at another commit
