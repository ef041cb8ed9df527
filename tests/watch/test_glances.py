from __future__ import annotations

import itertools
import os
import socket
from dataclasses import replace
from types import SimpleNamespace

import pytest
from watched_calls import CURL
from watched_packets import MD4, V1, to

from imds_probe.watch import glances
from imds_probe.watch.caller import Caller
from imds_probe.watch.glances import Glances
from imds_probe.watch.tracepoint import Connect, Glance

KNOWN, LATER, PORT = replace(CURL, pid=os.getpid()), replace(CURL, exe="/usr/bin/later"), 4000


class Going:
    """A watch of which all that call are known, on a clock of its own, and what comes in with each of its glances."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.glanced, self.packets, self.more = 100.0, 0, [], 1
        self.threads = {7}
        clock = SimpleNamespace(monotonic=lambda: self.now, time=lambda: self.now, sleep=self._sleep)
        monkeypatch.setattr(glances, "time", clock)
        self.processes = SimpleNamespace(known={7: KNOWN}.get, caller=lambda _: LATER)
        self.ring = SimpleNamespace(ahead=lambda _: iter(self.packets), is_filling=False, is_quarter_full=False)
        quiet = SimpleNamespace(ahead=lambda _: iter(()), is_filling=False, is_quarter_full=False)
        connects = SimpleNamespace(has=lambda *_: False)
        self.glances = Glances(
            SimpleNamespace(glance=self._glance),
            self.processes,
            connects,
            lambda: (quiet, self.ring),
            80,
            newcomers=lambda: pytest.fail("nobody calls for long"),
        )
        self.others, self.executions = set[int](), list[tuple[int, int]]()

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def only_regulars_call(self) -> None:
        """Those of whom the kernel wakes nobody; it does in the waits of these numbers."""
        waits = itertools.count()

        def others_come(timeout_s: float) -> bool:
            come = next(waits) in self.others
            self.now += 0.0 if come else timeout_s
            return come

        self.glances._regulars = SimpleNamespace(
            are_known=True, others_come=others_come, executed=lambda: self.executions, called=lambda _: None
        )
        self.now += glances.BEGUN_S

    def _glance(self) -> Glance:
        self.glanced += 1
        made = {(PORT + self.glanced * self.more + number, socket.inet_aton(MD4)) for number in range(self.more)}
        return Glance(self.glanced, self.threads, made)

    def waited_s(self) -> float:
        return self.glances.let_come(60.0)


@pytest.fixture
def going(monkeypatch: pytest.MonkeyPatch) -> Going:
    return Going(monkeypatch)


def test_calls_of_those_that_are_known_come_together(going: Going) -> None:
    assert going.waited_s() == pytest.approx(glances.TOGETHER_S)
    assert going.glanced >= glances.TOGETHER_S / glances.LOOKED_AT_WITHIN_S - 1
    assert going.glances.let_come(0.0) == 0
    assert going.glances.let_come(0.01) == pytest.approx(0.01)


@pytest.mark.parametrize(
    "changes",
    [
        {"threads": {7, 8}},  # somebody new
        {"threads": set(), "more": 0},  # nobody at all
        {"more": glances.TOGETHER_MAX},
        {"packets": [to(7, V1, port=PORT + 1)] * 3 + [to(7, V1, port=PORT - 1)]},  # on a connection that was not traced
    ],
)
def test_what_has_to_be_read_is_not_waited_for(going: Going, changes) -> None:
    for name, value in changes.items():
        setattr(going, name, value)
    assert going.waited_s() == pytest.approx(glances.LOOKED_AT_WITHIN_S)


def test_the_ring_does_not_run_over_meanwhile(going: Going, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(going.ring, "is_filling", True)
    assert going.waited_s() == pytest.approx(glances.LOOKED_AT_WITHIN_S)


def test_who_was_known_at_a_glance_is_not_taken_for_what_he_became(going: Going) -> None:
    going.waited_s()
    connect = Connect(going.glanced, 7, "10.0.0.5", PORT, MD4)
    assert going.glances.caller_of(connect) is KNOWN
    assert going.glances.caller_of(connect._replace(at=going.glanced + 1, tid=os.getpid())) is LATER


def test_a_thread_is_asked_for_once_and_a_process_at_each_glance(going: Going, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may execute another program meanwhile."""
    asked: list[int] = []
    going.threads = {7, KNOWN.pid}

    def known(tid: int) -> Caller:
        asked.append(tid)
        return KNOWN

    monkeypatch.setattr(going.processes, "known", known)
    going.waited_s()
    assert (asked.count(7), asked.count(KNOWN.pid)) == (1, going.glanced)
    going.glances.clear()
    going.waited_s()
    assert asked.count(7) == 2


