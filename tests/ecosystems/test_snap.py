from __future__ import annotations

from imds_probe.ecosystems.ecosystem import Outdated
from imds_probe.ecosystems.snap import ECOSYSTEM


def test_a_snap_is_refreshed() -> None:
    assert ECOSYSTEM.upgrade(Outdated("aws-cli", "2")) == ("snap refresh aws-cli",)


def test_its_versions_have_no_order() -> None:
    assert ECOSYSTEM.versions.order is None
