#!/usr/bin/env bash
# What tests need, and the suite three times: all of it on the oldest supported Python, and what these may make a difference
# to on the newest here, and with the lowest dependencies that setup.cfg allows. Nothing is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

environment() { # NAME INTERPRETER [CONSTRAINTS]: a virtual environment, made anew where setup.cfg has changed since
    local directory=.venv-$1 interpreter=$2 constraints=${3:-}
    if [ ! -e "$directory/.made" ] || [ setup.cfg -nt "$directory/.made" ]; then
        "$interpreter" -m venv --clear "$directory"
        "$directory/bin/python" -m pip install --quiet ${constraints:+--constraint "$constraints"} --editable '.[test]'
        touch "$directory/.made"
    fi
}

suite() { # TITLE ENVIRONMENT [ARGUMENTS]
    echo "== $1: $("$2/bin/python" --version), botocore $("$2/bin/python" -c 'import botocore; print(botocore.__version__)')"
    "$2/bin/python" -m pytest -q "${@:3}"
}

without() { # PATH...: all other tests
    printf -- '--ignore=tests/%s\n' "$@"
}

# What is in a package is run by the interpreter inside, and templates by AWS: the Python here makes no difference to them.
packages=(install packaging truth)
# Nor do the versions of libraries to what uses none of them, or runs the whole program for what it does to a host.
any_dependencies=("${packages[@]}" lab net watch simulator render reading inventory/packages inventory/sdks
    inventory/containers system service rehearsal fuzz kept imds config catalog collect/test_sdk_search.py collect/test_container_reading.py
    collect/test_collector_faults.py collect/test_adding_a_collector.py ecosystems/test_adding_an_ecosystem.py
    commands/test_streams.py commands/test_demo.py sinks/test_delivery.py test_damage.py test_packages_decided.py
    test_patterns.py inventory/code/forms/test_lexing.py inventory/code/forms/test_shell.py)
# Nor a newer Python to what other programs have written, which engines and package managers of the oldest one's run do; to how
# far packets come; to what kills, hangs and hostile hosts cost, which the kernel and our own bounds decide.
not_of_python=(inventory/packages/test_real_roots.py inventory/packages/test_real_snapd.py collect/test_sdk_search.py
    collect/test_collector_faults.py collect/test_adding_a_collector.py ecosystems/test_adding_an_ecosystem.py
    sinks/test_delivery.py test_packages_decided.py test_patterns.py fuzz commands/test_streams.py test_damage.py rehearsal
    inventory/containers inventory/images net/obstacles watch/test_history_format.py watch/test_history_file.py
    watch/test_seals.py simulator/lab imds/test_parallel.py catalog/test_reading.py catalog/test_upstream.py)
# In the lab it runs what each command is for: what comes of a host, a network or a caller, the oldest one's run shows.
of_newest_in_lab=(test_run.py test_reporting.py test_options.py::test_the_hop_limit_is_in_the_report
    test_options.py::test_the_hop_limit_is_exact test_secrets.py::test_who_wants_all_has_it_from_both
    test_daemon.py::test_what_it_sees_is_kept_judged_and_handed_on
    test_daemon.py::test_what_was_called_before_it_began_is_handed_over
    test_daemon.py::test_systemd_hears_when_it_is_ready_alive_reloading_and_ending
    test_watch.py::test_a_line_a_call_and_a_summary
    test_watch.py::test_long_lived_ones_are_named_without_the_tracepoint_too
    test_watch_callers.py::test_what_falls_back_is_told_from_what_never_asks_for_a_token
    test_rehearse.py::test_a_command_with_all_kinds_of_clients
    test_rehearse.py::test_a_unit_that_starts_again_stays_in_and_nobody_beside_it_notices
    test_rehearse.py::test_asked_to_stop_it_takes_it_back_at_once)

roots() { tests/debian_roots.sh; }
zoo() { tests/sdk_zoo.sh; }
package_set() { tests/install/packages.sh; }

oldest_lab() { suite "oldest Python, in the lab" .venv tests/lab "$@"; }
oldest_inventory() { suite "oldest Python, inventory" .venv tests/inventory "$@"; }
oldest() { suite "oldest Python" .venv $(without lab inventory "${packages[@]}") "$@"; }
packaged() { suite "packages and templates" .venv "${packages[@]/#/tests/}" "$@"; }
newest_lab() { suite "newest Python, in the lab" .venv-newest "${of_newest_in_lab[@]/#/tests/lab/}" "$@"; }
newest() { suite "newest Python" .venv-newest $(without lab "${packages[@]}" "${not_of_python[@]}") "$@"; }
lowest() { suite "lowest dependencies" .venv-lowest $(without "${any_dependencies[@]}") "$@"; }

interpreters() { # what is passed on to the suite is of no concern here
    local lowest
    environment newest "$(tests/interpreter.sh newest)"
    lowest=$(mktemp)
    # "name>=1.2" in install_requires becomes "name==1.2".
    sed -n '/^install_requires/,/^$/ s/^ *\([A-Za-z0-9-]*\)>=\([0-9.]*\)$/\1==\2/p' setup.cfg >"$lowest"
    # moto's boto3 goes with a botocore of its own number: told which, pip need not try a hundred others.
    sed -i 's/^botocore==\(.*\)/&\nboto3==\1/' "$lowest"
    environment lowest "$(tests/interpreter.sh oldest)" "$lowest"
    rm "$lowest"
}

said=$(mktemp -d)
declare -A running=()
stop() { # whatever has not ended, when one has failed or we are interrupted: pytest then takes down what it has up
    local failed=$? process
    for process in "${!running[@]}"; do
        kill -INT -- "-$process" 2>/dev/null || true
    done
    wait
    [ "$failed" = 0 ] || for process in "${!running[@]}"; do cat "$said/${running[$process]}"; done
    rm -rf "$said"
}
trap stop EXIT

start() { # PART [ARGUMENTS]: in a process group, which can be interrupted as a whole
    set -m
    "$@" >"$said/$1" 2>&1 &
    set +m
    running[$!]=$1
}
one_has_ended() { # and has passed
    local ended part status=0
    wait -n -p ended || status=$?
    part=${running[$ended]}
    unset "running[$ended]"
    cat "$said/$part"
    return "$status"
}

# Before these parts, those must have ended: what is fetched and made for later parts comes in beside the first tests, and there is
# one lab at a time, as whoever traces connections sees those of all.
declare -A after=(
    [oldest_inventory]="roots zoo" [oldest_lab]=zoo [packaged]="roots zoo package_set"
    [newest]="interpreters roots zoo" [newest_lab]="interpreters zoo oldest_lab" [lowest]=interpreters
)
are_running() { # PART...: whether one of them is
    local part
    for part in "$@"; do
        [[ " ${running[*]} " != *" $part "* ]] || return 0
    done
    return 1
}

# One more at a time than there are cores, as much in each is waiting. All are waited for, and all have to pass.
for part in roots oldest zoo package_set interpreters oldest_inventory packaged oldest_lab newest newest_lab lowest; do
    while [ "${#running[@]}" -gt "$(nproc)" ] || are_running ${after[$part]:-}; do one_has_ended; done
    start "$part" "$@"
done
while [ "${#running[@]}" -gt 0 ]; do one_has_ended; done
