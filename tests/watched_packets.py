"""Packets between a client and the metadata service, made byte for byte."""

from __future__ import annotations

import socket
import struct

MD4, MD6 = "169.254.169.254", "fd00:ec2::254"
SYN, ACK, PSH = 2, 16, 8
V1 = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
V2 = b"GET /b HTTP/1.1\r\nX-aws-ec2-metadata-token: t\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def tcp(source: str, destination: str, ports: tuple[int, int], number: int, payload: bytes = b"", **how) -> bytes:
    flags, acknowledged, options = how.get("flags", ACK | PSH), how.get("ack", 77), how.get("options", b"")
    head = struct.pack(
        "!HHIIBBHHH", *ports, number % 2**32, acknowledged % 2**32, (5 + len(options) // 4) << 4, flags, 65535, 0, 0
    )
    segment = head + options + payload
    if ":" in source:
        extension = how.get("extension", b"")
        protocol = 0 if extension else 6
        ip = struct.pack("!IHBB", 6 << 28, len(extension) + len(segment), protocol, 64)
        return (
            ip
            + b"".join(socket.inet_pton(socket.AF_INET6, each) for each in (source, destination))
            + extension
            + segment
        )
    ip_options = how.get("ip_options", b"")
    words, total = 5 + len(ip_options) // 4, 20 + len(ip_options) + len(segment)
    ip = struct.pack("!BBHHHBBH", 0x40 | words, 0, how.get("total", total), 1, 0, 64, 6, 0)
    return ip + socket.inet_aton(source) + socket.inet_aton(destination) + ip_options + segment


def to(number: int, payload: bytes = b"", *, client: str = "10.0.0.5", port: int = 4000, **how) -> bytes:
    return tcp(client, MD6 if ":" in client else MD4, (port, 80), number, payload, **how)


def back(number: int, payload: bytes = b"", *, client: str = "10.0.0.5", port: int = 4000, **how) -> bytes:
    return tcp(MD6 if ":" in client else MD4, client, (80, port), number, payload, **how)


UPLINK, BRIDGE, VETH, OTHER_VETH = 2, 3, 7, 8
Sight = tuple[tuple[int, bool], bytes]  # interface and whether it leaves there, the packet
# Where packets to the service are seen, the nearest to the caller first, and by which names.
FROM_HOST = (((UPLINK, True), "10.0.0.5", 4000),)
FROM_CONTAINER = (
    ((VETH, False), "172.17.0.2", 4000),
    ((BRIDGE, False), "172.17.0.2", 4000),
    ((UPLINK, True), "10.0.0.5", 61000),
)
FROM_OTHER = (
    ((OTHER_VETH, False), "172.17.0.3", 4000),
    ((BRIDGE, False), "172.17.0.3", 4000),
    ((UPLINK, True), "10.0.0.5", 61001),
)


class Talk:
    """A connection to the service, as a watch sees it: each packet wherever it passes, in the order in which it does."""

    def __init__(self, way=FROM_HOST, number: int = 1000, served: int = 5000) -> None:
        self.way, self.number, self.served = way, number, served
        self.began = False

    def _sent(self, payload: bytes = b"", **how) -> list[Sight]:
        number = how.pop("number", self.number)
        return [
            (place, to(number, payload, client=client, port=port, ack=self.served, **how))
            for place, client, port in self.way
        ]

    def _back(self, payload: bytes = b"", **how) -> list[Sight]:
        how = {"ack": self.number} | how
        return [
            ((interface, not leaves), back(self.served, payload, client=client, port=port, **how))
            for (interface, leaves), client, port in reversed(self.way)
        ]

    def opened(self) -> list[Sight]:
        """SYN and the service's SYN; what acknowledges that is no packet that a watch wants."""
        syn = self._sent(flags=SYN)
        self.number += 1
        answer = self._back(flags=SYN | ACK)
        self.served += 1
        return syn + answer

    def sends(self, payload: bytes) -> list[Sight]:
        sent = self._sent(payload)
        self.number += len(payload)
        return sent

    def sends_at(self, offset: int, payload: bytes) -> list[Sight]:
        """As far after what was sent last as `offset` says; it goes on from where it was."""
        return self._sent(payload, number=self.number + offset)

    def is_answered(self, payload: bytes = OK) -> list[Sight]:
        answer = self._back(payload)
        self.served += len(payload)
        return answer

    def asks(self, payload: bytes = V1, answer: bytes = OK) -> list[Sight]:
        return self.sends(payload) + self.is_answered(answer)
