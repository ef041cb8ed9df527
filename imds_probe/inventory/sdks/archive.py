"""Look things up in a zip archive without unpacking it or listing what is not asked for.

The directory of a Java bundle has 100,000 entries: making an object of each takes longer than anything else here, and
memory besides. So the directory is kept as the bytes that it is, and searched. Every figure in it is checked against
what is there. Source: PKWARE's APPNOTE, 4.3 (structures) and 4.3.14 (ZIP64).
"""

from __future__ import annotations

import io
import os
import re
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from imds_probe.dataclass import dataclass

DIRECTORY_MAX_BYTES = 48 * 1024 * 1024  # 100,000 classes take about 12
NAME_MAX_BYTES = 1024
TRIED_MAX = 200_000  # places in one directory that look like a name asked for
MARKS_MAX = 64  # of what looks like the end, in a comment
PIECE_BYTES = 256 * 1024
READ_BYTES = 1024 * 1024
STORED, DEFLATED = 0, 8
FLAG_ENCRYPTED = 1
_END, _END_64, _LOCATOR_64, _ENTRY, _LOCAL = b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\1\2", b"PK\3\4"
_END_BYTES, _END_64_BYTES, _LOCATOR_64_BYTES, _ENTRY_BYTES, _LOCAL_BYTES = 22, 56, 20, 46, 30
_COMMENT_MAX_BYTES = 65535
_UNKNOWN_32 = 0xFFFFFFFF  # the figure stands in a ZIP64 record


class NotAnArchive(ValueError):
    """The file is no zip archive, or a damaged one, or its directory is longer than may be read."""


@dataclass(frozen=True)
class Member:
    """One file in an archive: sizes in bytes as the directory has them, `offset` of its header in the file."""

    name: str
    method: int
    packed: int
    size: int
    offset: int
    encrypted: bool


class Window(io.RawIOBase):
    """So many bytes of another file from there on, as a file of its own."""

    def __init__(self, file: BinaryIO, start: int, length: int) -> None:
        super().__init__()
        self._file, self._start, self._length, self._at = file, start, length, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}[whence]
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        wanted = max(0, min(len(buffer), self._length - self._at))
        self._file.seek(self._start + self._at)
        content = self._file.read(wanted)
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)


