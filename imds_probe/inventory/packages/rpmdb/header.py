"""The rpm header, as rpm's database keeps one for each package.

Source: rpm's format documentation, "Package header format"; the database leaves out the eight bytes of magic.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

_NAME, _VERSION, _RELEASE, _EPOCH, _ARCH = 1000, 1001, 1002, 1003, 1022  # rpmtag.h
_DIRECTORY_INDEXES, _BASE_NAMES, _DIRECTORIES = 1116, 1117, 1118
_CHANGED_BY, _CHANGES = 1081, 1082  # RPMTAG_CHANGELOGNAME, RPMTAG_CHANGELOGTEXT
_TEXT, _INT32, _TEXTS = 6, 4, 8  # RPM_STRING_TYPE, RPM_INT32_TYPE, RPM_STRING_ARRAY_TYPE
_WANTED = {_NAME: _TEXT, _VERSION: _TEXT, _RELEASE: _TEXT, _EPOCH: _INT32, _ARCH: _TEXT}
_ENTRY = struct.Struct(">IIII")  # tag, type, offset, count
ENTRIES_MAX = 0xFFFF  # hdrchkTags() of rpm
TEXT_MAX = 1000
PATH_MAX = 4096  # bytes, of Linux, with the NUL at the end


class HeaderError(ValueError):
    """Bytes that are no package's header."""


class RpmHeader(NamedTuple):
    """What an inventory wants of a header, as bytes: they may hold anything. `epoch` is None for none."""

    name: bytes
    epoch: int | None
    version: bytes
    release: bytes
    arch: bytes


def parse(blob: bytes) -> RpmHeader:
    """Read one header. Raises HeaderError."""
    if len(blob) < 8:
        raise HeaderError("a header is cut off")
    entries, data_bytes = struct.unpack_from(">II", blob)
    start = 8 + entries * _ENTRY.size
    if entries > ENTRIES_MAX or start + data_bytes > len(blob):
        raise HeaderError("a header is longer than its record")
    found: dict[int, bytes | int] = {}
    for index in range(entries):
        tag, kind, offset, _ = _ENTRY.unpack_from(blob, 8 + index * _ENTRY.size)
        if _WANTED.get(tag) == kind:
            found[tag] = _value(blob, start + offset, start + data_bytes, kind)
    name, version, release = (found.get(tag) for tag in (_NAME, _VERSION, _RELEASE))
    epoch, arch = found.get(_EPOCH), found.get(_ARCH, b"")
    if not isinstance(name, bytes) or not isinstance(version, bytes) or not isinstance(release, bytes):
        raise HeaderError("a header has no name, version or release")
    return RpmHeader(
        name, epoch if isinstance(epoch, int) else None, version, release, arch if isinstance(arch, bytes) else b""
    )


def _value(blob: bytes, at: int, end: int, kind: int) -> bytes | int:
    if kind == _INT32:
        if at + 4 > end:
            raise HeaderError("a number lies outside of its header")
        number: int = struct.unpack_from(">I", blob, at)[0]
        return number
    stop = blob.find(b"\0", at, min(end, at + TEXT_MAX + 1))
    if stop < 0:
        raise HeaderError("a text has no end within its header")
    return blob[at:stop]


def has_file(blob: bytes, directory: bytes, name: bytes) -> bool:
    """Whether a package has this file; `directory` ends with a slash. Raises HeaderError."""
    if name + b"\0" not in blob or directory + b"\0" not in blob:
        return False
    return (directory, name) in _files(blob)


def files(blob: bytes) -> Iterator[bytes]:
    """All files and directories of a package, by their whole paths, but for those that Linux would not take. Raises HeaderError.

    One directory may stand before any number of names, so all of them can be far longer than the header.
    """
    for directory, name in _files(blob):
        if len(directory) + len(name) < PATH_MAX:
            yield directory + name


def changelog(blob: bytes) -> list[tuple[bytes, bytes]]:
    """The entries of a package's changelog as they stand in it, the newest first: "Name <mail> - 1.2-3", and what was changed.
    Raises HeaderError.
    """
    found = _entries(blob)
    if any(found.get(tag, (0,))[0] != _TEXTS for tag in (_CHANGED_BY, _CHANGES)):
        return []
    return list(zip(*(_texts(blob, *found[tag][1:]) for tag in (_CHANGED_BY, _CHANGES)), strict=False))


def _files(blob: bytes) -> Iterator[tuple[bytes, bytes]]:
    found = _entries(blob)
    kinds = {_BASE_NAMES: _TEXTS, _DIRECTORIES: _TEXTS, _DIRECTORY_INDEXES: _INT32}
    if any(found.get(tag, (0,))[0] != kind for tag, kind in kinds.items()):
        return
    names, directories = (_texts(blob, *found[tag][1:]) for tag in (_BASE_NAMES, _DIRECTORIES))
    at, count = found[_DIRECTORY_INDEXES][1:]
    if at + 4 * count > len(blob):
        raise HeaderError("a number lies outside of its header")
    indexes = struct.unpack_from(f">{count}I", blob, at)
    for name, index in zip(names, indexes, strict=False):
        if index < len(directories):
            yield directories[index], name


def _entries(blob: bytes) -> dict[int, tuple[int, int, int]]:
    """By their tags: the type of each entry, where its data begins, and how many values it has."""
    if len(blob) < 8:
        raise HeaderError("a header is cut off")
    entries, data_bytes = struct.unpack_from(">II", blob)
    start = 8 + entries * _ENTRY.size
    if entries > ENTRIES_MAX or start + data_bytes > len(blob):
        raise HeaderError("a header is longer than its record")
    found = {}
    for index in range(entries):
        tag, kind, offset, count = _ENTRY.unpack_from(blob, 8 + index * _ENTRY.size)
        found[tag] = kind, start + offset, count
    return found


def _texts(blob: bytes, at: int, count: int) -> list[bytes]:
    """So many texts one after the other, as far as there are any."""
    return blob[at:].split(b"\0", count)[:count]
