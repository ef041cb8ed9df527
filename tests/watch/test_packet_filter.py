"""The program, run by the kernel itself: on a pair of local sockets, which take filters as packet sockets do."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from watched_packets import ACK, MD4, MD6, OK, SYN, V1, back, tcp, to

from imds_probe.net import bpf
from imds_probe.watch.packet_filter import watch_filter


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with left, right:
        bpf.attach(right, watch_filter(MD4, MD6, 80))
        right.setblocking(False)
        yield left, right


def passes(pair: tuple[socket.socket, socket.socket], packet: bytes) -> bool:
    left, right = pair
    try:
        left.send(packet)
    except PermissionError:
        return False  # a local socket is told that its packet was filtered out
    try:
        return right.recv(65535) == packet
    except BlockingIOError:
        return False


@pytest.mark.parametrize("client", ["10.0.0.5", "2001:db8::5"])
def test_what_is_wanted(pair: tuple[socket.socket, socket.socket], client: str) -> None:
    wanted = [
        to(1, flags=SYN, client=client),
        to(1, V1, client=client),
        to(1, b"x", client=client),
        to(1, V1, client=client, options=b"\1" * 12),
        back(1, OK, client=client),
        tcp(MD6 if ":" in client else MD4, client, (80, 9), 1, OK, options=b"\1" * 20),
    ]
    assert [passes(pair, packet) for packet in wanted] == [True] * len(wanted)


def test_with_options_and_extensions(pair: tuple[socket.socket, socket.socket]) -> None:
    assert passes(pair, to(1, V1, ip_options=b"\1" * 8))
    assert passes(pair, to(1, flags=SYN, ip_options=b"\1" * 40))
    assert passes(pair, to(1, V1, client="2001:db8::5", extension=bytes([6, 0, 1, 4, 0, 0, 0, 0])))


@pytest.mark.parametrize("client", ["10.0.0.5", "2001:db8::5"])
def test_what_is_not(pair: tuple[socket.socket, socket.socket], client: str) -> None:
    service, other = (MD6, "fd00:ec2::253") if ":" in client else (MD4, "169.254.169.253")
    unwanted = [
        to(1, client=client, flags=ACK),
        to(1, client=client, flags=ACK, options=b"\1" * 12),
        back(1, b"", client=client),
        back(1, b"<html>", client=client),
        back(1, b"HTT", client=client),
        tcp(client, other, (9, 80), 1, V1),
        tcp(other, client, (80, 9), 1, OK),
        tcp(client, service, (9, 8080), 1, V1),
        tcp(service, client, (8080, 9), 1, OK),
        to(1, V1, client=client)[:30],
        b"",
        b"\x20" * 60,
    ]
    assert [passes(pair, packet) for packet in unwanted] == [False] * len(unwanted)


def test_fragments_and_other_protocols(pair: tuple[socket.socket, socket.socket]) -> None:
    whole = bytearray(to(1, V1))
    fragment, udp = bytearray(whole), bytearray(whole)
    fragment[7] = 5
    udp[9] = 17
    assert passes(pair, bytes(whole))
    assert not passes(pair, bytes(fragment))
    assert not passes(pair, bytes(udp))
