"""Packets as interfaces show them, made byte for byte: the same one several times, in parts, out of order, lost."""

from __future__ import annotations

import random
import socket

import pytest
from watched_packets import MD4, MD6, OK, SYN, V1, V2, back, to

from imds_probe.watch.connections import Call, Connections
from imds_probe.watch.ring import Packet


class Tap:
    """What a watch would see, and what it makes of it."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        addresses = [socket.inet_pton(socket.AF_INET, MD4), socket.inet_pton(socket.AF_INET6, MD6)]
        self.connections = Connections(addresses, 80, self.calls.append)

    def see(self, *packets: bytes, interface: int = 1, at: float = 1.0) -> None:
        for data in packets:
            self.connections.packet(Packet(at, interface, False, data))

    @property
    def said(self) -> list[tuple[str, bool, int | None]]:
        return [(call.request.path, call.request.with_token, call.status) for call in self.calls]


@pytest.fixture
def tap() -> Tap:
    return Tap()


@pytest.mark.parametrize("client", ["10.0.0.5", "2001:db8::5"])
def test_a_request_and_its_answer(tap: Tap, client: str) -> None:
    tap.see(to(100, flags=SYN, client=client), to(101, V1, client=client), back(900, OK, client=client))
    assert tap.said == [("/a", False, 200)]
    connection = tap.calls[0].connection
    assert (connection.client, connection.port, connection.service) == (client, 4000, MD6 if ":" in client else MD4)


def test_the_same_on_veth_bridge_and_behind_nat_counts_once(tap: Tap) -> None:
    for interface, client, port in ((7, "172.17.0.2", 4000), (3, "172.17.0.2", 4000), (2, "10.0.0.5", 61000)):
        tap.see(to(100, flags=SYN, client=client, port=port), interface=interface)
    for interface, client, port in ((7, "172.17.0.2", 4000), (3, "172.17.0.2", 4000), (2, "10.0.0.5", 61000)):
        tap.see(to(101, V1, client=client, port=port), interface=interface)
    for interface, client, port in ((2, "10.0.0.5", 61000), (3, "172.17.0.2", 4000), (7, "172.17.0.2", 4000)):
        tap.see(back(900, OK, client=client, port=port), interface=interface)
    assert tap.said == [("/a", False, 200)]
    assert (tap.calls[0].connection.client, tap.calls[0].connection.interface) == ("172.17.0.2", 7)


def test_behind_nat_also_when_it_began_before_the_watch(tap: Tap) -> None:
    tap.see(to(501, V1, client="172.17.0.2"), to(501, V1, client="10.0.0.5", port=61000))
    assert tap.said == [("/a", False, None)]


def test_several_on_one_connection_and_in_parts(tap: Tap) -> None:
    stream = V1 + V2 + V1
    tap.see(to(100, flags=SYN))
    for start in range(0, len(stream), 7):
        tap.see(to(101 + start, stream[start : start + 7]))
    for number in (900, 1000, 1100):
        tap.see(back(number, OK))
    assert tap.said == [("/a", False, 200), ("/b", True, 200), ("/a", False, 200)]


def test_sent_again_overlapping_and_out_of_order(tap: Tap) -> None:
    stream = (V1 + V2) * 8
    chance = random.Random(3)
    pieces = [(n, stream[n : n + 25]) for n in range(0, len(stream), 20)]
    for start in range(0, len(pieces), 5):  # within what a window would let be
        group = pieces[start : start + 5] + chance.sample(pieces[: start + 5], min(3, start + 5))
        chance.shuffle(group)
        tap.see(to(100, flags=SYN), *(to(101 + at, piece) for at, piece in group))
    assert [path for path, _, _ in tap.said] == ["/a", "/b"] * 8


def test_numbers_that_begin_anew_at_zero(tap: Tap) -> None:
    start = 2**32 - 10
    tap.see(to(start, flags=SYN), to(start + 1, V1), to(start + 1 + len(V1), V2))
    assert [path for path, _, _ in tap.said] == ["/a", "/b"]


def test_after_a_loss_it_goes_on(tap: Tap) -> None:
    tap.see(to(100, flags=SYN), to(101, V1[:10]))
    at = 10_000
    for _ in range(80):
        tap.see(to(at, V1))
        at += len(V1)
    paths = [path for path, _, _ in tap.said]
    assert paths.count("/a") >= 79 - 64  # what waited for the loss is given up with it


def test_what_the_ring_cut_off_is_said_to_be_cut(tap: Tap) -> None:
    long = b"GET /a HTTP/1.1\r\nCookie: " + b"x" * 5000 + b"\r\n\r\n"
    whole = to(101, long)
    tap.see(to(100, flags=SYN), whole[:4000], to(101 + len(long), V2))
    assert [(call.request.path, call.request.whole) for call in tap.calls] == [("/a", False), ("/b", True)]


@pytest.mark.parametrize("how", [{"ip_options": b"\x94\x04\0\0"}, {"options": b"\1" * 12}])
def test_options_of_ip_and_tcp(tap: Tap, how: dict[str, bytes]) -> None:
    tap.see(to(101, V1, **how))
    assert len(tap.calls) == 1


def test_extension_headers_of_ipv6(tap: Tap) -> None:
    tap.see(to(101, V1, client="2001:db8::5", extension=bytes([6, 0, 1, 4, 0, 0, 0, 0])))
    assert len(tap.calls) == 1


def test_a_length_that_its_field_cannot_hold(tap: Tap) -> None:
    tap.see(to(101, V1, total=0))
    assert tap.said == [("/a", False, None)]


@pytest.mark.parametrize("status", [b"200", b"401", b"404", b"503"])
def test_the_status_of_the_answer(tap: Tap, status: bytes) -> None:
    tap.see(to(101, V1), back(900, b"HTTP/1.1 " + status + b" X\r\n\r\n"))
    assert tap.said == [("/a", False, int(status))]


def test_what_makes_no_sense_is_passed_over(tap: Tap) -> None:
    chance = random.Random(9)
    whole = to(101, V1)
    for length in range(len(whole)):
        tap.see(whole[:length])
    for _ in range(500):
        tap.see(bytes(chance.randrange(256) for _ in range(chance.randrange(80))))
    tap.see(to(101, b""), back(900, OK), to(101, V1, flags=0)[:45])
    assert all(call.request.path in ("/a", "/") for call in tap.calls)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch, tap: Tap) -> None:
    monkeypatch.setattr("imds_probe.watch.connections.CONNECTIONS_MAX", 10)
    for port in range(1000, 1100):
        tap.see(to(port, flags=SYN, port=port))
    assert len(tap.connections._by_ends) == len(tap.connections._by_start) == 10
