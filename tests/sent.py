"""What programs send from a host of the lab. The kernel says things of its own accord: neighbours, groups that it listens to."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

_EVERYTHING = 3  # ETH_P_ALL, <linux/if_ether.h>
_PROTOCOL_AT = {0x0800: 9, 0x86DD: 6}  # in the header of IPv4, and of IPv6
_OF_PROGRAMS = (socket.IPPROTO_TCP, socket.IPPROTO_UDP)


@contextlib.contextmanager
def sent(node: object) -> Iterator[list[bytes]]:
    """Packets of TCP and UDP that leave or reach this node of the lab, complete once the context is left."""
    found: list[bytes] = []
    with node.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_EVERYTHING)) as tap:
        yield found
        tap.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                packet, (_, kind, *_) = tap.recvfrom(65535)
                at = _PROTOCOL_AT.get(kind)
                if at is not None and len(packet) > at and packet[at] in _OF_PROGRAMS:
                    found.append(packet)
