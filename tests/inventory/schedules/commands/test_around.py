"""What of a command's words is known, whatever stands before them."""

from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.commands.around import (
    UNKNOWN_TEXT,
    Around,
    known_text,
    pattern_of,
    text_at,
    with_path,
)
from imds_probe.inventory.schedules.commands.shell_commands import Command
from imds_probe.inventory.schedules.commands.shell_functions import UNKNOWN

COMMAND = Command(("nice", None, "a; "), patterns=(None, f"/opt/{UNKNOWN}", f"a; {UNKNOWN}"))


def around(command: Command = COMMAND, where: str = "") -> Around:
    return Around({}, "/", command=command, where=where)


@pytest.mark.parametrize(
    ("words", "at", "expected"),
    [
        (("nice", None, "a; "), 1, f"/opt/{UNKNOWN}"),
        ((None, "a; "), 0, f"/opt/{UNKNOWN}"),
        (("sh", "-c", "a; "), 2, f"a; {UNKNOWN}"),
        ((None, "other"), 0, UNKNOWN),
        (("other",), 0, None),
        ((), 0, None),
    ],
)
def test_words_are_known_as_far_as_they_are_the_commands_last(
    words: tuple[str | None, ...], at: int, expected: str | None
) -> None:
    assert pattern_of(words, at, around()) == expected


def test_a_path_in_a_directory_that_is_not_known_is_none_either() -> None:
    within = around(Command(("./a", "b")), where=UNKNOWN)
    assert pattern_of(("./a", "b"), 0, within) == "./a"
    assert pattern_of(("python3", "b"), 1, within) == "b"
    assert pattern_of(("a", "/b"), 0, within) is None
    assert within.copy({}, "/srv").where == ""
    assert within.copy({}).where == UNKNOWN


def test_what_is_set_anew_is_known() -> None:
    before = Around({"A": "", "B": ""}, "/", partly={"A": UNKNOWN, "B": UNKNOWN})
    after = before.copy({"A": "x"}, perhaps=True)
    assert (after.environment, after.partly, after.perhaps) == ({"A": "x", "B": ""}, {"B": UNKNOWN}, True)
    assert after.copy({}).perhaps


def test_a_text_for_a_shell_has_a_sign_for_what_is_not_known() -> None:
    assert known_text(("sh", "-c", "a; "), 2, around()) == f"a; {UNKNOWN_TEXT}"
    assert known_text(("sh", "-c", "b"), 2, around()) == "b"
    assert known_text(("sh", "-c", None), 2, around()) == UNKNOWN_TEXT


@pytest.mark.parametrize(
    ("words", "at"),
    [
        (("sh", "-c", "a"), 2),
        (("bash", "-euo", "pipefail", "-c", "a"), 4),
        (("bash", "--rcfile", "x", "-lc", None), 4),
        (("sh", "a"), 0),
        (("sh", "-c"), 0),
        (("sh", "-c", ""), 0),
    ],
)
def test_where_a_shell_is_told_by_an_option(words: tuple[str | None, ...], at: int) -> None:
    assert text_at(words) == at


def test_a_file_that_fits_stands_in_the_place_of_the_word() -> None:
    within = with_path((None, "a; "), 0, "/opt/x", around())
    assert pattern_of(("/opt/x", "a; "), 0, within) is None
    assert pattern_of(("/opt/x", "a; "), 1, within) == f"a; {UNKNOWN}"
    assert within.perhaps
    assert not with_path(("./x",), 0, "/a/x", around(Command(("./x",)), where="/{a,b}")).perhaps
