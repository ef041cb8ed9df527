"""rpm's database in SQLite, its format since Fedora 33, RHEL 9 and Amazon Linux 2023: a table of numbered headers.

Read as a file and without SQLite, which follows the names of files, writes beside them, and runs what a database of
somebody else's making says. Sources: rpm's lib/backend/sqlite.c; sqlite.org, Database File Format.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from imds_probe.inventory.packages.rpmdb import sqlite_log
from imds_probe.inventory.packages.rpmdb.database_error import DatabaseError

RECORD_MAX_BYTES = 64 * 1024 * 1024
_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_UTF_8 = 1
_INTERIOR, _LEAF = 5, 13  # of the b-tree of a table
_INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)  # by serial type
_TABLE, _TYPE, _NAME, _ROOT = "Packages", 0, 1, 3  # columns of sqlite_schema
_BLOB = 1  # column of Packages


def headers(file: BinaryIO, log: BinaryIO | None) -> Iterator[bytes]:
    """Every header in the file. `log` has "-wal" behind its name; None where there is none. Raises DatabaseError."""
    database = _Database(file, sqlite_log.committed(log) if log is not None else None)
    for record in database.records(database.root_of(_TABLE)):
        value = _column(record, _BLOB)
        if not isinstance(value, bytes):
            raise DatabaseError("has a header that is not of bytes")
        yield value


def pairs(file: BinaryIO, log: BinaryIO | None, table: str, columns: tuple[int, int]) -> Iterator[tuple[bytes, bytes]]:
    """Two columns of texts of any database's table, where both are there. Raises DatabaseError."""
    database = _Database(file, sqlite_log.committed(log) if log is not None else None)
    for record in database.records(database.root_of(table)):
        one, other = (_column(record, each) for each in columns)
        if isinstance(one, bytes) and isinstance(other, bytes):
            yield one, other


class _Cell(NamedTuple):
    """Where a record begins: its length, and what of it is on the page, with the number of the page where it goes on."""

    length: int
    here: bytes
    following: int


class _Database:
    """An open file with the pages of its log. Each page is read once in an honest one, and no more often in any."""

    def __init__(self, file: BinaryIO, log: sqlite_log.Log | None) -> None:
        self._file, self._log = file, log
        self._page_bytes = log.page_bytes if log is not None else 0  # of a database that is all in its log
        begins = self._page(1) if self._page_bytes else self._exactly(0, _HEADER_BYTES)
        if not begins.startswith(_MAGIC):
            raise DatabaseError("is no SQLite database")
        size, reserved = struct.unpack_from(">H", begins, 16)[0], begins[20]
        self._page_bytes = 65536 if size == 1 else size
        if self._page_bytes not in [512 << shift for shift in range(8)] or self._page_bytes - reserved < 480:
            raise DatabaseError("has a page size that cannot be right")
        if log is not None and log.page_bytes != self._page_bytes:
            raise DatabaseError("has a log of another page size")
        if struct.unpack_from(">I", begins, 56)[0] != _UTF_8:
            raise DatabaseError("is not in UTF-8")
        self._usable = self._page_bytes - reserved
        pages = log.pages if log is not None else file.seek(0, 2) // self._page_bytes
        self._last_page = self._pages_left = pages

    def root_of(self, table: str) -> int:
        """The page at which a table begins."""
        for record in self.records(1):
            kind, name, root = (_column(record, column) for column in (_TYPE, _NAME, _ROOT))
            if (kind, name) == (b"table", table.encode()) and isinstance(root, int) and root > 0:
                return root  # a table of a module, which has none, is nothing to read
        raise DatabaseError(f"has no table {table}")

    def records(self, root: int) -> Iterator[bytes]:
        """Those of the table that begins at this page, in their order."""
        ahead = [root]
        while ahead:
            number = ahead.pop()
            page = self._once(number)
            at = _HEADER_BYTES if number == 1 else 0
            kind = page[at]
            (count,) = struct.unpack_from(">H", page, at + 3)
            pointers = at + (12 if kind == _INTERIOR else 8)
            if kind not in (_INTERIOR, _LEAF) or pointers + 2 * count > self._usable:
                raise DatabaseError("has a damaged page")
            cells = struct.unpack_from(f">{count}H", page, pointers)
            if kind == _LEAF:
                yield from (self._whole(self._cell(page, cell)) for cell in cells)
                continue
            if any(cell + 4 > self._usable for cell in cells):
                raise DatabaseError("has a damaged page")
            children = [struct.unpack_from(">I", page, place)[0] for place in (*cells, at + 8)]
            ahead += reversed(children)

    def _cell(self, page: bytes, at: int) -> _Cell:
        """Source: "B-tree Cell Format", where the letters P, U, X, M and K are explained."""
        length, at = _varint(page, at)
        _, at = _varint(page, at)  # the row's number
        if length > RECORD_MAX_BYTES:
            raise DatabaseError("has a record that is too long")
        most, least = self._usable - 35, (self._usable - 12) * 32 // 255 - 23
        if length <= most:
            here, following = length, 0
        else:
            fitting = least + (length - least) % (self._usable - 4)
            here = fitting if fitting <= most else least
            following = int.from_bytes(page[at + here : at + here + 4])
        if at + here + (4 if here < length else 0) > self._usable:
            raise DatabaseError("has a damaged page")
        return _Cell(length, page[at : at + here], following)

    def _whole(self, cell: _Cell) -> bytes:
        content, following = bytearray(cell.here), cell.following
        while len(content) < cell.length:
            page = self._once(following)
            (following,) = struct.unpack_from(">I", page)
            content += page[4 : min(self._usable, 4 + cell.length - len(content))]
        return bytes(content)

    def _once(self, number: int) -> bytes:
        self._pages_left -= 1
        if (
            not 0 < number <= self._last_page or self._pages_left < -1
        ):  # the first one has the schema, and is read twice
            raise DatabaseError("has pages that lead nowhere")
        return self._page(number)

    def _page(self, number: int) -> bytes:
        logged = self._log.page(number) if self._log is not None else None
        return logged if logged is not None else self._exactly((number - 1) * self._page_bytes, self._page_bytes)

    def _exactly(self, at: int, length: int) -> bytes:
        self._file.seek(at)
        content = self._file.read(length)
        if len(content) != length:
            raise DatabaseError("is cut off")
        return content


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """A number of 1 to 9 bytes, and where it ends."""
    value = 0
    for index, byte in enumerate(content[at : at + 9]):
        if index == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + index + 1
    raise DatabaseError("has a damaged record")


def _column(record: bytes, wanted: int) -> int | bytes | None:
    """A column of a record: a number, bytes of a text or blob, None for anything else. Source: "Record Format"."""
    header_bytes, at = _varint(record, 0)
    place = header_bytes
    for column in range(wanted + 1):
        if at >= header_bytes:
            return None
        kind, at = _varint(record, at)
        length = (kind - 12) // 2 if kind >= 12 else _INTEGER_BYTES[kind] if kind < 10 else 0
        if place + length > len(record):
            raise DatabaseError("has a damaged record")
        if column == wanted:
            content = record[place : place + length]
            return content if kind >= 12 else int.from_bytes(content, signed=True) if 0 < kind < 7 else None
        place += length
    return None
