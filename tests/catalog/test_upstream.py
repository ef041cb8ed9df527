from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe.catalog.upstream import compare_upstream, numbers
from imds_probe.ecosystems.version_error import VersionError


@pytest.mark.parametrize(
    ("manager", "version", "figure", "order"),
    [
        ("dpkg", "22.4.2-1+deb12u3", "19.4", 1),
        ("dpkg", "20.4.1-2+deb11u1", "19.4", 1),
        ("dpkg", "18.3-6", "19.4", -1),
        ("dpkg", "0.7.9-2", "19.4", -1),
        ("dpkg", "5:18.3-6", "19.4", -1),  # an epoch is the distribution's, not upstream's
        ("dpkg", "19.4-1", "19.4", 0),
        ("dpkg", "19.4.0-1", "19.4", 0),
        ("dpkg", "19.4-1", "19.4.0", 0),
        ("dpkg", "19.4+dfsg-1", "19.4", 0),
        ("dpkg", "19.10-1", "19.4", 1),
        ("dpkg", "20.1~rc1-1", "19.4", 1),
        ("dpkg", "20.1-10-g71af48df-0ubuntu5", "19.4", 1),
        ("dpkg", "2.0+really1.16.1-1", "1.16.289", -1),
        ("dpkg", "1.0+really1.17-1", "1.16.289", 1),
        ("rpm", "18.5-6.el7", "19.4", -1),
        ("rpm", "22.2.2-1.amzn2023.1.13", "19.4", 1),
        ("rpm", "1:1.18.147-1.amzn2.0.2", "1.16.289", 1),
        ("rpm", "(none):2.3.772.0-1", "2.3.772.0", 0),
        ("rpm", "19.4^git1-1", "19.4", 0),
        ("snap", "3.2.582.0", "2.3.772.0", 1),
        ("npm", "v1.2.3", "1.2.3", 0),
        ("pypi", "1.16.289", "1.16.289", 0),
        ("pypi", "1.16.289rc1", "1.16.289", -1),
        ("dpkg", "7-1", "7.18.0", -1),
        ("image", "6", "7.18.0", -1),
        ("image", "7.2", "7.18.0", -1),
        ("image", "8", "7.18.0", 1),
        ("image", "v1.15", "1.15.0", 0),
    ],
)
def test_clear(manager: str, version: str, figure: str, order: int) -> None:
    assert compare_upstream(manager, version, figure) == (order, "")


@pytest.mark.parametrize(
    ("manager", "version", "figure", "doubt"),
    [
        ("dpkg", "19.3-41-gc4735dd3-0ubuntu1", "19.4", "snapshot"),
        ("dpkg", "19.3+git20200101.4bc399e-1", "19.4", "snapshot"),
        ("rpm", "19.3-0.20200101git4bc399e.el8", "19.4", "snapshot"),
        ("rpm", "19.3^20200101-1", "19.4", "snapshot"),
        ("dpkg", "19.4~rc1-1", "19.4", "pre-release"),
        ("dpkg", "19.4rc1-1", "19.4", "pre-release"),
        ("rpm", "19.4~beta2-1.fc32", "19.4", "pre-release"),
        ("rpm", "19.4-0.1.rc1.fc32", "19.4", "pre-release"),
        ("dpkg", "20190101-1", "19.4", "date"),
        ("rpm", "20190101-1", "19.4", "date"),
        ("dpkg", "2.0.20191101-1", "2.0.15", "date"),
        ("dpkg", "2.0+reallyold-1", "1.16", "release number"),
        ("rpm", "unknown-1", "19.4", "release number"),
        ("dpkg", "not a version", "19.4", "Debian version"),
        ("rpm", "", "19.4", "rpm version"),
        ("npm", "1.2.3-0", "1.2.3", "pre-release"),
        ("image", "7", "7.18.0", "'7' may be any release that begins with 7"),
        ("image", "v1.8-debug", "1.8.8", "any release that begins with 1.8"),
        ("pypi", "x", "1", "Invalid version"),
        ("dpkg", "9" * 40, "19.4", "release number"),
    ],
)
def test_in_doubt_there_is_no_order(manager: str, version: str, figure: str, doubt: str) -> None:
    order, said = compare_upstream(manager, version, figure)
    assert order is None
    assert doubt in said


@given(
    manager=st.sampled_from(["dpkg", "rpm", "snap", "npm"]),
    number=st.lists(st.integers(0, 30), min_size=1, max_size=4),
    figure=st.lists(st.integers(0, 30), min_size=1, max_size=4),
    suffix=st.sampled_from(["", "~rc1", "+dfsg", "+git20200101.abcdef0", "rc2", ".b1", "~~", "+ds1", ".20240101"]),
    revision=st.sampled_from(["", "-1", "-0.1.rc1", "-1ubuntu1~20.04.1", "-1.el8", "-0ubuntu1"]),
)
def test_an_old_release_is_never_called_new(manager, number, figure, suffix, revision) -> None:
    version = ".".join(map(str, number)) + suffix + revision
    order, _ = compare_upstream(manager, version, ".".join(map(str, figure)))
    length = max(len(number), len(figure))
    padded = [part + [0] * (length - len(part)) for part in (number, figure)]
    if padded[0] < padded[1]:
        assert order is None or order < 0
    if padded[0] > padded[1]:
        assert order is None or order > 0
    whole = suffix in ("", "+dfsg", "+ds1") and "rc" not in revision
    if padded[0] == padded[1] and whole and manager in ("dpkg", "rpm"):
        assert order == 0


@given(manager=st.sampled_from(["dpkg", "rpm", "pypi", "snap"]), version=st.text(max_size=30))
def test_no_text_makes_it_raise(manager: str, version: str) -> None:
    order, doubt = compare_upstream(manager, version, "1.2")
    assert (order is None) == bool(doubt)


@pytest.mark.parametrize("text", ["", "1.", "v1", "1.0rc1", "1-1", "1\n"])
def test_a_figure_is_plain_numbers(text: str) -> None:
    with pytest.raises(VersionError):
        numbers(text)
    assert numbers("2.3.772.0") == (2, 3, 772, 0)
