from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from imds_probe.inventory.sdks.known_files import LIBRARIES_MAX, Kept, KnownFiles
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.scan import Scan
from imds_probe.system import rootfs
from imds_probe.system.door import FileStatus
from imds_probe.system.unchanged import identity_of
from imds_probe.system.walk import Budget

OF_ROOT = FileStatus(0o100755, 1, 2, 3, 4, 5, 0)
LIBRARIES = (Library("maven", "com.amazonaws:aws-java-sdk-core", "1.11.0", "manifest"),)


def test_it_holds_for_the_same_file_of_root_alone() -> None:
    known = KnownFiles({"/a.jar": Kept(identity_of(OF_ROOT), LIBRARIES)})
    assert known.libraries("/a.jar", OF_ROOT) == LIBRARIES
    assert known.libraries("/b.jar", OF_ROOT) is None
    for changed in ({"st_ino": 9}, {"st_size": 9}, {"st_ctime_ns": 9}, {"st_uid": 9}, {"st_mode": 0o100666}):
        assert known.libraries("/a.jar", msgspec.structs.replace(OF_ROOT, **changed)) is None
    assert list(known.learnt) == ["/a.jar"]


def test_what_others_can_write_or_was_just_written_is_not_learnt() -> None:
    known = KnownFiles(before_ns=6)
    for path, status in (
        ("/usual", OF_ROOT),
        ("/user", msgspec.structs.replace(OF_ROOT, st_uid=1000)),
        ("/open", msgspec.structs.replace(OF_ROOT, st_mode=0o100777)),
        ("/new", msgspec.structs.replace(OF_ROOT, st_ctime_ns=6)),
    ):
        known.learn(path, status, LIBRARIES)
    known.learn("/many", OF_ROOT, LIBRARIES * (LIBRARIES_MAX + 1))
    assert known.learnt == {"/usual": Kept(identity_of(OF_ROOT), LIBRARIES)}
    never = KnownFiles()
    never.learn("/usual", OF_ROOT, LIBRARIES)
    assert never.learnt == {}


def test_a_disk_that_is_known_is_walked_and_no_file_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt/a.jar").write_bytes(b"no archive")
    os.link(tmp_path / "opt/a.jar", tmp_path / "opt/b.jar")  # one file is reported by one name

    def found(known: KnownFiles) -> list[tuple[str, Library]]:
        scan = Scan(tmp_path, {"maven": ("com.amazonaws:aws-java-sdk-core",)}, known=known)
        return [
            (use.located.path, use.located.found) for use in scan.on_disk(["/"], Budget(time.monotonic() + 20, 100))
        ]

    first = KnownFiles(before_ns=time.time_ns() + 10**10)
    assert found(first) == []
    assert sorted(first.learnt) == ["/opt/a.jar", "/opt/b.jar"]
    kept = {path: replace(each, libraries=LIBRARIES) for path, each in first.learnt.items()}

    def opened(root: Path, path: str) -> None:
        pytest.fail(f"{path} was opened")

    monkeypatch.setattr(rootfs, "opened", opened)
    second = KnownFiles(kept)
    ((path, library),) = found(second)
    assert path in kept and library == LIBRARIES[0]
    assert second.learnt == kept
