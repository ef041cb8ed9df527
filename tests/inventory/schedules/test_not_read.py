from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules import not_read
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles

FCRON = "/var/spool/fcron"
PASSWD = {"/etc/passwd": "ana:x:1000:1::/home/ana:/bin/sh\n"}


def test_what_is_in_use_is_left_out_once_for_each_user(tmp_path: Path) -> None:
    root = made(tmp_path, {f"{FCRON}/{name}": "" for name in ("ana", "ana.orig", "root", "root.orig", "gone")} | PASSWD)
    files = SystemFiles(root)
    assert list(not_read.look(files)) == []
    assert files.take_left_out() == (
        LeftOut(f"{FCRON}/ana", unread.KIND, 1000),
        LeftOut(f"{FCRON}/gone", unread.KIND),
        LeftOut(f"{FCRON}/root", unread.KIND),
    )
    assert files.troubles[0] == f"crontabs of fcron were not read, and {FCRON}/ana has some"
    assert files.owner_uid is None


def test_more_of_them_than_anybody_looks_at_are_left_out_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(not_read, "FILES_MAX", 1)
    files = SystemFiles(made(tmp_path, {f"{FCRON}/{name}": "" for name in ("ana", "root")} | PASSWD))
    assert list(not_read.look(files)) == []
    assert files.take_left_out() == (LeftOut(f"{FCRON}/ana", unread.KIND, 1000), LeftOut(FCRON, unread.MORE))


@pytest.mark.parametrize("path", [f"{FCRON}/.x", "/etc/fcron.conf"])
def test_what_is_not_in_use_is_not(tmp_path: Path, path: str) -> None:
    files = SystemFiles(made(tmp_path, {path: "@ 1h x\n"}))
    assert (list(not_read.look(files)), files.troubles, files.take_left_out()) == ([], [], ())
