from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from watched_calls import CALLER, SEEN

from imds_probe.collect.callers import Watched, look
from imds_probe.collect.callers_options import CallersOptions
from imds_probe.facts.callers import BOOT_S
from imds_probe.timestamp import rfc3339
from imds_probe.watch import boots
from imds_probe.watch.evidence import callers_of
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


def test_what_the_last_boot_that_was_watched_called_is_known_however_long_ago(tmp_path: Path, monkeypatch) -> None:
    """A host that has been up for longer than the window."""
    up_s = 60 * 86400.0
    booted = time.time() - up_s
    monkeypatch.setattr(boots, "this_boot", lambda: boots.ThisBoot("a" * 36, up_s))
    (tmp_path / boots.FILE).write_bytes(boots.encoded((boots.Boot("a" * 36, booted, 2.0, True, BOOT_S - 2, 1),)))
    with History(tmp_path / FILE) as history:
        history.record([(replace(SEEN, at=booted + 30), None)], booted, booted + 60)
    found = look(CallersOptions(tmp_path, window_s=1000.0), None)
    assert found
    assert (found.imdsv1, [each.imdsv1 for each in found.boots], found.boot_was_silent) == (1, [1], False)
    # One day does not make a difference: somebody may have restarted it by hand.
    with History(tmp_path / FILE) as history:
        history.record([(replace(SEEN, at=booted + 90_000), None)], booted, booted + 90_060)
    found = look(CallersOptions(tmp_path, window_s=1000.0), None)
    assert found
    assert (found.imdsv1, found.boot_was_silent) == (1, False)
    # It went on calling, so that its silence in the window says that it was mended.
    with History(tmp_path / FILE) as history:
        later = [(replace(SEEN, at=booted + days * 90_000), None) for days in (2, 3)]
        history.record(later, booted, booted + 270_060)
    found = look(CallersOptions(tmp_path, window_s=1000.0), None)
    assert found
    assert (found.imdsv1, [each.imdsv1 for each in found.boots], found.boot_was_silent) == (0, [0], True)
    # Some of what was counted has been forgotten.
    (tmp_path / boots.FILE).write_bytes(boots.encoded((boots.Boot("a" * 36, booted, 2.0, True, BOOT_S - 2, 2),)))
    found = look(CallersOptions(tmp_path, window_s=1000.0), None)
    assert found
    assert ([each.imdsv1 for each in found.boots], found.boot_was_silent) == ([2], False)


@pytest.mark.parametrize(("noted", "silent"), [(None, False), (1, False), (0, True)])
def test_what_was_noted_of_a_boot_counts_once_its_calls_are_forgotten(
    tmp_path: Path, monkeypatch, noted: int | None, silent: bool
) -> None:
    up_s = 120 * 86_400.0
    booted = time.time() - up_s
    monkeypatch.setattr(boots, "this_boot", lambda: boots.ThisBoot("a" * 36, up_s))
    (tmp_path / boots.FILE).write_bytes(boots.encoded((boots.Boot("a" * 36, booted, 2.0, True, BOOT_S - 2, 2, noted),)))
    with History(tmp_path / FILE) as history:
        history.record([], time.time() - 20 * 86_400.0, time.time())
    found = look(CallersOptions(state=tmp_path), None)
    assert found is not None
    assert ([each.imdsv1 for each in found.boots], found.boot_was_silent) == ([2 if noted is None else noted], silent)


def test_a_boot_that_was_missed_since_takes_nothing_from_it(tmp_path: Path, monkeypatch) -> None:
    now = time.time()
    booted = now - 40 * 86_400.0
    monkeypatch.setattr(boots, "this_boot", lambda: boots.ThisBoot("b" * 36, 20 * 86_400.0))
    on_record = (
        boots.Boot("a" * 36, booted, 2.0, True, BOOT_S - 2, 1),
        boots.Boot("b" * 36, now - 20 * 86_400.0, 41.0, False, BOOT_S - 41),
    )
    (tmp_path / boots.FILE).write_bytes(boots.encoded(on_record))
    with History(tmp_path / FILE) as history:
        history.record([(replace(SEEN, at=booted + 30), None)], booted, booted + 60)
    found = look(CallersOptions(tmp_path), None)
    assert found
    assert found.whole_boot is None
    assert [(each.boot_id[0], each.imdsv1) for each in found.boots] == [("a", 1), ("b", 0)]
    assert found.imdsv1 == 1  # who called then is named


@pytest.mark.parametrize("content", [b"", b"nonsense", boots.encoded(())[:-1]])
def test_boots_that_cannot_be_read_are_none_that_were_watched(written: Path, content: bytes) -> None:
    (written / boots.FILE).write_bytes(content)
    found = look(CallersOptions(written, window_s=1000.0), None)
    assert found
    assert (len(found.boots), found.whole_boot) == (1, None)
