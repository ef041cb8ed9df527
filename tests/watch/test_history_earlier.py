"""Who called before the window, and was not watched for long enough since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from watched_calls import CURL, NOW, SEEN

from imds_probe.facts.callers import CallerSeen
from imds_probe.watch import history_earlier as module
from imds_probe.watch.history import History
from imds_probe.watch.history_format import HOUR_S

DAY = 24 * HOUR_S
WINDOW_S = 14 * DAY
# Hours of the epoch begin at whole hours: so does what is recorded here.
TODAY = NOW - NOW % HOUR_S


def hourly(first_day: float, last_day: float) -> list[float]:
    """Once an hour, between these days ago."""
    return [TODAY - day_s for day_s in _steps(first_day * DAY, last_day * DAY, HOUR_S)]


def _steps(begin: float, end: float, step: float) -> Iterable[float]:
    while begin > end:
        yield begin
        begin -= step


def earlier(
    directory: Path, calls: Iterable[float], *watched: tuple[float, float], dropped: int = 0, **changes: object
) -> tuple[CallerSeen, ...]:
    """After calls at these times, where these days ago were watched."""
    with History(directory / "history.db") as history:
        for at in calls:
            history.record([(replace(SEEN, at=at + 1, **changes), None)], at, at + 2)
        for began, ended in watched:
            history.record([], TODAY - began * DAY, TODAY - ended * DAY, dropped)
        found = history.evidence(TODAY, WINDOW_S, 0.99)
    assert found.by == ()
    return found.earlier


def test_who_called_until_the_daemon_stopped_is_not_forgotten(tmp_path: Path) -> None:
    (caller,) = earlier(tmp_path, hourly(20, 15), (20, 15))
    assert (caller.program, caller.unit, caller.count) == ("/usr/bin/curl", "web.service", 120)


@pytest.mark.parametrize(
    ("watched", "known"),
    [
        (((15, 0),), False),  # a whole window since
        (((30, 16), (14.5, 7)), True),  # half of one
        (((30, 16), (15, 7), (6.9, 0)), False),  # short of it by less than the coverage that is needed
        (((18, 14),), True),
    ],
)
def test_until_a_whole_window_was_watched_since(tmp_path: Path, watched, known) -> None:
    called_once = [TODAY - 16 * DAY]
    assert bool(earlier(tmp_path, called_once, *watched)) is known


def test_time_that_a_clock_had_twice_was_watched_once(tmp_path: Path) -> None:
    assert earlier(tmp_path, [TODAY - 16 * DAY], (15, 8), (14.9, 8.1), (14.8, 8))
    (tmp_path / "other").mkdir()
    assert not earlier(tmp_path / "other", [TODAY - 16 * DAY], (15, 8), (14, 2), (9, 0))


def test_time_with_losses_was_not_watched(tmp_path: Path) -> None:
    assert earlier(tmp_path, [TODAY - 16 * DAY], (15, 0), dropped=3)


@pytest.mark.parametrize(
    ("calls", "silent_days", "known"),
    [
        (hourly(20, 16), 3, False),  # each hour, and then not for days
        (hourly(20, 16), 0.5, True),
        ([TODAY - day * DAY for day in (22, 21, 20, 19, 18, 17, 16)], 3, False),  # each day
        ([TODAY - day * DAY for day in (30, 23, 16)], 3, True),  # each week
        ([TODAY - 16 * DAY], 3, True),  # once: nothing tells how often
    ],
)
def test_who_was_silent_for_longer_than_ever_has_stopped(tmp_path: Path, calls, silent_days, known) -> None:
    assert bool(earlier(tmp_path, calls, (15.9, 15.9 - silent_days))) is known


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "v2"},
        {"status": 401},
        {"path": "/computeMetadata/v1/", "status": 404},
        {"method": "HEAD", "path": "/"},
        {"user_agent": "imds-probe/1.0"},
    ],
)
def test_what_loses_nothing_is_left_out(tmp_path: Path, changes) -> None:
    assert earlier(tmp_path, hourly(20, 15)) != ()
    (tmp_path / "other").mkdir()
    assert earlier(tmp_path / "other", hourly(20, 15), **changes) == ()


def test_what_is_long_ago_tells_nothing(tmp_path: Path) -> None:
    assert earlier(tmp_path, [TODAY - 100 * DAY]) == ()


def test_who_called_again_is_judged_by_that(tmp_path: Path) -> None:
    with History(tmp_path / "history.db") as history:
        for day in (16, 3):
            history.record([(replace(SEEN, at=TODAY - day * DAY), None)], TODAY - day * DAY, TODAY - day * DAY + 60)
        found = history.evidence(TODAY, WINDOW_S, 0.99)
    assert (len(found.by), found.earlier) == (1, ())


def test_it_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EARLIER_MAX", 2)
    at = TODAY - 16 * DAY
    callers = [replace(CURL, unit=f"u{number}.service") for number in range(4)]
    with History(tmp_path / "history.db") as history:
        history.record([(replace(SEEN, at=at, caller=each), None) for each in callers], at, at + 60)
        assert len(history.evidence(TODAY, WINDOW_S, 0.99).earlier) == 2
