"""Waking up for who is new alone: by the kernel's own tracing, on this very machine."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest
from soon import SOON_S
from watched_calls import CURL

from imds_probe.watch import newcomers as module
from imds_probe.watch.newcomers import EXPECTED_MAX, LEFT_S, REGULAR_S, Newcomers, Regulars
from imds_probe.watch.tracing import NotToBeHad

WAITS = ("/bin/sh", "-c", "read line; exec true")


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def newcomers(server: socket.socket) -> Iterator[Newcomers]:
    opened = Newcomers(f"dport=={server.getsockname()[1]}", 61)
    yield opened
    opened.close()
    assert not opened.instance.is_dir()


def connect(server: socket.socket) -> None:
    socket.create_connection(server.getsockname()).close()


def connect_on_a_thread(server: socket.socket) -> None:
    thread = threading.Thread(target=connect, args=(server,))
    thread.start()
    thread.join()


def test_who_is_expected_wakes_nobody_and_others_do_once(server: socket.socket, newcomers: Newcomers) -> None:
    newcomers.expect({threading.get_native_id()}, ())
    connect(server)
    assert not newcomers.come(0)
    connect_on_a_thread(server)
    assert newcomers.come(SOON_S)
    assert newcomers.executed() == []
    assert not newcomers.come(0)


def test_where_nobody_is_expected_nobody_is_new(server: socket.socket, newcomers: Newcomers) -> None:
    for expected in (set(), {threading.get_native_id()}, set()):
        newcomers.expect(expected, expected)
        connect(server)
        connect_on_a_thread(server)
        assert newcomers.come(SOON_S if expected else 0) == bool(expected)
        newcomers.executed()


def test_who_is_expected_and_executes_another_program_is_told_of_with_its_time(newcomers: Newcomers) -> None:
    one, other = (subprocess.Popen(WAITS, stdin=subprocess.PIPE) for _ in range(2))
    newcomers.expect({one.pid}, {one.pid})
    other.communicate(b"\n")
    assert not newcomers.come(0)
    before = time.monotonic_ns()
    one.communicate(b"\n")
    assert newcomers.come(SOON_S)
    ((pid, at),) = newcomers.executed()
    assert pid == one.pid
    assert before < at < time.monotonic_ns()


def test_more_than_a_filter_can_say_is_refused(newcomers: Newcomers) -> None:
    newcomers.expect(range(4_000_000, 4_000_000 + EXPECTED_MAX), range(4_000_000, 4_000_000 + EXPECTED_MAX))
    with pytest.raises(NotToBeHad, match="takes no such filter"):
        newcomers.expect(range(4_000_000, 4_001_000), ())


class Days:
    """Regulars on a clock of its own, and what they have the kernel expect."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.begun, self.asked = 100.0, 0, []
        self.refused, self.expected, self.closed = False, frozenset(), False
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))
        self.regulars = Regulars(self._begin)

    def _begin(self) -> Days:
        self.begun += 1
        return self

    def expect(self, threads, processes) -> None:
        if self.refused:
            raise NotToBeHad("the kernel takes no such filter")
        self.asked.append((set(threads), set(processes)))
        self.expected = frozenset(threads)

    def come(self, timeout_s: float) -> bool:
        return timeout_s > 1

    def executed(self) -> list[tuple[int, int]]:
        return [(7, 1)]

    def close(self) -> None:
        self.closed = True

    def go_by(self, seconds: float, *threads: int) -> None:
        """In which these call twice a second, all threads of process 7."""
        for _ in range(round(2 * seconds)):
            self.now += 0.5
            self.regulars.called({tid: replace(CURL, pid=7) for tid in threads})


@pytest.fixture
def days(monkeypatch: pytest.MonkeyPatch) -> Days:
    return Days(monkeypatch)


def test_who_has_called_for_a_while_is_expected_until_he_has_left(days: Days) -> None:
    days.go_by(REGULAR_S - 0.5, 7, 8)
    assert (days.begun, days.regulars.are_known, days.regulars.others_come(2), days.regulars.executed()) == (
        *(0, False, False),
        [],
    )
    days.go_by(2, 7, 8)
    assert (days.begun, days.asked, days.regulars.are_known) == (1, [({7, 8}, {7})], True)
    assert (days.regulars.others_come(2), days.regulars.others_come(0), days.regulars.executed()) == (
        *(True, False),
        [(7, 1)],
    )
    days.go_by(LEFT_S - 1, 8)
    assert len(days.asked) == 1
    days.go_by(3, 8)
    assert days.asked[1:] == [({8}, set())]
    days.go_by(LEFT_S + 2)
    assert days.asked[2:] == [(set(), set())]
    assert not days.regulars.are_known
    days.go_by(5, 9)
    assert (days.begun, days.asked[3:]) == (1, [({9}, set())])
    days.regulars.close()
    assert days.closed


def test_of_threads_that_call_once_each_none_is_expected(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALLING_MAX", 6)
    for tid in range(1000, 1040):
        days.go_by(0.5, tid)
        assert len(days.regulars._calling) <= 8
    assert days.begun == 0


def test_of_too_many_none_is_expected(days: Days) -> None:
    days.go_by(4, *range(1000, 1000 + EXPECTED_MAX))
    assert len(days.asked) == 1
    days.go_by(4, *range(1000, 1001 + EXPECTED_MAX))
    assert days.asked[1:] == [(set(), set())]


def test_a_kernel_that_refuses_is_not_asked_again(days: Days) -> None:
    days.refused = True
    days.go_by(10, 7)
    assert (days.begun, days.closed, days.regulars.are_known) == (1, True, False)


def test_the_processes_own_number_stays_its_own(server: socket.socket, newcomers: Newcomers) -> None:
    """The thread that is first in a process has the number of it."""
    newcomers.expect({os.getpid()}, {os.getpid()})
    connect(server)  # by that one
    assert not newcomers.come(0)
