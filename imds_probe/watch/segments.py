"""TCP segments to and from the metadata service, read from packets that begin with their IP header."""

from __future__ import annotations

import struct
from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_ntop
from typing import NamedTuple

from imds_probe.facts.imds import Family
from imds_probe.watch.packet_filter import EXTENSIONS
from imds_probe.watch.ring import HEADERS_BYTES

SYN, ACK = 0x02, 0x10
MASK = 0xFFFFFFFF  # sequence numbers begin anew at zero
_TCP_PROTOCOL = 6
_TCP = struct.Struct("!HHIIBB")
# IPv4 without options, as nearly all have it, and TCP behind it: read at once, as this is done for each packet.
_PLAIN, _IPV4_AND_TCP = 0x45, struct.Struct("!xxHxxxxBBxx4s4sHHIIBB")
_PLAIN_BYTES = 20
# By the first byte of IPv4 and of IPv6: protocol, destination, ports and flags, without options and extension headers.
_PLAIN_HEADERS = {_PLAIN: struct.Struct("!9xB6x4sHH9xB").unpack_from} | dict.fromkeys(
    range(0x60, 0x70), struct.Struct("!6xB17x16sHH9xB").unpack_from
)
Ends = tuple[bytes, int, bytes]  # client, its port, the service


class Segment(NamedTuple):
    """A TCP segment. `length` is that of the payload on the wire, which can be more than was kept. `ttl` is how many more
    routers may pass it on, the one that has it now included.
    """

    family: Family
    source: bytes
    destination: bytes
    ports: tuple[int, int]
    number: int
    acknowledged: int
    flags: int
    payload: bytes
    length: int
    ttl: int


def segment_of(data: bytes) -> Segment | None:
    """None for what has no whole TCP header."""
    family: Family = "ipv4"
    if len(data) >= _PLAIN_BYTES + 20 and data[0] == _PLAIN:
        at = _PLAIN_BYTES
        (
            total,
            ttl,
            protocol,
            source,
            destination,
            source_port,
            destination_port,
            number,
            acknowledged,
            offset,
            flags,
        ) = _IPV4_AND_TCP.unpack_from(data)
        if protocol != _TCP_PROTOCOL:
            return None
    else:
        header = _header(data)
        if header is None:
            return None
        family, source, destination, at, total = header
        ttl = data[8] if family == "ipv4" else data[7]
        source_port, destination_port, number, acknowledged, offset, flags = _TCP.unpack_from(data, at)
    start = at + (offset >> 4) * 4
    if total <= at:
        total = len(data)  # longer than its field can say, as it was handed to the card to be cut up
    ports = (source_port, destination_port)
    length = total - start if total > start else 0
    return tuple.__new__(  # which costs half of what its own constructor does
        Segment, (family, source, destination, ports, number, acknowledged, flags, data[start:total], length, ttl)
    )


def _header(data: bytes) -> tuple[Family, bytes, bytes, int, int] | None:
    """Family, source, destination, where TCP begins and where it ends."""
    version = data[0] >> 4 if data else 0
    family: Family
    if version == 4 and len(data) >= 20:
        at, total = (data[0] & 15) * 4, int.from_bytes(data[2:4], "big")
        family, source, destination, protocol = "ipv4", data[12:16], data[16:20], data[9]
    elif version == 6 and len(data) >= 40:
        at, total = 40, 40 + int.from_bytes(data[4:6], "big")
        family, source, destination, protocol = "ipv6", data[8:24], data[24:40], data[6]
        while protocol in EXTENSIONS and len(data) >= at + 8:
            protocol, at = data[at], at + (data[at + 1] + 1) * 8
    else:
        return None
    if protocol != _TCP_PROTOCOL or len(data) < at + 20:
        return None
    return family, source, destination, at, total


def sent_on(data: bytes, service_port: int) -> tuple[int, bytes] | None:
    """Port and service of the connection on which the client sent this, by the headers alone; None for what it opens one with, and
    what the service sends. What has more headers than most have is of port 0.
    """
    plain = _PLAIN_HEADERS.get(data[0]) if len(data) >= HEADERS_BYTES else None
    if plain is None:
        return 0, b""
    protocol, service, port, to_port, flags = plain(data)
    if protocol != _TCP_PROTOCOL:
        return 0, b""
    return (port, service) if to_port == service_port and not flags & SYN else None


@lru_cache(maxsize=256)
def written(address: bytes) -> str:
    """An address as text. Of few, again and again."""
    return inet_ntop(AF_INET if len(address) == 4 else AF_INET6, address)


def ahead_of(number: int, before: int) -> int:
    """How far a sequence number is after another one; below zero where it is before it."""
    return ((number - before + 0x80000000) & MASK) - 0x80000000
