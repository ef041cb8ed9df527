from __future__ import annotations

import pytest

from imds_probe.inventory.containers.checks import (
    WORDS_LENGTH_MAX,
    WORDS_MAX,
    Check,
    check_of,
    checks_of,
    words_of,
    words_of_option,
)

SHELL = ("/bin/sh", "-c")


@pytest.mark.parametrize(
    ("test", "words"),
    [
        (["CMD", "a", "b"], ("a", "b")),
        (["CMD-SHELL", "a || b"], (*SHELL, "a || b")),
        (["CMD-SHELL", "a", "b"], (*SHELL, "a b")),
        (["a", "b"], ("a", "b")),
        ("a || b", (*SHELL, "a || b")),
        (["NONE"], ()),
        ("NONE", ()),
        ("", ()),
        ([], ()),
        (["CMD"], ()),
        (["CMD-SHELL"], ()),
        ([""], ()),
        (["CMD", 1], ()),
        (["x"] * (WORDS_MAX + 1), ()),
        (["CMD", "x" * WORDS_LENGTH_MAX], ()),
        (None, ()),
        ({}, ()),
    ],
)
def test_the_command(test: object, words: tuple[str, ...]) -> None:
    assert words_of(test) == words


@pytest.mark.parametrize(
    ("said", "check"),
    [
        ({"Test": ["CMD", "a"]}, Check(("a",), 30.0)),
        ({"Test": ["CMD", "a"], "Interval": 5_000_000_000}, Check(("a",), 5.0)),
        ({"Test": ["CMD", "a"], "Interval": 0}, Check(("a",), 30.0)),
        ({"Test": ["CMD", "a"], "Interval": "x"}, Check(("a",), 30.0)),
        ({"Test": ["CMD", "a"], "Interval": 1e300}, Check(("a",), 30.0)),
        ({"Test": ["NONE"]}, None),
        ({}, None),
        ("x", None),
    ],
)
def test_what_a_record_says(said: object, check: Check | None) -> None:
    assert check_of(said) == check


def test_the_shell_is_the_images() -> None:
    config = {"Healthcheck": {"Test": ["CMD-SHELL", "x"]}, "Shell": ["/bin/bash", "-ec"]}
    assert [each.words for each in checks_of(config)] == [("/bin/bash", "-ec", "x")]
    assert [each.words for each in checks_of({**config, "Shell": None})] == [(*SHELL, "x")]
    assert list(checks_of({})) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("curl x", (*SHELL, "curl x")),
        ('["CMD", "a"]', ("a",)),
        ("[ -e /x ]", (*SHELL, "[ -e /x ]")),
        ("[" * 100_000, ()),
        ("none", ()),
        ("", ()),
    ],
)
def test_what_an_option_says(text: str, words: tuple[str, ...]) -> None:
    assert words_of_option(text) == words
