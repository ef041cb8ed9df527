"""Seeing connections of other network namespaces reach the metadata service: the SYN-ACK that comes in for each.

Who rules over a namespace can answer there in place of the service, with any TTL. Such a one cannot make a packet come in
from outside, by an interface that leads there. Needs CAP_NET_RAW.
"""

from __future__ import annotations

import socket
import struct
from collections import OrderedDict
from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from imds_probe.net import bpf, namespaces
from imds_probe.net.capture import PACKET_LIMIT, receive_everything
from imds_probe.net.packets import Handshake, parse

KEPT_MAX = 20_000  # handshakes; a run's own are some hundreds
HEADERS_BYTES = 256  # IP and TCP have no longer ones
SOL_PACKET, PACKET_STATISTICS = 263, 6


class Witness:
    """An open tap of a network namespace for SYN-ACKs that come in from some addresses and ports.

    `interfaces` are the indices of those to listen on; None is for all. Raises NamespaceError, and OSError where
    packet sockets are not to be had.
    """

    def __init__(
        self, netns: Path, services: Sequence[tuple[str, int]], interfaces: Collection[int] | None = None
    ) -> None:
        self._services = tuple(services)
        # Protocol 0 receives nothing: nothing can come in before the filter.
        self._socket = namespaces.socket_in(netns, socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self._seen: OrderedDict[Handshake, set[str]] = OrderedDict()
        try:
            self._socket.setblocking(False)
            self.only(interfaces)
            receive_everything(self._socket)
        except OSError:
            self._socket.close()
            raise

    def only(self, interfaces: Collection[int] | None) -> None:
        """From now on listen on these interfaces; None is for all."""
        bpf.attach(self._socket, bpf.handshakes_from(self._services, interfaces))

    def drain(self) -> None:
        """Take in what has come. To be called now and then, as the kernel keeps no more than some hundreds."""
        for _ in range(PACKET_LIMIT):
            try:
                packet, address = self._socket.recvfrom(HEADERS_BYTES)
            except BlockingIOError:
                return
            except OSError:
                continue  # an interface went down: said once, and the others go on
            parsed = parse(packet)
            if parsed and parsed.handshake:
                self._note(parsed.handshake, address[0])

    def interfaces(self, handshake: Handshake | None) -> frozenset[str]:
        """The names of the interfaces by which the service's answer to the start of this connection came in so far."""
        self.drain()
        return frozenset(self._seen.get(handshake, ())) if handshake else frozenset()

    def dropped(self) -> int:
        """How many packets there was no room for since this was asked last."""
        return int(struct.unpack("=II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1])

    def _note(self, handshake: Handshake, interface: str) -> None:
        self._seen.setdefault(handshake, set()).add(interface)
        if len(self._seen) > KEPT_MAX:
            self._seen.popitem(last=False)

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
