from __future__ import annotations

import pytest
from watched_packets import ACK, MD4, SYN, V1, back, to

from imds_probe.watch.connection import ANSWERED_WINDOW, SENT_WINDOW, Opening, TokenAnswer, connection_of
from imds_probe.watch.segments import Segment, segment_of

PLACE, ENDS = (2, True), (b"\n\0\0\5", 4000, bytes([169, 254, 169, 254]))


def read(packet: bytes) -> Segment:
    segment = segment_of(packet)
    assert segment
    return segment


def test_one_is_of_where_it_was_seen_first() -> None:
    connection = connection_of(read(to(7, V1, ack=9)), [(PLACE, ENDS), ((3, False), ENDS)], 5.0)
    assert (connection.client, connection.port, connection.service) == ("10.0.0.5", 4000, MD4)
    assert (connection.interface, connection.outgoing, connection.began) == (2, True, 5.0)
    assert (connection.expected, connection.acknowledged, connection.proven) == (7, 9, False)


@pytest.mark.parametrize(
    ("number", "ack", "fits"),
    [
        (7, 9, True),
        (7 + SENT_WINDOW, 9 + ANSWERED_WINDOW, True),
        (8 + SENT_WINDOW, 9, False),
        (7, 10 + ANSWERED_WINDOW, False),
        (2**31, 2**31, False),
    ],
)
def test_both_numbers_have_to_fit(number: int, ack: int, fits: bool) -> None:
    connection = connection_of(read(to(7, V1, ack=9)), [(PLACE, ENDS)], 5.0)
    assert connection.fits(read(to(number, V1, ack=ack))) is fits
    assert connection.fits_answer(read(back(ack, b"HTTP", ack=number))) is fits


def test_what_goes_on_knows_what_the_service_began_with() -> None:
    opening = Opening([(PLACE, ENDS)], 100, 1.0)
    first = read(to(101, V1, ack=901))
    assert not opening.goes_on_with((PLACE, ENDS), first)
    opening.answered(900, "uplink", ENDS)
    assert opening.goes_on_with((PLACE, ENDS), first)
    assert not opening.goes_on_with(((3, False), ENDS), first)
    assert not opening.goes_on_with((PLACE, ENDS), read(to(101, V1, ack=902)))


def test_an_answer_that_anybody_may_have_sent_gives_way() -> None:
    opening = Opening([(PLACE, ENDS)], 100, 1.0)
    for number, answers, expected in ((1, "elsewhere", 1), (2, "elsewhere", 1), (3, "uplink", 3), (4, "stack", 3)):
        opening.answered(number, answers, ENDS)
        assert opening.answer == expected
    assert read(back(1, flags=SYN | ACK)).flags == SYN | ACK


@pytest.mark.parametrize(
    ("ttl", "outgoing", "distance"),
    [
        *((64, True, 0), (64, False, 1), (63, False, 2), (128, False, 1), (126, False, 3), (255, False, 1)),
        *((20, False, None), (0, False, None)),
    ],
)
def test_how_far_away_a_client_is_by_its_own_ttl(ttl: int, outgoing: bool, distance: int | None) -> None:
    segment = read(to(7, V1))._replace(ttl=ttl)
    assert connection_of(segment, [((2, outgoing), ENDS)], 5.0).distance == distance


@pytest.mark.parametrize(
    ("answer", "arrived"),
    [
        (TokenAnswer(0, True, 200, 1), True),
        (TokenAnswer(1, False, 200, 1), False),
        (TokenAnswer(1, False, 200, 2, passed_on=True), True),
        (TokenAnswer(1, False, 200, 2), False),  # something on this host took it
        (TokenAnswer(2, False, 200, 2, passed_on=True), False),
        (TokenAnswer(1, False, None, None), False),
    ],
)
def test_whether_a_token_arrived(answer: TokenAnswer, arrived: bool) -> None:
    assert answer.arrived is arrived
