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

shorter() {
    environment lowest "$oldest" "$lowest" &
    suite "packages and templates" .venv "${packages[@]}" "$@"
    wait "$!"
    suite "lowest dependencies" .venv-lowest "${without[@]/#/--ignore=tests/}" "$@"
}
in_lab() {
    suite "newest Python, in the lab" .venv-newest tests/lab "$@"
}

# Two run at a time, as much in either is waiting. All are waited for, and all have to pass.
said=$(mktemp)
beside() { # COMMAND...: in a process group, which can be interrupted as a whole: pytest then takes down what it has up
    set -m
    "$@" >"$said" 2>&1 &
    running=$!
    set +m
}
finished() {
    wait "$running" || { cat "$said"; exit 1; }
    cat "$said"
}
stop() {
    local group
    for group in $(jobs -pr); do
        kill -INT -- "-$group" || true
    done
    wait
    rm -f "$lowest" "$said"
}
set -m
environment newest "$newest" &
preparing=$!
set +m
beside shorter "$@"
trap stop EXIT
suite "oldest Python" .venv "${packages[@]/#/--ignore=}" "$@"
finished
wait "$preparing"
beside in_lab "$@"
suite "newest Python" .venv-newest "${packages[@]/#/--ignore=}" --ignore=tests/lab "$@"
finished
