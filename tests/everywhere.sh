#!/usr/bin/env bash
# What tests need, and the suite: all of it on the oldest supported Python with the lowest dependencies that setup.cfg allows, and
# what these may make a difference to on the newest of both. Nothing is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
# Tests start Python some thousand times: what is compiled once is kept, whatever the shell around this says.
unset PYTHONDONTWRITEBYTECODE

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

labs() { # NAME...: their paths below tests
    printf 'lab/test_%s.py\n' "$@"
}

# What is in a package is run by the interpreter inside, and templates by AWS: the Python and the libraries here make no
# difference to them.
packages=(install packaging truth)
# What starts the program again and again. It comes beside the other tests.
programs=(collect commands aws fuzz)
# What waits for sockets, disks and the kernel: a part of its own, so that no single one is left at the end.
waiting=(imds net reading rehearsal service simulator sinks system watch)
# Whoever traces connections sees those of all labs: while one of these runs, no other lab does.
watching=(daemon endurance watch watch_apart watch_callers framing docker docker_rehearse secrets rehearsed rehearse host_rehearse)
# The others are two parts, which run beside each other.
others=(distances silence containers killed image schedules run)
# To a newer Python it makes no difference what other programs have written, which engines and package managers of the oldest
# one's run do, and whether CloudFormation takes our templates; how far packets come; what kills, hangs and hostile hosts cost, which
# the kernel and our own bounds decide; what follows from facts, as rules are pure functions of plain values; what a browser makes of
# a page; how pages are worded, and whether their commands run; how our code is structured; what the tests' own tools do. The demo
# is a lab's run, and of_newest_in_lab has that.
not_of_python=(inventory/packages/test_real_roots.py inventory/packages/test_real_snapd.py collect/test_sdk_search.py
    collect/test_collector_faults.py collect/test_adding_a_collector.py ecosystems/test_adding_an_ecosystem.py
    ecosystems/orders/test_dpkg.py sinks/test_delivery.py sinks/test_s3_faults.py test_packages_decided.py test_patterns.py fuzz
    commands/test_streams.py commands/test_demo.py test_damage.py rehearsal inventory/containers inventory/images net/obstacles
    watch/test_history_format.py watch/test_history_file.py watch/test_seals.py simulator/lab imds/test_parallel.py
    catalog/test_reading.py catalog/test_upstream.py catalog/test_every_row.py rules test_verdict.py render/test_in_browser.py
    test_prose.py test_docs_commands.py test_examples.py switch/test_options.py test_structure.py test_structure_of_reads.py
    test_structure_of_tests.py test_aws_server.py test_arm64_machine.py test_conftest.py test_virtual_machine.py)
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
aws_cli() { tests/aws_cli.sh; }
axe() { tests/axe.sh; }
package_set() { tests/install/packages.sh; }
lint() { make lint; }
newest_environment() { environment newest "$(tests/interpreter.sh newest)"; }
lowest_environment() {
    local lowest
    lowest=$(mktemp)
    # "name>=1.2" in install_requires becomes "name==1.2".
    sed -n '/^install_requires/,/^$/ s/^ *\([A-Za-z0-9-]*\)>=\([0-9.]*\)$/\1==\2/p' setup.cfg >"$lowest"
    # moto's boto3 goes with a botocore of its own number: told which, pip need not try a hundred others.
    sed -i 's/^botocore==\(.*\)/&\nboto3==\1/' "$lowest"
    environment lowest "$(tests/interpreter.sh oldest)" "$lowest"
    rm "$lowest"
}

lowest() { suite "oldest Python, lowest libraries: $1" .venv-lowest "${@:2}"; }
inventory() { lowest inventory tests/inventory "$@"; }
programs() { lowest programs "${programs[@]/#/tests/}" "$@"; }
waiting() { lowest "what waits" "${waiting[@]/#/tests/}" "$@"; }
the_rest() { lowest "the rest" $(without lab inventory "${packages[@]}" "${programs[@]}" "${waiting[@]}") "$@"; }
lab_watching() { lowest "labs that watch" $(labs "${watching[@]}" | sed 's,^,tests/,') "$@"; }
lab_others() { lowest "other labs" $(labs "${others[@]}" | sed 's,^,tests/,') "$@"; }
lab_the_rest() { lowest "all other labs" tests/lab $(without $(labs "${watching[@]}" "${others[@]}")) "$@"; }
packaged() { suite "packages and templates" .venv "${packages[@]/#/tests/}" "$@"; }
newest() { suite "newest Python and libraries" .venv-newest $(without lab "${packages[@]}" "${not_of_python[@]}") "$@"; }
newest_lab() { suite "newest Python and libraries, in the lab" .venv-newest "${of_newest_in_lab[@]/#/tests/lab/}" "$@"; }

said=$(mktemp -d)
declare -A running=() ended=()
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
    local process part status=0
    wait -n -p process || status=$?
    part=${running[$process]}
    unset "running[$process]"
    ended[$part]=yes
    cat "$said/$part"
    return "$status"
}

# Before these parts, those must have ended.
declare -A after=(
    [inventory]="lowest_environment roots zoo" [programs]="lowest_environment zoo" [the_rest]="lowest_environment roots zoo axe"
    [waiting]="lowest_environment roots zoo"
    [packaged]="roots zoo aws_cli package_set" [lab_watching]="lowest_environment zoo" [newest]="newest_environment roots zoo"
    [newest_lab]="newest_environment zoo lab_watching" [lab_others]=newest_lab [lab_the_rest]=newest_lab
)
is_due() { # PART
    local before
    for before in ${after[$1]:-}; do
        [ "${ended[$before]:-}" = yes ] || return 1
    done
}

# Two more at a time than there are cores, as much in each is waiting. All are waited for, and all have to pass.
# The longest come first, and labs, of which some wait for others, as early as they may.
parts=(lowest_environment zoo newest_environment roots lint package_set aws_cli axe lab_watching packaged newest waiting newest_lab
    lab_others lab_the_rest programs the_rest inventory)
while [ "${#parts[@]}" -gt 0 ]; do
    next=
    if [ "${#running[@]}" -lt "$(($(nproc) + 2))" ]; then
        for index in "${!parts[@]}"; do
            if is_due "${parts[index]}"; then
                next=${parts[index]}
                unset "parts[index]"
                break
            fi
        done
    fi
    if [ -n "$next" ]; then start "$next" "$@"; else one_has_ended; fi
done
while [ "${#running[@]}" -gt 0 ]; do one_has_ended; done
