from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.systemd.exec_words import WORDS_MAX, exec_lines, split, with_variables

VARIABLES = {"ONE": "1", "TWO": "a b 'c d'", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a  b\tc", ["a", "b", "c"]),
        ("'a b' \"c d\"e", ["a b", "c de"]),
        ("''", [""]),
        (r"a\x20b \101 \u00e9 \t", ["a b", "A", "é", "\t"]),
        (r"\s \\ \' \q", [" ", "\\", "'", "\\q"]),
        (r"\x2 \U00110000", ["\\x2", "\\U00110000"]),
        ("'open", ["open"]),
        ("a\\", ["a\\"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert list(split(text)) == words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/x y", [("/x", "y")]),
        ("-/x", [("/x",)]),
        ("@/x name y", [("/x", "y")]),
        ("+!!/x", [("/x",)]),
        ("/x ; -/y z", [("/x",), ("/y", "z")]),
        (r"/x \; y", [("/x", ";", "y")]),
        ("/x ${ONE}${ONE} $TWO $EMPTY", [("/x", "11", "a", "b", "c d")]),
        (":/x ${ONE} $TWO", [("/x", "${ONE}", "$TWO")]),
        ("/x $$ONE ${NONE}z", [("/x", "$ONE", "z")]),
        ("/x %i", [("/x", "I")]),
        ("|x $ONE", [("/bin/sh", "-c", "x 1")]),
        ("", []),
        ("-", []),
        (";", []),
    ],
)
def test_commands(text: str, expected: list[tuple[str, ...]]) -> None:
    assert list(exec_lines(text, {"i": "I"}, VARIABLES)) == expected


def test_what_has_no_braces_within_a_word_stays() -> None:
    assert list(with_variables("a$ONE", VARIABLES)) == ["a$ONE"]
    assert list(with_variables("${ONE", VARIABLES)) == ["${ONE"]


def test_there_are_only_so_many_words() -> None:
    assert len(list(split("a " * 3 * WORDS_MAX))) == WORDS_MAX
