#!/usr/bin/env bash
# The suite three times: all of it on the oldest supported Python, and what these may make a difference to on the newest
# here, and with the lowest dependencies that setup.cfg allows. Nothing is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

ready() { # NAME: whether its virtual environment is made, and setup.cfg has not changed since
    [ -e ".venv-$1/.made" ] && [ ! setup.cfg -nt ".venv-$1/.made" ]
}

environment() { # NAME INTERPRETER [CONSTRAINTS]: a virtual environment
    local directory=.venv-$1 interpreter=$2 constraints=${3:-}
    if ! ready "$1"; then
        "$interpreter" -m venv --clear "$directory"
        "$directory/bin/python" -m pip install --quiet ${constraints:+--constraint "$constraints"} --editable '.[test]'
        touch "$directory/.made"
    fi
}

suite() { # TITLE ENVIRONMENT
    echo "== $1: $("$2/bin/python" --version), botocore $("$2/bin/python" -c 'import botocore; print(botocore.__version__)')"
    "$2/bin/python" -m pytest -q "${@:3}"
}

oldest=$(tests/interpreter.sh oldest)
newest=$(tests/interpreter.sh newest)
lowest=$(mktemp)
said=$(mktemp)
stop() { # whatever has not ended, when one has failed or we are interrupted: pytest then takes down what it has up
    local failed=$? group
    for group in $(jobs -pr); do
        kill -INT -- "-$group" || true
    done
    wait
    [ "$failed" = 0 ] || cat "$said"
    rm -f "$lowest" "$said"
}
trap stop EXIT
# "name>=1.2" in install_requires becomes "name==1.2".
sed -n '/^install_requires/,/^$/ s/^ *\([A-Za-z0-9-]*\)>=\([0-9.]*\)$/\1==\2/p' setup.cfg >"$lowest"
# moto's boto3 goes with a botocore of its own number: told which, pip need not try a hundred others.
sed -i 's/^botocore==\(.*\)/&\nboto3==\1/' "$lowest"

# What is in a package is run by the interpreter inside, and templates by AWS: the Python here makes no difference to them.
packages=(tests/install tests/packaging tests/truth)
# Nor do the versions of libraries to what uses none of them.
without=(install packaging truth net watch simulator render inventory/packages inventory/sdks inventory/containers
    system service lab/test_docker.py lab/test_containers.py lab/test_sdks.py lab/test_daemon.py lab/test_watch.py
    lab/test_watch_callers.py)
# Nor a newer Python to what other programs have written: engines and package managers that the oldest one's run starts.
with_other_programs=(lab/test_docker.py inventory/packages/test_real_roots.py inventory/packages/test_real_snapd.py)

prepare() { # one after the other: each of them writes down what this project is
    environment lowest "$oldest" "$lowest"
    environment newest "$newest"
}
prepared() { # NAME: wait for it
    until ready "$1"; do
        kill -0 "$preparing" 2>/dev/null || ready "$1" || return 1
        sleep 1
    done
}
shorter() {
    suite "packages and templates" .venv "${packages[@]}" "$@"
    prepared lowest
    suite "lowest dependencies" .venv-lowest "${without[@]/#/--ignore=tests/}" "$@"
}
in_lab() {
    suite "newest Python, in the lab" .venv-newest tests/lab "${with_other_programs[@]/#/--ignore=tests/}" "$@"
}

# Two run at a time, as much in either is waiting. All are waited for, and all have to pass.
beside() { # COMMAND...: in a process group, which can be interrupted as a whole
    set -m
    "$@" >"$said" 2>&1 &
    running=$!
    set +m
}
finished() {
    wait "$running"
    cat "$said"
    : >"$said"
}
set -m
prepare &
preparing=$!
set +m
beside shorter "$@"
suite "oldest Python" .venv "${packages[@]/#/--ignore=}" "$@"
finished
prepared newest
beside in_lab "$@"
suite "newest Python" .venv-newest "${packages[@]/#/--ignore=}" --ignore=tests/lab \
    "${with_other_programs[@]/#/--ignore=tests/}" "$@"
finished
