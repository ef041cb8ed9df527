"""Packets as interfaces show them, made byte for byte: the same one several times, in parts, out of order, lost, and forged."""

from __future__ import annotations

import random
import socket
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watched_packets import (
    ACK,
    BRIDGE,
    FROM_CONTAINER,
    FROM_HOST,
    FROM_OTHER,
    MD4,
    MD6,
    OK,
    OTHER_VETH,
    SYN,
    UPLINK,
    V1,
    V2,
    VETH,
    Sight,
    Talk,
    back,
    to,
)

from imds_probe.watch import connections as module
from imds_probe.watch.connection import APART, Call, TokenAnswer
from imds_probe.watch.connections import Connections
from imds_probe.watch.ring import Packet

REFUSED = b"HTTP/1.1 401 Unauthorized\r\n\r\n"
FROM_IPV6 = (((UPLINK, True), "2001:db8::5", 4000),)


class Tap:
    """What a watch would see, and what it makes of it."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.unconfirmed: list[Call] = []
        addresses = [socket.inet_pton(socket.AF_INET, MD4), socket.inet_pton(socket.AF_INET6, MD6)]
        self.connections = Connections(
            addresses, 80, lambda interface: interface == UPLINK, self.calls.append, self.unconfirmed.append
        )

    def see(self, *sights: Iterable[Sight], at: float = 1.0) -> None:
        for each in sights:
            for (interface, outgoing), data in each:
                self.connections.packet(Packet(at, interface, outgoing, data))

    @property
    def said(self) -> list[tuple[str, bool, int | None]]:
        return [(call.request.path, call.request.with_token, call.status) for call in self.calls if proven(call)]

    @property
    def not_confirmed(self) -> list[str]:
        """Of what nothing was confirmed in the end."""
        self.connections.give_up(float("inf"))
        return [call.request.path for call in (*self.unconfirmed, *self.calls) if not proven(call)]


def proven(call: Call) -> bool:
    return call.connection.proven


@pytest.fixture
def tap() -> Tap:
    return Tap()


def test_what_leaves_another_namespace_by_an_interface_of_its_own_is_not_the_hosts(tap: Tap) -> None:
    tap.connections._leads_there = lambda interface: interface == APART + UPLINK
    talk = Talk((((APART + UPLINK, True), "10.0.2.20", 4000),))
    tap.see(talk.opened(), talk.asks())
    (call,) = tap.calls
    assert tap.said == [("/a", False, 200)]
    assert (call.connection.outgoing, call.connection.is_apart, call.connection.distance) == (False, True, 0)
    assert call.connection.answers == "uplink"


@pytest.mark.parametrize(("ttl", "sent_with", "arrives"), [(1, 64, True), (1, 63, False), (2, 63, True)])
def test_a_token_that_comes_to_an_interface_of_its_own_arrives_unless_somebody_is_behind(
    tap: Tap, ttl: int, sent_with: int, arrives: bool
) -> None:
    tap.connections._leads_there = lambda interface: interface == APART + UPLINK
    talk = Talk((((APART + UPLINK, True), "10.0.2.20", 4000),))
    asks = b"PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n"
    for part, value in ((talk.opened(), 64), (talk.sends(asks), sent_with), (talk.is_answered(), ttl)):
        tap.see([(place, data[:8] + bytes((value,)) + data[9:]) for place, data in part])
    # The TTL of the SYN is the client's, too.
    (call,) = tap.calls
    call.token = TokenAnswer(call.connection.distance if sent_with == 64 else 1, True, 200, ttl)
    assert call.token.arrived is arrives


@pytest.mark.parametrize("way", [FROM_CONTAINER, FROM_IPV6])
def test_one_that_comes_no_further_is_opening_until_it_does(tap: Tap, way) -> None:
    talk = Talk(way)
    (_, client, port), *_ = way
    service = socket.inet_pton(socket.AF_INET6 if ":" in client else socket.AF_INET, MD6 if ":" in client else MD4)
    syn, *rest = talk.opened()
    tap.see([syn])
    assert tap.connections.is_opening(port, service, 0.5)
    assert not tap.connections.is_opening(port + 1, service, 0.5)
    assert not tap.connections.is_opening(port, b"\x7f\0\0\1", 0.5)
    assert not tap.connections.is_opening(port, service, 9.0)  # another one from the same port
    tap.see(rest, talk.asks())
    assert tap.said == [("/a", False, 200)]
    assert not tap.connections.is_opening(port, service, 0.5)


def test_who_sends_there_in_the_services_name_proves_nothing(tap: Tap) -> None:
    tap.connections._leads_there = lambda interface: interface == APART + UPLINK
    talk = Talk((((APART + UPLINK, True), "10.0.2.20", 4000),))
    turned = [((place, not leaves), data) for (place, leaves), data in (*talk.opened(), *talk.asks())]
    tap.see(turned)
    assert tap.calls == []
    assert tap.not_confirmed == []


@pytest.mark.parametrize("way", [FROM_HOST, FROM_IPV6, FROM_CONTAINER])
def test_a_request_and_its_answer(tap: Tap, way) -> None:
    """On veth, bridge and behind NAT it counts once, and is of who is nearest."""
    talk = Talk(way)
    tap.see(talk.opened(), talk.asks())
    assert tap.said == [("/a", False, 200)]
    ((interface, outgoing), client, port), *_ = way
    connection = tap.calls[0].connection
    assert (connection.client, connection.port, connection.service) == (client, port, MD6 if ":" in client else MD4)
    assert (connection.interface, connection.outgoing) == (interface, outgoing)
    assert tap.not_confirmed == []


@pytest.mark.parametrize("way", [FROM_HOST, FROM_CONTAINER])
def test_one_that_is_not_answered_counts_by_its_handshake(tap: Tap, way) -> None:
    talk = Talk(way)
    tap.see(talk.opened(), talk.sends(V1))
    assert (tap.said, tap.not_confirmed) == ([("/a", False, None)], [])


@pytest.mark.parametrize("way", [FROM_HOST, FROM_CONTAINER])
def test_one_that_began_before_the_watch_counts_by_its_answer(tap: Tap, way) -> None:
    """In parts, too, and what follows on it counts at once."""
    talk = Talk(way)
    tap.see(talk.sends(V1[:9]), talk.sends(V1[9:]))
    assert tap.calls == []
    tap.see(talk.is_answered(REFUSED), talk.sends(V2))
    assert (tap.said, tap.not_confirmed) == ([("/a", False, 401), ("/b", True, None)], [])


def test_one_that_began_before_the_watch_and_is_not_answered_is_not_confirmed(tap: Tap) -> None:
    tap.see(Talk(FROM_CONTAINER).sends(V1), at=5.0)
    tap.connections.give_up(5.0)
    assert (tap.connections.undecided, tap.unconfirmed) == (True, [])
    tap.connections.give_up(5.1)
    assert (tap.connections.undecided, [call.request.path for call in tap.unconfirmed]) == (False, ["/a"])


def test_a_late_answer_makes_it_a_call_all_the_same(tap: Tap) -> None:
    talk = Talk()
    tap.see(talk.sends(V1))
    tap.connections.give_up(float("inf"))
    tap.see(talk.is_answered())
    assert tap.said == [("/a", False, 200)]


def test_what_the_hosts_own_stack_answers_counts(tap: Tap) -> None:
    """As where connections are redirected to a proxy: nothing comes in that says it is the service."""
    talk = Talk(FROM_CONTAINER[:2])
    tap.see(talk.opened(), talk.asks())
    assert (tap.said, tap.not_confirmed) == ([("/a", False, 200)], [])


def test_what_another_interface_answers_is_only_claimed(tap: Tap) -> None:
    """Whoever is at its other end may have sent it all: somebody has to have such a connection."""
    talk = Talk((((BRIDGE, True), "10.0.1.9", 4000),))
    tap.see(talk.opened(), talk.asks())
    assert tap.said == []
    (call,) = tap.calls
    assert (call.connection.answers, call.status) == ("elsewhere", 200)


def test_several_on_one_connection_and_in_parts(tap: Tap) -> None:
    stream, talk = V1 + V2 + V1, Talk()
    tap.see(talk.opened())
    for start in range(0, len(stream), 7):
        tap.see(talk.sends(stream[start : start + 7]))
    for _ in range(3):
        tap.see(talk.is_answered())
    assert tap.said == [("/a", False, 200), ("/b", True, 200), ("/a", False, 200)]


def test_sent_again_overlapping_and_out_of_order(tap: Tap) -> None:
    stream, talk = (V1 + V2) * 8, Talk()
    chance = random.Random(3)
    pieces = [(n, stream[n : n + 25]) for n in range(0, len(stream), 20)]
    tap.see(talk.opened(), talk.sends_at(*pieces[0]))
    for start in range(0, len(pieces), 5):  # within what a window would let be
        group = pieces[start : start + 5] + chance.sample(pieces[: start + 5], min(3, start + 5))
        chance.shuffle(group)
        tap.see(*(talk.sends_at(at, piece) for at, piece in group))
    assert [path for path, _, _ in tap.said] == ["/a", "/b"] * 8
    assert tap.not_confirmed == []


def test_numbers_that_begin_anew_at_zero(tap: Tap) -> None:
    talk = Talk(number=2**32 - 10, served=2**32 - 1)
    tap.see(talk.opened(), talk.asks(), talk.asks(V2))
    assert tap.said == [("/a", False, 200), ("/b", True, 200)]


def test_after_a_loss_it_goes_on(tap: Tap) -> None:
    talk = Talk()
    tap.see(talk.opened(), talk.sends(V1[:10]))
    talk.number += 10_000
    for _ in range(80):
        tap.see(talk.sends(V1))
    paths = [path for path, _, _ in tap.said]
    assert paths.count("/a") >= 79 - 64  # what waited for the loss is given up with it


def test_what_the_ring_cut_off_is_said_to_be_cut(tap: Tap) -> None:
    long, talk = b"GET /a HTTP/1.1\r\nCookie: " + b"x" * 5000 + b"\r\n\r\n", Talk()
    tap.see(talk.opened(), [(place, data[:4000]) for place, data in talk.sends(long)], talk.sends(V2))
    assert [(call.request.path, call.request.whole) for call in tap.calls] == [("/a", False), ("/b", True)]


@pytest.mark.parametrize(
    "how",
    [
        {"ip_options": b"\x94\x04\0\0"},
        {"options": b"\1" * 12},
        {"client": "2001:db8::5", "extension": bytes([6, 0, 1, 4, 0, 0, 0, 0])},
        {"total": 0},  # a length that its field cannot hold
    ],
)
def test_options_and_extension_headers(tap: Tap, how) -> None:
    client = how.get("client", "10.0.0.5")
    tap.see([((UPLINK, True), to(101, V1, ack=900, **how))])
    tap.see([((UPLINK, False), back(900, OK, ack=101 + len(V1), client=client))])
    assert tap.said == [("/a", False, 200)]


@pytest.mark.parametrize("status", [b"200", b"401", b"404", b"503"])
def test_the_status_of_the_answer(tap: Tap, status: bytes) -> None:
    talk = Talk()
    tap.see(talk.opened(), talk.asks(answer=b"HTTP/1.1 " + status + b" X\r\n\r\n"))
    assert tap.said == [("/a", False, int(status))]


PUT = b"PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n"


def token_answer(tap: Tap, way, *, as_far_as: int, answer: bytes = OK) -> TokenAnswer:
    """What came of a token request whose answer is seen at so many interfaces, the uplink first."""
    talk = Talk(way)
    tap.see(talk.opened(), talk.sends(PUT), talk.is_answered(answer)[:as_far_as])
    (call,) = tap.calls
    assert call.token is not None
    return call.token


@pytest.mark.parametrize(
    ("way", "as_far_as", "passed_on"),
    [(FROM_CONTAINER, 3, True), (FROM_CONTAINER, 1, False), (FROM_CONTAINER, 0, False), (FROM_HOST, 1, False)],
)
def test_an_answer_leaves_towards_who_asked_or_is_lost_on_this_host(
    tap: Tap, way, as_far_as: int, passed_on: bool
) -> None:
    found = token_answer(tap, way, as_far_as=as_far_as)
    seen = (200, 64) if as_far_as else (None, None)
    assert (found.status, found.ttl, found.passed_on, found.direct) == (*seen, passed_on, way is FROM_HOST)


def test_an_answer_to_something_else_is_no_tokens(tap: Tap) -> None:
    """On the same connection, which a client keeps open."""
    talk = Talk(FROM_CONTAINER)
    tap.see(talk.opened(), talk.sends(PUT), talk.is_answered()[:1], talk.asks(V2))
    asked, then = tap.calls
    assert asked.token is not None
    assert (asked.status, asked.token.passed_on, then.status, then.token) == (200, False, 200, None)


def test_what_makes_no_sense_is_passed_over(tap: Tap) -> None:
    chance, place = random.Random(9), (UPLINK, True)
    whole = to(101, V1)
    tap.see([(place, whole[:length]) for length in range(len(whole))])
    for _ in range(500):
        tap.see([(place, bytes(chance.randrange(256) for _ in range(chance.randrange(80))))])
    tap.see([(place, to(101, b"")), ((UPLINK, False), back(900, OK)), (place, to(101, V1, flags=0)[:45])])
    assert all(path in ("/a", "/") for path in tap.not_confirmed)
    assert tap.said == []


# What somebody forges who does not see what the service answers.


def test_one_packet_without_a_handshake_accuses_nobody(tap: Tap) -> None:
    tap.see(Talk((((VETH, False), "10.0.0.5", 4000), ((UPLINK, True), "10.0.0.5", 4000))).sends(V1))
    assert (tap.calls, tap.not_confirmed) == ([], ["/a"])
    assert tap.unconfirmed[0].connection.interface == VETH


def test_nor_one_that_guesses_what_the_service_answered(tap: Tap) -> None:
    """It is answered to whoever has the address, and not seen by who forged it."""
    way = (((VETH, False), "172.17.0.3", 4000), *FROM_CONTAINER[2:])
    talk = Talk(way)
    tap.see(talk.opened())
    talk.served += 1
    tap.see(talk.sends(V1))
    assert (tap.calls, tap.not_confirmed) == ([], ["/a"])


@pytest.mark.parametrize("opened", [True, False])
def test_nor_one_whose_answers_are_forged_too(tap: Tap, opened: bool) -> None:
    """A container that plays both ends, on its own interface, with the answers going on to another one's."""
    talk = Talk((((VETH, False), "172.17.0.3", 4000), ((UPLINK, True), "10.0.0.5", 61000)))

    def forged(sights: list[Sight]) -> list[Sight]:
        (_, data) = sights[-1]
        return [((VETH, False), data), ((BRIDGE, False), data), ((OTHER_VETH, True), data)]

    if opened:
        syn, *answers = talk.opened()
        tap.see([syn], forged(answers))
    tap.see(talk.sends(V1)[:1], forged(talk.is_answered(REFUSED)))
    assert (tap.said, tap.not_confirmed) == ([], ["/a"])
    assert tap.calls[0].connection.interface == VETH


