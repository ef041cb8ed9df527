from __future__ import annotations

import pytest

from imds_probe.ecosystems.dpkg import ECOSYSTEM
from imds_probe.ecosystems.ecosystem import Outdated, Upstream


@pytest.mark.parametrize(
    ("version", "upstream"),
    [("1:2.3-4ubuntu1", ("2.3", "4ubuntu1")), ("0.2+really1.16.1-1", ("1.16.1", "1")), ("1.0", ("1.0", ""))],
)
def test_upstreams_version(version: str, upstream: tuple[str, str]) -> None:
    assert ECOSYSTEM.versions.upstream(version) == upstream


def test_a_hyphen_is_no_doubt() -> None:
    assert ECOSYSTEM.versions.doubt(Upstream("19.3-41-gc4735dd3", "1"), "-41-gc4735dd3") == ""


def test_the_lists_are_fetched_first() -> None:
    assert ECOSYSTEM.upgrade(Outdated("awscli", "2")) == ("apt-get update && apt-get install --only-upgrade awscli",)
