from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from small_roots import made

from imds_probe.system import once
from imds_probe.system.confined import FileUnreadable
from imds_probe.system.door import FileStatus
from imds_probe.system.local_files import LocalFiles
from imds_probe.system.once import Once


class Counted(LocalFiles):
    """What was asked, one after the other."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def pin(self, root: Path, path: str) -> int | None:
        self.asked.append(path)
        return super().pin(root, path)

    def real_path(self, root: Path, path: str) -> str | None:
        self.asked.append(path)
        return super().real_path(root, path)


def content(files: Once, root: Path, path: str) -> bytes | None:
    with files.opened(root, path) as file:
        return file.read() if file is not None else None


def test_nothing_is_asked_twice(tmp_path: Path) -> None:
    root, files = made(tmp_path, {"/a": "x", "/l": Path("a"), "/d/e": ""}), Once(counted := Counted())
    said = []
    for _ in range(2):
        one, none, other = files.looked_up(root, ["/a", "/gone", "/a"])
        assert (one, none) == (other, None)
        said.append(
            (
                files.status(root, "/a"),
                files.status(root, "/gone"),
                files.real_path(root, "/l"),
                files.real_path(root, "/gone"),
                files.names(root, "/d"),
                content(files, root, "/a"),
                content(files, root, "/gone"),
            )
        )
        assert files.names(root, "/a") == ()
        assert said[0] == said[-1]
        assert said[0][0] == one
    assert said[0][2:] == ("/a", None, ("e",), b"x", None)
    assert sorted(counted.asked) == ["/", "/a", "/d", "/gone", "/l", "/l"]


class Ahead(Counted):
    """One that says several files at once, as another process does."""

    def contents(self, root: Path, paths: Sequence[str]) -> Mapping[str, tuple[bytes, FileStatus] | None]:
        found: dict[str, tuple[bytes, FileStatus] | None] = {}
        for path in paths:
            with contextlib.suppress(FileUnreadable), self.opened(root, path) as file:
                found[path] = (file.read(), file.status()) if file is not None else None
        return found

    def names_of(self, root: Path, paths: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        return {path: self.names(root, path) for path in paths}


def test_what_came_ahead_is_not_opened_again(tmp_path: Path) -> None:
    root, files = made(tmp_path, {"/a": "x", "/d/e": ""}), Once(counted := Ahead())
    files.contents(root, ["/a", "/gone", "/d", "/a"])
    files.contents(root, ["/a"])
    counted.asked.clear()
    assert (content(files, root, "/a"), content(files, root, "/gone")) == (b"x", None)
    assert files.looked_up(root, ["/gone"]) == (None,)
    assert files.status(root, "/a") == FileStatus.made((root / "a").stat())
    assert counted.asked == []
    with pytest.raises(FileUnreadable):
        content(files, root, "/d")


def test_what_its_directory_does_not_hold_is_not_asked_for(tmp_path: Path) -> None:
    root, files = made(tmp_path, {"/d/e": "", "/l": Path("d")}), Once(counted := Counted())
    for directory in ("/", "/d", "/l"):
        files.names(root, directory)
    counted.asked.clear()
    assert files.looked_up(root, ["/gone", "/gone/x/y", "/d/x", "/l/x"]) == (None,) * 4
    assert (files.real_path(root, "/d/x/y"), counted.asked) == (None, [])
    assert files.looked_up(root, ["/d/e", "/l/e"]) == (files.status(root, "/d/e"),) * 2
    assert files.looked_up(root, ["/gone/../d/e", "/d/x/"]) == (None, None)
    assert counted.asked


def test_directories_that_came_ahead_are_not_listed_again(tmp_path: Path) -> None:
    root, files = made(tmp_path, {"/d/e": "", "/f/g": ""}), Once(counted := Ahead())
    files.names_of(root, ["/d", "/f", "/d"])
    files.names_of(root, ["/f"])
    asked = list(counted.asked)
    assert (files.names(root, "/d"), files.names(root, "/f")) == (("e",), ("g",))
    assert counted.asked == asked == ["/d", "/f"]


def test_each_root_is_one_of_its_own(tmp_path: Path) -> None:
    one, other, files = made(tmp_path / "1", {"/a": "1"}), made(tmp_path / "2", {"/a": "2"}), Once(LocalFiles())
    assert [content(files, root, "/a") for root in (one, other, one)] == [b"1", b"2", b"1"]


def test_what_cannot_be_read_is_said_each_time(tmp_path: Path) -> None:
    root, files = made(tmp_path, {"/r": Path("r"), "/d/x": ""}), Once(LocalFiles())
    for _ in range(2):
        with pytest.raises(FileUnreadable, match="too many symbolic links"):
            files.status(root, "/r")
        with pytest.raises(FileUnreadable, match="not a regular file"):
            content(files, root, "/d")


def test_a_file_that_is_held_is_as_it_is_on_the_disk(tmp_path: Path) -> None:
    root, files = made(tmp_path, {"/a": "0123456789"}), Once(LocalFiles())
    for _ in range(2):
        with files.opened(root, "/a") as file:
            assert file is not None
            assert (file.seekable(), file.readable(), file.status().st_size) == (True, True, 10)
            assert (file.read(3), file.tell(), file.seek(-2, io.SEEK_END), file.read(9), file.read(9)) == (
                b"012",
                3,
                8,
                b"89",
                b"",
            )


def test_there_is_not_more_held_than_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "HELD_MAX_BYTES", 25)
    monkeypatch.setattr(once, "FILE_MAX_BYTES", 20)
    root, files = made(tmp_path, {"/a": "a" * 20, "/b": "b" * 20, "/long": "c" * 21}), Once(counted := Counted())
    for path in ("/a", "/a", "/b", "/a", "/long", "/long"):
        assert content(files, root, path) == (root / path[1:]).read_bytes()
    assert counted.asked == ["/a", "/b", "/a", "/long", "/long"]
    monkeypatch.setattr(once, "KNOWN_MAX", 1)
    assert [files.real_path(root, path) for path in ("/a", "/b", "/a")] == ["/a", "/b", "/a"]