FORGED_ON_LIVE = {
    "a SYN": to(77, flags=SYN),
    "a request with wrong numbers": to(2**31, V1, ack=2**31),
    "a request that acknowledges wrongly": to(1001 + len(V1), V1, ack=2**31),
    "an answer": back(5001 + len(OK), REFUSED, ack=1001 + 2 * len(V1)),
    "an answer with wrong numbers": back(2**31, REFUSED, ack=2**31),
    "a SYN of the service": back(9, flags=SYN | ACK, ack=1001),
}


@pytest.mark.parametrize("forged", FORGED_ON_LIVE)
@pytest.mark.parametrize("interface", [VETH, UPLINK])
def test_what_is_forged_changes_no_connection_of_anybodys(tap: Tap, forged: str, interface: int) -> None:
    data = FORGED_ON_LIVE[forged]
    leaves = interface == UPLINK  # as from a link of its own on the card: it leaves there, and nothing comes in
    talk = Talk()
    tap.see(talk.opened(), talk.asks())
    tap.see(
        [((interface, leaves), data)], talk.sends(V1), [((interface, leaves), data)], talk.is_answered(), talk.asks(V2)
    )
    assert tap.said == [("/a", False, 200), ("/a", False, 200), ("/b", True, 200)]
    assert set(tap.not_confirmed) == ({"/a"} if "request" in forged else set())


