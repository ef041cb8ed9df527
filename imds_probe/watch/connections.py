"""Packets of many interfaces put together to requests, each once, and only those that somebody really made.

A container's packet is seen on its veth pair, on the bridge, and again behind NAT with another source. What stays the
same are the sequence numbers: so a SYN says which sightings are one connection, and within it each byte counts once,
however often it is seen or sent. What the client sends counts where it was seen first, which is nearest to the caller.

Whoever may send raw packets writes into them what he likes. He does not see what the service answers to somebody else: a
connection counts once the service's own number is known to both ends, by its SYN or by an answer to all that was sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection

from imds_probe.watch.connection import (
    APART,
    SEEN_WITHIN_S,
    SIGHTINGS_MAX,
    Answers,
    Call,
    Connection,
    Opening,
    Place,
    Sighting,
    TokenAnswer,
    connection_of,
)
from imds_probe.watch.requests import HttpRequestHead
from imds_probe.watch.ring import Packet
from imds_probe.watch.room import Recent, Room
from imds_probe.watch.segments import MASK, SYN, Ends, Segment, ahead_of, segment_of

PROVEN_MAX, CLAIMED_MAX, LOOSE_MAX, OPENING_MAX = 2000, 500, 1000, 4000
CAME_IN_MAX = TAKEN_MAX = 4000
AHEAD_MAX, AHEAD_OF_ALL_MAX = 64, 2000  # segments kept that came before an earlier one: of one connection, of all
WAITING_MAX, UNPROVEN_WAITING_MAX = 64, 8  # requests on one connection that have no answer yet
UNPROVEN_MAX = 8000  # requests that may be confirmed yet


class Connections:
    """All connections to the service, by its addresses in network byte order and its port.

    `leads_there` says of an interface whether the host's way to the service leads over it, so that nobody on this host
    can have sent what comes in by it. `on_call` is called for each request of a connection that is proven, or claimed to
    be one: then its answers come from elsewhere, and another witness is needed. `on_unconfirmed` is called for each other.
    """

    def __init__(
        self,
        services: Collection[bytes],
        port: int,
        leads_there: Callable[[int], bool],
        on_call: Callable[[Call], None],
        on_unconfirmed: Callable[[Call], None],
    ) -> None:
        self._services, self._port, self._leads_there = frozenset(services), port, leads_there
        self._on_call, self._on_unconfirmed = on_call, on_unconfirmed
        self._opening = Room[Opening](OPENING_MAX)
        self._proven = Room[Connection](PROVEN_MAX, self._forget)
        self._claimed = Room[Connection](CLAIMED_MAX, self._forget)
        self._loose = Room[Connection](LOOSE_MAX, self._give_up)  # of which nothing is known but what the client sent
        self._unproven: deque[Call] = deque()  # the oldest first
        self._came_in, self._taken = Recent(CAME_IN_MAX), Recent(TAKEN_MAX)
        self._ahead = 0
        # Whether an interface leads there, as long as what is read came in together.
        self._leading: dict[int, bool] = {}

    def packet(self, packet: Packet) -> None:
        """Take in one packet that the filter let through. What makes no sense is passed over."""
        segment = segment_of(packet.data)
        if segment is None:
            return
        # By another namespace's own interface requests leave and answers come; here they would be the host's own.
        apart = packet.interface >= APART
        if segment.ports[1] == self._port and segment.destination in self._services:
            if apart and not packet.outgoing:
                return
            outgoing = packet.outgoing and not apart
            place, ends = (packet.interface, outgoing), (segment.source, segment.ports[0], segment.destination)
            if segment.flags & SYN:
                self._begun(packet.at, segment, place, ends)
            elif segment.length:
                self._sent(packet.at, segment, place, ends)
        elif segment.ports[0] == self._port and segment.source in self._services and not (apart and packet.outgoing):
            ends = (segment.destination, segment.ports[1], segment.source)
            answers = self._where_from(packet, segment, ends)
            if segment.flags & SYN:
                opening = self._opening.get((segment.source, (segment.acknowledged - 1) & MASK))
                if opening is not None and opening.has(ends):
                    opening.answered(segment.number, answers, ends)
            elif segment.payload:
                self._answer(segment, ends, answers)
                if packet.outgoing:
                    self._passed_on(packet.interface, segment, ends)

    @property
    def undecided(self) -> bool:
        """Whether something may be confirmed yet."""
        return bool(self._unproven)

    def is_opening(self, port: int, service: bytes, at: float) -> bool:
        """Whether a connection was seen to begin about then from this port, of which nothing else was seen. Looks at all."""
        return any(
            opening.sightings[0][1][1:] == (port, service) and abs(opening.began - at) < SEEN_WITHIN_S
            for opening in self._opening
        )

    def give_up(self, before: float) -> None:
        """Whatever was sent before then (seconds since the epoch) and is not confirmed yet counts as unconfirmed."""
        self._leading.clear()
        while self._unproven and self._unproven[0].at < before:
            self._not_confirmed(self._unproven.popleft())

    def _where_from(self, packet: Packet, segment: Segment, ends: Ends) -> Answers:
        """What leaves was forwarded if it came in before; otherwise it is the host's own."""
        if not packet.outgoing:
            leads = self._leading.get(packet.interface)
            if leads is None:
                leads = self._leading[packet.interface] = self._leads_there(packet.interface)
            if leads:
                return "uplink"
        key = (ends, segment.number, segment.flags & SYN)
        if packet.outgoing:
            return "elsewhere" if key in self._came_in else "stack"
        self._came_in.note(key)
        return "elsewhere"

    def _begun(self, at: float, segment: Segment, place: Place, ends: Ends) -> None:
        start = (segment.destination, segment.number)
        opening = self._opening.get(start)
        if opening is None:
            self._opening.add(place, Opening([(place, ends)], segment.number, at), (start,))
        elif (place, ends) not in opening.sightings and len(opening.sightings) < SIGHTINGS_MAX:
            opening.sightings.append((place, ends))

    def _sent(self, at: float, segment: Segment, place: Place, ends: Ends) -> None:
        sighting = (place, ends)
        # First of all: with the same ports soon after, numbers go on near where those of the last connection were.
        opening = self._opening.get((segment.destination, (segment.number - 1) & MASK))
        if opening is not None and opening.goes_on_with(sighting, segment):
            self._opening.remove(opening)
            connection = connection_of(segment, opening.sightings, opening.began)
            self._shown(connection, opening.answers or "elsewhere", opening.answered_at or ends)
            self._take(connection, at, segment)
            return
        known = self._proven.get(sighting) or self._claimed.get(sighting)
        if known is not None and known.sightings[0] != sighting:
            if known.has(segment):
                return  # it was seen nearer to the caller before
        elif known is not None and known.fits(segment):
            self._room(known).used(known)
            if ahead_of(segment.acknowledged, known.acknowledged) > 0:
                known.acknowledged = segment.acknowledged
            self._take(known, at, segment)
            return
        self._sent_loose(at, segment, sighting, opening)

    def _sent_loose(self, at: float, segment: Segment, sighting: Sighting, opening: Opening | None) -> None:
        """It began before we did, or somebody says so. What stays the same behind NAT are both sequence numbers."""
        _, ends = sighting
        end = (segment.number + segment.length) & MASK
        same, answered_by = (
            (segment.destination, segment.number, segment.acknowledged),
            (ends, end, segment.acknowledged),
        )
        if same in self._taken:
            return  # it was seen nearer to the caller before, and has other ends by now
        connection = self._loose.get(same)
        if connection is None:
            connection = self._loose.get((sighting, segment.number))
            if connection is None or connection.expected != segment.number:
                connection = connection_of(segment, [sighting], opening.began if opening and opening.has(ends) else at)
                self._loose.add(sighting[0], connection)
            connection.acknowledged = segment.acknowledged
            self._loose.also(connection, same)
            self._loose.also(connection, (sighting, end))
            self._feed(connection, at, segment.number, segment.payload, segment.length)
        elif sighting not in connection.sightings and len(connection.sightings) < SIGHTINGS_MAX:
            connection.sightings.append(sighting)
        self._loose.also(connection, answered_by)

    def _answer(self, segment: Segment, ends: Ends, answers: Answers) -> None:
        connection = self._proven.get(ends)
        if connection is not None and connection.answers == answers and connection.fits_answer(segment):
            self._answered(connection, segment)
            return
        connection = self._claimed.get(ends)
        if connection is not None and answers == "elsewhere" and connection.fits_answer(segment):
            self._answered(connection, segment)
            return
        if connection is None or not connection.answers_exactly(segment):
            connection = self._loose.get((ends, segment.acknowledged, segment.number))
        if connection is not None:
            self._loose.remove(connection)
            self._claimed.remove(connection)
            self._shown(connection, answers, ends)
            self._answered(connection, segment)

    def _passed_on(self, interface: int, segment: Segment, ends: Ends) -> None:
        """An answer leaves this host towards who asked: what the hop limit did not let through never does."""
        sighting = ((interface, False), ends)  # as the request came in
        connection = self._proven.get(sighting) or self._claimed.get(sighting)
        if connection is None or connection.token_answer is None or connection.sightings[0] != sighting:
            return
        if connection.answered == segment.number:
            connection.token_answer.passed_on = True

    def _shown(self, connection: Connection, answers: Answers, ends: Ends) -> None:
        """The service answers this connection; `ends` are as its answers have them."""
        known = connection.answers is not None
        connection.answers = answers
        self._room(connection).add(connection.sightings[0][0], connection, (*connection.sightings, ends))
        for call in () if known else tuple(connection.waiting):
            self._on_call(call)

    def _room(self, connection: Connection) -> Room[Connection]:
        return self._proven if connection.proven else self._claimed

    def _take(self, connection: Connection, at: float, segment: Segment) -> None:
        number, payload, length = segment.number, segment.payload, segment.length
        if not connection.outgoing:  # it goes on from here
            self._taken.note((segment.destination, number, segment.acknowledged))
        behind = ahead_of(connection.expected, number)
        if behind > 0:  # seen before, at least in part
            if behind >= length:
                return
            payload, length, number = payload[behind:], length - behind, (number + behind) & MASK
        elif behind < 0:
            if number in connection.ahead:
                return
            if len(connection.ahead) < AHEAD_MAX and self._ahead < AHEAD_OF_ALL_MAX:
                connection.ahead[number] = payload
                self._ahead += 1
                return
            # Something was lost for good: the next one begins anew.
            self._calls(connection, at, connection.reader.give_up())
            self._forget(connection)
        self._feed(connection, at, number, payload, length)
        while connection.ahead and (place := self._reached(connection)) is not None:
            following = connection.ahead.pop(place)
            self._ahead -= 1
            behind = ahead_of(connection.expected, place)
            if behind < len(following):
                self._feed(connection, at, place + behind, following[behind:], len(following) - behind)

    def _reached(self, connection: Connection) -> int | None:
        """Where a segment that came early begins that is next by now, or was sent again in part."""
        return next((place for place in connection.ahead if ahead_of(connection.expected, place) >= 0), None)

    def _feed(self, connection: Connection, at: float, number: int, payload: bytes, length: int) -> None:
        connection.expected = (number + length) & MASK
        self._calls(connection, at, connection.reader.feed(payload))
        if len(payload) < length:  # cut off by the ring: what was to follow is not known
            self._calls(connection, at, connection.reader.give_up())

    def _calls(self, connection: Connection, at: float, requests: list[HttpRequestHead]) -> None:
        for request in requests:
            call = Call(at, request, connection)
            if request.asks_for_token:
                call.token = TokenAnswer(connection.distance, connection.outgoing or connection.is_apart)
            known = connection.answers is not None
            kept = len(connection.waiting) < (WAITING_MAX if known else UNPROVEN_WAITING_MAX)
            if kept:
                connection.waiting.append(call)
            if known:
                self._on_call(call)
            elif kept:
                self._unproven.append(call)
                if len(self._unproven) > UNPROVEN_MAX:
                    self._not_confirmed(self._unproven.popleft())
            else:
                self._not_confirmed(call)

    def _answered(self, connection: Connection, segment: Segment) -> None:
        number, payload = segment.number, segment.payload
        if connection.answered is not None and ahead_of(number, connection.answered) < 0:
            return
        if connection.answered == number or not connection.waiting:
            return
        connection.answered = number
        status = payload[9:12]
        call = connection.waiting.pop(0)
        call.status = int(status) if payload.startswith(b"HTTP/1.") and status.isdigit() else None
        connection.token_answer = call.token
        if call.token is not None:
            call.token.status, call.token.ttl = call.status, segment.ttl

    def _forget(self, connection: Connection) -> None:
        """What came early of a connection is not waited for any longer."""
        self._ahead -= len(connection.ahead)
        connection.ahead.clear()

    def _give_up(self, connection: Connection) -> None:
        for call in tuple(connection.waiting):
            self._not_confirmed(call)

    def _not_confirmed(self, call: Call) -> None:
        if call.connection.answers is None and not call.given_up:
            call.given_up = True
            self._on_unconfirmed(call)
