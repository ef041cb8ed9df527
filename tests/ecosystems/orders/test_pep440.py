from __future__ import annotations

import subprocess
import sys

import pytest

from imds_probe.ecosystems.orders.pep440 import compare_pep440
from imds_probe.ecosystems.version_error import VersionError


@pytest.mark.parametrize(
    ("a", "b", "order"),
    [("1.0", "1.0.0", 0), ("1.0rc1", "1.0", -1), ("1.0.post1", "1.0", 1), ("1!0", "9", 1), ("1.0+distro1", "1.0", 1)],
)
def test_pep440(a: str, b: str, order: int) -> None:
    assert compare_pep440(a, b) == order
    assert compare_pep440(b, a) == -order


def test_what_is_no_python_version_is_refused() -> None:
    with pytest.raises(VersionError):
        compare_pep440("1.0", "one")


def test_what_orders_them_is_loaded_only_for_that() -> None:
    program = "import sys, imds_probe.ecosystems; sys.exit('packaging' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


def test_numbers_without_end_are_no_version() -> None:
    with pytest.raises(VersionError):
        compare_pep440("1" * 5000, "1.0")