def test_nor_does_a_request_with_the_right_numbers_that_comes_in_elsewhere(tap: Tap) -> None:
    talk = Talk()
    tap.see(talk.opened(), talk.asks())
    tap.see([((VETH, False), to(talk.number, V1, ack=talk.served))], talk.asks(V2))
    assert (tap.said, tap.not_confirmed) == ([("/a", False, 200), ("/b", True, 200)], ["/a"])


def test_nor_does_one_that_comes_in_elsewhere_and_goes_the_same_way_on(tap: Tap) -> None:
    """As far as the caller's own interface knows, it was never sent."""
    talk = Talk(FROM_CONTAINER)
    tap.see(talk.opened(), talk.asks())
    forged = to(talk.number, V1, ack=talk.served, client="172.17.0.2")
    (_, passed_on) = Talk(FROM_CONTAINER, talk.number, talk.served).sends(V1)[-1]
    tap.see([((OTHER_VETH, False), forged), ((BRIDGE, False), forged), ((UPLINK, True), passed_on)])
    assert (tap.said, tap.not_confirmed) == ([("/a", False, 200)], ["/a"])
    assert tap.unconfirmed[0].connection.interface == OTHER_VETH


def test_what_is_seen_again_under_another_name_counts_once(tap: Tap) -> None:
    """The host translates nothing of what belongs to no connection that it knows."""
    talk = Talk((((VETH, False), "172.17.0.3", 4000), ((BRIDGE, False), "172.17.0.3", 4000)))
    syn, *others = talk.opened()
    tap.see([syn, ((VETH, False), others[-1][1])])
    (sight, _) = talk.sends(V1)
    tap.see([sight, ((UPLINK, True), sight[1])])
    assert (tap.said, tap.not_confirmed) == ([], ["/a"])


