"""Files, directories and standard input as pieces of work, and the bytes of a piece. Of a long file, several processes read a
piece each; nobody reads a whole file into memory.
"""

from __future__ import annotations

import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import BinaryIO

import msgspec

from imds_probe.errors import UsageError
from imds_probe.fleet.documents import HEAD_MAX, Damaged, is_lines

STANDARD_INPUT = "-"
BLOCK = 1024 * 1024
PIECE = 16 * 1024 * 1024
FILES_MAX = 256  # of one piece of work
GZIP = b"\x1f\x8b"
_PACKED_BLOCK = 16 * 1024  # where it is damaged, what was packed before in the same block is lost
# More than any text that somebody wrote comes to: a bomb, which nobody has to unpack to its end.
_BOMB_FACTOR, _BOMB_FROM = 500, 4 * 1024 * 1024
# What CloudWatch Logs itself puts beside an export, to see whether it may write there.
_NOT_REPORTS = frozenset(("aws-logs-write-test",))

Unreadable = Callable[[str, str], None]  # the path, and why


class Piece(msgspec.Struct, array_like=True, frozen=True):
    """What lies in a file from one byte up to another, which is not included; all of it where `end` is -1."""

    path: str
    begin: int = 0
    end: int = -1


def check(
    paths: Sequence[str], remedy: str = "Name files and directories with reports, or - for standard input."
) -> None:
    """Raise UsageError for a path that is not there: a typing error is no host without a report."""
    for path in paths:
        if path == STANDARD_INPUT:
            continue
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            raise UsageError(f"{path} does not exist", remedy) from None
        except (OSError, ValueError):  # it may well be there: whoever reads it says what is in the way
            continue


def tasks(paths: Sequence[str], unreadable: Unreadable) -> Iterator[tuple[Piece, ...]]:
    """Pieces of work of about the same length. Below a directory, links to directories are not followed, and only regular files
    are read, none of a name that begins with a dot.
    """
    waiting: list[Piece] = []
    length = 0
    for path, size in _files(paths, unreadable):
        for piece in _pieces(path, size, unreadable):
            waiting.append(piece)
            length += min(size, PIECE)
            if length >= PIECE or len(waiting) >= FILES_MAX:
                yield tuple(waiting)
                waiting, length = [], 0
    if waiting:
        yield tuple(waiting)


def _files(paths: Sequence[str], unreadable: Unreadable) -> Iterator[tuple[str, int]]:
    for path in paths:
        if path == STANDARD_INPUT:
            yield path, 0
            continue
        try:
            found = os.stat(path)
        except OSError as error:
            unreadable(path, error.strerror or str(error))
            continue
        if stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode):  # which may have no end
            unreadable(path, "it is a device")
            continue
        if not stat.S_ISDIR(found.st_mode):
            yield path, found.st_size if stat.S_ISREG(found.st_mode) else 0  # a pipe of the shell's has no size
            continue
        yield from _below(path, unreadable)


def _below(directory: str, unreadable: Unreadable) -> Iterator[tuple[str, int]]:
    def failed(error: OSError) -> None:
        unreadable(str(error.filename), error.strerror or str(error))

    for folder, folders, names in os.walk(directory, onerror=failed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.startswith(".") or name in _NOT_REPORTS:
                continue
            path = os.path.join(folder, name)
            try:
                found = os.stat(path)
            except OSError as error:
                unreadable(path, error.strerror or str(error))
                continue
            if stat.S_ISREG(found.st_mode):
                yield path, found.st_size


def _pieces(path: str, size: int, unreadable: Unreadable) -> Iterator[Piece]:
    if size <= 2 * PIECE:
        yield Piece(path)
        return
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD_MAX)
    except OSError as error:
        unreadable(path, error.strerror or str(error))
        return
    if head.startswith(GZIP) or not is_lines(head):
        yield Piece(path)
        return
    for begin in range(0, size, PIECE):
        yield Piece(path, begin, -1 if begin + PIECE >= size else begin + PIECE)


def blocks(piece: Piece) -> Iterator[bytes]:
    """The bytes of a piece, unpacked where they are packed by gzip. A piece that is a part of a file has the lines that begin in
    it. Raises OSError, and Damaged where what is packed ends too early.
    """
    if piece.path == STANDARD_INPUT:
        yield from _unpacked(sys.stdin.buffer)
        return
    with open(piece.path, "rb") as file:
        if piece.begin or piece.end >= 0:
            yield from _part(file, piece)
        else:
            yield from _unpacked(file)


def _read(file: BinaryIO, length: int) -> Iterator[bytes]:
    while block := file.read(length):
        yield block


def _part(file: BinaryIO, piece: Piece) -> Iterator[bytes]:
    """Whole lines: one that begins in the piece before is left out, and the last one may end behind. Spaces stand for what is left
    out, so that places are counted from the beginning of the piece.
    """
    at = piece.begin
    if at:
        file.seek(at - 1)
        at += sum(map(len, _rest_of_line(file))) - 1
        if at > piece.begin:
            yield b" " * (at - piece.begin - 1) + b"\n"
    while piece.end < 0 or at < piece.end:
        block = file.read(BLOCK if piece.end < 0 else min(BLOCK, piece.end - at))
        if not block:
            return
        at += len(block)
        yield block
        if 0 <= piece.end <= at and not block.endswith(b"\n"):
            yield from _rest_of_line(file)
            return


def _rest_of_line(file: BinaryIO) -> Iterator[bytes]:
    while part := file.readline(BLOCK):
        yield part
        if part.endswith(b"\n"):
            return


def _unpacked(file: BinaryIO) -> Iterator[bytes]:
    first = file.read(len(GZIP))
    if first != GZIP:
        yield first + file.read(BLOCK - len(first))
        yield from _read(file, BLOCK)
        return
    read = chain((first,), _read(file, _PACKED_BLOCK))
    unpacking, open_member = zlib.decompressobj(wbits=31), True
    packed = unpacked = 0
    waiting = next(read, b"")
    while waiting:
        packed += len(waiting)
        while waiting:
            try:
                block = unpacking.decompress(waiting, BLOCK)
            except zlib.error as error:
                raise Damaged(unpacked, f"it cannot be unpacked: {error}") from None
            unpacked += len(block)
            if unpacked > _BOMB_FROM and unpacked > packed * _BOMB_FACTOR:
                raise Damaged(unpacked, f"it unpacks to more than {_BOMB_FACTOR} times its length")
            if block:
                yield block
            waiting, open_member = unpacking.unconsumed_tail, not unpacking.eof
            if unpacking.eof:
                waiting = unpacking.unused_data.lstrip(b"\0")  # gzip(1), too, takes zeros behind it for padding
                unpacking = zlib.decompressobj(wbits=31)
                open_member = bool(waiting)
        waiting = next(read, b"")
    if open_member:
        raise Damaged(unpacked, "it is cut off")


def place(piece: Piece, at: int) -> str:
    """Where a document is, for a message."""
    name = "standard input" if piece.path == STANDARD_INPUT else piece.path
    return f"{name}, byte {piece.begin + at}" if piece.begin + at else name
