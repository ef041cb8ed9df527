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
        "!HHIIBBHHH", *ports, number % 2**32, acknowledged, (5 + len(options) // 4) << 4, flags, 65535, 0, 0
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


def back(number: int, payload: bytes, *, client: str = "10.0.0.5", port: int = 4000) -> bytes:
    return tcp(MD6 if ":" in client else MD4, client, (80, port), number, payload)
