"""The rpm header, as rpm's database keeps one for each package.

Source: rpm's format documentation, "Package header format"; the database leaves out the eight bytes of magic.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_NAME, _VERSION, _RELEASE, _EPOCH, _ARCH = 1000, 1001, 1002, 1003, 1022  # rpmtag.h
_TEXT, _INT32 = 6, 4  # RPM_STRING_TYPE, RPM_INT32_TYPE
_WANTED = {_NAME: _TEXT, _VERSION: _TEXT, _RELEASE: _TEXT, _EPOCH: _INT32, _ARCH: _TEXT}
_ENTRY = struct.Struct(">IIII")  # tag, type, offset, count
ENTRIES_MAX = 0xFFFF  # hdrchkTags() of rpm
TEXT_MAX = 1000


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
