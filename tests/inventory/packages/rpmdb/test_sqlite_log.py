from __future__ import annotations

import contextlib
import io
import random
import sqlite3
import struct
from pathlib import Path

import pytest

from imds_probe.inventory.packages.rpmdb.database_error import DatabaseError
from imds_probe.inventory.packages.rpmdb.sqlite_log import LIMIT_BYTES, Log, committed


@pytest.fixture
def log(tmp_path: Path) -> bytes:
    """What SQLite itself wrote: two commits."""
    with contextlib.closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as connection:
        for statement in ("pragma journal_mode=wal", "CREATE TABLE t (x)", "INSERT INTO t VALUES (zeroblob(20000))"):
            connection.execute(statement)
        return (tmp_path / "db-wal").read_bytes()


def read(content: bytes) -> Log | None:
    return committed(io.BytesIO(content))


def test_the_newest_of_each_page(log: bytes) -> None:
    found = read(log)
    assert found is not None
    assert set(found.places) == set(range(1, found.pages + 1))
    assert all(len(found.page(number) or b"") == found.page_bytes for number in found.places)
    assert found.page(found.pages + 1) is None


@pytest.mark.parametrize(
    ("at", "content"),
    [(0, b"XXXX"), (8, struct.pack(">I", 1000)), (16, b"salt"), (24, b"sum."), (32, bytes(4)), (60, b"x")],
)
def test_what_does_not_belong_to_it_ends_it(log: bytes, at: int, content: bytes) -> None:
    assert read(log[:at] + content + log[at + len(content) :]) is None


@pytest.mark.parametrize("length", [0, 31, 32, 1000])
def test_nothing_committed_is_no_log(log: bytes, length: int) -> None:
    assert read(log[:length]) is None


def test_cut_off_while_it_is_read(log: bytes) -> None:
    file = io.BytesIO(log)
    found = committed(file)
    file.truncate(1000)
    assert found is not None
    with pytest.raises(DatabaseError, match="cut off while it was read"):
        found.page(found.pages)


def test_one_that_does_not_end(log: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(log) < LIMIT_BYTES
    monkeypatch.setattr("imds_probe.inventory.packages.rpmdb.sqlite_log.LIMIT_BYTES", len(log) - 1)
    with pytest.raises(DatabaseError, match="has a log of more than"):
        read(log)


def test_random_damage_is_never_an_error(log: bytes) -> None:
    chance = random.Random(5)
    for _ in range(200):
        damaged = bytearray(log)
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        assert read(bytes(damaged)) != 0
