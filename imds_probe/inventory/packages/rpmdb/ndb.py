"""rpm's database in its own format ndb, which SUSE uses.

Source: rpm's lib/backend/ndb/rpmpkg.c. A table of slots, then blobs in blocks of 16 bytes; all numbers little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from imds_probe.inventory.packages.rpmdb.database_error import DatabaseError

_PAGE = 4096
_BLOCK = 16
_SLOT = struct.Struct("<4sIII")  # magic, package, first block, number of blocks
_HEADER_SLOTS = 2  # the file's own header takes the room of two
_VERSION = 0
SLOT_PAGES_MAX = 2048  # 500,000 packages
BLOB_MAX_BYTES = 64 * 1024 * 1024


def headers(file: BinaryIO) -> Iterator[bytes]:
    """Every header in the file. Raises DatabaseError."""
    magic, version, _, slot_pages = _SLOT.unpack(_exactly(file, 0, _SLOT.size))
    if magic != b"RpmP" or version != _VERSION:
        raise DatabaseError("is no ndb database")
    if not 0 < slot_pages <= SLOT_PAGES_MAX:
        raise DatabaseError("has a table of packages that cannot be right")
    slots = _exactly(file, 0, slot_pages * _PAGE)
    left = file.seek(0, 2)  # each record has bytes of its own in an honest file
    for at in range(_HEADER_SLOTS * _SLOT.size, len(slots), _SLOT.size):
        magic, package, block, blocks = _SLOT.unpack_from(slots, at)
        if magic != b"Slot":
            raise DatabaseError("has a damaged table of packages")
        if block:
            left -= blocks * _BLOCK
            if left < 0:
                raise DatabaseError("has records that overlap")
            yield _blob(file, package, block * _BLOCK, blocks * _BLOCK)


def _blob(file: BinaryIO, package: int, at: int, room: int) -> bytes:
    magic, owner, _, length = _SLOT.unpack(_exactly(file, at, _SLOT.size))
    if magic != b"BlbS" or owner != package or length > min(room, BLOB_MAX_BYTES):
        raise DatabaseError(f"has a damaged record of package {package}")
    return _exactly(file, at + _SLOT.size, length)


def _exactly(file: BinaryIO, at: int, length: int) -> bytes:
    file.seek(at)
    content = file.read(length)
    if len(content) != length:
        raise DatabaseError("is cut off")
    return content
