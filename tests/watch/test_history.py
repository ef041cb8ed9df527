from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from watched_calls import CURL, NOW
from watched_calls import OF_ROLE as SEEN

from imds_probe.timestamp import rfc3339
from imds_probe.watch import history as module
from imds_probe.watch.history import History
from imds_probe.watch.history_file import HistoryError
from imds_probe.watch.history_format import HOUR_S

DAY = 24 * HOUR_S


def test_callers_are_counted_and_the_time_is_kept(path: Path) -> None:
    calls = [(SEEN, None), (replace(SEEN, status=401), None), (replace(SEEN, version="v2"), "web")]
    with History(path) as history:
        history.record(calls, NOW - 600, NOW)
        evidence = history.evidence(NOW, DAY)
    assert (evidence.imdsv1, evidence.imdsv2, evidence.observed_s, evidence.dropped_packets) == (2, 1, 600, 0)
    assert evidence.coverage == pytest.approx(600 / DAY, abs=1e-6)
    first, second = evidence.by
    assert (first.version, first.program, first.unit, first.path_class) == (
        "v1",
        "/usr/bin/curl",
        "web.service",
        "credentials",
    )
    assert (first.count, first.refused, first.last_seen) == (2, 1, rfc3339(SEEN.at))
    assert (second.container, second.count) == ("web", 1)


def test_the_window_leaves_out_what_was_before(path: Path) -> None:
    with History(path) as history:
        history.record([(replace(SEEN, at=NOW - 10 * DAY), None)], NOW - 11 * DAY, NOW - 9 * DAY)
        assert history.evidence(NOW, DAY).imdsv1 == 0
        assert history.evidence(NOW, 14 * DAY).imdsv1 == 1
        history.forget(NOW - 5 * DAY)
        assert history.evidence(NOW, 14 * DAY).by == ()
        assert history.evidence(NOW, 14 * DAY).observed_s == 0


def test_it_is_read_while_it_is_written(path: Path) -> None:
    with History(path) as writing:
        writing.record([(SEEN, None)], NOW - 60, NOW)
        writing._database.execute("begin immediate")  # the daemon is busy
        with History(path, read_only=True) as reading:
            assert reading.evidence(NOW, DAY).imdsv1 == 1
            with pytest.raises(HistoryError):
                reading.record([], NOW, NOW + 1)
        writing._database.rollback()


WRITER = """
import sys, time
from pathlib import Path
from watched_calls import NOW
from watched_calls import OF_ROLE as SEEN
from imds_probe.watch.history import History

with History(Path(sys.argv[1])) as history:
    sys.stdin.readline()
    begin = int(sys.argv[2])
    for number in range(begin, begin + 10_000):
        history.record([(SEEN, None)], NOW + number, NOW + number + 1)
        print(number, flush=True)
"""


@pytest.mark.parametrize("kills", [20, pytest.param(1000, marks=pytest.mark.soak)])
def test_killed_again_and_again_it_holds_what_was_recorded(path: Path, kills: int) -> None:
    """In the middle of a write mostly: it does nothing else. All that it said it had written is there, and no half of anything."""
    env = {"PYTHONPATH": f"{Path(__file__).parents[2]}:{Path(__file__).parents[1]}:{Path(__file__).parent}"}
    chance, written, begin = random.Random(50), 0, 0
    for _ in range(kills):
        argv = [sys.executable, "-c", WRITER, path, str(begin)]
        child = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdin and child.stdout
        child.stdin.write(b"go\n")
        child.stdin.flush()
        first = child.stdout.readline()
        time.sleep(chance.uniform(0, 0.01))
        child.send_signal(signal.SIGKILL)
        last = int((first + child.stdout.read()).rpartition(b"\n")[0].split()[-1])
        child.communicate()
        with History(path, read_only=True) as history:
            evidence = history.evidence(NOW + 10_000_000, 20_000_000)
        assert evidence.imdsv1 == evidence.observed_s  # each call with its second, or neither
        assert 0 <= evidence.imdsv1 - written - (last - begin + 1) <= 1
        written, begin = evidence.imdsv1, begin + 10_000
    with History(path) as history:
        assert history.set_aside is None


@pytest.mark.parametrize("damage", [b"garbage" * 1000, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(path: Path, damage: bytes) -> None:
    path.write_bytes(damage)
    with History(path) as history:
        assert history.set_aside
        assert history.set_aside.read_bytes() == damage
        history.record([(SEEN, None)], NOW - 60, NOW)
        assert history.evidence(NOW, DAY).imdsv1 == 1
    with pytest.raises(HistoryError):
        History(_written(path.with_name("other.db"), damage), read_only=True)


def test_a_reader_never_sets_anything_aside(path: Path) -> None:
    with History(path) as history:
        history.record([(SEEN, None)], NOW - 60, NOW)
    with History(path, read_only=True) as history:
        for write in (lambda: history.record([], NOW, NOW + 1), lambda: history.forget(NOW)):
            with pytest.raises(HistoryError):
                write()
        assert history.evidence(NOW, DAY).imdsv1 == 1
    assert [each.name for each in path.parent.iterdir() if "damaged" in each.name] == []


def test_where_there_is_none_it_says_what_writes_one(path: Path) -> None:
    with pytest.raises(HistoryError, match="is missing"):
        History(path, read_only=True)
    with pytest.raises(HistoryError, match="cannot be written"):
        History(path.parent / "no/such/directory/history.db")


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    os.sync()
    return path


@pytest.mark.parametrize("caller", [None, replace(CURL, uid=None)])
def test_who_is_not_known_and_says_that_he_is_the_probe_hides_no_call(path: Path, caller) -> None:
    """A process of anybody's that ended too soon, or that nothing shows: it accuses nobody, and the time counts as not watched."""
    claimed = replace(SEEN, caller=caller, user_agent="imds-probe/1.0")
    with History(path) as history:
        history.record([(claimed, None)], NOW - 600, NOW)
        evidence = history.evidence(NOW, DAY)
    assert (evidence.imdsv1, evidence.imdsv1_by_probe, evidence.by) == (0, 0, ())
    assert (evidence.unconfirmed, evidence.observed_s) == (1, 0)
    assert evidence.senders == (f"1: {module.CLAIMED}",)
    with History(path) as history:
        history.record(
            [(replace(claimed, outgoing=False), None), (replace(claimed, version="v2"), None)], NOW, NOW + 60
        )
        later = history.evidence(NOW + 60, DAY)
    assert (later.imdsv1, later.imdsv2, later.unconfirmed, later.observed_s) == (1, 1, 1, 60)
