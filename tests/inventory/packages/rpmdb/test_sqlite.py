from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
from soon import cpu_s

from imds_probe.inventory.packages.rpmdb.database_error import DatabaseError
from imds_probe.inventory.packages.rpmdb.header import parse
from imds_probe.inventory.packages.rpmdb.sqlite import headers


def read(path: Path, *names: str, seconds: float = 20) -> list[bytes]:
    return list(headers(path, names, time.monotonic() + seconds))


def test_only_the_packages_asked_for(rpm_root: Path) -> None:
    path = rpm_root / "var/lib/rpm/rpmdb.sqlite"
    found = [parse(blob) for blob in read(path, "amazon-ssm-agent", "never-heard-of")]
    assert sorted(header.version for header in found) == [b"2.3.714.0", b"3.1.1188.0"]
    assert read(path, "never-heard-of") == []


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0", b"garbage" * 1000])
def test_what_is_no_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rpmdb.sqlite"
    path.write_bytes(content)
    with pytest.raises(DatabaseError, match="cannot be read"):
        read(path, "cloud-init")


def hostile(path: Path, *statements: str) -> Path:
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    return path


NAME = "CREATE TABLE Name (key TEXT, hnum INTEGER, idx INTEGER)"
ROW = "INSERT INTO Name VALUES ('cloud-init', 1, 0)"


def test_a_view_that_never_ends_is_stopped(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS hnum, 'a' AS blob FROM n"
    path = hostile(tmp_path / "db", NAME, ROW, f"CREATE VIEW Packages AS {endless}")
    started = cpu_s()
    with pytest.raises(DatabaseError):
        read(path, "cloud-init", seconds=1)
    assert cpu_s() - started < 20


def test_a_huge_join_is_stopped_in_time(tmp_path: Path) -> None:
    many = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 3000)"
    path = hostile(
        tmp_path / "db",
        NAME,
        "CREATE TABLE t AS " + many + " SELECT x FROM n",
        "CREATE VIEW Packages AS SELECT a.x + b.x + c.x AS hnum, 'a' AS blob FROM t a, t b, t c",
        "INSERT INTO Name VALUES ('cloud-init', -1, 0)",
    )
    with pytest.raises(DatabaseError, match="interrupted"):
        read(path, "cloud-init", seconds=0.5)


def test_functions_of_a_view_are_not_called(tmp_path: Path) -> None:
    view = "CREATE VIEW Packages AS SELECT 1 AS hnum, load_extension('/x') AS blob"
    path = hostile(tmp_path / "db", NAME, ROW, view)
    with pytest.raises(DatabaseError, match="cannot be read"):
        read(path, "cloud-init")


def test_a_header_that_is_text(tmp_path: Path) -> None:
    path = hostile(
        tmp_path / "db", NAME, ROW, "CREATE TABLE Packages (hnum INTEGER, blob)", "INSERT INTO Packages VALUES (1, 'x')"
    )
    with pytest.raises(DatabaseError, match="not of bytes"):
        read(path, "cloud-init")
