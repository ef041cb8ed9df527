from __future__ import annotations

import pytest

from imds_probe.system.shares import shared


@pytest.mark.parametrize(
    ("things", "kept", "rest"),
    [
        ("", "", ""),
        ("rrr", "rr", "r"),
        ("aaaabr", "raab", "aa"),
        ("aaaabbbc", "abc", "aaabb"),
        ("aaaaaa", "aaa", "aaa"),
        ("arararar", "rraaa", "rra"),
    ],
)
def test_no_party_takes_the_share_of_another_or_of_root(things: str, kept: str, rest: str) -> None:
    """`r` is root's, every other letter a party."""
    found, left = shared(things, lambda each: None if each == "r" else each, 2, 3)
    assert sorted(found) == sorted(kept)
    assert sorted(left) == sorted(rest)


def test_of_each_the_first_count() -> None:
    things = ["a1", "a2", "b1", "r1", "a3", "r2", "b2"]
    found, left = shared(things, lambda each: None if each[0] == "r" else each[0], 1, 3)
    assert (found, left) == (["r1", "a1", "b1", "a2"], ["r2", "b2", "a3"])
