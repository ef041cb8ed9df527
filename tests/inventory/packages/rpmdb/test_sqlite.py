from __future__ import annotations

import contextlib
import io
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from soon import cpu_s

from imds_probe.inventory.packages.rpmdb.database_error import DatabaseError
from imds_probe.inventory.packages.rpmdb.header import parse
from imds_probe.inventory.packages.rpmdb.sqlite import headers, pairs

PACKAGES = "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)"


def read(path: Path) -> list[bytes]:
    """As a container's, opened for reading, with its log if there is one."""
    log = path.with_name(f"{path.name}-wal")
    with path.open("rb") as file, log.open("rb") if log.exists() else contextlib.nullcontext() as beside:
        return list(headers(file, beside))


def by_sqlite(path: Path) -> list[bytes]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return [blob for (blob,) in connection.execute("SELECT blob FROM Packages ORDER BY hnum")]


def made(path: Path, *statements: str) -> Path:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
    return path


def test_every_header_that_rpm_made(rpm_root: Path) -> None:
    path = rpm_root / "var/lib/rpm/rpmdb.sqlite"
    found = read(path)
    assert found == by_sqlite(path)
    assert sorted({parse(blob).name for blob in found}) == [b"amazon-ssm-agent", b"awscli", b"cloud-init"]


@pytest.mark.parametrize("page_bytes", [512, 1024, 4096, 65536])
def test_records_of_every_length_in_trees_of_every_depth(tmp_path: Path, page_bytes: int) -> None:
    path = made(tmp_path / "db", f"pragma page_size={page_bytes}", PACKAGES)
    chance = random.Random(page_bytes)
    lengths = [*range(400, 600), *(chance.randrange(page_bytes * 3) for _ in range(800)), 300_000, 1_000_000]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executemany(
            "INSERT INTO Packages (blob) VALUES (?)", ((chance.randbytes(each),) for each in lengths)
        )
        connection.execute("DELETE FROM Packages WHERE hnum % 7 = 0")
        connection.commit()
    assert read(path) == by_sqlite(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is cut off"), (b"SQLite format 3\0", "is cut off"), (b"garbage" * 1000, "is no SQLite database")],
)
def test_what_is_no_database(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "rpmdb.sqlite"
    path.write_bytes(content)
    with pytest.raises(DatabaseError, match=said):
        read(path)


@pytest.mark.parametrize(
    "packages",
    [
        "CREATE VIEW Packages AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS blob FROM n",
        "CREATE VIRTUAL TABLE Packages USING fts4(hnum, blob)",
        "CREATE TABLE packages2 (hnum INTEGER, blob)",
    ],
)
def test_what_is_no_table_of_packages(tmp_path: Path, packages: str) -> None:
    with pytest.raises(DatabaseError, match="has no table Packages"):
        read(made(tmp_path / "db", packages))


@pytest.mark.parametrize("value", ["NULL", "1", "1.5"])
def test_a_header_that_is_not_of_bytes(tmp_path: Path, value: str) -> None:
    path = made(
        tmp_path / "db", "CREATE TABLE Packages (hnum INTEGER, blob)", f"INSERT INTO Packages VALUES (1, {value})"
    )
    with pytest.raises(DatabaseError, match="not of bytes"):
        read(path)


def test_another_encoding_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="is not in UTF-8"):
        read(made(tmp_path / "db", "pragma encoding='UTF-16le'", PACKAGES))


def test_random_damage_is_an_error_or_unnoticed_but_never_anything_else(rpm_root: Path) -> None:
    content = (rpm_root / "var/lib/rpm/rpmdb.sqlite").read_bytes()
    chance = random.Random(7)
    started = cpu_s()
    for _ in range(400):
        damaged = bytearray(content)
        for _ in range(12):
            damaged[chance.choice((chance.randrange(4096), chance.randrange(len(damaged))))] = chance.randrange(256)
        with contextlib.suppress(DatabaseError):
            assert all(isinstance(blob, bytes) for blob in headers(io.BytesIO(damaged), None))
    assert cpu_s() - started < 60


@pytest.fixture
def with_log(tmp_path: Path) -> Iterator[Path]:
    """A database, held open by who writes it, with a package in it and others in its log alone."""
    path = tmp_path / "rpmdb.sqlite"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in ("pragma journal_mode=wal", "pragma wal_autocheckpoint=0", PACKAGES):
            connection.execute(statement)
        connection.execute("INSERT INTO Packages VALUES (1, x'01')")
        connection.execute("pragma wal_checkpoint(truncate)")
        connection.execute("INSERT INTO Packages VALUES (2, zeroblob(9000))")
        connection.execute("INSERT INTO Packages VALUES (3, x'03')")
        yield path


def test_what_is_in_the_log_alone_is_read_and_nothing_is_written(with_log: Path) -> None:
    before = sorted((each.name, each.read_bytes()) for each in with_log.parent.iterdir())
    assert read(with_log) == [b"\1", bytes(9000), b"\3"]
    assert sorted((each.name, each.read_bytes()) for each in with_log.parent.iterdir()) == before


def test_a_log_counts_as_far_as_sqlite_itself_takes_it(with_log: Path, tmp_path: Path) -> None:
    log = with_log.with_name("rpmdb.sqlite-wal").read_bytes()
    seen = set()
    for length in [*range(0, len(log), 1777), len(log)]:
        copy = tmp_path / str(length)
        copy.mkdir()
        (copy / "db").write_bytes(with_log.read_bytes())
        (copy / "db-wal").write_bytes(log[:length])
        found = read(copy / "db")
        seen.add(len(found))
        assert found == by_sqlite(copy / "db")
    assert seen == {1, 2, 3}


def test_all_of_a_new_database_may_be_in_its_log(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as connection:
        for statement in ("pragma journal_mode=wal", PACKAGES, "INSERT INTO Packages VALUES (1, x'01')"):
            connection.execute(statement)
        assert read(tmp_path / "db") == [b"\1"]


def test_two_columns_of_another_programs_table(tmp_path: Path) -> None:
    path = tmp_path / "db.sql"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("create table T(a TEXT, b TEXT, c TEXT)")
        database.executemany(
            "insert into T values (?, ?, ?)", [("1", "x", "2" * 9000), ("3", "x", None), ("4", "x", "5")]
        )
    with path.open("rb") as file:
        assert list(pairs(file, None, "T", (0, 2))) == [(b"1", b"2" * 9000), (b"4", b"5")]
