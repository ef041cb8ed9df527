"""Reading arguments and environments of processes, of which some keep whoever does that waiting."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import reading_tasks as tasks
from silent_process import silent_process
from soon import wait_for

from imds_probe.reading.looker import OF_A_DAEMON, OF_A_RUN
from imds_probe.reading.reader import Reader
from imds_probe.system.called import arguments
from imds_probe.system.own_memory import head, heads, read_by

PROC = Path("/proc")


@pytest.fixture
def reader() -> Iterator[Reader]:
    """One that waits for what never answers, and after that for what a busy machine answers late."""
    with Reader(tasks.TASKS, patience=replace(OF_A_RUN, first_s=5.0, then_s=5.0)) as made:
        made.begin()
        yield made


@pytest.fixture
def child() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", "input()", "argument"], stdin=subprocess.PIPE) as process:
        wait_for(lambda: b"argument" in Path(f"/proc/{process.pid}/cmdline").read_bytes())
        yield process.pid
        process.kill()


def test_it_reads_what_is_read_at_first_hand(reader: Reader, child: int) -> None:
    paths = [f"{child}/cmdline", f"{child}/environ", f"{os.getpid()}/cmdline", "0/cmdline", "1/nothing"]
    at_first_hand = heads(PROC, paths, 1 << 18)
    with read_by(reader.looker):
        found = heads(PROC, paths, 1 << 18)
        assert arguments(PROC / str(child))[-1] == "argument"
    assert found[:3] == at_first_hand[:3]
    for each, first in zip(found[3:], at_first_hand[3:], strict=True):
        assert isinstance(each, OSError)
        assert isinstance(first, OSError)
        assert each.errno == first.errno == errno.ENOENT
    assert reader.looker.unanswered == set()


def test_more_than_goes_into_one_message_is_read(reader: Reader) -> None:
    with read_by(reader.looker):
        found = heads(PROC, [f"{os.getpid()}/environ"] * 1000, 1 << 18)
    assert set(map(bytes, found)) == {Path("/proc/self/environ").read_bytes()}  # type: ignore[arg-type]


def test_one_that_keeps_readers_waiting_costs_its_own_answer(reader: Reader, child: int, tmp_path: Path) -> None:
    with silent_process(tmp_path / "share") as silent, read_by(reader.looker):
        began = time.monotonic()
        before, its, after = heads(PROC, [f"{child}/cmdline", f"{silent}/cmdline", f"{child}/environ"], 1 << 18)
        again = heads(PROC, [f"{silent}/environ", f"{child}/cmdline"], 1 << 18)
        took_s = time.monotonic() - began
    assert isinstance(before, bytes) and b"argument" in before
    assert isinstance(after, bytes) and b"PATH=" in after
    assert isinstance(its, OSError) and its.errno == errno.EHOSTDOWN
    assert isinstance(again[0], OSError)
    assert again[1] == before
    assert reader.looker.unanswered == {f"/proc/{silent}"}
    assert took_s < 30  # once, not for each


def test_what_belongs_to_others_is_read_meanwhile_by_a_daemon(child: int, tmp_path: Path) -> None:
    patience = replace(OF_A_DAEMON, first_s=5.0, then_s=5.0)  # alice answers sooner on a busy machine, too
    with Reader(tasks.TASKS, patience=patience) as reader, silent_process(tmp_path / "share") as silent:
        with read_by(reader.looker):
            with pytest.raises(OSError, match="down"):
                head(PROC, f"{silent}/cmdline", 100, of="mallory")
            with pytest.raises(OSError, match="down"):  # whatever it is: mallory has had his turn
                head(PROC, f"{child}/cmdline", 100, of="mallory")
            assert b"argument" in head(PROC, f"{child}/cmdline", 100, of="alice")
