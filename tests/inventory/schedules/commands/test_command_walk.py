from __future__ import annotations

import json
from pathlib import Path

import pytest
from followed_commands import ELF, followed, names
from small_roots import SCRIPT, made

from imds_probe.inventory.schedules.commands import followed as reasons
from imds_probe.inventory.schedules.commands.followed import Unfollowed
from imds_probe.inventory.schedules.commands.programs import READ, READ_SOME

A = f"{SCRIPT}a\n"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("for f in /opt/parts/*; do [ -x $f ] && $f; done", ["/opt/parts/one", "a", "/opt/parts/two.txt", "b"]),
        ('for f in /opt/parts/*.txt; do sh "$f"; done', ["/opt/parts/two.txt", "b"]),
        ("for part in one two.txt; do /opt/parts/$part; done", ["/opt/parts/one", "a", "/opt/parts/two.txt", "b"]),
        ("find /opt/parts -name 'o*' -exec {} \\;", ["/opt/parts/one", "a"]),
        ("find /opt -name 'o?e' -exec timeout 5 {} \\;", ["/opt/parts/one", "a"]),
        ("cd /opt; find . -name two.txt -exec sh {} +", ["/opt/parts/two.txt", "b"]),
        ("for d in /opt/*s; do $d/one; done", ["/opt/parts/one", "a"]),
        ("sh /opt/*/two.txt", ["/opt/parts/two.txt", "b"]),
        ("git -c 'credential.helper=!/opt/parts/one $@' clone x", ["/opt/parts/one", "a"]),
        ("git config --global credential.https://x.helper '!/opt/parts/one'", ["/opt/parts/one", "a"]),
        ("git config --global user.name /opt/parts/one", []),
        ("run-one /opt/parts/one", ["/opt/parts/one", "a", "run-one"]),
        ("tmux new-session -d '/opt/parts/one -v'", ["/opt/parts/one", "a"]),
        ("env -i /opt/unknown.sh /opt/parts/one", []),
        ("parallel /opt/parts/one", []),
        ("a /opt/parts/one", ["a"]),
        ("/opt/wrap /opt/parts/one", ["/opt/parts/one", "a", "/opt/wrap"]),
        ("find /opt/parts/one -mtime +3 -delete", ["find"]),
        ("start-stop-daemon --stop --exec /opt/parts/one", []),
        ("rm -f /opt/parts/one; cp /opt/parts/one /tmp/", []),
        ("python3 /opt/parts/one /opt/parts/two.txt", ["python3"]),
        ("ssh localhost 'cd /opt; parts/one'; ssh x b", ["/opt/parts/one", "a"]),
        ("screen -dmS x sh -c '/opt/parts/one; exec sh'", ["/opt/parts/one", "a", "sh"]),
        ("screen -dm 'a; b'; watch -n 5 a -x", ["a", "b", "a"]),
        ("tmux new -ds x -c /opt 'parts/one; b'", ["/opt/parts/one", "a", "b"]),
        (
            "script -qc 'a; b' /dev/null; run-one bash -lc 'cd /opt; parts/one'",
            ["a", "b", "/opt/parts/one", "a", "run-one"],
        ),
        ("busybox sh -c a; busybox sh /opt/parts/off", ["a", "/opt/parts/off", "b"]),
        ("uv run /opt/x.py; uv run ./y.py", ["python3", "python3"]),
        ('a -d \'{"x":1,"y":2}\'', ["a"]),
    ],
)
def test_what_is_handed_on_or_stands_for_several(root: Path, command: str, expected: list[str]) -> None:
    assert names(followed(root, command)) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("/usr/bin/a", "x"), ["a"]),
        ("a && b", ["a", "b"]),
        ("test -x /usr/bin/a || { cd / && b; }", ["b"]),
        ("cd /opt/app && ./run.sh x", ["/opt/app/run.sh", "/opt/app/common.sh", "a", "python3"]),
        (("sh", "-c", "a; b"), ["a", "b"]),
        ("bash -lc 'a'", ["a"]),
        ("bash -euo pipefail -c 'a'", ["a"]),
        ("timeout 5 env A=b nice sh -c 'timeout 1 a'", ["a"]),
        ("x=$(a) ; b `a`", ["a", "b"]),
        ("run-parts /opt/parts", ["/opt/parts/one", "a"]),
        ("cd / && run-parts --report /etc/cron.daily", []),
        ("eval 'a;' b", ["a", "b"]),
        ("trap 'a' EXIT; b", ["a", "b"]),
        (". /opt/app/common.sh; $APP/run.sh", ["/opt/app/common.sh", "a", "/opt/app/run.sh", "python3"]),
        ("export D=/usr/bin; $D/a", ["a"]),
        ("PATH=/opt/app:$PATH; run.sh", ["/opt/app/run.sh", "/opt/app/common.sh", "a", "python3"]),
        ("none; /usr/bin/none", []),
        ("a; a; a", ["a"]),
        ("#!/bin/sh\na\n", ["a"]),
        ("#!/usr/bin/python3\nimport a\n", []),
        ("", []),
        ((), []),
        (("/opt/app/run.sh",), ["/opt/app/run.sh", "/opt/app/common.sh", "a", "python3"]),
    ],
)
def test_what_a_command_starts(root: Path, command: str | tuple[str, ...], expected: list[str]) -> None:
    found = followed(root, command)
    assert names(found) == expected
    assert found.unfollowed == ()


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("$NONE x", reasons.NO_NAME),
        ("D=/usr/bin $D/a", reasons.NO_NAME),
        ("python3 $(x)/main.py", reasons.NO_SCRIPT),
        (". $NONE", reasons.NO_SCRIPT),
        ("cd $NONE && a", reasons.NO_DIRECTORY),
        ("chroot /nowhere a", reasons.OTHER_ROOT),
        ("chroot /srv", reasons.OTHER_ROOT),
        ("chroot $NONE a", reasons.OTHER_ROOT),
        ("nsenter -t 1 -r a", reasons.OTHER_ROOT),
        ("systemd-nspawn -b -D /srv", reasons.OTHER_ROOT),
        ("env " * 20 + "a", reasons.TOO_DEEP),
        ("sh -c \"eval 'eval a'\"", ""),
    ],
)
def test_what_is_not_followed_is_said(root: Path, command: str, why: str) -> None:
    found = followed(root, command)
    assert found.unfollowed == ((Unfollowed(why),) if why else ())


