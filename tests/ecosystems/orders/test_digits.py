from __future__ import annotations

import pytest

from imds_probe.ecosystems.orders.digits import compare_digits


@pytest.mark.parametrize(
    ("a", "b", "order"), [("2", "10", -1), ("007", "7", 0), ("", "0", 0), ("9" * 5000, "1" + "0" * 5000, -1)]
)
def test_numbers_of_any_length(a: str, b: str, order: int) -> None:
    assert compare_digits(a, b) == order
    assert compare_digits(b, a) == -order
