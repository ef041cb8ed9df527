"""Packets of many interfaces put together to requests, each once.

A container's packet is seen on its veth pair, on the bridge, and again behind NAT with another source. What stays the
same is the sequence number that the connection began with: so a SYN says which sightings are one connection, and within
it each byte counts once, however often it is seen or sent.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from socket import AF_INET, AF_INET6, inet_ntop
from typing import NamedTuple, TypeVar

from imds_probe.facts.imds import Family
from imds_probe.watch.caller import Caller
from imds_probe.watch.packet_filter import EXTENSIONS
from imds_probe.watch.requests import HttpRequestHead, RequestReader
from imds_probe.watch.ring import Packet

SYN, ACK = 0x02, 0x10
TCP = 6
CONNECTIONS_MAX = 4000  # those that were used last
AHEAD_MAX = 64  # segments kept that came before an earlier one
WAITING_MAX = 64  # requests on one connection that have no answer yet
_MASK = 0xFFFFFFFF
_TCP = struct.Struct("!HHIIBB")
K = TypeVar("K")
_Ends = tuple[bytes, int, bytes]  # client, its port, the service


@dataclass(slots=True)
class Connection:
    """One connection to the service. `client` and `port` are as on the interface nearest to the caller."""

    family: Family
    client: str
    port: int
    service: str
    interface: int
    outgoing: bool  # it left the host's own stack, as a process in the host's namespace has it
    began: float
    expected: int | None  # the next sequence number of the client
    reader: RequestReader = field(default_factory=RequestReader)
    ahead: dict[int, bytes] = field(default_factory=dict)
    waiting: list[Call] = field(default_factory=list)
    answered: int | None = None  # sequence number of the last answer's beginning
    caller: Caller | None = None  # once it is known for sure


@dataclass(slots=True)
class Call:
    """One request, and the status of its answer once that was seen."""

    at: float
    request: HttpRequestHead
    connection: Connection
    status: int | None = None


class Connections:
    """All connections to the service, by its addresses in network byte order and its port. `on_call` is called for each
    request, `on_answer` once its status is known.
    """

    def __init__(
        self,
        services: Collection[bytes],
        port: int,
        on_call: Callable[[Call], None],
        on_answer: Callable[[Call], None] = lambda _: None,
    ) -> None:
        self._services, self._port = frozenset(services), port
        self._on_call, self._on_answer = on_call, on_answer
        self._by_ends: OrderedDict[_Ends, Connection] = OrderedDict()
        self._by_start: OrderedDict[tuple[bytes, int], Connection] = OrderedDict()

    def packet(self, packet: Packet) -> None:
        """Take in one packet that the filter let through. What makes no sense is passed over."""
        segment = _segment(packet.data)
        if segment is None:
            return
        if segment.ports[1] == self._port and segment.destination in self._services:
            if segment.flags & SYN:
                self._begin(packet, segment)
            elif segment.length:
                self._sent(packet, segment)
        elif segment.ports[0] == self._port and segment.source in self._services:
            connection = self._by_ends.get((segment.destination, segment.ports[1], segment.source))
            if connection is not None:
                self._answered(connection, segment.number, segment.payload)

    def _begin(self, packet: Packet, segment: _Segment) -> None:
        start = (segment.destination, segment.number)
        connection = self._by_start.get(start)
        if connection is None:
            connection = _connection(packet, segment, (segment.number + 1) & _MASK)
            _keep(self._by_start, start, connection)
        _keep(self._by_ends, segment.ends, connection)

    def _sent(self, packet: Packet, segment: _Segment) -> None:
        connection = self._by_ends.get(segment.ends)
        if connection is not None:
            self._by_ends.move_to_end(segment.ends)
        else:
            # It began before we did. What stays the same behind NAT are both sequence numbers.
            start = (segment.destination + segment.acknowledged.to_bytes(4, "big"), segment.number)
            connection = self._by_start.get(start)
            if connection is None:
                connection = _connection(packet, segment, segment.number)
                _keep(self._by_start, start, connection)
            _keep(self._by_ends, segment.ends, connection)
        self._take(connection, packet.at, segment.number, segment.payload, segment.length)

    def _take(self, connection: Connection, at: float, number: int, payload: bytes, length: int) -> None:
        expected = connection.expected
        behind = (expected - number) & _MASK if expected is not None else 0
        if behind and behind < 1 << 31:  # seen before, at least in part
            if behind >= length:
                return
            payload, length, number = payload[behind:], length - behind, (number + behind) & _MASK
        elif behind:
            if number not in connection.ahead and len(connection.ahead) < AHEAD_MAX:
                connection.ahead[number] = payload
                return
            # Something was lost for good: the next one begins anew.
            self._calls(connection, at, connection.reader.give_up())
            connection.ahead.clear()
        self._feed(connection, at, number, payload, length)
        while (place := self._reached(connection)) is not None:
            following = connection.ahead.pop(place)
            behind = ((connection.expected or 0) - place) & _MASK
            if behind < len(following):
                self._feed(connection, at, place + behind, following[behind:], len(following) - behind)

    def _reached(self, connection: Connection) -> int | None:
        """Where a segment that came early begins that is next by now, or was sent again in part."""
        expected = connection.expected or 0
        return next((place for place in connection.ahead if (expected - place) & _MASK < 1 << 31), None)

    def _feed(self, connection: Connection, at: float, number: int, payload: bytes, length: int) -> None:
        connection.expected = (number + length) & _MASK
        self._calls(connection, at, connection.reader.feed(payload))
        if len(payload) < length:  # cut off by the ring: what was to follow is not known
            self._calls(connection, at, connection.reader.give_up())

    def _calls(self, connection: Connection, at: float, requests: list[HttpRequestHead]) -> None:
        for request in requests:
            call = Call(at, request, connection)
            if len(connection.waiting) < WAITING_MAX:
                connection.waiting.append(call)
            self._on_call(call)

    def _answered(self, connection: Connection, number: int, payload: bytes) -> None:
        if connection.answered is not None and (number - connection.answered) & _MASK >= 1 << 31:
            return
        if connection.answered == number or not connection.waiting:
            return
        connection.answered = number
        status = payload[9:12]
        call = connection.waiting.pop(0)
        call.status = int(status) if payload.startswith(b"HTTP/1.") and status.isdigit() else None
        self._on_answer(call)


class _Segment(NamedTuple):
    """A TCP segment. `length` is that of the payload on the wire, which can be more than was kept."""

    family: Family
    source: bytes
    destination: bytes
    ports: tuple[int, int]
    number: int
    acknowledged: int
    flags: int
    payload: bytes
    length: int

    @property
    def ends(self) -> _Ends:
        return self.source, self.ports[0], self.destination


def _connection(packet: Packet, segment: _Segment, expected: int) -> Connection:
    kind = AF_INET if segment.family == "ipv4" else AF_INET6
    return Connection(
        family=segment.family,
        client=inet_ntop(kind, segment.source),
        port=segment.ports[0],
        service=inet_ntop(kind, segment.destination),
        interface=packet.interface,
        outgoing=packet.outgoing,
        began=packet.at,
        expected=expected,
    )


def _keep(known: OrderedDict[K, Connection], key: K, connection: Connection) -> None:
    known[key] = connection
    if len(known) > CONNECTIONS_MAX:
        known.popitem(last=False)


def _segment(data: bytes) -> _Segment | None:
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
    if protocol != TCP or len(data) < at + 20:
        return None
    source_port, destination_port, number, acknowledged, offset, flags = _TCP.unpack_from(data, at)
    start = at + (offset >> 4) * 4
    if total <= at:
        total = len(data)  # longer than its field can say, as it was handed to the card to be cut up
    ports = (source_port, destination_port)
    payload, length = data[start:total], max(0, total - start)
    return _Segment(family, source, destination, ports, number, acknowledged, flags, payload, length)
