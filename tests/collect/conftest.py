"""Time to look: what a run gives to a part of the host is bounded for the sake of the other parts."""

from __future__ import annotations

import pytest
from soon import SOON_S

from imds_probe.collect import code, sdk_disks, sdks


@pytest.fixture(autouse=True)
def machine_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a few files take seconds. What is found then is no matter of what a test finds."""
    for module, names in (
        (code, ("CONTAINER_S", "LYING_S", "OWNERS_S", "PACKAGES_S", "NAMED_S")),
        (sdk_disks, ("DISK_TIME_S",)),
        (sdks, ("FIRST_S",)),
    ):
        for name in names:
            monkeypatch.setattr(module, name, SOON_S)
