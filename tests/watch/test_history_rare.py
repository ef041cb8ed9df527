"""Who calls less often than the window is long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from watched_calls import CURL, NOW, SEEN

from imds_probe.facts.callers import Callers
from imds_probe.watch import history_rare as module
from imds_probe.watch.history import History
from imds_probe.watch.history_format import HOUR_S

DAY = 24 * HOUR_S
TODAY = NOW - NOW % HOUR_S
MONTHLY = (20, 51, 81)
WITH_TOKEN: Mapping[str, object] = {"version": "v2"}


def seen(directory: Path, *calls: tuple[float, Mapping[str, object]], window: float = 14.0) -> Callers:
    """After calls of so many days ago, each with its changes, of 89 days that were watched."""
    began = TODAY - 89 * DAY
    with History(directory / "history.db") as history:
        history.record([(replace(SEEN, at=TODAY - day * DAY, **of), None) for day, of in calls], began, TODAY)
        return history.evidence(TODAY, window * DAY, 0.99)


def alike(days: Iterable[float], **changes: object) -> list[tuple[float, Mapping[str, object]]]:
    return [(day, changes) for day in days]


def test_who_comes_once_a_month_is_not_forgotten_after_two_weeks(tmp_path: Path) -> None:
    found = seen(tmp_path, *alike(MONTHLY))
    assert (found.by, found.earlier) == ((), ())
    (rare,) = found.rare
    assert (rare.caller.unit, rare.caller.count) == ("web.service", 3)
    assert (rare.longest_gap_s / DAY, round(rare.silent_s / DAY, 1)) == (31.0, 20.0)


@pytest.mark.parametrize(
    ("days", "window", "known"),
    [
        ((41, 72), 14, True),
        ((42.5, 73.5), 14, False),  # for a third longer than ever
        ((36, 64), 14, True),  # four weeks, and once in a while five
        ((20,), 14, False),  # nothing tells how often
        ((20, 20.2, 20.5), 14, False),
        (tuple(range(15, 80)), 14, False),  # each day until the window began
        ((9, 16, 23), 7, True),
        ((10, 17, 24), 7, False),
        ((3, 20, 51), 14, False),  # it called in the window
        ((20, 51), 90, False),
    ],
)
def test_its_own_rhythm_tells_for_how_long(tmp_path: Path, days, window, known) -> None:
    assert bool(seen(tmp_path, *alike(days), window=window).rare) is known


@pytest.mark.parametrize(("watched_until", "known"), [(70.0, False), (45.0, True)])
def test_silence_while_nobody_watched_tells_no_rhythm(tmp_path: Path, watched_until: float, known: bool) -> None:
    """As an instance that was stopped for weeks has it: each day it calls, before and after, until it was changed."""
    days, again = [*range(71, 81), *range(18, 31)], 31.0
    began, late, now = TODAY - 89 * DAY, TODAY - watched_until * DAY, TODAY - again * DAY
    with History(tmp_path / "history.db") as history:
        calls = [(replace(SEEN, at=TODAY - day * DAY), None) for day in days]
        history.record(calls[:10], began, late)
        history.record(calls[10:], now, TODAY)
        found = history.evidence(TODAY, 14 * DAY, 0.99).rare
    assert bool(found) is known  # it was mostly seen not to call
    assert [each.longest_gap_s / DAY for each in found] == [41.0] * known


def test_each_run_in_a_container_of_its_own_is_one_of_the_same_job(tmp_path: Path) -> None:
    def runs(image: str | None, **more: object) -> list[tuple[float, Mapping[str, object]]]:
        callers = [replace(CURL, unit=None, container=f"{day}" * 32, runtime="docker") for day in MONTHLY]
        return [(day, {"caller": each, "image": image, **more}) for day, each in zip(MONTHLY, callers, strict=True)]

    found = seen(tmp_path, *runs("ci:1", token="lost")).rare
    assert {each.longest_gap_s / DAY for each in found} == {31.0}
    assert [each.caller.token for each in found] == ["lost"] * 3
    assert [each.caller.container_id for each in found] == ["20" * 32, "51" * 32, "81" * 32]
    for name, calls, expected in (
        ("nameless", runs(None), 3),
        ("others", [(20, runs("a:1")[0][1]), (51, runs("b:1")[1][1])], 0),
    ):
        (tmp_path / name).mkdir()
        assert len(seen(tmp_path / name, *calls).rare) == expected


def test_names_that_are_made_up_for_each_run_tell_no_runs_apart(tmp_path: Path) -> None:
    calls = [
        (day, {"caller": replace(CURL, script=f"/tmp/jenkins{number}.sh", unit=f"run-u{day}.service")})
        for day, number in zip(MONTHLY, (2938472938472, 8872635412233, 1172635412239), strict=True)
    ]
    assert len(seen(tmp_path, *calls).rare) == 3


@pytest.mark.parametrize(
    ("since", "known"),
    [
        (alike([10], **WITH_TOKEN), False),  # it was changed
        (alike([10], **WITH_TOKEN, path="/latest/meta-data/iam/security-credentials/"), True),  # a part of it
        (alike([10, 85], **WITH_TOKEN), True),  # it did so all the time
        (alike([10], **WITH_TOKEN, status=404), True),
        (alike([10], **WITH_TOKEN, caller=replace(CURL, script="/opt/other.sh")), True),
    ],
)
def test_who_asks_for_the_same_with_a_token_since_was_changed(tmp_path: Path, since, known) -> None:
    path = "/latest/meta-data/instance-id"
    calls = [(day, {"path": path, **of}) for day, of in [*alike(MONTHLY), *since]]
    assert bool(seen(tmp_path, *calls).rare) is known


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
    assert not seen(tmp_path, *alike(MONTHLY, **changes)).rare


def test_restarts_of_the_watch_make_no_rhythm(tmp_path: Path) -> None:
    """What then is not known of a caller's token makes another row of the history."""
    daily = alike(range(21, 81), token="none")
    assert not seen(tmp_path, *daily, *alike((21.1, 80.1), token="unseen")).rare


def test_it_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RARE_MAX", 2)
    calls = [(day, {"caller": replace(CURL, unit=f"u{unit}.service")}) for unit in "abcd" for day in MONTHLY]
    assert len(seen(tmp_path, *calls).rare) == 2
