"""Who reads modestly leaves the CPU to others, as soon as there is more to do than a little."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import reading_tasks as tasks
from reading_tasks import At
from soon import SOON_S, wait_for

from imds_probe.reading import reader as readers
from imds_probe.reading.reader import Reader
from imds_probe.reading.task import Answer
from imds_probe.system.give_way import NICE

OWN = os.getpriority(os.PRIO_PROCESS, 0)
MODEST = max(OWN, NICE)


@pytest.fixture
def reader() -> Iterator[Reader]:
    with Reader(tasks.TASKS) as made:
        yield made


def reads(reader: Reader, root: Path, *, modest: bool) -> bool:
    asked = reader.ask(tasks.CONTENTS, At(str(root), ("none",)), [root], time.monotonic() + SOON_S, modest=modest)
    return asked == Answer((tasks.Said("none", "None"),))


def workers(reader: Reader) -> list[int]:
    return [worker.pid for worker in (reader._parser, reader._opener) if worker]


def priorities(reader: Reader) -> list[int]:
    return [os.getpriority(os.PRIO_PROCESS, pid) for pid in workers(reader)]


def test_a_little_is_done_by_those_who_do_the_rest(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "LITTLE_S", 2 * SOON_S)
    assert reads(reader, tmp_path, modest=False)
    first = workers(reader)
    assert reads(reader, tmp_path, modest=True)
    assert priorities(reader) == [OWN] * 2
    assert reads(reader, tmp_path, modest=False)
    assert workers(reader) == first


def test_who_has_worked_for_long_gives_way_and_is_replaced(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "LITTLE_S", 0.0)
    assert reads(reader, tmp_path, modest=False)
    first = workers(reader)
    assert reads(reader, tmp_path, modest=True)
    assert workers(reader) == first
    assert priorities(reader) == [MODEST] * 2
    assert reads(reader, tmp_path, modest=False)
    assert not set(workers(reader)).intersection(first)
    assert priorities(reader) == [OWN] * 2


def test_what_takes_long_gives_way_while_it_does(reader: Reader, tmp_path: Path) -> None:
    assert reads(reader, tmp_path, modest=False)
    arguments, deadline = At(str(tmp_path), ()), time.monotonic() + SOON_S
    other = threading.Thread(target=lambda: reader.ask(tasks.SPIN, arguments, [tmp_path], deadline, modest=True))
    other.start()
    try:
        wait_for(lambda: priorities(reader) == [MODEST] * 2)
    finally:
        for pid in workers(reader):
            os.kill(pid, 9)
        other.join()
    assert reads(reader, tmp_path, modest=False)
    assert priorities(reader) == [OWN] * 2
