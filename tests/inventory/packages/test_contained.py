"""Databases of containers: the same answers as the managers' own tools give, and nothing that leads out of the root."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import time
import tracemalloc
from pathlib import Path

import pytest
from package_contents import read
from soon import SOON_S, cpu_s

from imds_probe.inventory.packages.contained import Contents, identity
from imds_probe.inventory.packages.dpkg import Dpkg
from imds_probe.inventory.packages.rpm import Rpm
from imds_probe.system import rootfs

NAMES = ["amazon-ssm-agent", "awscli", "cloud-init", "removed", "never-heard-of"]
ALL = {"dpkg": NAMES, "rpm": NAMES, "apk": ["aws-cli"]}


def contents(root: Path) -> Contents:
    return read(root, ALL, time.monotonic() + 60)


def test_dpkg_as_dpkg_query_has_it(dpkg_root: Path) -> None:
    found = contents(dpkg_root)
    assert sorted(found.packages, key=str) == sorted(Dpkg().query(dpkg_root, NAMES, timeout_s=20), key=str)
    assert (found.managers, found.troubles) == (("dpkg",), ())


@pytest.mark.parametrize("where", ["var/lib/rpm", "usr/lib/sysimage/rpm"])
def test_rpm_as_rpm_has_it(rpm_root: Path, where: str) -> None:
    by_rpm = Rpm().query(rpm_root, NAMES, timeout_s=20)
    if where != "var/lib/rpm":
        shutil.move(rpm_root / "var/lib/rpm", rpm_root / where)
        (rpm_root / "var/lib/rpm").symlink_to(f"/{where}")
    found = contents(rpm_root)
    assert sorted(found.packages, key=str) == sorted(by_rpm, key=str)
    assert len(by_rpm) == 4
    assert (found.managers, found.troubles) == (("rpm",), ())


def test_reading_leaves_nothing_in_the_root(rpm_root: Path, listing) -> None:
    before, names = listing(rpm_root), sorted(rpm_root.rglob("*"))
    contents(rpm_root)
    assert listing(rpm_root) == before
    assert sorted(rpm_root.rglob("*")) == names


def test_a_distroless_image(tmp_path: Path) -> None:
    parts = tmp_path / "var/lib/dpkg/status.d"
    parts.mkdir(parents=True)
    (parts / "base").write_text("Package: base-files\nVersion: 12\n")
    (parts / "awscli").write_text("Package: awscli\nVersion: 2.9.19-1\nArchitecture: all\n")
    (parts / "awscli.md5sums").write_text("not a record\n")
    found = contents(tmp_path)
    assert [(package.name, package.version) for package in found.packages] == [("awscli", "2.9.19-1")]


def test_alpine(tmp_path: Path) -> None:
    database = tmp_path / "lib/apk/db/installed"
    database.parent.mkdir(parents=True)
    database.write_text("P:aws-cli\nV:2.13.25-r0\nA:x86_64\n\n")
    assert [package.manager for package in contents(tmp_path).packages] == ["apk"]


def test_nothing_there_is_nothing(tmp_path: Path) -> None:
    assert contents(tmp_path) == Contents((), (), ())
    assert identity(tmp_path) == ()


def test_what_is_not_there_is_not_opened(monkeypatch: pytest.MonkeyPatch, dpkg_root: Path) -> None:
    opened, real = [], rootfs.opened
    monkeypatch.setattr(rootfs, "opened", lambda root, path: opened.append(path) or real(root, path))
    assert contents(dpkg_root).packages
    assert opened == ["var/lib/dpkg/status"]


def test_what_is_hidden_is_not_taken_for_absent(monkeypatch: pytest.MonkeyPatch, dpkg_root: Path) -> None:
    def hidden(root: Path, paths: tuple[str, ...]) -> tuple[rootfs.FileUnreadable, ...]:
        return tuple(rootfs.FileUnreadable(f"{path} is hidden") for path in paths)

    monkeypatch.setattr(rootfs, "looked_up", hidden)
    assert contents(dpkg_root).packages
    with pytest.raises(rootfs.FileUnreadable):
        identity(dpkg_root)


def test_one_damaged_database_is_one_trouble(dpkg_root: Path) -> None:
    folder = dpkg_root / "var/lib/rpm"
    folder.mkdir()
    (folder / "rpmdb.sqlite").write_bytes(b"garbage" * 1000)
    found = contents(dpkg_root)
    assert len(found.packages) == 3
    (trouble,) = found.troubles
    assert "rpm: /var/lib/rpm/rpmdb.sqlite is no SQLite database" in str(trouble)


@pytest.mark.parametrize("name", ["Packages", "Packages.db"])
def test_garbage_in_the_older_formats(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "var/lib/rpm"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(b"garbage" * 1000)
    (trouble,) = contents(tmp_path).troubles
    assert f"rpm: /var/lib/rpm/{name} is no" in str(trouble)


DATABASES = ["var/lib/dpkg/status", "var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/Packages", "lib/apk/db/installed"]


@pytest.mark.parametrize("path", DATABASES)
def test_a_link_out_of_the_root_leads_nowhere(tmp_path: Path, dpkg_root: Path, path: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).symlink_to(dpkg_root / "var/lib/dpkg/status")
    assert contents(tmp_path) == Contents((), (), ())


@pytest.mark.parametrize("path", DATABASES)
def test_a_fifo_does_not_block(tmp_path: Path, path: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    os.mkfifo(tmp_path / path)
    started = time.monotonic()
    (trouble,) = contents(tmp_path).troubles
    assert "not a regular file" in str(trouble)
    assert time.monotonic() - started < SOON_S


@pytest.mark.parametrize("path", DATABASES)
def test_a_sparse_giant_is_not_read(tmp_path: Path, path: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    with (tmp_path / path).open("wb") as file:
        file.truncate(2**40)
    started = cpu_s()
    (trouble,) = contents(tmp_path).troubles
    assert re.search("has (a line of )?more than", str(trouble))
    assert cpu_s() - started < 30


def test_what_changes_shows_in_the_identity(dpkg_root: Path) -> None:
    before = identity(dpkg_root)
    assert before == identity(dpkg_root)
    with (dpkg_root / "var/lib/dpkg/status").open("a") as file:
        file.write("\n")
    assert identity(dpkg_root) != before


READ = [
    *("var/lib/dpkg/status", "var/lib/dpkg/status.d/base", "lib/apk/db/installed", "usr/lib/apk/db/installed"),
    *("var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite-wal", "usr/lib/sysimage/rpm/rpmdb.sqlite-wal"),
    *("var/lib/rpm/Packages", "var/lib/rpm/Packages.db", "etc/os-release", "usr/lib/os-release"),
]


@pytest.mark.parametrize("path", READ)
def test_all_that_is_read_shows_in_the_identity(tmp_path: Path, path: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text("one")
    before = identity(tmp_path)
    assert before == identity(tmp_path) != ()
    status = (tmp_path / path).stat()
    (tmp_path / path).write_text("two")
    os.utime(tmp_path / path, ns=(status.st_atime_ns, status.st_mtime_ns))  # as whoever wants to hide it does
    assert identity(tmp_path) != before


@pytest.mark.parametrize("path", ["var/lib/dpkg/status", "lib/apk/db/installed"])
@pytest.mark.parametrize("line", [b"\n", b"P:x\n", b"a\n", b"Package: x\n\n"])
def test_of_a_text_only_what_is_asked_for_is_kept(tmp_path: Path, path: str, line: bytes) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_bytes(line * (300_000 // len(line)))
    tracemalloc.start()
    contents(tmp_path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 300_000


def test_records_of_rpm_are_read_in_the_time_that_there_is(rpm_root: Path) -> None:
    (trouble,) = read(rpm_root, {"rpm": NAMES}, time.monotonic() - 1).troubles
    assert "time limit came first" in str(trouble)


def test_a_log_beside_rpms_database_counts_and_nothing_is_written(rpm_root: Path) -> None:
    path = rpm_root / "var/lib/rpm/rpmdb.sqlite"
    before = len(contents(rpm_root).packages)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma wal_autocheckpoint=0")
        connection.execute("DELETE FROM Packages WHERE hnum = (SELECT max(hnum) FROM Packages)")
        names = sorted(each.name for each in path.parent.iterdir())
        assert len(contents(rpm_root).packages) == before - 1
        assert sorted(each.name for each in path.parent.iterdir()) == names
