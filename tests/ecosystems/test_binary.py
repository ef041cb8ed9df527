from __future__ import annotations

from imds_probe.ecosystems.binary import ECOSYSTEM
from imds_probe.ecosystems.ecosystem import Outdated


def test_what_is_built_in_is_known_by_its_user_agent_and_built_anew() -> None:
    assert "aws-sdk-cpp" in ECOSYSTEM.products
    assert ECOSYSTEM.upgrade(Outdated("a", "1", "/srv/app")) == ()
