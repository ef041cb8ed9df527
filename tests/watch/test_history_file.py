from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from bad_places import fill, on_disk
from watched_calls import CURL, NOW, SEEN
from watched_state import killed_at

from imds_probe.system.state_directory import LOCK
from imds_probe.watch import history_file as module
from imds_probe.watch.history import History
from imds_probe.watch.history_file import ASIDE_MAX, BEGUN, HistoryError, opened_to_read
from imds_probe.watch.history_format import FORMAT, HOUR_S

DAY = 24 * HOUR_S
SMALL_KIB = 160  # room for a history, one set aside, and a journal
TESTS = Path(__file__).parents[1]
ENVIRON = {"PYTHONPATH": f"{TESTS.parent}:{TESTS}"}


def calls(path: Path) -> int:
    with History(path, read_only=True) as history:
        return history.evidence(NOW + 60, DAY).imdsv1


def recorded(path: Path, number: int = 1) -> str:
    """What is said while so many calls are recorded."""
    said: list[str] = []
    with History(path, say=said.append) as history:
        for at in range(number):
            history.record([(SEEN, None)], NOW + at, NOW + at + 1)
    return "".join(said)


def test_killed_at_any_statement_of_its_first_start_it_works_at_the_next(tmp_path: Path) -> None:
    for statement in range(200):
        path = tmp_path / f"{statement}.db"
        killed = killed_at(statement, path)
        assert recorded(path) == "", statement  # nothing was set aside
        with History(path, read_only=True) as history:
            found = history.evidence(NOW + 60, DAY)
        assert (found.imdsv1 in (1, 2), found.losses) == (True, ())
        if not killed:
            break
    assert 30 < statement < 199


@pytest.mark.parametrize("statements", range(1, 4))
def test_one_that_the_first_release_left_half_made_works(path: Path, statements: int) -> None:
    """It made each table by itself, and noted the format after the last one."""
    tables = ("callers (id integer primary key)", "hours (caller integer)", "intervals (began real primary key)")
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("pragma journal_mode=wal")
        for table in tables[:statements]:
            database.execute(f"create table {table}")
    with pytest.raises(HistoryError, match="its format is 0"):
        opened_to_read(path)
    assert recorded(path) == ""
    assert calls(path) == 1


def test_on_a_disk_that_is_full_at_its_first_start_it_works_once_there_is_room(tmp_path: Path) -> None:
    place = tmp_path / "full"

    def act() -> None:
        (place / "filler").unlink()
        for left in range(0, SMALL_KIB * 1024, 4096):
            for each in place.iterdir():
                each.unlink()
            (place / "reserve").write_bytes(b"x" * left)
            fill(place)
            (place / "reserve").unlink()
            with contextlib.suppress(HistoryError):
                recorded(place / "history.db")
            (place / "filler").unlink()
            assert recorded(place / "history.db") == "", left
            assert calls(place / "history.db") >= 1
        assert recorded(place / "history.db") == ""

    on_disk(place, "full", act, SMALL_KIB)


def test_a_full_disk_and_a_read_only_one_set_nothing_aside(tmp_path: Path) -> None:
    place = tmp_path / "full"

    def act() -> None:
        (place / "filler").unlink()
        said: list[str] = []
        with History(place / "history.db", say=said.append) as history:
            history.record([(SEEN, None)], NOW - 60, NOW)
            fill(place)
            many = [(replace(SEEN, caller=replace(CURL, exe=f"/{each}" + "x" * 250)), None) for each in range(500)]
            with pytest.raises(HistoryError, match="full"):
                history.record(many, NOW, NOW + 60)
        (place / "filler").unlink()
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        with pytest.raises(HistoryError, match="cannot be written"):
            History(place / "history.db", say=said.append)
        subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)
        with History(place / "history.db", say=said.append) as history:
            history.record([(SEEN, None)], NOW, NOW + 60)
        assert (calls(place / "history.db"), said) == (2, [])
        assert not list(place.glob("*.damaged-*"))

    on_disk(place, "full", act, SMALL_KIB)


