"""On which kernels rules can lead; what they do is in test_rehearsal.py and tests/lab."""

from __future__ import annotations

import pytest

from imds_probe.rehearsal.leading import too_old


@pytest.mark.parametrize(
    ("release", "old"),
    [
        ("4.14.355-280.708.amzn2.x86_64", True),
        ("3.10.0-1160.el7", True),
        ("4.18.0-553.el8", False),
        ("6.1", False),
        ("x", False),
    ],
)
def test_kernels_that_are_too_old(release, old):
    assert too_old(release) == old
