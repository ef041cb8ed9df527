from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest
from small_roots import SCRIPT, made

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules import system_files
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles
from imds_probe.system import rootfs
from imds_probe.system.confined import FileFailed


def test_what_is_there_and_what_is_not(tmp_path: Path) -> None:
    files = SystemFiles(made(tmp_path, {"/etc/x": "a\nb\n", "/etc/link": Path("x"), "/etc/run": SCRIPT}))
    assert files.names("/etc") == ("link", "run", "x")
    assert files.lines("/etc/link") == ["a", "b", ""]
    assert (files.text("/etc/none"), files.lines("/etc/none"), files.names("/none")) == (None, [""], ())
    assert files.head("/etc/x", 1) == b"a"
    assert (files.has_file("/etc/x"), files.has_file("/etc"), files.has_file("/none")) == (True, False, False)
    assert list(files.files(["/etc/run", "/etc", "/etc/x", "/etc/none"])) == ["/etc/run", "/etc/x"]
    assert list(files.files(["/etc/run", "/etc/x"], executable=True)) == ["/etc/run"]
    assert files.real_path("/etc/link") == "/etc/x"
    assert files.troubles == []


def test_what_cannot_be_read_is_said_once_and_costs_nothing_else(tmp_path: Path) -> None:
    made(tmp_path, {"/etc/round": Path("round"), "/etc/x": "a"})
    os.mkfifo(tmp_path / "etc/fifo")
    files = SystemFiles(tmp_path)
    for _ in range(2):
        assert files.text("/etc/round") is None
        assert files.text("/etc/fifo") is None
        assert files.head("/etc/fifo", 9) == b""
        assert files.status("/etc/round") is None
        assert list(files.files(["/etc/round", "/etc/x"])) == ["/etc/x"]
        assert files.names("/etc/round") == ()
    assert files.troubles == [
        "/etc/round has too many symbolic links or is too deep",
        "/etc/fifo is not a regular file",
    ]


def test_nothing_is_read_past_what_one_file_and_all_files_may_have(tmp_path: Path) -> None:
    files = SystemFiles(made(tmp_path, {"/a": "x" * 9, "/b": "y" * 9}), _left_bytes={None: 10})
    assert files.text("/a", 4) == "xxxx"
    assert files.text("/b") == "yyyyyy"
    assert files.text("/b") == ""
    assert files.troubles == [
        f"only the first {count} bytes of /{name} were read" for name, count in (("a", 4), ("b", 6), ("b", 0))
    ]
    # Who asks for a beginning needs no more.
    assert files.take_left_out() == (LeftOut("/b", unread.MORE),)
    assert files.take_left_out() == ()


def test_what_one_user_has_takes_no_room_of_anybody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_files, "OF_USER_MAX_BYTES", 10)
    files = SystemFiles(made(tmp_path, {"/a": "x" * 9}), _left_bytes={None: 100})
    for uid, expected in ((7, 9), (7, 1), (8, 9), (None, 9), (7, 0)):
        files.owner_uid = uid
        assert len(files.text("/a") or "") == expected
    assert files.take_left_out() == (LeftOut("/a", unread.MORE, 7),)


def test_what_something_keeps_us_from_is_left_out_and_what_is_no_file_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(root: Path, path: str) -> tuple[str, ...]:
        raise FileFailed(f"{path} cannot be listed: Input/output error")

    monkeypatch.setattr(rootfs, "names", failing)
    (tmp_path / "directory").mkdir()
    files = SystemFiles(tmp_path)
    assert files.names("/etc/cron.d") == ()
    assert files.text("/directory") is None
    assert files.text("/gone") is None
    assert files.take_left_out() == (LeftOut("/etc/cron.d", unread.HIDDEN),)


def test_what_cannot_even_be_looked_at_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> NoReturn:
        raise FileFailed("it cannot be looked at: Input/output error")

    monkeypatch.setattr(rootfs, "status", failing)
    monkeypatch.setattr(rootfs, "opened", failing)
    files = SystemFiles(tmp_path)
    assert (files.has_file("/a"), files.head("/b", 9)) == (False, b"")
    assert files.take_left_out() == (LeftOut("/a", unread.HIDDEN), LeftOut("/b", unread.HIDDEN))


def test_yaml_is_read_up_to_a_limit_for_all(tmp_path: Path) -> None:
    files = SystemFiles(tmp_path, _left_yaml=20)
    assert files.yaml("a: [1]", "/x") == {"a": [1]}
    assert files.yaml("a: [1", "/y") is None
    assert files.yaml("b: 2345678", "/z") is None
    assert files.troubles == ["/y is not YAML", "/z was not read: there is more YAML than the limit"]


def test_there_are_only_so_many_sentences(tmp_path: Path) -> None:
    files = SystemFiles(tmp_path)
    for number in range(2 * system_files.TROUBLES_MAX):
        files.say(f"{number}\n")
    assert len(files.troubles) == system_files.TROUBLES_MAX
    assert files.troubles[0] == "0"


def test_more_than_is_read_is_left_out(tmp_path: Path) -> None:
    files = SystemFiles(tmp_path)
    assert files.some("/x", ["a", "b"], 2, "files") == ["a", "b"]
    assert files.take_left_out() == ()
    assert files.some("/x", ["a", "b", "c"], 2, "files") == ["a", "b"]
    assert files.take_left_out() == (LeftOut("/x", unread.MORE),)
    assert files.troubles == ["/x has more than 2 files, and the rest was not read"]


def test_what_several_paths_lead_to(tmp_path: Path) -> None:
    files = SystemFiles(made(tmp_path, {"/a/b": "12"}))
    sizes = [None if each is None else each.st_size for each in files.statuses(["/a/b", "/none"])]
    assert (sizes, files.statuses([])) == ([2, None], [])
