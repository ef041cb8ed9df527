from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.recurrence import DAY
from imds_probe.inventory.schedules.scheduled import When
from imds_probe.inventory.schedules.systemd.syntax import assignments
from imds_probe.inventory.schedules.systemd.timers import started, whens
from imds_probe.inventory.schedules.systemd.unit import Unit


def unit(name: str, text: str) -> Unit:
    return Unit(name, "/x", list(assignments(text, "/x")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("OnCalendar=daily\n", [When("scheduled", "daily", DAY)]),
        ("OnCalendar=daily\nOnCalendar=*:0/5\n", [When("scheduled", "every 5 minutes", 300)]),
        ("OnCalendar=daily\nOnCalendar=\nOnCalendar=weekly\n", [When("scheduled", "weekly", 7 * DAY)]),
        ("OnCalendar=daily\nRandomizedDelaySec=1h\n", [When("scheduled", "daily", DAY + 3600)]),
        ("OnUnitActiveSec=90\n", [When("scheduled", "every 2 minutes", 90)]),
        ("OnBootSec=1\nOnUnitInactiveSec=1d\n", [When("scheduled", "daily", DAY), When("boot", "at each boot")]),
        ("OnBootSec=15min\nRandomizedDelaySec=5min\n", [When("boot", "at each boot")]),
        # Later than what a watched boot shows, and no window tells when the next boot is.
        ("OnBootSec=2h\n", [When("scheduled", "2 h after each boot")]),
        ("OnActiveSec=1min\nOnStartupSec=1d\n", [When("scheduled", "1 d after each boot")]),
        ("OnBootSec=15min\nRandomizedDelaySec=1h\n", [When("scheduled", "1 h 15 min after each boot")]),
        ("OnBootSec=2h\nOnUnitActiveSec=1d\n", [When("scheduled", "daily", DAY)]),
        ("OnCalendar=odd\n", [When("scheduled", "by a calendar that could not be read")]),
        ("OnCalendar=2026-01-01\n", [When("scheduled", "on set dates")]),
        ("OnUnitActiveSec=infinity\n", []),
        ("", []),
    ],
)
def test_when_a_timer_starts_something(text: str, expected: list[When]) -> None:
    assert list(whens(unit("x.timer", f"[Timer]\n{text}"))) == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("x.timer", "", "x.service"),
        ("x.timer", "[Timer]\nUnit=y.target\n", "y.target"),
        ("x@i.path", "", "x@i.service"),
        ("x.socket", "[Socket]\nAccept=no\n", "x.service"),
        ("x.socket", "[Socket]\nAccept=yes\n", "x@.service"),
        ("x.socket", "[Socket]\nService=y.service\n", "y.service"),
    ],
)
def test_what_is_started(name: str, text: str, expected: str) -> None:
    assert started(unit(name, text)) == expected
