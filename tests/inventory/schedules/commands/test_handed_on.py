from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.commands.handed_on import (
    handed_on,
    maybe_run,
    perhaps_run,
    runs_arguments,
)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("envdir", "/etc/env", "/opt/x", "y"), [("/etc/env", "/opt/x", "y"), ("/opt/x", "y")]),
        (("screen", "-s", "/bin/bash", "-dm", "/opt/x -v"), [("/opt/x", "-v")]),
        (("run-one", "/usr/bin/x"), [("/usr/bin/x",)]),
        (("run-one", None, "/opt/x/", "/dev/null"), []),
        (("certbot", "renew", "--deploy-hook", "/opt/x y"), [("/opt/x", "y")]),
        (("certbot", "--post-hook=/opt/x"), [("/opt/x",)]),
        (("a", "/opt/x"), []),
        (("find", "/opt/x", "-delete"), []),
        (("base64", "/opt/x"), []),
        (("watcher", "--exclude", "/opt/x"), []),
        (("auditctl", "-w", "/opt/x"), []),
        (("ssh", "db", "/opt/x"), []),
        (("chamber", "exec", "x", "--", "a", "y"), [("a", "y")]),
        (("run-one", "python3.9", "x.py"), [("python3.9", "x.py")]),
        (("run-one", "--"), []),
        (("run-one", "bash", "-lc", "a; b"), [("bash", "-lc", "a; b")]),
    ],
)
def test_programs_among_the_arguments(command: tuple[str | None, ...], expected: list[tuple[str, ...]]) -> None:
    program, *words = command
    assert list(handed_on(str(program), words)) == expected


def test_a_script_that_runs_its_arguments() -> None:
    assert list(handed_on("wrap", ["/opt/x", "y"], runs=True)) == [("/opt/x", "y")]
    for script in ('exec "$@"\n', "a; $*", 'if "${@}"; then\n', "$1 b"):
        assert runs_arguments(script)
    for script in ('tar c "$@"\n', "x=$1\n", '[ -e "$1" ]\n'):
        assert not runs_arguments(script)


@pytest.mark.parametrize(
    ("command", "own", "expected"),
    [
        (("a", "/opt/x", "y"), True, ["/opt/x"]),
        (("a", "/opt/x"), False, []),
        (("a", "--exclude", "/opt/x"), True, []),
        (("a", "--script=/opt/x"), False, ["/opt/x"]),
        (("a", "--run-command", "/opt/x y"), False, ["/opt/x"]),
        (("run-one", "/opt/x"), True, []),
        (("rm", "/opt/x"), True, []),
    ],
)
def test_what_nobody_knows(command: tuple[str, ...], own: bool, expected: list[str]) -> None:
    program, *words = command
    assert list(maybe_run(program, words, own=own)) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("own", "run", "--", "a", "y"), [("a", "y")]),
        (("own", "-v", "python3", "/opt/x.py"), [("python3", "/opt/x.py")]),
        (("own", "a", "node"), []),
        (("own", "--"), []),
        (("grep", "--", "a"), []),
        (("run-one", "--", "a"), []),
    ],
)
def test_commands_that_nobody_knows_of(command: tuple[str, ...], expected: list[tuple[str, ...]]) -> None:
    program, *words = command
    assert list(perhaps_run(program, words)) == expected
