import socket
from pathlib import Path

import pytest

from imds_probe.net import peers
from imds_probe.net.peers import taken_inside, written
from imds_probe.simulator.lab.lab import Lab

HERE = Path("/proc/self/ns/net")


@pytest.mark.parametrize(
    ("address", "port", "expected"),
    [
        ("127.0.0.1", 15001, {b"0100007F:3A99", b"0000000000000000FFFF00000100007F:3A99"}),
        ("10.0.0.9", 80, {b"0900000A:0050", b"0000000000000000FFFF00000900000A:0050"}),
        ("::1", 80, {b"00000000000000000000000001000000:0050"}),
        ("fd00:ec2::254", 8181, {b"C20E00FD000000000000000054020000:1FF5"}),
    ],
)
def test_addresses_as_the_kernel_writes_them(address, port, expected):
    assert written(address, port) == expected


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_the_other_end_is_found_where_it_is(family, address):
    with Lab("peers") as lab, lab.instance.socket(family, socket.SOCK_STREAM) as listening:
        listening.bind((address, 0))
        listening.listen()
        with lab.instance.socket(family, socket.SOCK_STREAM) as ours:
            ours.connect(listening.getsockname())
            name, port, *_ = ours.getsockname()
            there = taken_inside(lab.instance.netns, (name, port))
            assert there
            assert not taken_inside(lab.service.netns, (name, port))
            assert not taken_inside(lab.instance.netns, (name, port + 1))


def test_ipv4_by_a_socket_for_both_families_and_a_listener_that_is_nobodys_other_end():
    with Lab("peers") as lab, lab.instance.socket(socket.AF_INET6, socket.SOCK_STREAM) as listening:
        listening.bind(("::", 0))
        listening.listen()
        port = listening.getsockname()[1]
        assert not taken_inside(lab.instance.netns, ("127.0.0.1", port))
        with lab.instance.socket(socket.AF_INET, socket.SOCK_STREAM) as ours:
            ours.connect(("127.0.0.1", port))
            assert taken_inside(lab.instance.netns, ours.getsockname())


def test_where_nobody_may_look_nothing_is_found(monkeypatch, tmp_path):
    assert not taken_inside(tmp_path / "gone", ("127.0.0.1", 80))
    monkeypatch.setattr(peers, "TABLES", ("nothing",))
    assert not taken_inside(HERE, ("127.0.0.1", 80))