def test_with_the_same_ports_again_answers_go_to_whom_they_are_for(tap: Tap) -> None:
    before, after = Talk(), Talk(number=2**31, served=2**30)
    tap.see(before.opened(), before.asks(), before.sends(V1), after.sends(V2), after.is_answered(REFUSED))
    assert tap.said == [("/a", False, 200), ("/a", False, None), ("/b", True, 401)]


def test_a_syn_of_the_service_that_is_forged_gives_way_to_its_own(tap: Tap) -> None:
    talk = Talk(FROM_CONTAINER)
    sights = talk.opened()
    forged = back(1, flags=SYN | ACK, ack=1001, client="172.17.0.2")
    tap.see(sights[:3], [((OTHER_VETH, False), forged), ((VETH, True), forged)], sights[3:], talk.asks())
    assert (tap.said, tap.not_confirmed) == ([("/a", False, 200)], [])


OPENING_FLOOD = [to(number * 7919, flags=SYN, port=1000 + number % 50_000) for number in range(20_000)]
LOOSE_FLOOD = [to(number * 7919, V1, ack=number, port=1000 + number % 50_000) for number in range(20_000)]
ANSWER_FLOOD = [back(number, REFUSED, ack=number, port=1000 + number % 50_000) for number in range(20_000)]
ENDS_FLOOD = [to(number * 7919, V1, ack=number, port=4000) for number in range(20_000)]


