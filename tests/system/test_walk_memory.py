"""A walk that remembers finds what one finds that does not, whatever happened in between."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from imds_probe.system import walk as walking
from imds_probe.system import walk_memory as module
from imds_probe.system.confined import pin
from imds_probe.system.sought import Sought
from imds_probe.system.walk import TOO_MANY_FILES, Budget, Walk
from imds_probe.system.walk_memory import Chunk, Held, WalkMemory

SOUGHT = Sought(frozenset({"site-packages"}), frozenset({"txt"}), (".jar",), (), (), frozenset(), 4)
LATER_NS = 10_000_000_000
Found = tuple[list[str], list[bytes], int]


@pytest.fixture(autouse=True)
def _on_any_file_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    monkeypatch.setattr(walking, "KINDS", {walking.magic(descriptor)})
    os.close(descriptor)


def walked(root: Path, kept: Sequence[bytes] = (), before_ns: int | None = None, entries: int = 10_000) -> Found:
    """What is found, what is learnt, and how many entries that took."""
    before_ns = time.time_ns() + LATER_NS if before_ns is None else before_ns
    memory, budget = WalkMemory(kept, before_ns), Budget(time.monotonic() + 60, entries)
    parts = list(Walk(lambda path: pin(root, path), SOUGHT, budget, memory=memory).parts(["/"]))
    assert budget.cut_short in ("", TOO_MANY_FILES)
    learnt = [chunk for part in parts for chunk in part.learnt]
    return sorted(path for part in parts for path in part.paths), learnt, sum(part.entries for part in parts)


def make(root: Path) -> None:
    for path in ("a/b.jar", "a/b/c/d.jar", "a/site-packages/x", "e/f.txt", "e/long", "g/h/i/j"):
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("12345")
    (root / "e/long").chmod(0o755)


def test_what_did_not_change_is_not_listed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path)
    found, learnt, entries = walked(tmp_path)
    assert found == ["/a/b.jar", "/a/b/c/d.jar", "/a/site-packages", "/e/long"]

    def scandir(fd: int) -> None:
        pytest.fail(f"{os.readlink(f'/proc/self/fd/{fd}')} was listed")

    monkeypatch.setattr(walking.os, "scandir", scandir)
    again = walked(tmp_path, learnt)
    assert again[:2] == (found, [])  # nothing new is learnt
    assert 0 < again[2] < entries + 1


CHANGES = {
    "a file came": lambda root: (root / "a/b/new.jar").write_text(""),
    "a file went": lambda root: (root / "a/b/c/d.jar").unlink(),
    "a directory came": lambda root: (root / "g/site-packages").mkdir(),
    "a file became longer, and a program": lambda root: (root / "g/h/i/j").chmod(0o755),
    "a program became shorter": lambda root: os.truncate(root / "e/long", 1),
    "a directory was put in the place of another": lambda root: (root / "a/b").rename(root / "g/h/b"),
    "a file became a link": lambda root: [(root / "a/b.jar").unlink(), (root / "a/b.jar").symlink_to("b")],
    "times were put back": lambda root: _as_before(root / "a/b", lambda: (root / "a/b/later.jar").write_text("")),
}


def _as_before(directory: Path, change) -> None:  # type: ignore[no-untyped-def]
    status = directory.stat()
    change()
    os.utime(directory, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_is_seen(tmp_path: Path, change: str) -> None:
    make(tmp_path)
    before, learnt, _ = walked(tmp_path)
    CHANGES[change](tmp_path)
    anew = walked(tmp_path)
    assert anew[0] != before
    assert walked(tmp_path, learnt)[0] == anew[0]


def test_whatever_is_done_the_same_is_found(tmp_path: Path) -> None:
    chance, kept = random.Random(1), []
    names = ("a.jar", "site-packages", "x", "y", "z.txt", "d")
    for _ in range(60):
        place = tmp_path.joinpath(*chance.choices(names, k=chance.randint(1, 3)))
        for parent in reversed(place.parents):
            if parent.is_relative_to(tmp_path) and not parent.is_dir():
                parent.unlink(missing_ok=True)
                parent.mkdir()
        if chance.random() < 0.5 and place.is_file():
            place.unlink()
        elif not place.is_dir():
            place.write_text("1" * chance.randint(0, 8))
            place.chmod(chance.choice((0o644, 0o755)))
        found, learnt, _ = walked(tmp_path, kept)
        assert found == walked(tmp_path)[0]
        kept = learnt or kept


def test_who_else_can_write_or_has_just_written_is_asked_again(tmp_path: Path) -> None:
    for name, mode in (("open", 0o777), ("user", 0o755), ("usual", 0o755)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
    os.chown(tmp_path / "user", 4242, 4242)
    inodes = {(tmp_path / name).stat().st_ino for name in ("", "usual")}
    _, learnt, _ = walked(tmp_path)
    known = [held for chunk in learnt for held in msgspec.msgpack.decode(chunk, type=Chunk).directories]
    assert {held.inode for held in known} == inodes
    assert walked(tmp_path, before_ns=tmp_path.stat().st_ctime_ns)[1] == []


def test_nothing_is_remembered_of_other_kinds_of_file_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path)
    monkeypatch.setattr(walking, "KINDS", frozenset())
    assert walked(tmp_path)[1] == []


def test_a_walk_that_was_cut_short_leaves_what_it_came_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_A_TIME", 2)
    for number in range(20):
        (tmp_path / f"{number:02}").mkdir()
        (tmp_path / f"{number:02}/a.jar").write_text("")
    whole, _, entries = walked(tmp_path)
    part, learnt, _ = walked(tmp_path, entries=entries - 10)
    assert set(part) < set(whole) and learnt
    assert walked(tmp_path, learnt, entries=entries - 10)[0] != part  # it comes further


def test_what_makes_no_sense_leads_nowhere(tmp_path: Path) -> None:
    make(tmp_path)
    found = walked(tmp_path)[0]
    status = (tmp_path / "e").stat()
    times = status.st_mtime_ns, status.st_ctime_ns
    for name in ("../a", "..", ".", "", "/etc", "a\0"):
        for held in (
            Held(status.st_ino, times, (name,), (), ()),
            Held(status.st_ino, times, (), (name,), ()),
            Held(status.st_ino, times, (), (), (name,)),
        ):
            assert walked(tmp_path, [msgspec.msgpack.encode(Chunk(status.st_dev, [held]))])[0] == found
    for chunk in (b"", b"\xc1", b"\x92\x01\x91\x01", msgspec.msgpack.encode((1, [(1, 2)]))):
        assert walked(tmp_path, [chunk])[0] == found


def test_no_more_is_kept_than_the_opener_can_bear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path)
    found, learnt, _ = walked(tmp_path)
    monkeypatch.setattr(module, "BYTES_MAX", 250)
    few = walked(tmp_path)[1]
    assert 0 < sum(map(len, few)) < sum(map(len, learnt))
    assert walked(tmp_path, learnt)[0] == found  # too long: passed over
    monkeypatch.setattr(module, "NAMES_MAX_BYTES", 0)
    assert walked(tmp_path)[1] == []


def test_names_that_are_no_text_are_found_each_time(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / os.fsdecode(b"\xff.jar")).write_text("")
    found, learnt, _ = walked(tmp_path)
    assert found == [os.fsdecode(b"/d/\xff.jar")]
    assert walked(tmp_path, learnt)[0] == found
