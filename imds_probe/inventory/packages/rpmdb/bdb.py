"""rpm's database in Berkeley DB, its format up to RHEL 8 and Amazon Linux 2: a hash from numbers to headers.

Source: Berkeley DB's src/dbinc/db_page.h. Headers are too long for a hash page, so that each lies in a chain of
overflow pages. Byte order is that of the machine that made the file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from imds_probe.inventory.packages.rpmdb.database_error import DatabaseError

_MAGIC_HASH = 0x061561
_META_BYTES = 72
_PAGE_HEADER = 26
_HASH_PAGES = (2, 13)  # P_HASH_UNSORTED, P_HASH
_OVERFLOW_PAGE = 7
_KEY_AND_DATA, _OFF_PAGE = 1, 3  # H_KEYDATA, H_OFFPAGE
RECORD_MAX_BYTES = 64 * 1024 * 1024


def headers(file: BinaryIO) -> Iterator[bytes]:
    """Every header in the file. Raises DatabaseError."""
    yield from _Hash(file).values()


class _Hash:
    """An open file. Every page is read once in an honest one, and at most twice in any: as what it is and in a chain."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        meta = self._exactly(0, _META_BYTES)
        order = next((sign for sign in "<>" if struct.unpack_from(f"{sign}I", meta, 12)[0] == _MAGIC_HASH), None)
        if order is None:
            raise DatabaseError("is no Berkeley DB hash")
        self._order = order
        (self._page_bytes,) = struct.unpack_from(f"{order}I", meta, 20)
        (self._last_page,) = struct.unpack_from(f"{order}I", meta, 32)
        if self._page_bytes not in [512 << shift for shift in range(8)]:
            raise DatabaseError("has a page size that cannot be right")
        if (self._last_page + 1) * self._page_bytes > file.seek(0, 2):
            raise DatabaseError("is cut off")
        self._chain_pages_left = self._last_page

    def values(self) -> Iterator[bytes]:
        for number in range(1, self._last_page + 1):
            page = self._page(number)
            if page[25] in _HASH_PAGES:
                for first, length in self._off_page_values(page):
                    yield self._chain(first, length)

    def _off_page_values(self, page: bytes) -> Iterator[tuple[int, int]]:
        """First page and length of each long value on a hash page; keys and values stand by turns."""
        (entries,) = struct.unpack_from(f"{self._order}H", page, 20)
        if _PAGE_HEADER + entries * 2 > len(page):
            raise DatabaseError("has a damaged hash page")
        for offset in struct.unpack_from(f"{self._order}{entries}H", page, _PAGE_HEADER)[1::2]:
            kind = page[offset] if offset < len(page) else None
            if kind == _OFF_PAGE and offset + 12 <= len(page):
                first, length = struct.unpack_from(f"{self._order}II", page, offset + 4)
                yield first, length
            elif kind != _KEY_AND_DATA:  # that one is short: rpm's own count, no header
                raise DatabaseError("has a damaged hash page")

    def _chain(self, number: int, length: int) -> bytes:
        if length > RECORD_MAX_BYTES:
            raise DatabaseError("has a record that is too long")
        content = bytearray()
        while len(content) < length:
            self._chain_pages_left -= 1
            if not 0 < number <= self._last_page or self._chain_pages_left < 0:
                raise DatabaseError("has a record without an end")
            page = self._page(number)
            (used,) = struct.unpack_from(f"{self._order}H", page, 22)
            if page[25] != _OVERFLOW_PAGE or not 0 < used <= self._page_bytes - _PAGE_HEADER:
                raise DatabaseError("has a record that leads nowhere")
            content += page[_PAGE_HEADER : _PAGE_HEADER + used]
            (number,) = struct.unpack_from(f"{self._order}I", page, 16)
        return bytes(content[:length])

    def _page(self, number: int) -> bytes:
        return self._exactly(number * self._page_bytes, self._page_bytes)

    def _exactly(self, at: int, length: int) -> bytes:
        self._file.seek(at)
        content = self._file.read(length)
        if len(content) != length:
            raise DatabaseError("is cut off")
        return content
