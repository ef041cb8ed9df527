from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from imds_probe.system import remembered
from imds_probe.system.remembered import BEGINS, Remembered


@dataclass(frozen=True)
class Entry:
    size: int
    names: tuple[str, ...] = ()


ENTRIES = {"/a": Entry(1, ("x",)), "/b": Entry(2)}


def store(directory: Path, version: str = "1") -> Remembered[Entry]:
    return Remembered(directory, "code", Entry, version)


def test_what_is_saved_is_there_the_next_time_and_nobody_elses_to_read(tmp_path: Path) -> None:
    store(tmp_path / "state").save(ENTRIES)
    assert not (tmp_path / "state").exists()
    (tmp_path / "state").mkdir(mode=0o700)
    assert store(tmp_path / "state").load() == {}
    store(tmp_path / "state").save(ENTRIES)
    assert store(tmp_path / "state").load() == ENTRIES
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["code.remembered"]
    assert (tmp_path / "state/code.remembered").stat().st_mode & 0o077 == 0


def test_what_another_version_found_is_worth_nothing(tmp_path: Path) -> None:
    store(tmp_path).save(ENTRIES)
    other = store(tmp_path, "2")
    assert (other.load(), other.damaged) == ({}, "")


@pytest.mark.parametrize("at", [0, len(BEGINS) + 3, -1])
def test_a_damaged_file_is_thrown_away_and_said(tmp_path: Path, at: int) -> None:
    store(tmp_path).save(ENTRIES)
    file = tmp_path / "code.remembered"
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)
    damaged = store(tmp_path)
    assert damaged.load() == {}
    assert damaged.damaged == f"{file} was damaged, and is begun anew"
    assert not file.exists()
    damaged.save(ENTRIES)
    assert store(tmp_path).load() == ENTRIES


def test_one_that_is_whole_and_of_other_types_is_damaged_too(tmp_path: Path) -> None:
    Remembered(tmp_path, "code", str, "1").save({"/a": "text"})
    found = store(tmp_path)
    assert found.load() == {}
    assert found.damaged


@pytest.mark.parametrize("kind", ["empty", "long", "directory", "link", "fifo"])
def test_what_is_no_file_of_ours_is_not_used(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "SIZE_MAX_BYTES", 4096)
    file = tmp_path / "code.remembered"
    if kind == "directory":
        file.mkdir()
    elif kind == "link":
        file.symlink_to("/etc/passwd")
    elif kind == "fifo":
        os.mkfifo(file)
    else:
        file.write_bytes(b"" if kind == "empty" else BEGINS + bytes(5000))
    assert store(tmp_path).load() == {}


def test_where_others_can_write_nothing_is_believed_or_kept(tmp_path: Path) -> None:
    store(tmp_path).save(ENTRIES)
    (tmp_path / "code.remembered").chmod(0o666)
    assert store(tmp_path).load() == {}
    (tmp_path / "code.remembered").unlink()
    tmp_path.chmod(0o777)
    store(tmp_path).save(ENTRIES)
    assert list(tmp_path.iterdir()) == []


def test_what_is_too_much_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "ENTRIES_MAX", 1)
    store(tmp_path).save(ENTRIES)
    assert store(tmp_path).load() == {"/a": Entry(1, ("x",))}
    monkeypatch.setattr(remembered, "ENTRIES_MAX", 2)
    monkeypatch.setattr(remembered, "SIZE_MAX_BYTES", len(BEGINS) + 32 + 30)
    store(tmp_path).save(ENTRIES)
    assert store(tmp_path).load() == {"/a": Entry(1, ("x",))}
    monkeypatch.setattr(remembered, "SIZE_MAX_BYTES", 50)
    (tmp_path / "code.remembered").unlink()
    store(tmp_path).save(ENTRIES)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_written_is_no_matter(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store(tmp_path / "file/state").save(ENTRIES)
    assert store(tmp_path / "file/state").load() == {}