def test_there_are_only_so_many_programs(root: Path) -> None:
    found = followed(root, "\n".join(f"a {number}" for number in range(2 * reasons.STARTED_MAX)))
    assert len(found.started) == reasons.STARTED_MAX
    assert found.unfollowed == (Unfollowed(reasons.TOO_MANY),)


def test_what_a_project_runs(root: Path) -> None:
    app = {
        "/opt/js/package.json": '{"scripts": {"x": "python3 x.py && tool"}}',
        "/opt/js/node_modules/.bin/tool": SCRIPT + "a\n",
        "/opt/py/.venv/bin/python3": ELF,
        "/opt/p.yml": "- hosts: localhost\n",
        "/srv/salt/a.sls": "",
    }
    made(root, app, executable=("/opt/py/.venv/bin/python3",))
    found = followed(root, "cd /opt/js && npm run x")
    assert names(found) == ["python3", "/opt/js/node_modules/.bin/tool", "a"]
    assert [(each.path, each.text) for each in found.held] == [("/opt/js/package.json", "python3 x.py && tool")]
    found = followed(root, "cd /opt/py; poetry run python3 x.py")
    assert [(each.executable, each.arguments[1:]) for each in found.started] == [
        ("/opt/py/.venv/bin/python3", ("x.py",))
    ]
    for command, started in {
        "ansible-playbook /opt/p.yml": ("/opt/p.yml", (READ, "/opt/p.yml")),
        "salt-call --local state.apply": ("/srv/salt/a.sls", (READ_SOME, "/srv/salt/a.sls")),
    }.items():
        assert [(each.executable, each.arguments) for each in followed(root, command).started] == [started]


