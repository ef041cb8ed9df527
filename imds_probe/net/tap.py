"""Reading TTLs inside a container's network namespace, where packet sockets would be too dear. Needs CAP_NET_RAW.

A raw socket sees what is delivered in its namespace, before TCP does: raw(7). Closing a packet socket makes the kernel
wait for all CPUs (12 ms each, measured), which over 200 containers is longer than the measuring itself.
"""

from __future__ import annotations

import socket
import sys

from imds_probe.facts.imds import Family
from imds_probe.net.capture import PACKET_LIMIT, Arrivals
from imds_probe.net.packets import TcpPacket, parse, parse_segment

PACKET_BYTES = 65535
_ANCILLARY_BYTES = socket.CMSG_SPACE(4)


class Tap:
    """An open tap for TCP packets from one address. `sock` is a raw TCP socket of the namespace; it is closed here.

    Raises OSError where the kernel refuses, which is also so where the namespace has no route to the address.
    """

    def __init__(self, sock: socket.socket, address: str, family: Family) -> None:
        self._socket, self._address, self._family = sock, address, family
        self._packets: list[TcpPacket] = []
        try:
            sock.setblocking(False)
            if family == "ipv6":
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
            # A connected raw socket is given packets from that address only: a busy container cannot fill its buffer.
            sock.connect((address, 0))
        except OSError:
            sock.close()
            raise

    def arrivals(self, local_port: int) -> Arrivals:
        """What has come for this local port so far."""
        self._drain()
        return Arrivals.at(local_port, self._packets)

    def _drain(self) -> None:
        for _ in range(PACKET_LIMIT):
            try:
                packet, ancillary, _, _ = self._socket.recvmsg(PACKET_BYTES, _ANCILLARY_BYTES)
            except BlockingIOError:
                return
            except OSError:
                # An ICMP message, such as a firewall's refusal, about what was sent to the address: the kernel reports
                # it here once, as to every connected socket, and what was received is still there.
                continue
            if parsed := self._parsed(packet, ancillary):
                self._packets.append(parsed)

    def _parsed(self, packet: bytes, ancillary: list[tuple[int, int, bytes]]) -> TcpPacket | None:
        if self._family == "ipv4":
            return parse(packet)
        # IPv6 raw sockets leave the IP header out and say its hop limit beside: RFC 3542, 6.3.
        for level, kind, data in ancillary:
            if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT):
                return parse_segment(packet, int.from_bytes(data[:4], sys.byteorder), self._address, "")
        return None

    def close(self) -> None:
        self._socket.close()
