from __future__ import annotations

import io
import random
import struct

import pytest

from imds_probe.inventory.packages.rpmdb.database_error import DatabaseError
from imds_probe.inventory.packages.rpmdb.ndb import headers


def test_every_header(ndb_bytes: bytearray, blobs: list[bytes]) -> None:
    assert list(headers(io.BytesIO(ndb_bytes))) == blobs


@pytest.mark.parametrize(
    ("offset", "content", "said"),
    [
        (0, b"XXXX", "is no ndb database"),
        (4, struct.pack("<I", 7), "is no ndb database"),
        (12, struct.pack("<I", 0), "table of packages"),
        (12, struct.pack("<I", 2**31), "table of packages"),
        (12, struct.pack("<I", 100), "is cut off"),
        (32, b"XXXX", "damaged table"),
        (40, struct.pack("<I", 2**30), "is cut off"),
        (44, struct.pack("<I", 1), "damaged record of package 1"),
        (4096, b"XXXX", "damaged record of package 1"),
        (4100, struct.pack("<I", 9), "damaged record of package 1"),
        (4108, struct.pack("<I", 2**31), "damaged record of package 1"),
    ],
)
def test_damage_is_named(ndb_bytes: bytearray, offset: int, content: bytes, said: str) -> None:
    ndb_bytes[offset : offset + len(content)] = content
    with pytest.raises(DatabaseError, match=said):
        list(headers(io.BytesIO(ndb_bytes)))


def test_random_damage_is_an_error_or_unnoticed_but_never_anything_else(ndb_bytes: bytearray) -> None:
    chance = random.Random(4)
    for _ in range(300):
        damaged = bytearray(ndb_bytes)
        for _ in range(8):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            assert all(isinstance(blob, bytes) for blob in headers(io.BytesIO(damaged)))
        except DatabaseError as error:
            assert str(error)


def test_one_record_many_times_is_not_read_so_often(ndb_bytes: bytearray) -> None:
    ndb_bytes[32:4096] = ndb_bytes[32:48] * 254
    with pytest.raises(DatabaseError, match="overlap"):
        list(headers(io.BytesIO(ndb_bytes)))
