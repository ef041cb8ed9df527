from __future__ import annotations

from imds_probe.ecosystems.apk import ECOSYSTEM
from imds_probe.ecosystems.ecosystem import Outdated


def test_upstreams_version() -> None:
    assert ECOSYSTEM.versions.upstream("1.2.3_rc1-r4") == ("1.2.3_rc1", "4")


def test_the_index_is_fetched_first() -> None:
    assert ECOSYSTEM.upgrade(Outdated("aws-cli", "2")) == ("apk update && apk add --upgrade aws-cli",)
