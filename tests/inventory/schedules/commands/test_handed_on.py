from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.commands.handed_on import VARIANTS_MAX, handed_on, variants


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("envdir", "/etc/env", "/opt/x", "y"), [("/etc/env", "/opt/x", "y"), ("/opt/x", "y")]),
        (("screen", "-dm", "/opt/x -v"), [("/opt/x", "-v")]),
        (("a", None, "/opt/x/"), []),
        (("a", "-s", "/bin/bash", "/dev/null"), []),
        (("rm", "/opt/x"), []),
        (("ssh", "db", "/opt/x"), []),
    ],
)
def test_programs_among_the_arguments(command: tuple[str | None, ...], expected: list[tuple[str, ...]]) -> None:
    program, *words = command
    assert list(handed_on(str(program), words)) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("/d/*.sh", "x"), [("/d/a.sh", "x"), ("/d/b.sh", "x")]),
        (("sh", "/d/{c,a.sh}"), [("sh", "/d/c"), ("sh", "/d/a.sh")]),
        (("/d/*.none",), []),
        (("x", "*"), [("x", "*")]),
        (("x", '{"a":1,"b":2}'), [("x", '{"a":1,"b":2}')]),
        (("x", None), [("x", None)]),
        (("/d/{}",), [("/d/{}",)]),
    ],
)
def test_what_a_pattern_stands_for(words: tuple[str | None, ...], expected: list[tuple[str, ...]]) -> None:
    assert variants(words, lambda path: ("a.sh", "b.sh", ".c.sh", "c") if path == "/d" else ()) == expected


def test_there_is_an_end_to_it() -> None:
    many = [f"{number}.sh" for number in range(1000)]
    assert len(variants(("/d/*", "/d/*"), lambda _: many)) == VARIANTS_MAX
