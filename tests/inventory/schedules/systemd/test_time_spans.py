from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.systemd.time_spans import seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90),
        ("5min", 300),
        ("1h 30m", 5400),
        ("1h30min", 5400),
        ("2 days", 172800),
        ("1.5h", 5400),
        ("1w", 604800),
        ("1M", 2629800),
        ("1y", 31557600),
        ("500ms", 0.5),
        ("0", 0),
        ("infinity", None),
        ("", None),
        ("x", None),
        ("5 parsecs", None),
        ("1.2.3s", None),
        (".", None),
        ("9" * 40, None),
    ],
)
def test_spans(text: str, expected: float | None) -> None:
    assert seconds(text) == (None if expected is None else pytest.approx(expected))
