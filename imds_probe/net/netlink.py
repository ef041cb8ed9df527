"""How messages of netlink and their attributes are written, whichever part of the kernel they are for: netlink(7).

What is read comes from the kernel; what is cut off or makes no sense ends the reading.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

# <linux/netlink.h>
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_MULTI, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE, NLM_F_DUMP = 0x1, 0x2, 0x4, 0x200, 0x400, 0x300
NESTED = 0x8000
_KIND = 0x3FFF  # the two highest bits of an attribute's kind say how it is written
_MESSAGE, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=HH")


class Message(NamedTuple):
    """One message. `number` is that of the message which it answers."""

    kind: int
    flags: int
    number: int
    body: bytes

    @property
    def error(self) -> int:
        """Of one that is an NLMSG_ERROR: the number of the error, 0 where all went well."""
        return -int(struct.unpack_from("=i", self.body)[0]) if len(self.body) >= 4 else 0


def message(kind: int, flags: int, number: int, body: bytes) -> bytes:
    """A message to the kernel, padded."""
    return _MESSAGE.pack(_MESSAGE.size + len(body), kind, flags, number, 0) + body + bytes(-len(body) % 4)


def messages(data: bytes) -> Iterator[Message]:
    """The messages that came in one piece."""
    at = 0
    while at + _MESSAGE.size <= len(data):
        length, kind, flags, number, _ = _MESSAGE.unpack_from(data, at)
        if length < _MESSAGE.size:
            return
        yield Message(kind, flags, number, data[at + _MESSAGE.size : at + length])
        at += length + 3 & ~3


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def attributes(data: bytes) -> dict[int, bytes]:
    """The attributes of a message, or of an attribute that is made of attributes, by their kinds."""
    found: dict[int, bytes] = {}
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            break
        found[kind & _KIND] = data[at + _ATTRIBUTE.size : at + length]
        at += length + 3 & ~3
    return found


def number(value: bytes | None) -> int | None:
    """An attribute that is a number of 32 bits, None where it is none."""
    return int(struct.unpack("=i", value)[0]) if value is not None and len(value) == 4 else None


def text(value: bytes) -> str:
    """An attribute that is text, which ends with a NUL byte."""
    return value.rstrip(b"\0").decode(errors="replace")
