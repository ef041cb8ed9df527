from __future__ import annotations

import time
from pathlib import Path

import pytest
from watched_calls import CALLER, SEEN

from imds_probe.collect.callers import CallersOptions, Watched, look
from imds_probe.watch.evidence import callers_of, rfc3339
from imds_probe.watch.history import History
from imds_probe.watch.history_file import HistoryError
from imds_probe.watch.history_format import FILE


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A state directory whose daemon saw one call and has ended."""
    now = time.time()
    with History(tmp_path / FILE) as history:
        history.record([(SEEN, None)], now - 100, now - 50)
    return tmp_path


def watched(now: float) -> Watched:
    callers = callers_of(
        (CALLER,), window_s=1000.0, observed_s=10.0, needed_coverage=0.99, dropped=0, watched_until=rfc3339(now)
    )
    return Watched(callers, rfc3339(now - 10), "")


def test_nobody_watched(tmp_path: Path) -> None:
    assert look(CallersOptions(tmp_path), None) is None


def test_what_the_daemon_left(written: Path) -> None:
    found = look(CallersOptions(written, window_s=1000.0, coverage=0.05), None)
    assert found
    assert (round(found.observed_s), found.needed_coverage, found.complete) == (50, 0.05, True)


def test_what_was_watched_now_comes_to_it(written: Path, tmp_path: Path) -> None:
    now = time.time()
    both = look(CallersOptions(written, window_s=1000.0), watched(now))
    assert both
    assert round(both.observed_s) == 60
    alone = look(CallersOptions(tmp_path / "none"), watched(now))
    assert alone
    assert (alone.imdsv1, alone.observed_s) == (CALLER.count, 10.0)


def test_a_history_in_a_directory_that_may_not_be_written_is_read(written: Path) -> None:
    assert not (written / f"{FILE}-wal").exists()
    names = sorted(path.name for path in written.iterdir())
    assert look(CallersOptions(written), None)
    assert sorted(path.name for path in written.iterdir()) == names


def test_a_damaged_one_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"garbage" * 1000)
    with pytest.raises(HistoryError, match=FILE):
        look(CallersOptions(tmp_path), None)
