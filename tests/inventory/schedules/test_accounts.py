from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.accounts import ACCOUNTS_MAX, ROOT, Account, accounts
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles


def test_accounts_by_name(tmp_path: Path) -> None:
    text = "root:x:0:0:root:/srv/root:/bin/bash\nana:x:7:7::/home/ana:\nodd\nrelative:x:8:8::home:/bin/sh\n"
    found = accounts(SystemFiles(made(tmp_path, {"/etc/passwd": text})))
    assert found == {
        "root": Account("root", "0", "/srv/root", "/bin/bash"),
        "ana": Account("ana", "7", "/home/ana", "/bin/sh"),
    }


def test_root_is_there_without_a_file(tmp_path: Path) -> None:
    assert accounts(SystemFiles(tmp_path)) == {"root": ROOT}


def test_there_are_only_so_many(tmp_path: Path) -> None:
    text = "".join(f"u{number}:x:{number}:1::/home/u{number}:/bin/sh\n" for number in range(2 * ACCOUNTS_MAX))
    files = SystemFiles(made(tmp_path, {"/etc/passwd": text}))
    assert len(accounts(files)) == ACCOUNTS_MAX
    assert files.take_left_out() == (LeftOut("/etc/passwd", unread.MORE),)


@pytest.mark.parametrize(
    ("uid", "expected"), [("0", None), ("00", None), ("7", 7), ("x", None), ("", None), ("9" * 11, None)]
)
def test_who_is_without_privilege(uid: str, expected: int | None) -> None:
    assert Account("a", uid, "/", "/bin/sh").owner_uid == expected
