"""The kernel's ring on loopback, in a network namespace of the tests."""

from __future__ import annotations

import socket
import struct
import subprocess
import time
from collections.abc import Iterator

import pytest
from soon import SOON_S, wait_for
from watched_packets import MD4, MD6, V1, to

from imds_probe.simulator.lab.lab import Lab
from imds_probe.watch import ring as module
from imds_probe.watch.packet_filter import watch_filter
from imds_probe.watch.ring import FRAME_BYTES, FRAMES, HEADERS_BYTES, Packet, Ring

EVERYTHING = struct.pack("HBBI", 6, 0, 0, 0x40000)
NOTHING = struct.pack("HBBI", 6, 0, 0, 0)
PRECISION_S = 1e-5  # of seconds since 1970 in floating point


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as left,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as right,
    ):
        right.bind(("127.0.0.1", 0))
        left.connect(right.getsockname())
        yield left, right


def received(ring: Ring, count: int) -> list[Packet]:
    found: list[Packet] = []
    deadline = time.monotonic() + SOON_S
    while len(found) < count and time.monotonic() < deadline:
        found += ring.packets()
    return found


def test_each_is_handed_on_whole_with_its_time_and_way(ends: tuple[socket.socket, socket.socket]) -> None:
    with Ring(EVERYTHING) as ring:
        before = time.time()
        ends[0].send(b"hello")
        leaving, arriving = received(ring, 2)
        after = time.time()
    assert (leaving.outgoing, arriving.outgoing) == (True, False)
    assert leaving.data == arriving.data
    assert leaving.data[0] >> 4 == 4 and leaving.data.endswith(b"hello")
    assert leaving.interface == socket.if_nametoindex("lo")
    assert before - PRECISION_S < leaving.at < after + PRECISION_S


def test_of_another_namespace_and_small() -> None:
    with Lab("ring") as lab:
        with Ring(EVERYTHING, lab.service.netns, 32) as ring:
            with lab.service.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for _ in range(12):
                    sender.sendto(b"hello", ("127.0.0.1", 9))
            assert [*ring.ahead(time.time() + 60)] and ring.is_filling
            assert len({each.data for each in received(ring, 24) if each.data.endswith(b"hello")}) >= 1
            assert not ring.is_filling


def test_by_some_interfaces_alone() -> None:
    """A service that is bound in this namespace itself is asked by loopback."""
    with Lab("interfaces") as lab, lab.service.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        (loopback,) = (number for number, name in lab.service.call(socket.if_nameindex) if name == "lo")
        all_of_them, one, none = (watch_filter(MD4, MD6, 80, some) for some in (None, [9, loopback], [9, 10]))
        netns = lab.service.netns
        with Ring(all_of_them, netns) as first, Ring(one, netns) as second, Ring(none, netns) as third:
            with pytest.raises(ConnectionRefusedError):
                client.connect((MD4, 80))
            seen = received(first, 2)
            assert {each.interface for each in seen} == {loopback}
            assert [each.data for each in received(second, 2)] == [each.data for each in seen]
            assert [*third.packets()] == []


def test_many_times_round_the_ring(ends: tuple[socket.socket, socket.socket]) -> None:
    with Ring(EVERYTHING) as ring:
        seen: list[int] = []
        for number in range(3 * FRAMES):
            ends[0].send(number.to_bytes(4, "big"))
            seen += [int.from_bytes(each.data[-4:], "big") for each in received(ring, 2) if each.outgoing]
        assert seen == list(range(3 * FRAMES))
        assert ring.dropped() == 0


def test_what_there_is_no_room_for_is_counted_once(ends: tuple[socket.socket, socket.socket]) -> None:
    with Ring(EVERYTHING) as ring:
        for _ in range(FRAMES):
            ends[0].send(b"x")
        assert len(list(ring.packets())) == FRAMES
        dropped = ring.dropped()
        assert dropped == FRAMES
        assert ring.dropped() == 0


def test_what_is_longer_than_a_frame_is_cut_off(ends: tuple[socket.socket, socket.socket]) -> None:
    with Ring(EVERYTHING) as ring:
        ends[0].send(bytes(20_000))
        leaving, _ = received(ring, 2)
    assert FRAME_BYTES - 200 < len(leaving.data) <= FRAME_BYTES
    assert int.from_bytes(leaving.data[2:4], "big") == 20_028


def test_the_filter_is_there_from_the_first_packet_on(ends: tuple[socket.socket, socket.socket]) -> None:
    with Ring(NOTHING) as ring:
        ends[0].send(b"x")
        assert ends[1].recv(1) == b"x"  # it went past the tap on its way
        assert list(ring.packets()) == []


def test_a_refusal_is_an_error_and_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TPACKET_V2", 9)
    with pytest.raises(OSError):
        Ring(EVERYTHING)


@pytest.mark.parametrize("client", ["10.0.0.5", "2001:db8::5"])
def test_what_comes_in_with_a_vlan_tag_is_seen_like_any_other(client: str) -> None:
    """The kernel takes the tag off before the filter looks."""
    subprocess.run(["ip", "link", "add", "vlan0", "type", "veth", "peer", "name", "vlan1"], check=True)
    try:
        for end in ("vlan0", "vlan1"):
            subprocess.run(["ip", "link", "set", end, "up"], check=True)
        packet = to(1, V1, client=client)
        tag = struct.pack("!HHH", 0x8100, 5, 0x86DD if ":" in client else 0x0800)
        with Ring(watch_filter(MD4, MD6, 80)) as ring, socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
            raw.bind(("vlan0", 0))
            raw.send(b"\xff" * 6 + b"\x02\0\0\0\0\1" + tag + packet)
            # It is seen as it leaves, too, and the kernel may take its time to hand it to the other end.
            incoming = wait_for(lambda: [each for each in ring.packets() if not each.outgoing])
        assert [each.data for each in incoming] == [packet]
    finally:
        subprocess.run(["ip", "link", "delete", "vlan0"], check=True)


def test_what_is_ahead_is_seen_once_and_stays(ends: tuple[socket.socket, socket.socket]) -> None:
    with Ring(EVERYTHING) as ring:
        ends[0].send(b"hello")
        (leaving, arriving), last = received(ring, 2), time.time()
        ends[0].send(b"there")
        found: list[bytes] = []
        deadline = time.monotonic() + SOON_S
        while len(found) < 2 and time.monotonic() < deadline:
            assert list(ring.ahead(last)) == []
            found += ring.ahead(float("inf"))
        assert list(ring.ahead(float("inf"))) == []
        assert ring.looked_ahead == 2
        again = received(ring, 2)
        assert (ring.looked_ahead, list(ring.ahead(float("inf")))) == (0, [])
    assert {each.data[-5:] for each in (leaving, arriving)} == {b"hello"}
    assert [each.data[-5:] for each in again] == [b"there"] * 2
    assert [each[: len(packet.data)] for each, packet in zip(found, again, strict=True)] == [
        each.data for each in again
    ]
    assert {len(each) for each in found} == {HEADERS_BYTES}


def test_ahead_is_no_more_than_all_that_there_is(ends: tuple[socket.socket, socket.socket]) -> None:
    with Ring(EVERYTHING) as ring:
        for _ in range(FRAMES):
            ends[0].send(b"x")
        assert len(list(ring.ahead(float("inf")))) == ring.looked_ahead == FRAMES