def test_where_only_regulars_call_nobody_is_looked_at(going: Going) -> None:
    going.only_regulars_call()
    going.now -= glances.BEGUN_S / 2
    going.waited_s()
    assert going.glanced  # at first, there may be connections that were not traced
    going.now, going.glanced = 200.0, 0
    assert going.waited_s() == pytest.approx(glances.TOGETHER_S)
    assert going.glanced == 0
    going.glances.untraced()
    going.waited_s()
    assert going.glanced
    going.now, going.glanced = going.now + glances.UNTRACED_S, 0
    going.waited_s()
    assert going.glanced == 0


@pytest.mark.parametrize(
    ("threads", "glanced", "after_s"),
    [
        ({7, 8}, 1, glances.RESTED_S),
        ({7}, 5, glances.TOGETHER_S),  # known as well: it goes on as where there are no regulars
        (set(), 2, glances.RESTED_S + glances.LOOKED_AT_WITHIN_S),  # somebody else was asked
    ],
)
def test_who_comes_besides_is_looked_at_at_once(going: Going, threads: set[int], glanced: int, after_s: float) -> None:
    going.only_regulars_call()
    going.threads, going.others = threads, {1}
    assert going.waited_s() == pytest.approx(after_s)
    assert going.glanced in (glanced, glanced + 1)  # by how times are rounded


def test_a_ring_that_fills_while_only_regulars_call_is_read_and_looked_at_more_often(going: Going) -> None:
    going.only_regulars_call()
    waits = []
    for is_full in (True, False, True, False):
        going.ring.is_quarter_full = is_full
        waits.append(going.waited_s())
    first, then = glances.RESTED_S, glances.TOGETHER_S
    assert waits == pytest.approx([first, then, first, then])
    going.ring.is_quarter_full = True
    going.waited_s()
    assert going.waited_s() == pytest.approx(glances.LOOKED_AT_WITHIN_S)


def test_a_regular_that_executes_a_program_is_what_he_was_until_then(going: Going) -> None:
    going.only_regulars_call()
    going.processes.before = {os.getpid(): KNOWN}.get
    going.executions = [(os.getpid(), 50), (9, 60)]
    going.glances.begin()
    connect = Connect(50, os.getpid(), "10.0.0.5", PORT, MD4)
    assert going.glances.caller_of(connect) is KNOWN
    assert going.glances.caller_of(connect._replace(at=51)) is LATER
    assert going.glances.caller_of(connect._replace(at=51, tid=9)) is LATER


def test_whoever_called_is_told_once_all_were_read(going: Going) -> None:
    told: list[dict[int, Caller]] = []
    going.only_regulars_call()
    going.glances._regulars.called = lambda callers: told.append(dict(callers))
    going.glances.caller_of(Connect(50, 7, "10.0.0.5", PORT, MD4))
    going.glances.clear()
    going.glances.clear()
    assert told == [{7: LATER}, {}]


def test_of_many_threads_of_a_process_it_alone_is_asked_about_again(going: Going) -> None:
    asked: list[int] = []
    now = {KNOWN.pid: KNOWN}
    going.processes.known = now.get
    going.processes.caller = lambda tid: (asked.append(tid), KNOWN if tid < 9 else LATER)[1]

    def called_by(*threads: int) -> list[Caller]:
        callers = [going.glances.caller_of(Connect(50, tid, "10.0.0.5", PORT, MD4)) for tid in threads]
        going.glances.clear()
        return callers

    assert called_by(7, 8, 7) == [KNOWN] * 3
    assert asked == [7, 8]
    assert called_by(8, 7) == [KNOWN] * 2
    assert asked == [7, 8]
    now[KNOWN.pid] = replace(KNOWN)  # it was looked at anew
    assert called_by(8) == [KNOWN]
    assert asked == [7, 8, 8]
    now[KNOWN.pid] = KNOWN
    going.now += 2 * glances.KEPT_S
    called_by()
    called_by(8)
    assert asked == [7, 8, 8, 8]
