from __future__ import annotations

import os
from pathlib import Path

import pytest

from imds_probe.system import same_file as module
from imds_probe.system.same_file import identity, same_file


def test_it_is_the_inode_that_counts(tmp_path: Path) -> None:
    one, other, linked = tmp_path / "one", tmp_path / "other", tmp_path / "linked"
    one.write_bytes(b"x")
    other.write_bytes(b"x")
    os.link(one, linked)
    assert same_file(str(one), str(linked))
    assert not same_file(str(one), str(other))
    assert not same_file(str(tmp_path / "none"), str(tmp_path / "none"))
    assert same_file("/proc/self/exe", os.path.realpath("/proc/self/exe"))


def test_inode_and_device_are_those_of_stat(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/proc/self/exe"), Path("/dev/null")):
        found = os.stat(path)
        device = os.major(found.st_dev), os.minor(found.st_dev)
        assert identity(str(path)) == (*device, found.st_ino)
    held = os.open(tmp_path, os.O_PATH)
    (tmp_path / "file").touch()
    assert identity("file", held) == identity(str(tmp_path / "file"))
    os.close(held)


def test_where_the_system_call_is_not_known_nothing_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STATX", None)
    assert not same_file("/bin/sh", "/bin/sh")