def test_a_project_may_be_in_the_home_of_who_asks(tmp_path: Path) -> None:
    root = made(tmp_path, {"/home/x/.ansible/pull/h/local.yml": "- hosts: localhost\n"})
    started = followed(root, "export HOME=/home/x; ansible-pull -U u").started
    assert [each.arguments for each in started] == [(READ, "/home/x/.ansible/pull/h/local.yml")]


def test_each_line_of_a_recipe_begins_in_the_same_directory(root: Path) -> None:
    made(root, {"/opt/app/Makefile": "all:\n\tcd sub && a\n\tb\n"})
    found = followed(root, "cd /opt/app && make")
    assert [(each.executable, each.directory) for each in found.started] == [
        ("/usr/bin/a", "/opt/app/sub"),
        ("/usr/bin/b", "/opt/app"),
    ]


def test_scripts_of_a_project_that_start_each_other_come_to_an_end(root: Path) -> None:
    again = "npm run x;" * 50
    others = ";".join(f"npm run x -- {number} $RANDOM" for number in range(reasons.PROJECTS_MAX))
    made(
        root,
        {
            f"/opt/{name}/package.json": json.dumps({"scripts": {"x": f"a;{text}"}})
            for name, text in {"one": again, "two": others}.items()
        },
    )
    for name, why in (("one", reasons.TOO_DEEP), ("two", reasons.TOO_MANY_OF_PROJECTS)):
        found = followed(root, f"cd /opt/{name} && npm run x")
        assert names(found) == ["a"] and why in [each.why for each in found.unfollowed]


@pytest.mark.parametrize(
    ("script", "perhaps"),
    [
        ("R=$(ls -1t /opt/jobs | head -1)\n/opt/jobs/$R/run\n", ["/opt/jobs/one/run", "a"]),
        ("ls /opt/jobs | while read j; do /opt/jobs/$j/run; done\n", ["/opt/jobs/one/run", "a"]),
        ("D=$(date +%F)\ncd /opt/jobs/$D\n./run\n", ["/opt/jobs/one/run", "a"]),
        ("D=$(date +%F)\nsh /opt/jobs/$D/run\n", ["/opt/jobs/one/run", "a"]),
        (". /opt/jobs/$NONE/run\n", ["/opt/jobs/one/run", "a"]),
        ("/opt/jobs/$NONE.sh\n", []),
        ("/opt/jobs/one/run$NONE\n", ["/opt/jobs/one/run", "a"]),
    ],
)
def test_what_fits_the_known_part_of_a_name_is_perhaps_started(root: Path, script: str, perhaps: list[str]) -> None:
    made(root, {"/opt/x": SCRIPT + script, "/opt/jobs/one/run": A}, executable=("/opt/x", "/opt/jobs/one/run"))
    found = followed(root, "/opt/x")
    assert [name for name, each in zip(names(found), found.started, strict=True) if each.perhaps] == perhaps
    assert reasons.NO_NAME not in [each.why for each in found.unfollowed]
    # What is surely started as well is no doubt any more.
    surely = followed(root, "/opt/x; /opt/jobs/one/run")
    assert {"/opt/jobs/one/run", "a"} <= {
        name for name, each in zip(names(surely), surely.started, strict=True) if not each.perhaps
    }


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ('D=$(cat /etc/d)\n"$D/y.sh"\n', reasons.NO_NAME),
        ("[ -f /etc/none ] && . /etc/none\n$HOME_OF_APP/bin/y\n", reasons.NO_NAME),
        ('D=$(cat /etc/d)\nsh -c "$D/y.sh"\n', reasons.NO_NAME),
        ('D=$(cat /etc/d)\neval "$D/y.sh"\n', reasons.NO_NAME),
        ('D=$(cat /etc/d)\nsu app -c "$D/y.sh"\n', reasons.NO_NAME),
        ('D=$(cat /etc/d)\npython3 "$D/y.py"\n', reasons.NO_SCRIPT),
        ('D=$(cat /etc/d)\n. "$D/y"\n', reasons.NO_SCRIPT),
        ('cd "$(cat /etc/d)"\n./run\n', reasons.NO_NAME),
        ("D=/opt\nread D\n$D/run\n", reasons.NO_NAME),
        ("export D=$(cat /etc/d)\n/opt/z\n", reasons.NO_NAME),
        ('run() { "$1"; }\nrun "$(cat /etc/d)"\n', reasons.NO_NAME),
        ('run() {\n "$1"\n', reasons.NO_NAME),
        ('sh -c "$(cat /etc/d)"\n', reasons.NO_SCRIPT),
    ],
)
def test_a_name_that_only_running_tells_is_said_of_its_script(root: Path, script: str, why: str) -> None:
    z = f"{SCRIPT}$D/y.sh\n"
    files = {"/opt/x": SCRIPT + script, "/opt/z": z, "/usr/bin/su": ELF}
    made(root, files, executable=files)
    said = followed(root, "/opt/x").unfollowed
    assert Unfollowed(why, "/opt/z" if "/opt/z" in script else "/opt/x") in said


