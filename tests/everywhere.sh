#!/usr/bin/env bash
# The suite three times: all of it on the oldest supported Python, and what these may make a difference to on the newest
# here, and with the lowest dependencies that setup.cfg allows. Nothing is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

environment() { # NAME INTERPRETER [CONSTRAINTS]: a virtual environment, made anew only when setup.cfg has changed
    local directory=.venv-$1 interpreter=$2 constraints=${3:-}
    if [ ! -e "$directory/.made" ] || [ setup.cfg -nt "$directory/.made" ]; then
        "$interpreter" -m venv --clear "$directory"
        "$directory/bin/python" -m pip install --quiet ${constraints:+--constraint "$constraints"} --editable '.[test]'
        touch "$directory/.made"
    fi
}

suite() { # TITLE ENVIRONMENT
    echo "== $1: $("$2/bin/python" --version), requests $("$2/bin/python" -c 'import requests; print(requests.__version__)')"
    "$2/bin/python" -m pytest -q "${@:3}"
}

oldest=$(tests/interpreter.sh oldest)
newest=$(tests/interpreter.sh newest)
lowest=$(mktemp)
trap 'rm -f "$lowest"' EXIT
# "name>=1.2" in install_requires becomes "name==1.2".
sed -n '/^install_requires/,/^$/ s/^ *\([A-Za-z0-9-]*\)>=\([0-9.]*\)$/\1==\2/p' setup.cfg >"$lowest"
# moto's boto3 goes with a botocore of its own number: told which, pip need not try a hundred others.
sed -i 's/^botocore==\(.*\)/&\nboto3==\1/' "$lowest"

# What is in a package is run by the interpreter inside, and templates by AWS: the Python here makes no difference to them.
packages=(tests/install tests/packaging)
# Nor do the versions of libraries to what uses none of them.
without=(install packaging net watch simulator render rules inventory/packages inventory/sdks collect/discovery
    lab/test_docker.py lab/test_containers.py lab/test_sdks.py lab/test_watch.py lab/test_watch_callers.py)
# The shorter parts run beside the first: tests of packages mostly wait for other programs. All are waited for, and all
# have to pass.
beside() {
    environment lowest "$oldest" "$lowest" &
    suite "packages and templates" .venv "${packages[@]}" "$@"
    wait "$!"
    suite "lowest dependencies" .venv-lowest "${without[@]/#/--ignore=tests/}" "$@"
}
said=$(mktemp)
set -m # each in a process group of its own, which can be interrupted as a whole: pytest then takes down what it has up
beside "$@" >"$said" 2>&1 &
running=$!
environment newest "$newest" &
preparing=$!
set +m
stop() {
    kill -INT -- "-$running" "-$preparing" 2>/dev/null || true
    wait
    rm -f "$lowest" "$said"
}
trap stop EXIT
suite "oldest Python" .venv "${packages[@]/#/--ignore=}" "$@"
wait "$running" || { cat "$said"; exit 1; }
cat "$said"
wait "$preparing"
suite "newest Python" .venv-newest "${packages[@]/#/--ignore=}" "$@"