class Archive:
    """An open archive. Raises NotAnArchive."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = size = file.seek(0, 2)
        self._opened: set[int] = set()
        self._left = size  # of what lies unpacked in it, all of which is no more than the archive itself
        start = max(0, size - _END_BYTES - _COMMENT_MAX_BYTES - _LOCATOR_64_BYTES - _END_64_BYTES)
        tail = self._read(start, size - start)
        end = _end(tail)
        length, offset = struct.unpack_from("<II", tail, end + 12)
        directory_end = start + end
        if _UNKNOWN_32 in (length, offset) or struct.unpack_from("<H", tail, end + 10)[0] == 0xFFFF:
            at = end - _LOCATOR_64_BYTES - _END_64_BYTES
            if at >= 0 and tail.startswith(_LOCATOR_64, end - _LOCATOR_64_BYTES) and tail.startswith(_END_64, at):
                length, offset = struct.unpack_from("<QQ", tail, at + 40)
                directory_end = start + at
        if length > DIRECTORY_MAX_BYTES or length > directory_end:
            raise NotAnArchive("the size of the directory cannot be right")
        # Something may stand before the archive, as in programs that unpack themselves: offsets do not count it.
        self._base = directory_end - length - offset
        if self._base < 0:
            raise NotAnArchive("the directory is not where it should be")
        self._directory = self._read(directory_end - length, length)

    def entries(self, part: bytes, pattern: re.Pattern[bytes]) -> Iterator[Member]:
        """The entries whose name matches `pattern` as a whole, in their order; every such name has `part` in it."""
        directory, done = self._directory, 0
        at = directory.find(part)
        for _ in range(TRIED_MAX):
            if at < 0:
                return
            entry_at = directory.rfind(_ENTRY, max(done, at - NAME_MAX_BYTES - _ENTRY_BYTES), at)
            if entry_at >= 0 and entry_at + _ENTRY_BYTES <= at:
                name_at = entry_at + _ENTRY_BYTES
                (name_bytes,) = struct.unpack_from("<H", directory, entry_at + 28)
                name = directory[name_at : name_at + name_bytes]
                if at < name_at + name_bytes <= len(directory):
                    done = name_at + name_bytes
                    if pattern.fullmatch(name):
                        yield self._entry(entry_at, name)
                    at = directory.find(part, done)
                    continue
            at = directory.find(part, at + 1)

    def _entry(self, at: int, name: bytearray) -> Member:
        flags, method = struct.unpack_from("<HH", self._directory, at + 8)
        packed, size = struct.unpack_from("<II", self._directory, at + 20)
        (offset,) = struct.unpack_from("<I", self._directory, at + 42)
        shown = name.decode(errors="replace")
        return Member(shown, method, packed, size, self._base + offset, bool(flags & FLAG_ENCRYPTED))

    def content(self, entry: Member, limit: int) -> bytes | None:
        """An entry's content; None where it is longer than `limit`, damaged, encrypted or packed in another way."""
        if max(entry.size, entry.packed) > limit:
            return None
        try:
            start = self._start(entry)
            if entry.method == STORED:
                return bytes(self._read(start, entry.packed))
            unpacked = self._unpacked(start, entry.packed, limit)
        except NotAnArchive:
            return None
        return None if unpacked is None else unpacked.getvalue()

    def inner(self, entry: Member, limit: int) -> BinaryIO | None:
        """An entry as a file: where it lies, or unpacked into memory if it is no longer than `limit`. None as for `content`,
        and for what was opened before under another name: a directory can name the same bytes as often as it likes.
        """
        if entry.offset in self._opened:
            return None
        self._opened.add(entry.offset)
        try:
            start = self._start(entry)
            if entry.method == STORED:
                self._left -= entry.packed
                whole = self._left >= 0 and start + entry.packed <= self._size
                return Window(self._file, start, entry.packed) if whole else None  # type: ignore[return-value]
            return self._unpacked(start, entry.packed, limit) if entry.size <= limit else None
        except NotAnArchive:
            return None

    def _start(self, entry: Member) -> int:
        """Where its bytes begin. Raises NotAnArchive where they do not, or cannot be read."""
        header = self._read(entry.offset, _LOCAL_BYTES)
        if not header.startswith(_LOCAL) or entry.encrypted or entry.method not in (STORED, DEFLATED):
            raise NotAnArchive("an entry that is damaged or locked")
        name_bytes, extra_bytes = struct.unpack_from("<HH", header, 26)
        return entry.offset + _LOCAL_BYTES + int(name_bytes) + int(extra_bytes)

    def _unpacked(self, start: int, packed: int, limit: int) -> io.BytesIO | None:
        unpacking, content = zlib.decompressobj(-zlib.MAX_WBITS), io.BytesIO()
        for at in range(0, packed, PIECE_BYTES):
            waiting: bytes | bytearray = self._read(start + at, min(PIECE_BYTES, packed - at))
            while waiting and not unpacking.eof:
                try:
                    content.write(unpacking.decompress(waiting, PIECE_BYTES))
                except zlib.error:
                    return None
                waiting = unpacking.unconsumed_tail
                if content.tell() > limit:
                    return None
        return content if unpacking.eof else None

    def _read(self, at: int, length: int) -> bytearray:
        """So many bytes, from a file that may shrink meanwhile; kept once, as there may be very many."""
        if at + length > self._size:
            raise NotAnArchive("the file is cut off")
        self._file.seek(at)
        content = bytearray(length)
        with memoryview(content) as left:
            done = 0
            while done < length and (got := self._file.readinto(left[done : done + READ_BYTES])):  # type: ignore[attr-defined]
                done += got
        if done != length:
            raise NotAnArchive("the file is cut off")
        return content


def _end(tail: bytearray) -> int:
    """Where the record at the end begins: the last mark that a comment follows up to the end of the file, else the last."""
    last = at = tail.rfind(_END, 0, len(tail) - _END_BYTES + len(_END)) if len(tail) >= _END_BYTES else -1
    if last < 0:
        raise NotAnArchive("there is no end of a directory")
    for _ in range(MARKS_MAX):
        if at < 0:
            break
        if at + _END_BYTES + struct.unpack_from("<H", tail, at + 20)[0] == len(tail):
            return at
        at = tail.rfind(_END, 0, at)
    return last
