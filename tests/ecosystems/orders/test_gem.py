"""Ladders from the tool's own documentation, every pair of each compared."""

from __future__ import annotations

from itertools import combinations

import pytest

from imds_probe.ecosystems.orders.bounded import LENGTH_MAX
from imds_probe.ecosystems.orders.gem import compare_gem
from imds_probe.ecosystems.version_error import VersionError


@pytest.mark.parametrize(
    "ladder",
    [
        # Gem::Version's documentation
        "1.0.a.2 1.0.b1 1.0 1.0.1 1.1.a 1.1 1.10",
        "2.11.400 2.11.401 3.0.0.rc1 3.0.0 3.79.0 3.100.0",
    ],
)
def test_every_pair_of_a_ladder(ladder: str) -> None:
    for lower, higher in combinations(ladder.split(), 2):
        assert (compare_gem(lower, higher), compare_gem(higher, lower)) == (-1, 1), (lower, higher)


@pytest.mark.parametrize(("a", "b"), [("1.0", "1"), ("1.0.a", "1.a")])
def test_two_ways_to_write_the_same(a: str, b: str) -> None:
    assert compare_gem(a, b) == compare_gem(b, a) == 0


@pytest.mark.parametrize("text", ["", "a.1", "1..2", "1.0\n", "1 0", "1." * LENGTH_MAX])
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(VersionError):
        compare_gem(text, "1.0.0")
