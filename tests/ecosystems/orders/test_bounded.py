from __future__ import annotations

import pytest

from imds_probe.ecosystems.orders.bounded import LENGTH_MAX, bounded
from imds_probe.ecosystems.version_error import VersionError


def test_what_is_too_long_is_refused() -> None:
    assert bounded("1" * LENGTH_MAX) == "1" * LENGTH_MAX
    with pytest.raises(VersionError, match="too long"):
        bounded("1" * (LENGTH_MAX + 1))
