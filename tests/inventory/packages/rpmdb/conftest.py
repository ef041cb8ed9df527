"""Headers that rpm itself made, and databases in rpm's older formats made from them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from rpm_databases import berkeley, blobs_of


@pytest.fixture(scope="session")
def blobs(rpm_master: Path, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The headers of rpm_master's packages."""
    found = blobs_of(rpm_master, tmp_path_factory.mktemp("blobs"))
    assert len(found) == 4
    return found


@pytest.fixture(scope="session")
def bdb_file(blobs: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in a database of rpm before 4.16."""
    path = tmp_path_factory.mktemp("bdb") / "Packages"
    berkeley(path, blobs)
    return path


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
