#!/usr/bin/env bash
# What looks for faults of accessibility in a page, from npm; fetched once, outside of the tree.
set -euo pipefail
version=4.11.0
cache=${XDG_CACHE_HOME:-$HOME/.cache}/imds-probe/axe-core-$version
[ -e "$cache/axe.min.js" ] && exit
mkdir -p "$(dirname "$cache")"
work=$(mktemp -d "$cache.XXXXXX")
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "axe-core@$version" >/dev/null && tar -xzf axe-core-*.tgz --strip-components 1 package/axe.min.js)
[ -s "$work/axe.min.js" ]
rm -rf "$cache"
mv "$work" "$cache"
