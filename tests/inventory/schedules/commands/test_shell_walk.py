"""Texts for a shell."""

from __future__ import annotations

from pathlib import Path

import pytest
from followed_commands import followed, names
from small_roots import SCRIPT, made

from imds_probe.inventory.schedules.commands import followed as reasons
from imds_probe.inventory.schedules.commands import walking
from imds_probe.inventory.schedules.commands.followed import Unfollowed

A, B = f"{SCRIPT}a\n", f"{SCRIPT}b\n"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("sh < /opt/parts/one", ["/opt/parts/one", "a"]),
        ("timeout 5 bash -s </opt/parts/one", ["-s", "a"]),
        (
            "a < /opt/parts/one; while read x; do b; done < /opt/parts/one; (a) < /opt/parts/one; exec < /opt/parts/one",
            ["a", "b"],
        ),
        ("cat /opt/parts/one | bash -s", ["/opt/parts/one", "a"]),
        ("cat /opt/parts/one | bash", ["/opt/parts/one", "a"]),
        ("echo /opt/parts/one | at now", ["/opt/parts/one", "a"]),
        ("echo b | sh", ["b"]),
        ("echo b; sh", ["sh"]),
        ("bash -s <<E\nb\nE\na", ["b", "a"]),
        ("sh <<< b", ["b"]),
        ("cat <<E | sh\nb\nE\n", ["b"]),
        ("ssh x bash -s <<E\nb\nE\n", []),
        ("ssh -p 2 localhost <<E\nb\nE\n", ["b"]),
        ("ssh me@127.0.0.1 bash -s <<E\ncd /opt/parts; ./one\nE\n", ["/opt/parts/one", "a"]),
        ("su - root <<E\n/opt/parts/one\nE\n", ["/opt/parts/one", "a"]),
        ("echo b | sudo su; cat /opt/parts/off | su", ["b", "/opt/parts/off"]),
        ("sudo -nHi <<E\nb\nE\n", ["b"]),
        ("sudo tee /etc/x <<E\nb\nE\n", []),
        ("cat > /opt/new <<E\n#!/bin/sh\na\nE\nchmod +x /opt/new; /opt/new", ["a"]),
        ("cd /opt; cat <<E >new\na\nE\nsh -e ./new; cd /; /opt/new", ["a"]),
        ("cat <<'E' | sudo tee -a /opt/new >/dev/null\nb\nE\n. /opt/new", ["b"]),
        ("tee /opt/new <<E\n#!/usr/bin/env python3\nimport x\nE\n/opt/new; a", ["python3", "a"]),
        ("cat > /opt/new <<E\n/opt/new\nE\n/opt/new", []),
        ("cat > /opt/parts/one <<E\nb\nE\n/opt/parts/one", ["/opt/parts/one", "a"]),
    ],
)
def test_what_is_written_for_a_shell_is_run(root: Path, command: str, expected: list[str]) -> None:
    assert names(followed(root, command)) == expected


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("python3 - x <<'E'\nimport $a\nE\n", ("-c", "import $a\n", "x")),
        ("A=json; python3 <<E\nimport $A\nE\n", ("-c", "import json\n")),
        ("timeout 5 python3 -u <<< 'import json'", ("-u", "-c", "import json")),
        ("echo 'import json' | python3", ("-c", "import json")),
        ("cat <<E | python3 -\nimport json\nE\n", ("-c", "import json\n")),
        ("cat /opt/x.py | python3 -", ("/opt/x.py",)),
        ("python3 - < /opt/x.py", ("/opt/x.py",)),
        ("python3 /opt/x.py <<E\nimport json\nE\n", ("/opt/x.py",)),
        ("python3 -m json.tool <<E\n{}\nE\n", ("-m", "json.tool")),
        ("a | python3 -", ("-",)),
        ("echo 'import json'\npython3 - < $X", ("",)),
    ],
)
def test_code_that_an_interpreter_reads_from_its_input(root: Path, command: str, arguments: tuple[str, ...]) -> None:
    (python,) = [each for each in followed(root, command).started if each.executable == "/usr/bin/python3"]
    assert python.arguments[1:] == arguments


def test_scripts_that_start_each_other_come_to_an_end(root: Path) -> None:
    scripts = {f"/opt/s{at}": f"{SCRIPT}/opt/s{at + 1}\n/opt/s{at}\n" for at in range(20)}
    found = followed(made(root, scripts), "/opt/s0")
    assert len(found.started) == walking.DEPTH_MAX + 1
    assert [each.why for each in found.unfollowed] == [reasons.TOO_DEEP]


def test_nested_substitutions_without_end_are_said(root: Path) -> None:
    found = followed(root, "a; " + "$(" * 200 + "b" + ")" * 200 + "; b")
    assert names(found) == ["a", "b"]
    assert "commands that stand in each other without end" in {each.why for each in found.unfollowed}


