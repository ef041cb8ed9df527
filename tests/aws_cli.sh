#!/usr/bin/env bash
# The AWS CLI of PyPI, once, with all that it needs beside it: printed commands are held to it. It lies outside of the tree, for
# the next clone to find.
set -euo pipefail
cache=${XDG_CACHE_HOME:-$HOME/.cache}/imds-probe
version=1.44.0  # what it has to know is listed by tests/packaging/test_real_aws_cli.py: a newer one knows it, too
mkdir -p "$cache"
exec 9>"$cache/aws-cli.lock"
flock 9  # another clone may be at the same
if [ ! -e "$cache/aws-cli/made" ]; then
    work=$(mktemp -d "$cache/aws-cli.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    "$(dirname "$0")/../.venv/bin/python" -m pip install --quiet --target "$work" "awscli>=$version"
    touch "$work/made"
    rm -rf "$cache/aws-cli"
    mv -T "$work" "$cache/aws-cli"
    chmod 755 "$cache/aws-cli"
fi
