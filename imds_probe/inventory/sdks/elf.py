"""Sections and segments of an ELF file, read from a file that may be hostile: every size is checked before it is used.

Source: the System V ABI, chapters 4 and 5 (elf(5)).
"""

from __future__ import annotations

import errno
import os
import re
import struct
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from imds_probe.dataclass import dataclass

ELF = b"\x7fELF"  # what such a file begins with
HEADERS_MAX = 4096  # sections or segments; a debug build of a big C++ library has some hundred
NAME_MAX = 256
STRINGS_MAX_BYTES = 4 * 1024 * 1024
SEARCHED_MAX_BYTES = 512 * 1024 * 1024
PIECE_BYTES = 1024 * 1024
MATCH_MAX_BYTES = 96  # what a pattern may need to see across the border of two pieces
PT_LOAD, PT_DYNAMIC = 1, 2
PF_X, PF_W = 1, 2
SHT_NOBITS = 8
DT_STRTAB, DT_SONAME = 5, 14


class NotElf(ValueError):
    """The file is no ELF file, or a damaged one."""


@dataclass(frozen=True)
class Part:
    """A section (with a name) or a segment: where it lies in the file and in memory. Sizes in bytes."""

    name: str
    offset: int
    size: int
    address: int
    kind: int
    flags: int


class Elf:
    """An open ELF file of 32 or 64 bits, of either byte order. Raises NotElf."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.size = file.seek(0, 2)
        ident = self.read(0, 16)
        if ident[:4] != ELF or ident[4] not in (1, 2) or ident[5] not in (1, 2):
            raise NotElf("no ELF header")
        self.wide = ident[4] == 2
        self.order = "<" if ident[5] == 1 else ">"
        self.pointer_bytes = 8 if self.wide else 4
        head = struct.unpack(
            f"{self.order}{'HHIQQQIHHHHHH' if self.wide else 'HHIIIIIHHHHHH'}", self.read(16, 48 if self.wide else 36)
        )
        self._segments_at, self._sections_at = head[4], head[5]
        self._segment_bytes, self._segment_count = head[8], head[9]
        self._section_bytes, self._section_count, self._names_index = head[10], head[11], head[12]

    def read(self, offset: int, length: int) -> bytes:
        """Exactly so many bytes."""
        if offset < 0 or length < 0 or offset + length > self.size:
            raise NotElf("something lies outside of the file")
        self.file.seek(offset)
        content = bytearray()
        while len(content) < length and (chunk := self.file.read(length - len(content))):
            content += chunk
        if len(content) != length:
            raise NotElf("the file is cut off")
        return bytes(content)

    def matches(self, starts: Sequence[bytes], pattern: re.Pattern[bytes]) -> Iterator[re.Match[bytes]]:
        """Every match of a pattern, all of which begin with one of `starts`, anywhere in the file; those where two pieces
        meet come twice.

        The file is read once, in pieces that overlap, and never mapped: one that shrinks meanwhile would be our end.
        """
        at, rest, end = 0, b"", min(self.size, SEARCHED_MAX_BYTES)
        while at < end:
            data = data_from(self.file, at, self.size)
            if data > at:
                at, rest = data, b""
                continue
            piece = rest + self.read(at, min(PIECE_BYTES, end - at))
            at += PIECE_BYTES
            for start in starts:
                place = piece.find(start)
                while place >= 0:
                    if match := pattern.match(piece, place):
                        yield match
                    place = piece.find(start, place + 1)
            rest = piece[-MATCH_MAX_BYTES:] if at < end else b""

    def sections(self) -> list[Part]:
        """Every section, with its name where the table of names can be read; empty for a stripped table."""
        if not self._sections_at or not self._section_count:
            return []
        raw = self._table(self._sections_at, self._section_count, self._section_bytes, 64 if self.wide else 40)
        layout = struct.Struct(f"{self.order}{'IIQQQQIIQQ' if self.wide else 'IIIIIIIIII'}")
        headers = [layout.unpack_from(entry) for entry in raw]
        names = b""
        if self._names_index < len(headers):
            _, _, _, _, offset, size, *_ = headers[self._names_index]
            names = self.read(offset, min(size, STRINGS_MAX_BYTES))
        parts = []
        for name, kind, flags, address, offset, size, *_ in headers:
            parts.append(Part(_text(names, name), offset, 0 if kind == SHT_NOBITS else size, address, kind, flags))
        return parts

    def section(self, *names: str) -> Part | None:
        """The first section of one of these names."""
        return next((part for part in self.sections() if part.name in names), None)

    def segments(self) -> list[Part]:
        """Every segment."""
        if not self._segments_at or not self._segment_count:
            return []
        raw = self._table(self._segments_at, self._segment_count, self._segment_bytes, 56 if self.wide else 32)
        parts = []
        for entry in raw:
            if self.wide:
                kind, flags, offset, address, _, size = struct.unpack_from(f"{self.order}IIQQQQ", entry)
            else:
                kind, offset, address, _, size, _, flags = struct.unpack_from(f"{self.order}IIIIIII", entry)
            parts.append(Part("", offset, size, address, kind, flags))
        return parts

    def at_address(self, address: int, length: int) -> bytes:
        """What the file has for a place in memory, so many bytes of it."""
        for part in self.segments():
            inside = address - part.address
            if part.kind == PT_LOAD and inside >= 0 and inside + length <= part.size:
                return self.read(part.offset + inside, length)
        raise NotElf("an address is in no segment")

    def soname(self) -> str | None:
        """DT_SONAME of a shared object, None where it has none."""
        dynamic = next((part for part in self.segments() if part.kind == PT_DYNAMIC), None)
        if dynamic is None:
            return None
        entries = dict(self._dynamic(dynamic))
        if DT_SONAME not in entries or DT_STRTAB not in entries:
            return None
        place = entries[DT_STRTAB] + entries[DT_SONAME]
        for length in (NAME_MAX, 64, 16):  # the table may end soon after the name
            try:
                return _text(self.at_address(place, length), 0)
            except NotElf:
                continue
        return None

    def _dynamic(self, part: Part) -> Iterator[tuple[int, int]]:
        layout = struct.Struct(f"{self.order}{'qQ' if self.wide else 'iI'}")
        content = self.read(part.offset, min(part.size, HEADERS_MAX * layout.size) // layout.size * layout.size)
        for tag, value in layout.iter_unpack(content):
            if tag == 0:
                return
            yield tag, value

    def _table(self, at: int, count: int, entry_bytes: int, wanted_bytes: int) -> Iterator[bytes]:
        if count > HEADERS_MAX or entry_bytes < wanted_bytes:
            raise NotElf("a table of headers cannot be right")
        content = self.read(at, count * entry_bytes)
        return (content[index * entry_bytes : (index + 1) * entry_bytes] for index in range(count))


def data_from(file: BinaryIO, at: int, size: int) -> int:
    """Where the next byte is that was ever written: a sparse file costs its owner nothing, and us the time."""
    try:
        return file.seek(at, os.SEEK_DATA)
    except ValueError:
        return at  # it lies in memory
    except OSError as error:
        return size if error.errno == errno.ENXIO else at


def _text(table: bytes, at: int) -> str:
    end = table.find(b"\0", at, at + NAME_MAX)
    return table[at : end if end >= 0 else at + NAME_MAX].decode("ascii", "replace")