def test_another_process_that_has_it_sets_nothing_aside(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WRITER_WAITS_S", 0.05)
    recorded(path)
    with contextlib.closing(sqlite3.connect(path)) as other, History(path) as history:
        other.execute("begin exclusive")
        for write in (lambda: history.record([(SEEN, None)], NOW, NOW + 1), lambda: History(path)):
            with pytest.raises(HistoryError, match="locked"):
                write()
        other.rollback()
        history.record([(SEEN, None)], NOW, NOW + 1)
    assert calls(path) == 2


SWEPT = 400


def test_no_damaged_file_is_kept_that_cannot_be_written(tmp_path: Path) -> None:
    """A bit, a block or the rest of it, anywhere: it can be written as it is, and has what was in it, or is set aside."""
    whole, path = tmp_path / "whole.db", tmp_path / "history.db"
    recorded(whole, 100)
    content, chance, aside = whole.read_bytes(), random.Random(18), 0
    for number in range(SWEPT):
        damaged = bytearray(content)
        at = chance.randrange(120 if number % 2 else len(damaged))
        match number % 5:
            case 0:
                damaged[at : at + 512] = b"\0" * len(damaged[at : at + 512])
            case 1:
                damaged[at:] = b""
            case _:
                damaged[at] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        Path(f"{path}{BEGUN}").touch(0o600)
        with History(path) as history:
            history.record([(SEEN, None)], NOW + 200, NOW + 260)
            found = history.evidence(NOW + 260, DAY)
            if history.set_aside:
                aside += 1
                assert history.set_aside.read_bytes() == damaged
                assert (found.imdsv1, [history.set_aside.name in each.why for each in found.losses]) == (1, [True])
            elif found.losses:  # so little is left of it that nothing is
                assert (found.imdsv1, len(found.losses), len(damaged) < 512) == (1, 1, True)
            else:
                assert (found.imdsv1, found.losses) == (101, ())
        for each in tmp_path.glob("history.db*"):
            each.unlink()
    assert SWEPT / 10 < aside < SWEPT


@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_bytes(b"garbage" * 2000)])
def test_one_that_is_spoilt_while_it_is_written_is_begun_anew(path: Path, spoil: Callable[[Path], None]) -> None:
    said: list[str] = []
    with History(path, say=said.append) as history:
        history.record([(SEEN, None)], NOW - 60, NOW)
        spoil(path)
        history.record([(SEEN, None)], NOW, NOW + 60)
        history.record([(SEEN, None)], NOW + 60, NOW + 120)
    with History(path, read_only=True) as history:
        evidence = history.evidence(NOW + 120, DAY)
    assert (evidence.imdsv1, len(evidence.losses), len(said)) == (2, 1, 1)


def test_one_that_cannot_be_begun_anew_at_once_is_later(tmp_path: Path) -> None:
    """The disk is full just when the file turns out to be damaged."""
    place = tmp_path / "full"

    def act() -> None:
        (place / "filler").unlink()
        path = place / "history.db"
        with History(path) as history:
            history.record([(SEEN, None)], NOW - 60, NOW)
            history._database.execute("drop table hours")
            fill(place)
            for _ in range(ASIDE_MAX + 2):
                with pytest.raises(HistoryError, match="cannot be written"):
                    history.record([(SEEN, None)], NOW, NOW + 60)
            (place / "filler").unlink()
            history.record([(SEEN, None)], NOW, NOW + 60)
            evidence = history.evidence(NOW + 120, DAY)
        assert (evidence.imdsv1, len(evidence.losses)) == (1, 1)
        assert len([each for each in place.glob("*.damaged-*") if each.stat().st_size]) == 1

    on_disk(place, "full", act, SMALL_KIB)


def test_one_that_is_gone_is_remembered_and_an_empty_one_too(path: Path) -> None:
    recorded(path)
    path.unlink()
    recorded(path)
    with History(path, read_only=True) as history:
        assert [each.why for each in history.evidence(NOW + 60, DAY).losses] == ["history.db was missing"]
    path.write_bytes(b"")
    recorded(path)
    with History(path, read_only=True) as history:
        assert [each.why for each in history.evidence(NOW + 60, DAY).losses] == ["history.db was missing"]
    assert Path(f"{path}{BEGUN}").read_text().startswith("imds-probe began history.db here.")