@pytest.mark.parametrize("flood", [OPENING_FLOOD, LOOSE_FLOOD, ANSWER_FLOOD, ENDS_FLOOD])
def test_a_flood_has_bounded_room_and_drives_nobody_out(tap: Tap, flood: list[bytes]) -> None:
    half, talk, before, other = len(flood) // 2, Talk(), Talk(FROM_CONTAINER, 70, 80), Talk(FROM_OTHER, 7, 8)
    tap.see(talk.opened(), before.sends(V1), *([((9, False), data)] for data in flood[:half]))
    tap.see(talk.asks(), before.is_answered(), other.opened(), *([((9, False), data)] for data in flood[half:]))
    tap.see(other.asks(V2), talk.asks())
    assert Counter(tap.said) == {("/a", False, 200): 3, ("/b", True, 200): 1}
    requests = sum(data.endswith(V1) for data in flood)
    assert len(tap.connections._unproven) <= module.UNPROVEN_MAX
    assert len(tap.not_confirmed) == requests
    rooms = (tap.connections._opening, tap.connections._claimed, tap.connections._loose, tap.connections._proven)
    assert [len(room) <= size for room, size in zip(rooms, (4000, 500, 1000, 4000), strict=True)] == [True] * 4
    assert len(tap.connections._came_in._now) + len(tap.connections._came_in._before) <= 2 * module.CAME_IN_MAX


