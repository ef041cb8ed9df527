"""Ladders from the tool's own documentation, every pair of each compared."""

from __future__ import annotations

from itertools import combinations

import pytest

from imds_probe.ecosystems.orders.bounded import LENGTH_MAX
from imds_probe.ecosystems.orders.semver import compare_semver
from imds_probe.ecosystems.version_error import VersionError


@pytest.mark.parametrize(
    "ladder",
    [
        # semver.org, section 11
        "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0",
        "2.0.0 2.1.0 2.1.1 v2.10.0 3.0.0-0 3.0.0",
        # go.dev/ref/mod, pseudo-versions
        "v1.2.2 v1.2.3-0.20191109021931-daa7c04131f5 v1.2.3",
    ],
)
def test_every_pair_of_a_ladder(ladder: str) -> None:
    for lower, higher in combinations(ladder.split(), 2):
        assert (compare_semver(lower, higher), compare_semver(higher, lower)) == (-1, 1), (lower, higher)


@pytest.mark.parametrize(("a", "b"), [("1.0.0+a", "1.0.0+b"), ("v1.2.3", "1.2.3")])
def test_two_ways_to_write_the_same(a: str, b: str) -> None:
    assert compare_semver(a, b) == compare_semver(b, a) == 0


@pytest.mark.parametrize("text", ["", "1.2", "01.2.3", "1.2.3-", "1.2.3-a..b", "1.2.3\n", "latest", "1." * LENGTH_MAX])
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(VersionError):
        compare_semver(text, "1.0.0")
