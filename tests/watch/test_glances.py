from __future__ import annotations

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
        self.ring = SimpleNamespace(ahead=lambda _: iter(self.packets), is_filling=False)
        quiet = SimpleNamespace(ahead=lambda _: iter(()), is_filling=False)
        connects = SimpleNamespace(has=lambda *_: False)
        self.glances = Glances(
            SimpleNamespace(glance=self._glance), self.processes, connects, lambda: (quiet, self.ring), 80
        )

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

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
