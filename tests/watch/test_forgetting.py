from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from watched_calls import NOW, SEEN

from imds_probe.watch.boots import first_hours
from imds_probe.watch.forgetting import CHECKED_EACH, EVERY_S, LOOKS, Forgetting
from imds_probe.watch.history import History
from imds_probe.watch.history_file import MEMORY

DAY_S = 86400.0
RETENTION_S = 90 * DAY_S


class Kept:
    """A history of `days` days with a call a day, and what forgets it, whose clocks the test moves."""

    def __init__(self, history: History, days: int) -> None:
        self.history, self.wall, self.steady = history, NOW, 50.0
        for day in range(days, 0, -1):
            at = NOW - day * DAY_S
            history.record([(replace(SEEN, at=at), None)], at, at + DAY_S)
        self._forgetting = Forgetting(history, lambda: self.wall, lambda: self.steady)

    def hours(self, count: int) -> None:
        for _ in range(count):
            self.wall += EVERY_S
            self.steady += EVERY_S
            self._forgetting.tidy(RETENTION_S)

    def days(self) -> int:
        return self.history.evidence(NOW, 10_000 * DAY_S).imdsv1


@pytest.fixture
def kept() -> Iterator[Kept]:
    with History(MEMORY) as history:
        yield Kept(history, 14)


def test_what_is_old_goes_bit_by_bit() -> None:
    with History(MEMORY) as history:
        kept = Kept(history, 100)
        kept.hours(1)
        assert 99 <= kept.days() <= 100
        kept.hours(11 * 24)
        assert 78 <= kept.days() <= 79


@pytest.mark.parametrize("jump_d", [400, -400])
def test_a_clock_that_jumps_at_one_look_costs_nothing(kept: Kept, jump_d: int) -> None:
    kept.hours(3)
    kept.wall += jump_d * DAY_S
    kept.hours(1)
    kept.wall -= jump_d * DAY_S
    kept.hours(LOOKS)
    assert kept.days() == 14


def test_a_clock_that_is_ahead_from_the_start_costs_hours(kept: Kept) -> None:
    kept.wall += 400 * DAY_S
    kept._forgetting = Forgetting(kept.history, lambda: kept.wall, lambda: kept.steady)
    kept.hours(1)
    assert kept.days() >= 13


def test_a_clock_that_was_behind_until_it_was_set_counts_in_the_end() -> None:
    """As at boot, before anybody could ask for the time."""
    with History(MEMORY) as history:
        kept = Kept(history, 100)
        kept.wall = 0.0
        kept._forgetting = Forgetting(history, lambda: kept.wall, lambda: kept.steady)
        kept.hours(1)
        kept.wall = NOW
        kept.hours(LOOKS - 2)
        assert kept.days() == 100
        kept.hours(11 * 24)
        assert kept.days() <= 80


def test_it_begins_anew_where_the_file_is_not_what_was_written(tmp_path) -> None:
    said: list[str] = []
    with History(tmp_path / "history.db", say=said.append) as history:
        kept = Kept(history, 1)
        history._database.execute("update seals set total = 0")
        kept.hours(CHECKED_EACH)
        assert history.set_aside
        assert "differ from what was written" in said[0]
        assert history.evidence(NOW, DAY_S).by == ()


def test_before_calls_are_forgotten_boots_are_noted() -> None:
    """Who called at a boot and went on for days was changed: that is still known when the calls are gone."""
    noted: list[tuple[tuple[int, int], float]] = []

    class Record:
        def settle(self, at_boot: Callable[[range], tuple[int, int]], forgotten_before: float) -> None:
            noted.append((at_boot(first_hours(NOW - 14 * DAY_S)), forgotten_before))

    with History(MEMORY) as history:
        kept = Kept(history, 14)
        kept._forgetting = Forgetting(history, lambda: kept.wall, lambda: kept.steady, boot=Record())  # type: ignore[arg-type]
        kept.hours(2)
    assert noted == [((1, 0), pytest.approx(NOW + hours * EVERY_S - RETENTION_S)) for hours in (1, 2)]