def test_what_there_is_no_room_to_wait_for_is_counted(tap: Tap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNPROVEN_MAX", 5)
    for number in range(20):
        tap.see(Talk(FROM_CONTAINER, 1000 * number, 7).sends(V1))
        assert len(tap.connections._unproven) <= 5
    assert tap.not_confirmed == ["/a"] * 20


def test_what_came_early_has_bounded_room(tap: Tap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AHEAD_OF_ALL_MAX", 10)
    for number in range(20):
        talk = Talk((((VETH, False), "172.17.0.2", 4000 + number),), 1000 * number)
        tap.see(talk.opened(), talk.sends_at(0, V1[:5]), talk.sends_at(50, b"y"), talk.sends_at(60, b"z"))
    early = [len(connection.ahead) for of_place in tap.connections._proven._places.values() for connection in of_place]
    assert sum(early) == tap.connections._ahead <= 10


REAL = [(FROM_HOST, 1000, 5000), (FROM_CONTAINER, 2**32 - 40, 77), (FROM_OTHER, 5, 2**32 - 3)]
# Who does not see a connection may guess one of its numbers. The other one, which he has to know too, is far from it then.
GUESSED = st.sampled_from([0, 4, 6, 78, 1000, 1001, 5000, 5001, 2**32 - 40, 2**32 - 39, 2**32 - 2]) | st.integers(
    0, 9000
)
FAR = st.integers(2**20, 2**31)
ENDS = st.sampled_from([("10.0.0.5", 4000), ("10.0.0.5", 61000), ("172.17.0.2", 4000), ("172.17.0.3", 4000)])
PAYLOADS = st.sampled_from([b"", V1, V2, V1[:9], REFUSED, OK, b"x"])
FORGED_BY = (9, 10)  # interfaces of those who forge


@st.composite
def forged_packets(draw: st.DrawFn) -> list[Sight]:
    """One that comes in by the interface of who forged it, and goes on to wherever it says."""
    client, port = draw(ENDS)
    make = draw(st.sampled_from([to, back]))
    flags = draw(st.sampled_from([SYN, SYN | ACK, ACK]))
    payload = draw(PAYLOADS).replace(b"/a", b"/forged").replace(b"/b", b"/forged")
    number, ack = draw(st.tuples(GUESSED, FAR) | st.tuples(FAR, GUESSED) | st.tuples(FAR, FAR))
    data = make(number, payload, client=client, port=port, ack=ack, flags=flags)
    goes_on = [(BRIDGE, False), (UPLINK, True) if make is to else (VETH, True)]
    return [((draw(st.sampled_from(FORGED_BY)), False), data)] + [(place, data) for place in goes_on]


@given(st.data(), st.lists(forged_packets(), max_size=60))
def test_whatever_is_forged_between_them_real_calls_are_counted_exactly(data, forged: list[list[Sight]]) -> None:
    talks = [Talk(way, number, served) for way, number, served in REAL]
    opened = [each.opened() if data.draw(st.booleans()) else [] for each in talks]
    steps = [[*began, *talk.asks(V1), *talk.asks(V2, REFUSED)] for began, talk in zip(opened, talks, strict=True)]
    tap = Tap()
    while any(steps) or forged:
        one = data.draw(st.sampled_from([each for each in (*steps, forged) if each]))
        first = one.pop(0)
        tap.see(first if one is forged else [first])
    expected = {("/a", False, 200): len(REAL), ("/b", True, 401): len(REAL)}
    assert Counter(tap.said) == expected
    calls = [call for call in tap.calls if not proven(call)]
    assert all(call.connection.interface in FORGED_BY for call in (*calls, *tap.unconfirmed))
