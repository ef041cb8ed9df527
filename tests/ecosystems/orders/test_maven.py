"""Ladders from the tool's own documentation, every pair of each compared."""

from __future__ import annotations

from itertools import combinations

import pytest

from imds_probe.ecosystems.orders.bounded import LENGTH_MAX
from imds_probe.ecosystems.orders.maven import compare_maven
from imds_probe.ecosystems.version_error import VersionError


@pytest.mark.parametrize(
    "ladder",
    [
        # Maven's POM reference, Version Order Specification, and ComparableVersion of Maven 3.8
        "1-alpha1 1-beta 1-milestone 1-rc 1-snapshot 1 1-sp 1-foo 1-1 1.1",
        "1.11.99 1.11.677 1.11.678 1.11.1000 2.0.0-rc1 2.0.0 2.0.0-preview-1 2.10.21",
        "1.foo 1-1 1.1",
        "1b1 1.x 2",
    ],
)
def test_every_pair_of_a_ladder(ladder: str) -> None:
    for lower, higher in combinations(ladder.split(), 2):
        assert (compare_maven(lower, higher), compare_maven(higher, lower)) == (-1, 1), (lower, higher)


@pytest.mark.parametrize(("a", "b"), [("1-a1", "1-alpha-1"), ("1.0.0", "1-ga"), ("1.0-cr", "1-RC")])
def test_two_ways_to_write_the_same(a: str, b: str) -> None:
    assert compare_maven(a, b) == compare_maven(b, a) == 0


@pytest.mark.parametrize("text", ["", "1 2", "1\n", "1." * LENGTH_MAX])
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(VersionError):
        compare_maven(text, "1.0.0")


@pytest.mark.parametrize("text", ["¹", "1.²", "1-٣", "1.\u2460x"])
def test_digits_that_are_no_ascii_are_letters_to_maven(text: str) -> None:
    assert compare_maven(text, text) == 0
    assert compare_maven(text, "9" * 40) == -1


@pytest.mark.parametrize("text", ["1a" * 500, "1-" * 499 + "1", "-" * 900])
def test_what_is_nested_without_end_is_no_version(text: str) -> None:
    with pytest.raises(VersionError, match="nested so deeply"):
        compare_maven(text, text)
