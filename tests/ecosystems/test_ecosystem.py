from __future__ import annotations

import pytest

from imds_probe.ecosystems.ecosystem import Ecosystem, Outdated, Upstream


def test_an_id_is_enough() -> None:
    ecosystem = Ecosystem("x")
    assert ecosystem.versions.order is None
    assert ecosystem.upgrade(Outdated("a", "1")) == ()
    assert dict(ecosystem.products) == {}


@pytest.mark.parametrize(("version", "upstream"), [("v1.2", "1.2"), ("1.2-rc1", "1.2-rc1")])
def test_a_version_is_upstreams_own_if_nothing_else_is_said(version: str, upstream: str) -> None:
    assert Ecosystem("x").versions.upstream(version) == (upstream, "")


@pytest.mark.parametrize(("rest", "doubtful"), [("-1", True), ("", False), ("+dfsg", False)])
def test_a_hyphen_is_a_doubt(rest: str, doubtful: bool) -> None:
    assert bool(Ecosystem("x").versions.doubt(Upstream(f"1.2{rest}", ""), rest)) is doubtful
