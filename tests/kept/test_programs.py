from __future__ import annotations

import pytest

from imds_probe.kept.programs import SUBCOMMANDS, is_operation


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("aws", ["s3", "sync"]),
        ("aws", ["ec2", "describe-instances"]),
        ("aws", ["configure", "set"]),
        ("docker", ["compose", "up"]),
        ("systemctl", ["start"]),
    ],
)
def test_words_of_a_program_s_own(program: str, words: list[str]) -> None:
    assert all(is_operation(program, at, word) for at, word in enumerate(words))


@pytest.mark.parametrize(
    ("program", "at", "word"),
    [
        ("aws", 0, "hunter"),
        ("aws", 1, "hunter"),
        ("aws", 1, "get-Hunter2"),
        ("aws", 1, "get-" + "x" * 60),
        ("aws", 2, "ls"),
        ("docker", 1, "hunter"),
        ("git", 1, "clone"),
        ("curl", 0, "get"),
    ],
)
def test_any_other_may_be_a_secret(program: str, at: int, word: str) -> None:
    assert not is_operation(program, at, word)


def test_no_word_has_capitals_or_digits_alone() -> None:
    words = {word for known in SUBCOMMANDS.values() for word in known}
    assert all(word.islower() for word in words)
