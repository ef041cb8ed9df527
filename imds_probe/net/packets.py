"""Reading the headers of IP and TCP packets, as far as time to live, addresses, ports and flags."""

from __future__ import annotations

import socket
import struct

from imds_probe.dataclass import dataclass

SYN, ACK, RST, FIN = 0x02, 0x10, 0x04, 0x01
WINDOW_BYTES = 1 << 20  # more than is ever said on one connection
_SEQUENCE_MASK = 0xFFFFFFFF


@dataclass(frozen=True)
class Handshake:
    """What names a connection on each interface that it crosses, behind address translation as well: the sequence numbers
    with which its two ends began.
    """

    client: int
    service: int


@dataclass(frozen=True)
class TcpPacket:
    """The headers of one TCP segment. `ttl` is the IPv4 time to live or the IPv6 hop limit."""

    ttl: int
    source: str
    destination: str
    source_port: int
    destination_port: int
    number: int
    acknowledged: int
    flags: int
    payload: bytes

    @property
    def is_syn_ack(self) -> bool:
        return self.flags & (SYN | ACK) == SYN | ACK

    @property
    def handshake(self) -> Handshake | None:
        """That of the connection, which only a SYN-ACK tells."""
        return Handshake((self.acknowledged - 1) & _SEQUENCE_MASK, self.number) if self.is_syn_ack else None

    def follows(self, handshake: Handshake) -> bool:
        """Whether the service could have sent it early on such a connection. Who sees neither end's numbers cannot guess it."""
        sent, answered = self.number - handshake.service, self.acknowledged - handshake.client
        return 0 < sent & _SEQUENCE_MASK < WINDOW_BYTES and 0 < answered & _SEQUENCE_MASK < WINDOW_BYTES


def parse(packet: bytes) -> TcpPacket | None:
    """Read a packet that begins with its IP header. None for anything but a whole, unfragmented TCP header.

    IPv6 extension headers are not walked: the metadata service has no reason to send any.
    """
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 20:
        header_length = (packet[0] & 0x0F) * 4
        total = struct.unpack_from("!H", packet, 2)[0]
        fragment_offset = struct.unpack_from("!H", packet, 6)[0] & 0x1FFF
        if header_length < 20 or packet[9] != socket.IPPROTO_TCP or fragment_offset:
            return None
        source, destination = packet[12:16], packet[16:20]
        family, ttl = socket.AF_INET, packet[8]
    elif version == 6 and len(packet) >= 40:
        header_length = 40
        total = 40 + struct.unpack_from("!H", packet, 4)[0]
        if packet[6] != socket.IPPROTO_TCP:
            return None
        source, destination = packet[8:24], packet[24:40]
        family, ttl = socket.AF_INET6, packet[7]
    else:
        return None
    return parse_segment(
        packet[header_length:total], ttl, socket.inet_ntop(family, source), socket.inet_ntop(family, destination)
    )


def parse_segment(segment: bytes, ttl: int, source: str, destination: str) -> TcpPacket | None:
    """Read a TCP segment whose IP header was read by somebody else. None where it has no whole TCP header."""
    if len(segment) < 20:
        return None
    source_port, destination_port, number, acknowledged = struct.unpack_from("!HHII", segment)
    data_offset = (segment[12] >> 4) * 4
    return TcpPacket(
        ttl=ttl,
        source=source,
        destination=destination,
        source_port=source_port,
        destination_port=destination_port,
        number=number,
        acknowledged=acknowledged,
        flags=segment[13],
        payload=bytes(segment[data_offset:]),
    )
