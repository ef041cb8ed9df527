"""Ladders from the tool's own documentation, every pair of each compared."""

from __future__ import annotations

from itertools import combinations

import pytest

from imds_probe.ecosystems.orders.apk import compare_apk
from imds_probe.ecosystems.orders.bounded import LENGTH_MAX
from imds_probe.ecosystems.version_error import VersionError


@pytest.mark.parametrize(
    "ladder",
    [
        # apk-tools' test/version.data
        "1.2_alpha 1.2_beta 1.2_pre2 1.2_rc1 1.2 1.2_p1 1.2a 1.2.0 1.2.3-r0 1.2.3-r2 1.10",
    ],
)
def test_every_pair_of_a_ladder(ladder: str) -> None:
    for lower, higher in combinations(ladder.split(), 2):
        assert (compare_apk(lower, higher), compare_apk(higher, lower)) == (-1, 1), (lower, higher)


@pytest.mark.parametrize(("a", "b"), [("1.2-r0", "1.2")])
def test_two_ways_to_write_the_same(a: str, b: str) -> None:
    assert compare_apk(a, b) == compare_apk(b, a) == 0


@pytest.mark.parametrize("text", ["", "v1", "1.2_foo", "1.2-1", "1\n", "1." * LENGTH_MAX])
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(VersionError):
        compare_apk(text, "1.0.0")
