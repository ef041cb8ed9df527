"""Headers that rpm itself made, and databases in rpm's older formats made from them."""

from __future__ import annotations

import shutil
import sqlite3
import struct
from pathlib import Path

import pytest

from imds_probe.inventory.packages.rpmdb.header import parse
from imds_probe.system import process


@pytest.fixture(scope="session")
def blobs(rpm_master: Path, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The headers of rpm_master's packages, from a copy: SQLite tidies up behind the last who writes."""
    copy = shutil.copytree(rpm_master / "var/lib/rpm", tmp_path_factory.mktemp("blobs") / "rpm")
    with sqlite3.connect(copy / "rpmdb.sqlite") as connection:
        found = [blob for (blob,) in connection.execute("SELECT blob FROM Packages ORDER BY hnum")]
    connection.close()
    assert len(found) == 4
    return found


@pytest.fixture(scope="session")
def bdb_file(blobs: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hash in the order of bytes of this machine, as rpm made them: numbers to headers, and 0 to the last number."""
    path = tmp_path_factory.mktemp("bdb") / "Packages"
    _load(path, {_number(0): _number(len(blobs)), **{_number(n): blob for n, blob in enumerate(blobs, start=1)}})
    index: dict[bytes, bytes] = {}
    for number, blob in enumerate(blobs, start=1):
        name = parse(blob).name
        index[name] = index.get(name, b"") + _number(number) + _number(0)
    _load(path.with_name("Name"), index)
    return path


def _number(value: int) -> bytes:
    return struct.pack("=I", value)


def _load(path: Path, entries: dict[bytes, bytes]) -> None:
    lines = ["VERSION=3", "format=bytevalue", "type=hash", "db_pagesize=512", "HEADER=END"]
    lines += [f" {data.hex()}" for entry in entries.items() for data in entry]
    done = process.run(["db5.3_load", str(path)], timeout_s=60, stdin="\n".join([*lines, "DATA=END", ""]).encode())
    assert done.returncode == 0, done.stderr


@pytest.fixture
def ndb_bytes(blobs: list[bytes]) -> bytearray:
    """rpm's lib/backend/ndb/rpmpkg.c: a page of slots, the first two the header; then blobs in blocks of 16 bytes."""
    slots = struct.pack("<4sIIIIIII", b"RpmP", 0, 1, 1, len(blobs) + 1, 0, 0, 0)
    content = b""
    for number, blob in enumerate(blobs, start=1):
        room = -(-(16 + len(blob) + 12) // 16) * 16
        slots += struct.pack("<4sIII", b"Slot", number, (4096 + len(content)) // 16, room // 16)
        record = struct.pack("<4sIII", b"BlbS", number, 1, len(blob)) + blob
        content += record.ljust(room - 12, b"\0") + struct.pack("<II4s", 0, len(blob), b"BlbE")
    free = struct.pack("<4sIII", b"Slot", 0, 0, 0)
    return bytearray(slots + free * ((4096 - len(slots)) // 16) + content)
