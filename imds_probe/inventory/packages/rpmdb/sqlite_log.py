"""The log beside an SQLite database: pages that were committed, and are not yet in the database itself.

Source: sqlite.org, Database File Format, "The Write-Ahead Log".
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import BinaryIO

from imds_probe.dataclass import dataclass
from imds_probe.inventory.packages.rpmdb.database_error import DatabaseError

LIMIT_BYTES = 64 * 1024 * 1024  # SQLite itself puts it into the database at 4 MB, when it can
_HEADER = struct.Struct(">8I")  # magic, format, page size, checkpoint, salt, salt, sum, sum
_FRAME = struct.Struct(">6I")  # page, pages after a commit or 0, salt, salt, sum, sum
_MAGIC = (0x377F0682, 0x377F0683)  # the sums are of little-endian, of big-endian words
_MASK = 0xFFFFFFFF


@dataclass(frozen=True)
class Log:
    """Where in the log the newest content of each page is that it has; `pages` is how many the database then has."""

    file: BinaryIO
    page_bytes: int
    pages: int
    places: Mapping[int, int]

    def page(self, number: int) -> bytes | None:
        """The page's content, None where the log has none of it. Raises DatabaseError."""
        place = self.places.get(number)
        if place is None:
            return None
        self.file.seek(place)
        content = self.file.read(self.page_bytes)
        if len(content) != self.page_bytes:
            raise DatabaseError("has a log that was cut off while it was read")
        return content


def committed(file: BinaryIO) -> Log | None:
    """The log up to its last commit; None where it has none, so that the database says all. Raises DatabaseError.

    It ends with the first page that has the salts of an earlier turn, or another sum: as SQLite has it.
    """
    begins = file.read(_HEADER.size)
    if len(begins) < _HEADER.size:
        return None
    magic, _, page_bytes, _, *salts, one, two = _HEADER.unpack(begins)
    order = "<" if magic == _MAGIC[0] else ">"
    sums = _sums(order, begins[:24], (0, 0))
    if magic not in _MAGIC or page_bytes not in [512 << shift for shift in range(8)] or sums != (one, two):
        return None
    found: Log | None = None
    all_places: dict[int, int] = {}
    places: dict[int, int] = {}  # since the last commit
    at = _HEADER.size
    while at < LIMIT_BYTES:
        frame = file.read(_FRAME.size + page_bytes)
        if len(frame) < _FRAME.size + page_bytes:
            return found
        number, pages, *own, one, two = _FRAME.unpack_from(frame)
        sums = _sums(order, frame[:8] + frame[_FRAME.size :], sums)
        if own != salts or sums != (one, two) or not number:
            return found
        places[number] = at + _FRAME.size
        if pages:
            all_places |= places
            places = {}
            found = Log(file, page_bytes, pages, all_places)
        at += len(frame)
    raise DatabaseError(f"has a log of more than {LIMIT_BYTES} bytes")


def _sums(order: str, content: bytes, before: tuple[int, int]) -> tuple[int, int]:
    first, second = before
    words = struct.unpack(f"{order}{len(content) // 4}I", content)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & _MASK
        second = (second + odd + first) & _MASK
    return first, second
