"""Orders of language ecosystems and Alpine: ladders from their own documentation, every pair of each compared."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe.catalog.ecosystem_versions import LENGTH_MAX, compare_apk, compare_gem, compare_maven, compare_semver
from imds_probe.catalog.version_error import VersionError

LADDERS = [
    # semver.org, section 11
    (
        compare_semver,
        "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0",
    ),
    (compare_semver, "2.0.0 2.1.0 2.1.1 v2.10.0 3.0.0-0 3.0.0"),
    # go.dev/ref/mod, pseudo-versions
    (compare_semver, "v1.2.2 v1.2.3-0.20191109021931-daa7c04131f5 v1.2.3"),
    # Maven's POM reference, Version Order Specification, and ComparableVersion of Maven 3.8
    (compare_maven, "1-alpha1 1-beta 1-milestone 1-rc 1-snapshot 1 1-sp 1-foo 1-1 1.1"),
    (compare_maven, "1.11.99 1.11.677 1.11.678 1.11.1000 2.0.0-rc1 2.0.0 2.0.0-preview-1 2.10.21"),
    (compare_maven, "1.foo 1-1 1.1"),
    (compare_maven, "1b1 1.x 2"),
    # Gem::Version's documentation
    (compare_gem, "1.0.a.2 1.0.b1 1.0 1.0.1 1.1.a 1.1 1.10"),
    (compare_gem, "2.11.400 2.11.401 3.0.0.rc1 3.0.0 3.79.0 3.100.0"),
    # apk-tools' test/version.data
    (compare_apk, "1.2_alpha 1.2_beta 1.2_pre2 1.2_rc1 1.2 1.2_p1 1.2a 1.2.0 1.2.3-r0 1.2.3-r2 1.10"),
]
SAME = [
    (compare_semver, "1.0.0+a", "1.0.0+b"),
    (compare_semver, "v1.2.3", "1.2.3"),
    (compare_maven, "1-a1", "1-alpha-1"),
    (compare_maven, "1.0.0", "1-ga"),
    (compare_maven, "1.0-cr", "1-RC"),
    (compare_gem, "1.0", "1"),
    (compare_gem, "1.0.a", "1.a"),
    (compare_apk, "1.2-r0", "1.2"),
]
NONE = [
    (compare_semver, ["", "1.2", "01.2.3", "1.2.3-", "1.2.3-a..b", "1.2.3\n", "latest"]),
    (compare_maven, ["", "1 2", "1\n"]),
    (compare_gem, ["", "a.1", "1..2", "1.0\n", "1 0"]),
    (compare_apk, ["", "v1", "1.2_foo", "1.2-1", "1\n"]),
]


@pytest.mark.parametrize(("compare", "ladder"), LADDERS)
def test_every_pair_of_a_ladder(compare, ladder: str) -> None:
    for lower, higher in combinations(ladder.split(), 2):
        assert (compare(lower, higher), compare(higher, lower)) == (-1, 1), (lower, higher)


@pytest.mark.parametrize(("compare", "a", "b"), SAME)
def test_two_ways_to_write_the_same(compare, a: str, b: str) -> None:
    assert compare(a, b) == compare(b, a) == 0


@pytest.mark.parametrize(("compare", "texts"), NONE)
def test_what_is_no_version(compare, texts: list[str]) -> None:
    for text in [*texts, "1." * LENGTH_MAX]:
        with pytest.raises(VersionError):
            compare(text, "1.0.0")


@pytest.mark.parametrize("text", ["¹", "1.²", "1-٣", "1.\u2460x"])
def test_digits_that_are_no_ascii_are_letters_to_maven(text: str) -> None:
    assert compare_maven(text, text) == 0
    assert compare_maven(text, "9" * 40) == -1


PARTS = st.lists(st.sampled_from(["0", "1", "10", "a", "b1", "rc", "alpha", "final", "-", ".", "_p1"]), max_size=6)


@pytest.mark.parametrize("compare", [compare_semver, compare_maven, compare_gem, compare_apk])
@given(*[PARTS.map(lambda parts: "1." + "".join(parts))] * 3)
def test_it_is_an_order(compare, a: str, b: str, c: str) -> None:
    """Antisymmetric and transitive on whatever it accepts."""
    try:
        ab, bc, ac = compare(a, b), compare(b, c), compare(a, c)
    except VersionError:
        return
    assert compare(b, a) == -ab
    assert compare(a, a) == 0
    if ab <= 0 and bc <= 0 and compare is not compare_maven:  # Maven's own order is not transitive: MNG-7714
        assert ac <= 0
