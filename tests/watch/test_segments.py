from __future__ import annotations

import socket

import pytest
from watched_packets import ACK, MD4, MD6, OK, SYN, V1, back, to

from imds_probe.watch.segments import ahead_of, segment_of, sent_on


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


@pytest.mark.parametrize(("client", "service"), [("10.0.0.5", MD4), ("2001:db8::5", MD6)])
def test_on_which_connection_something_was_sent(client: str, service: str) -> None:
    family = socket.AF_INET6 if ":" in client else socket.AF_INET
    assert sent_on(to(7, V1, client=client), 80) == (4000, socket.inet_pton(family, service))
    assert sent_on(to(7, V1, client=client, flags=SYN), 80) is None
    assert sent_on(back(7, OK + b"x" * 60, client=client), 80) is None


@pytest.mark.parametrize(
    "data",
    [
        to(7, V1, ip_options=b"\x94\4\0\0"),
        to(7, V1, client="2001:db8::5", extension=b"\6\0\1\4\0\0\0\0"),
        to(7, V1)[:50],
        b"\x20" * 60,
        b"",
    ],
)
def test_what_is_not_told_by_the_headers_that_most_have_is_of_no_port(data: bytes) -> None:
    assert sent_on(data, 80) == (0, b"")
