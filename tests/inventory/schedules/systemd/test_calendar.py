from __future__ import annotations

import datetime
import itertools
import subprocess

import pytest

from imds_probe.inventory.schedules.recurrence import DAY, HOUR, Gaps
from imds_probe.inventory.schedules.systemd import calendar
from imds_probe.inventory.schedules.systemd.calendar import NoCalendar, gaps

EVENTS = {
    "minutely": Gaps(60, 60),
    "hourly": Gaps(HOUR, HOUR),
    "daily": Gaps(DAY, DAY),
    "weekly": Gaps(7 * DAY, 7 * DAY),
    "*:0/15": Gaps(900, 900),
    "*-*-* 6,18:00": Gaps(12 * HOUR, 12 * HOUR),
    "Mon..Fri *-*-* 10:00": Gaps(DAY, 3 * DAY),
    "Mon-Fri 10:00": Gaps(DAY, 3 * DAY),
    "Sat,Sun 10:00": Gaps(DAY, 6 * DAY),
    "Sunday 3:10": Gaps(7 * DAY, 7 * DAY),
    "*-*": Gaps(DAY, DAY),
    "Tue": Gaps(7 * DAY, 7 * DAY),
    "*:*:0/20": Gaps(20, 20),
    "00/2:30 UTC": Gaps(2 * HOUR, 2 * HOUR),
    "9..17:00:00": Gaps(HOUR, 16 * HOUR),
    "*-*-1,15 04:00": Gaps(14 * DAY, 17 * DAY),
}
IRREGULAR = {
    "monthly": Gaps(28 * DAY, 31 * DAY),
    "*-*~1 12:00": Gaps(28 * DAY, 31 * DAY),
    "quarterly": Gaps(90 * DAY, 92 * DAY),
    "semiannually": Gaps(181 * DAY, 184 * DAY),
    "yearly": Gaps(365 * DAY, 366 * DAY),
    "*-01-01": Gaps(365 * DAY, 366 * DAY),
}


@pytest.mark.parametrize(("text", "expected"), {**EVENTS, **IRREGULAR}.items())
def test_how_far_events_are_apart(text: str, expected: Gaps) -> None:
    assert gaps(text) == expected


def test_events_that_come_to_an_end_have_no_gaps() -> None:
    assert gaps("2026-01-01 00:00") is None
    assert gaps("2026-*-* 00:00") is None


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "x",
            "Europe/Berlin",
            "25:00",
            "*:61",
            "Mon..Xyz",
            "*-13-01",
            "1:2:3:4",
            "5..3:00",
            "*:0/0",
            "@5",
            "1" * 600,
        ),
        *("99999999999999:00", "*-*-*-* 1:00", "²:00", "Fri..Mon 10:00"),
    ],
)
def test_what_is_no_calendar(text: str) -> None:
    with pytest.raises(NoCalendar):
        gaps(text)


def test_systemd_itself_has_the_same_events() -> None:
    """All at once, for as many iterations as show a week of most of them."""
    for text, expected in EVENTS.items():
        points = analyzed(text, 60)
        apart = [(after - before).total_seconds() for before, after in itertools.pairwise(points)]
        assert (min(apart), max(apart)) == (expected.shortest, expected.longest), text


def analyzed(text: str, iterations: int) -> list[datetime.datetime]:
    command = ["systemd-analyze", "calendar", f"--iterations={iterations}", text]
    environment = {"TZ": "UTC", "LC_ALL": "C", "PATH": "/usr/bin:/bin"}
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    lines = [line.partition(": ")[2] for line in said.splitlines() if "elapse" in line or "Iter. #" in line]
    return [datetime.datetime.strptime(line.strip(), "%a %Y-%m-%d %H:%M:%S UTC") for line in lines if line.strip()]


def test_every_short_form_is_a_calendar() -> None:
    assert all(gaps(name) == gaps(event) for name, event in calendar.SHORT_FORMS.items())