@pytest.mark.parametrize(
    ("command", "script", "files", "expected"),
    [
        ("/opt/x one", "/opt/jobs/$1/run\n", {"/opt/jobs/one/run": A}, ["/opt/jobs/one/run", "a"]),
        ("/opt/x one", "J=$1\ncd /opt/jobs/$J || exit\n./run\n", {"/opt/jobs/one/run": A}, ["/opt/jobs/one/run", "a"]),
        ("/opt/x /opt/y", 'p="$1"; shift\n"$p" "$@"\n', {"/opt/y": A}, ["/opt/y", "a"]),
        ("/opt/x", "/opt/jobs/${1:-one}\n", {"/opt/jobs/one": A}, ["/opt/jobs/one", "a"]),
        (
            "/opt/x one two",
            'for j in "$@"; do /opt/$j; done\n',
            {"/opt/one": A, "/opt/two": B},
            ["/opt/one", "a", "/opt/two", "b"],
        ),
        (
            "/opt/x",
            'J="one two"\nfor j in $J; do /opt/$j; done\n',
            {"/opt/one": A, "/opt/two": B},
            ["/opt/one", "a", "/opt/two", "b"],
        ),
        (
            "/opt/x",
            "for d in one two; do cd /opt/$d; ./run; done\n",
            {"/opt/one/run": A, "/opt/two/run": B},
            ["/opt/one/run", "a", "/opt/two/run", "b"],
        ),
        (
            "/opt/x -v one",
            'while [ $# -gt 0 ]; do\ncase "$1" in\n-v) shift;;\n*) break;;\nesac\ndone\n/opt/jobs/$1\n',
            {"/opt/jobs/one": A},
            ["/opt/jobs/one", "a"],
        ),
        ("/opt/x -e one", "while getopts e: o; do E=$OPTARG; done\n/opt/$E\n", {"/opt/one": A}, ["/opt/one", "a"]),
        (
            "/opt/x",
            "/opt/y one\n/opt/y two\n",
            {"/opt/y": f"{SCRIPT}$1\n/opt/$1\n", "/opt/one": A, "/opt/two": B},
            ["/opt/y", "/opt/one", "a", "/opt/y", "/opt/two", "b"],
        ),
        ("/opt/x", 'C=(\n a\n --foo\n)\nC+=(b)\n"${C[@]}"\n', {}, ["a"]),
        ("/opt/x", "timeout $T a\nenv $NONE b\n", {}, ["a", "b"]),
        ("/opt/x", "$SUDO a\n", {}, ["a"]),
        (
            "/opt/x",
            "for i in $(run-parts --list --regex '^[a-z]*$' /opt/parts); do . $i; done\n",
            {},
            ["/opt/parts/one", "a", "/opt/parts/off", "b", "/opt/parts/two.txt"],
        ),
        ("bash -c '\"$@\"' _ a", "", {}, []),
        # Functions.
        ("/opt/x", 'run() { echo "start $1"; "$@"; }\nrun a\n', {}, ["a"]),
        ("/opt/x", "job() {\n  local job=$1\n  /opt/${job}.sh\n}\njob one\n", {"/opt/one.sh": A}, ["/opt/one.sh", "a"]),
        ("/opt/x", 'retry() {\n  local n=$1; shift\n  until "$@"; do sleep 1; done\n}\nretry 3 a\n', {}, ["a"]),
        ("/opt/x one", 'f() { "$@"; }\nmain() { f /opt/$1; }\nmain "$@"\n', {"/opt/one": A}, ["/opt/one", "a"]),
        ("/opt/x", 'run() { eval "$@"; }\nrun a\n', {}, ["a"]),
        ("/opt/x", 'as() { su - app -c "$1"; }\nas "a; b"\n', {}, ["a", "b"]),
        ("/opt/x", ". /opt/lib\nrun a\n", {"/opt/lib": 'run() { nice "$@"; }\n'}, ["/opt/lib", "a"]),
        ("/opt/x go", "do_go() { ${1:-a}; }\ndo_$1\n", {}, ["a"]),
        ("/opt/x", 'D=$(cat /etc/d)\nrun_x() { "$1"; }\nrun_$D a\n', {}, ["a"]),
    ],
)
def test_a_script_and_a_function_run_what_they_are_given(
    root: Path, command: str, script: str, files: dict[str, str], expected: list[str]
) -> None:
    made(root, {"/opt/x": SCRIPT + script, **files}, executable=("/opt/x", *files))
    found = followed(root, command)
    assert names(found) == (["/opt/x", *expected] if command.startswith("/") else ["a"])
    assert [each.why for each in found.unfollowed] == []
    assert not any(each.perhaps for each in found.started)


@pytest.mark.parametrize(
    "script",
    [
        "while read -r j; do $j; done\n",
        "read\n$REPLY\n",
        'readarray -t J < <(b)\nfor j in "${J[@]}"; do $j; done\n',
        'printf -v J %s "$(b)"\n$J\n',
        'eval "$(b)"\n$J\n',
        "export $(b)\n$J\n",
        'J=$(b)\n[ -h "$J" ] && $J\n',
        'cd "$(b)"\nD=$(pwd)\n$D/x\n',
    ],
)
def test_what_may_have_been_set_is_not_known(root: Path, script: str) -> None:
    made(root, {"/opt/x": SCRIPT + script}, executable=("/opt/x",))
    assert Unfollowed(reasons.NO_NAME, "/opt/x") in followed(root, "/opt/x").unfollowed
