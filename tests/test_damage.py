"""Damage to the state directory, whatever it is, never makes the verdict better than with it whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest
from bad_places import as_ordinary_user
from hypothesis import strategies
from watched_calls import CALLER
from watched_state import better, left_by_daemon, reported

from imds_probe.collect.callers import Watched
from imds_probe.report import Report
from imds_probe.system.state_directory import LOCK, UNIT, WANTS
from imds_probe.timestamp import rfc3339
from imds_probe.watch.evidence import callers_of
from imds_probe.watch.history import History
from imds_probe.watch.history_file import BEGUN, HistoryError
from imds_probe.watch.history_format import FILE

BLOCK = 512


class Whole:
    """A state directory, what it comes to, and copies of it to damage."""

    def __init__(self, place: Path, calls: int) -> None:
        self.state, self.root, self._copy = place / "whole", place / "root", place / "copy"
        self.root.mkdir()
        left_by_daemon(self.state, calls=calls)
        (self.state / "spool/file").mkdir(parents=True)
        self.report = reported(self.state, self.root)

    def copy(self) -> Path:
        shutil.rmtree(self._copy, ignore_errors=True)
        shutil.copytree(self.state, self._copy)
        return self._copy


@pytest.fixture(scope="module", params=[0, 1, 30], ids=["nobody", "one-caller", "many-callers"])
def whole(request, tmp_path_factory) -> Whole:
    made = Whole(tmp_path_factory.mktemp("damage"), request.param)
    assert made.report.verdict.state == ("not-ready" if request.param else "ready")
    return made


def flip(path: Path, at: float, amount: int) -> None:
    content = bytearray(path.read_bytes())
    if content:
        content[int(at * len(content))] ^= 1 << amount % 8
    path.write_bytes(content)


def cut(path: Path, at: float, amount: int) -> None:
    os.truncate(path, int(at * path.stat().st_size))


def zero(path: Path, at: float, amount: int) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(int(at * size) // BLOCK * BLOCK)
        file.write(b"\0" * min(BLOCK * (1 + amount % 16), size - file.tell()))


def delete(path: Path, at: float, amount: int) -> None:
    path.unlink()


def repeat(path: Path, at: float, amount: int) -> None:
    """A block stands where another one belongs."""
    content = bytearray(path.read_bytes())
    blocks = len(content) // 4096
    if blocks > 1:
        to, of = int(at * blocks), amount % blocks
        content[to * 4096 : (to + 1) * 4096] = content[of * 4096 : (of + 1) * 4096]
    path.write_bytes(content)


NAMES = strategies.sampled_from([FILE, FILE, FILE, FILE, LOCK, f"{FILE}{BEGUN}"])
DAMAGES = strategies.lists(
    strategies.tuples(
        strategies.sampled_from([flip, cut, zero, delete, repeat]),
        strategies.floats(0, 1, exclude_max=True),
        strategies.integers(0, 127),
    ),
    min_size=1,
    max_size=2,
)


@hypothesis.given(name=NAMES, damages=DAMAGES)
@hypothesis.settings(max_examples=40)
def test_no_damage_to_a_file_makes_the_verdict_better(whole: Whole, name: str, damages) -> None:
    """Neither before the daemon begins again, nor after."""
    state = whole.copy()
    for damage, at, amount in damages:
        if (state / name).exists():
            damage(state / name, at, amount)
    now = reported(state, whole.root)
    assert not better(now, whole.report), now.verdict
    with contextlib.suppress(HistoryError), History(state / FILE):
        pass
    after = reported(state, whole.root)
    assert not better(after, whole.report), after.verdict


def named(report: Report, text: str) -> None:
    """The verdict is unknown, and the finding says which file it is about."""
    assert report.verdict.state == "unknown", report.verdict
    assert any(text in line for finding in report.findings for line in finding.evidence), report.findings


ONE = "(select max(id) from callers where version = 'v1')"


@pytest.mark.parametrize(
    "sql",
    [
        f"update hours set calls = calls + 1 where caller = {ONE}",
        f"update hours set refused = calls where caller = {ONE}",
        f"update callers set version = 'v2', unit = 'x' where id = {ONE}",
        f"update callers set version = 'w1' where id = {ONE}",
        f"update callers set probe = 1 where id = {ONE}",
        f"update callers set program = '/usr/bin/aws' where id = {ONE}",
        "update hours set hour = hour - 100000",
        f"delete from hours where caller = {ONE}",
        f"delete from callers where id = {ONE}",
        "update intervals set ended = ended + 100000",
        "delete from seals",
        "insert into losses values (0, '')",
        "pragma user_version = 2",
        "pragma user_version = 1",
    ],
)
def test_what_sqlite_takes_for_whole_is_damage_to_us(tmp_path: Path, sql: str) -> None:
    """As a bit that turned would be, without a page that looks wrong."""
    state = tmp_path / "state"
    left_by_daemon(state, calls=2)
    with contextlib.closing(sqlite3.connect(state / FILE)) as database:
        database.create_function("seal", -1, lambda *_: 0)
        triggers = database.execute("select name, sql from sqlite_master where type = 'trigger'").fetchall()
        for name, _ in triggers:
            database.execute(f"drop trigger {name}")
        database.execute(sql)
        for _, text in triggers:
            database.execute(text)
        database.commit()
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    database.close()
    named(reported(state, tmp_path), FILE)
    with History(state / FILE) as history:
        assert history.set_aside
    named(reported(state, tmp_path), history.set_aside.name)


def give_away(path: Path) -> None:
    os.chown(path, 4242, 4242, follow_symlinks=False)


def for_everybody(path: Path) -> None:
    path.chmod(0o777)


def link(path: Path) -> None:
    path.rename(path.with_name(f"{path.name}.elsewhere"))
    path.symlink_to(f"{path.name}.elsewhere")


def fifo(path: Path) -> None:
    path.rename(path.with_name(f"{path.name}.elsewhere"))
    os.mkfifo(path)


@pytest.mark.parametrize("spoil", [give_away, for_everybody, link, fifo])
@pytest.mark.parametrize("name", ["", FILE, "spool", "spool/file"])
@pytest.mark.parametrize("calls", [0, 2])
def test_what_others_can_change_is_unknown_with_its_name(
    tmp_path: Path, spoil: Callable[[Path], None], name: str, calls: int
) -> None:
    state = tmp_path / "state"
    left_by_daemon(state, calls=calls)
    (state / "spool/file").mkdir(parents=True)
    spoil(state / name)
    report = reported(state, tmp_path)
    if name.startswith("spool") and calls:
        assert report.verdict.state == "not-ready"  # what the history says counts all the same
    else:
        named(report, str(state / name))


@pytest.mark.parametrize("left", [LOCK, f"{FILE}{BEGUN}", f"{FILE}-journal", f"{FILE}.damaged-20260101T000000Z"])
def test_a_history_that_is_gone_is_said(tmp_path: Path, left: str) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / left).write_text("1\n")
    named(reported(state, tmp_path), f"{state / FILE} is missing")


def test_a_daemon_that_is_enabled_and_left_nothing_is_said(tmp_path: Path) -> None:
    assert reported(tmp_path / "state", tmp_path).verdict.state == "ready"
    wants = tmp_path / WANTS.strip("/")
    wants.mkdir(parents=True)
    (wants / UNIT).symlink_to(f"/usr/lib/systemd/system/{UNIT}")
    named(reported(tmp_path / "state", tmp_path), f"{tmp_path / 'state' / FILE} is missing, although {UNIT} is enabled")


def test_a_directory_with_a_spool_only_was_never_watched(tmp_path: Path) -> None:
    (tmp_path / "state/spool/file").mkdir(parents=True)
    assert reported(tmp_path / "state", tmp_path).verdict.state == "ready"


def test_after_a_loss_ready_comes_back_with_a_whole_window(tmp_path: Path) -> None:
    state = tmp_path / "state"
    left_by_daemon(state, calls=2)
    (state / FILE).write_bytes(b"garbage" * 1000)
    left_by_daemon(state, calls=0, hours=40)
    assert reported(state, tmp_path).verdict.state == "unknown"
    left_by_daemon(state, calls=0, hours=48)
    report = reported(state, tmp_path)
    # No boot was watched: calls in its first seconds would be in no history.
    assert (report.verdict.state, report.verdict.confidence) == ("ready", "medium")


def test_what_was_watched_by_the_run_itself_counts_beside_a_damaged_history(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / FILE).write_bytes(b"garbage" * 1000)
    called = callers_of(
        (CALLER,), window_s=100.0, observed_s=10.0, needed_coverage=0.9, dropped=0, watched_until=rfc3339(0)
    )
    assert reported(state, tmp_path, Watched(called, rfc3339(0), "")).verdict.state == "not-ready"
    nobody = replace(called, by=(), imdsv1=0, coverage=1.0)
    named(reported(state, tmp_path, Watched(nobody, rfc3339(0), "")), FILE)


def test_who_may_not_look_does_not_say_that_nobody_watched(tmp_path: Path) -> None:
    state = tmp_path / "state"
    left_by_daemon(state, calls=2)
    state.chmod(0)
    said = as_ordinary_user(
        "from pathlib import Path\n"
        "from imds_probe.collect.callers import look\n"
        "from imds_probe.collect.callers_options import CallersOptions\n"
        f"try: print(look(CallersOptions(Path({str(state)!r})), None))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    assert said.startswith(("PermissionError", "StateError"))
    assert str(state) in said
