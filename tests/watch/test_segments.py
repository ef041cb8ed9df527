from __future__ import annotations

import socket

import pytest
from watched_packets import ACK, MD4, MD6, SYN, V1, to

from imds_probe.watch.segments import ahead_of, segment_of


@pytest.mark.parametrize("client", ["10.0.0.5", "2001:db8::5"])
def test_what_a_segment_says(client: str) -> None:
    segment = segment_of(to(7, V1, client=client, ack=9, flags=ACK | SYN))
    assert segment
    family = socket.AF_INET6 if ":" in client else socket.AF_INET
    ends = [socket.inet_ntop(family, each) for each in (segment.source, segment.destination)]
    assert ends == [client, MD6 if ":" in client else MD4]
    assert (segment.ports, segment.number, segment.acknowledged, segment.flags) == ((4000, 80), 7, 9, ACK | SYN)
    assert (segment.payload, segment.length, segment.ttl) == (V1, len(V1), 64)


def test_what_was_cut_off_is_counted() -> None:
    segment = segment_of(to(7, V1)[:-5])
    assert segment
    assert (segment.payload, segment.length) == (V1[:-5], len(V1))


def test_what_is_none() -> None:
    assert [segment_of(to(7)[:length]) for length in range(40)] == [None] * 40
    assert segment_of(b"\x20" * 60) is None


@pytest.mark.parametrize(
    ("number", "before", "by"),
    [(7, 7, 0), (8, 7, 1), (7, 8, -1), (3, 2**32 - 2, 5), (2**32 - 2, 3, -5), (2**31 - 1, 0, 2**31 - 1)],
)
def test_numbers_go_round(number: int, before: int, by: int) -> None:
    assert ahead_of(number, before) == by
