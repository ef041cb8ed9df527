"""Listening to the packets that come back from the metadata service, to read their TTLs. Needs CAP_NET_RAW."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from collections.abc import Iterable
from types import TracebackType

from imds_probe.dataclass import dataclass
from imds_probe.net import bpf
from imds_probe.net.packets import Handshake, TcpPacket, parse

ETH_P_ALL = 0x0003  # before a bridge or a macvlan takes a packet away: <linux/if_ether.h>
PACKET_LIMIT = 4096  # far more than a run's few requests cause; a flood must not keep us here


@dataclass(frozen=True)
class Arrivals:
    """The TTLs with which one connection's packets arrived: the SYN-ACK's, and those of packets with payload.

    `handshake` is that of the SYN-ACK.
    """

    syn_ack: int | None = None
    payload: tuple[int, ...] = ()
    handshake: Handshake | None = None

    @classmethod
    def at(cls, local_port: int, packets: Iterable[TcpPacket]) -> Arrivals:
        """Those of the packets that are for this local port, and of one connection: with forged SYN-ACKs among them, of the one
        that goes on.
        """
        mine = [packet for packet in packets if packet.destination_port == local_port]
        payload = [packet for packet in mine if packet.payload]
        begun = [(packet, packet.handshake) for packet in mine if packet.handshake]
        if not begun:
            return cls(payload=tuple(packet.ttl for packet in payload))
        followed = [(each, [packet for packet in payload if packet.follows(each[1])]) for each in begun]
        (first, handshake), following = next((each for each in followed if each[1]), followed[0])
        return cls(first.ttl, tuple(packet.ttl for packet in following), handshake)


def receive_everything(sock: socket.socket) -> None:
    """Have a packet socket of protocol 0, which receives nothing, receive from every interface.

    Python's own bind takes a name, which none has that stands for all. Raises OSError.
    """
    address = struct.pack("=HHiHBB8s", socket.AF_PACKET, socket.htons(ETH_P_ALL), 0, 0, 0, 0, b"")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.bind(sock.fileno(), address, len(address)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Capture:
    """An open tap for answers from one address and port, on one interface of a network namespace, by default on all.

    Raises PermissionError where the right is missing, OSError where packet sockets or the interface are not to be had.
    """

    def __init__(self, address: str, port: int, interface: str | None = None) -> None:
        # Protocol 0 receives nothing until it is bound: nothing comes in before the filter.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        try:
            bpf.attach(self._socket, bpf.answers_from(address, port))
            # All protocols, as the kernel hands each packet to such sockets before IP, but to those of one protocol on one
            # interface after it: an answer could be read before it was here.
            if interface is None:
                receive_everything(self._socket)
            else:
                self._socket.bind((interface, ETH_P_ALL))
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
