from __future__ import annotations

import os
from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.schedules import cron, users_crontabs
from imds_probe.inventory.schedules.system_files import SystemFiles

SPOOL = "/var/spool/cron/crontabs"
PASSWD = "root:x:0:0::/root:/bin/sh\nana:x:7:7::/home/ana:/bin/sh\ntoor:x:0:0::/root:/bin/sh\n"


def test_their_tables_name_no_user(tmp_path: Path) -> None:
    files = SystemFiles(
        made(tmp_path, {f"{SPOOL}/ana": "@daily  x --y\nHOME=/srv\n@reboot z\n", "/etc/passwd": PASSWD})
    )
    first, second = users_crontabs.look(files)
    assert files.troubles == []
    assert (first.command, first.user, first.directory, first.owner_uid) == ("x --y", "ana", "/home/ana", 7)
    assert (second.command, second.kind, second.directory, second.owner_uid) == ("z", "boot", "/srv", 7)


@pytest.mark.parametrize(
    ("name", "owner", "uid"),
    [
        ("root", 1000, None),
        ("toor", 1000, None),
        ("ana", 0, 7),
        ("ana", 1000, 7),
        ("elsewhere", 1000, 1000),
        ("gone", 0, None),
    ],
)
def test_whose_a_table_is(tmp_path: Path, name: str, owner: int, uid: int | None) -> None:
    """The name of the file decides. Of accounts that stand in no file, as those of a directory service, the owner does."""
    made(tmp_path, {f"{SPOOL}/{name}": "@daily x\n", "/etc/passwd": PASSWD})
    os.chown(tmp_path / SPOOL[1:] / name, owner, owner)
    of_root, of_users = list(cron.look(SystemFiles(tmp_path))), list(users_crontabs.look(SystemFiles(tmp_path)))
    assert [each.owner_uid for each in (*of_root, *of_users)] == [uid]
    assert bool(of_root) == (uid is None)