def test_a_reader_waits_for_one_that_is_only_just_being_made(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(b"")
    path.chmod(0o600)
    waits = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            recorded(path)

    monkeypatch.setattr(module.time, "sleep", wait)
    assert calls(path) == 1
    assert len(waits) == 3


def test_a_reader_of_one_that_nobody_goes_on_making_says_that_it_is_empty(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(b"")
    path.chmod(0o600)
    monkeypatch.setattr(module, "READER_WAITS_S", 0.0)
    with pytest.raises(HistoryError, match=r"cannot be read: it is empty\. Restart the daemon"):
        calls(path)


def test_a_loss_that_an_old_clock_noted_is_no_older_than_what_was_lost(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(b"garbage" * 1000)
    os.utime(path, (NOW, NOW))
    monkeypatch.setattr(module.time, "time", lambda: 1000.0)
    with History(path) as history:
        assert history.evidence(NOW + 60, DAY).losses


def test_as_many_as_a_disk_damages_the_newest_are_kept(path: Path) -> None:
    for number in range(ASIDE_MAX + 5):
        path.write_bytes(b"garbage" * 100 + str(number).encode())
        with History(path) as history:
            assert history.set_aside
    kept = [each.read_bytes() for each in path.parent.glob("*.damaged-*")]
    assert len(kept) == ASIDE_MAX
    assert any(each.endswith(str(ASIDE_MAX + 4).encode()) for each in kept)


def test_one_of_a_later_format_is_kept_aside_whole(path: Path) -> None:
    recorded(path)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(f"pragma user_version={FORMAT + 1}")
    content = path.read_bytes()
    with pytest.raises(HistoryError, match=f"its format is {FORMAT + 1}; this version .* Run that version"):
        opened_to_read(path)
    assert path.read_bytes() == content
    with History(path) as history:
        assert history.set_aside
        assert ".later-format-" in history.set_aside.name
        assert history.set_aside.read_bytes() == content
        assert history.evidence(NOW + 60, DAY).losses


def test_a_writer_that_was_killed_within_a_transaction_leaves_what_was_before(path: Path) -> None:
    recorded(path)
    code = (
        "import os, signal, sys; from pathlib import Path; from watched_calls import NOW, SEEN\n"
        "from imds_probe.watch.history import History\n"
        "history = History(Path(sys.argv[1])); database = history._database\n"
        "database.execute('pragma cache_size=1'); database.execute('pragma cache_spill=1')\n"
        "database.execute('begin immediate')\n"
        "for number in range(3000):\n"
        "    at = NOW + 9 + number\n"
        "    database.execute('insert into intervals (began, ended, dropped, unconfirmed, with_refusals)'\n"
        "     ' values (?, ?, 0, 0, 1)', (at, at))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, path], env=ENVIRON, check=False)
    assert Path(f"{path}-journal").stat().st_size
    names = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    assert calls(path) == 1
    assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == names  # a reader changes nothing
    assert recorded(path) == ""
    assert calls(path) == 2
    # Without the journal it is torn, and that is seen.
    for name, content in names.items():
        path.with_name(name).write_bytes(content)
    Path(f"{path}-journal").unlink()
    with pytest.raises(HistoryError):
        opened_to_read(path)


@pytest.mark.parametrize("name", ["history.db", "history.db-journal", "history.db-wal"])
def test_what_others_could_have_put_there_is_not_used(path: Path, name: str) -> None:
    path.touch(0o600)
    (path.parent / name).touch(0o600)
    os.chown(path.parent / name, 4242, 4242)
    for open_it in (opened_to_read, History):
        with pytest.raises(HistoryError, match=f"{name} belongs to user 4242"):
            open_it(path)
    assert not (path.parent / LOCK).exists()


def test_one_that_takes_too_long_to_check_is_not_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(path, 50)
    monkeypatch.setattr(module, "CHECKED_WITHIN_S", -1.0)
    monkeypatch.setattr(module, "STEPS", 1)
    with pytest.raises(HistoryError, match="interrupted"):
        opened_to_read(path)
