from __future__ import annotations

import pytest
from watched_packets import ACK, MD4, SYN, V1, back, to

from imds_probe.watch.connection import ANSWERED_WINDOW, SENT_WINDOW, Opening, connection_of
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