@pytest.mark.parametrize(
    "script",
    [
        'eval "$(b)"\n',
        'run() { "$1"; }\n',
        'L=/var/log/$(b).log\nsh -c "a > $L"\n',
        "F=($(b) $NONE)\n",
        'log() { echo "$1"; }\nlog "$(b)"\n',
        'exec > >(tee -a /x | logger -t x) 2>&1\n> "/y.$(date)"\nb\n',
        '[ -n "$BEFORE" ] && $BEFORE\n[ -n "$AFTER" ] && "$AFTER"\n$BEFORE a\n',
        "$(aws ecr get-login --no-include-email)\nL=`aws ecr get-login`\n$L\n",
        'P="$0"\nwhile [ -h "$P" ]; do P=$(ls -l "$P"); done\n$(dirname "$P")/none\n',
        '[[ -L $0 ]] && . "${BASH_SOURCE%/*}/none"\n"${0%/*}/none"\n',
        "D=$(pwd)\n$D/none\n. $PWD/none\n",
        'H=/opt; $cygwin && H=`cygpath --unix "$H"`\n"$H/none"\n',
        "python3 $NONE /opt/x.py\n",
    ],
)
def test_what_needs_no_name_says_nothing(root: Path, script: str) -> None:
    made(root, {"/opt/x": SCRIPT + script}, executable=("/opt/x",))
    assert followed(root, "/opt/x").unfollowed == ()


@pytest.mark.parametrize(
    "command",
    [
        "scl enable rh-x rh-y 'nice tool -v; b'",
        "scl enable rh-x -- tool -v; b",
        "sudo scl enable rh-y rh-x 'tool; b'",
        "sg docker -c '/opt/rh/rh-x/root/usr/bin/tool; b'",
    ],
)
def test_a_software_collection_has_its_own_programs(root: Path, command: str) -> None:
    tool = "/opt/rh/rh-x/root/usr/bin/tool"
    made(root, {tool: ELF}, executable=(tool,))
    assert names(followed(root, command)) == ["tool", "b"]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("$BEFORE b", ["b"]),
        ('[ -z "$JAVA_HOME" ] && J=java || J="$JAVA_HOME/bin/java"\nexec "$J" $JAVA_OPTS -jar /opt/x.jar', ["java"]),
        ('P="$0"\nwhile [ -L "$P" ]; do L=$(ls -l "$P"); P="$L"; done\n`dirname "$P"`/wrap', ["/opt/wrap", "a"]),
        ('"${0%/*}/wrap"', ["/opt/wrap", "a"]),
        ("cd /opt\n(cd /srv; D=$(pwd))\nE=$(pwd); cd /\n$E/wrap", ["/opt/wrap", "a"]),
        ("cd /opt; B=$(cd parts; pwd); $B/one", ["/opt/parts/one", "a"]),
        ("run() { $TOOL; }\nTOOL=b\nrun", ["b"]),
    ],
)
def test_what_names_come_to(root: Path, script: str, expected: list[str]) -> None:
    made(root, {"/opt/x": f"{SCRIPT}{script}\n", "/usr/bin/java": ELF}, executable=("/opt/x", "/usr/bin/java"))
    found = followed(root, "/opt/x")
    assert [name for name in names(found) if name in expected] == expected
    assert found.unfollowed == ()
