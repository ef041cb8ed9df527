"""Listening to the packets that come back from the metadata service, to read their TTLs. Needs CAP_NET_RAW."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType

from imds_probe.facts.imds import Family
from imds_probe.net import bpf
from imds_probe.net.packets import TcpPacket, parse

ETHERTYPE: dict[Family, int] = {"ipv4": 0x0800, "ipv6": 0x86DD}
PACKET_LIMIT = 4096  # far more than a run's few requests cause; a flood must not keep us here

PacketSocketMaker = Callable[[int], socket.socket]


@dataclass(frozen=True)
class Arrivals:
    """The TTLs with which one connection's packets arrived: the SYN-ACK's, and those of packets with payload."""

    syn_ack: int | None
    payload: tuple[int, ...]

    @classmethod
    def at(cls, local_port: int, packets: Iterable[TcpPacket]) -> Arrivals:
        """Those of the packets that are for this local port."""
        mine = [packet for packet in packets if packet.destination_port == local_port]
        return cls(
            syn_ack=next((packet.ttl for packet in mine if packet.is_syn_ack), None),
            payload=tuple(packet.ttl for packet in mine if packet.payload),
        )


class Capture:
    """An open tap for answers from one address and port, on every interface of a network namespace.

    Raises PermissionError where the right is missing, OSError where packet sockets are not to be had.
    """

    def __init__(
        self, address: str, port: int, family: Family, make_packet_socket: PacketSocketMaker | None = None
    ) -> None:
        make = make_packet_socket or (lambda protocol: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, protocol))
        # What comes before the filter is in place is no answer to us yet: `arrivals` goes by the local port.
        self._socket = make(socket.htons(ETHERTYPE[family]))
        try:
            bpf.attach(self._socket, bpf.answers_from(address, port))
            self._socket.setblocking(False)
        except OSError:
            self._socket.close()
            raise
        self._packets: list[TcpPacket] = []

    def arrivals(self, local_port: int) -> Arrivals:
        """What has come for this local port so far. The tap sees a packet before TCP does, so there is nothing to
        wait for once the answer was read.
        """
        self._drain()
        return Arrivals.at(local_port, self._packets)

    def _drain(self) -> None:
        for _ in range(PACKET_LIMIT):
            try:
                packet, address = self._socket.recvfrom(65535)
            except BlockingIOError:
                return
            # On loopback each packet is seen leaving and arriving; the one that leaves was not on any wire yet.
            if address[2] != socket.PACKET_OUTGOING and (parsed := parse(packet)):
                self._packets.append(parsed)

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Capture:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
