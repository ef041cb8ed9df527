from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from watched_calls import NOW, SEEN

from imds_probe.watch import recorder as module
from imds_probe.watch.history import History
from imds_probe.watch.history_file import MEMORY, HistoryError
from imds_probe.watch.recorder import CALLS_WITHIN_S, TIME_WITHIN_S, Recorder


class Clocks:
    """The host's clock and the steady one."""

    wall, steady = NOW, 50.0

    def go_on(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


class Recorded:
    def __init__(self, history: History) -> None:
        self.history, self.clocks, self.said = history, Clocks(), list[str]()
        clocks = self.clocks
        self.recorder = Recorder(history, self.said.append, lambda: clocks.wall, lambda: clocks.steady)

    def evidence(self):
        return self.history.evidence(self.clocks.wall, 1000)

    def intervals(self) -> list[tuple[float, float, int]]:
        rows = self.history._database.execute("select began, ended, dropped from intervals order by began").fetchall()
        return [(began - NOW, ended - NOW, dropped) for began, ended, dropped in rows]


@pytest.fixture
def recorded():
    with History(MEMORY) as history:
        yield Recorded(history)


def test_calls_are_written_soon_and_time_alone_seldom(recorded):
    recorder, clocks = recorded.recorder, recorded.clocks
    assert recorder.due_in_s() == TIME_WITHIN_S
    clocks.go_on(10)
    recorder.add(replace(SEEN, at=clocks.wall), None)
    recorder.keep()
    assert recorder.due_in_s() == TIME_WITHIN_S
    assert (recorded.evidence().imdsv1, recorded.evidence().observed_s) == (1, 10)
    recorder.add(replace(SEEN, at=clocks.wall), None)
    assert recorder.due_in_s() == CALLS_WITHIN_S
    clocks.go_on(1)
    recorder.keep()
    assert recorded.evidence().imdsv1 == 1  # not due yet
    recorder.keep(now=True)
    assert recorded.evidence().imdsv1 == 2
    assert recorded.intervals() == [(0, 11, 0)]


def test_lost_packets_make_the_time_unobserved(recorded):
    recorded.clocks.go_on(30)
    recorded.recorder.keep(dropped=5)
    recorded.clocks.go_on(30)
    recorded.recorder.keep()
    assert recorded.intervals() == [(0, 30, 5), (30, 60, 0)]


@pytest.mark.parametrize("jump", [3600, -3600])
def test_a_clock_that_jumps_adds_no_time_that_was_not_watched(recorded, jump):
    recorded.clocks.go_on(10)
    recorded.clocks.wall += jump
    recorded.recorder.keep(now=True)
    recorded.clocks.go_on(20)
    recorded.recorder.keep(now=True)
    assert sorted(recorded.intervals()) == sorted([(0, 10, 0), (10 + jump, 30 + jump, 0)])


def test_set_back_by_less_than_it_watched_the_overlap_counts_once(recorded):
    recorded.clocks.go_on(100)
    recorded.recorder.keep(now=True)
    recorded.clocks.wall -= 50
    recorded.recorder.keep(now=True)
    recorded.clocks.go_on(60)
    recorded.recorder.keep(now=True)
    assert recorded.evidence().observed_s == 110


class Full(History):
    """One whose disk is full while `full` is set."""

    full = False

    def record(self, *args) -> None:
        if self.full:
            raise HistoryError("history.db cannot be written: full")
        super().record(*args)


def test_what_cannot_be_written_is_written_later(monkeypatch):
    monkeypatch.setattr(module, "PENDING_MAX", 3)
    with Full(MEMORY) as history:
        recorded = Recorded(history)
        recorder, clocks = recorded.recorder, recorded.clocks
        history.full = True
        for _ in range(2):
            clocks.go_on(30)
            recorder.add(replace(SEEN, at=clocks.wall), None)
            recorder.keep()
        assert recorded.said == ["history.db cannot be written: full; what is seen stays in memory"]
        history.full = False
        clocks.go_on(30)
        recorder.keep()
        assert recorded.said[1:] == [f"{Path(':memory:')} can be written again; 0 calls or packets were lost"]
        assert (recorded.evidence().imdsv1, recorded.intervals()) == (2, [(0, 90, 0)])


def test_what_there_is_no_room_for_is_on_record_as_lost(monkeypatch):
    monkeypatch.setattr(module, "PENDING_MAX", 3)
    with History(MEMORY) as history:
        recorded = Recorded(history)
        for _ in range(10):
            recorded.recorder.add(SEEN, None)
        recorded.clocks.go_on(2)
        recorded.recorder.keep()
        assert recorded.intervals() == [(0, 2, 7)]


def test_what_is_not_confirmed_is_written_soon_and_its_time_is_not_observed(recorded):
    recorder, clocks = recorded.recorder, recorded.clocks
    clocks.go_on(10)
    recorder.keep(now=True)
    recorder.keep(0, {"veth2": 2})
    assert recorder.due_in_s() == CALLS_WITHIN_S
    clocks.go_on(2)
    recorder.keep(0, {"veth2": 1, "veth3": 1})
    clocks.go_on(30)
    recorder.keep()
    found = recorded.evidence()
    assert (found.unconfirmed, found.senders, found.observed_s) == (4, ("3: veth2", "1: veth3"), 40)


def test_those_who_sent_are_bounded_while_nothing_can_be_written(monkeypatch):
    monkeypatch.setattr(module, "SENDERS_MAX", 3)
    with Full(MEMORY) as history:
        recorded = Recorded(history)
        history.full = True
        for number in range(20):
            recorded.recorder.keep(0, {f"veth{number}": 1})
        assert recorded.recorder._unconfirmed == {"veth0": 1, "veth1": 1, "veth2": 1, "others": 17}
