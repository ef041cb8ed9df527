"""Whether the other end of a connection of ours is in the same network namespace: then a relay there took it."""

from __future__ import annotations

import socket
from pathlib import Path

from imds_probe.net import namespaces

TABLES = (
    "tcp",
    "tcp6",
)  # in /proc/PID/net: proc(5). A socket for both families has its IPv4 connections in the second.
TABLE_MAX = 4 << 20  # bytes: some 25,000 sockets
_MAPPED = b"0000000000000000FFFF0000"  # ::ffff:0:0/96, as the kernel writes it


def taken_inside(netns: Path, ours: tuple[str, int]) -> bool:
    """Whether another socket of a namespace is connected with this address and port, which are our socket's own there.

    False also where the kernel did not let us look.
    """
    try:
        tables = namespaces.call_in(netns, _tables)
    except (OSError, namespaces.NamespaceError):
        return False
    wanted = written(*ours)
    return any(
        wanted & {words[2]} for table in tables for line in table.split(b"\n") if len(words := line.split(None, 3)) > 3
    )


def written(address: str, port: int) -> set[bytes]:
    """An address and port as the tables have them, each word of the address in the byte order of the machine."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address)
    words = b"".join(packed[at : at + 4][::-1].hex().upper().encode() for at in range(0, len(packed), 4))
    end = b":%04X" % port
    return {words + end} | ({_MAPPED + words + end} if family == socket.AF_INET else set())


def _tables() -> list[bytes]:
    found = []
    for name in TABLES:
        with Path(f"/proc/thread-self/net/{name}").open("rb") as table:
            found.append(table.read(TABLE_MAX))
    return found
