import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe.net.packets import ACK, SYN, parse, parse_segment

TCP = struct.pack("!HHIIBBHHH", 80, 40000, 1, 2, 5 << 4, SYN | ACK, 1000, 0, 0)


def ipv4(ttl=2, protocol=6, options=b"", payload=TCP, fragment=0, padding=b""):
    ihl = 5 + len(options) // 4
    header = struct.pack("!BBHHHBBH", 0x40 | ihl, 0, ihl * 4 + len(payload), 7, fragment, ttl, protocol, 0)
    return header + socket.inet_aton("169.254.169.254") + socket.inet_aton("10.0.0.10") + options + payload + padding


def ipv6(hop_limit=3, next_header=6, payload=TCP, padding=b""):
    header = struct.pack("!IHBB", 6 << 28, len(payload), next_header, hop_limit)
    source, destination = (socket.inet_pton(socket.AF_INET6, a) for a in ("fd00:ec2::254", "fd00::10"))
    return header + source + destination + payload + padding


def test_ipv4():
    packet = parse(ipv4())
    assert (packet.ttl, packet.source, packet.destination) == (2, "169.254.169.254", "10.0.0.10")
    assert (packet.source_port, packet.destination_port, packet.is_syn_ack, packet.payload) == (80, 40000, True, b"")


def test_ipv6():
    packet = parse(ipv6())
    assert (packet.ttl, packet.source, packet.destination) == (3, "fd00:ec2::254", "fd00::10")


def test_ip_and_tcp_options_are_stepped_over():
    segment = struct.pack("!HHIIBBHHH", 80, 4, 1, 2, 6 << 4, ACK, 1000, 0, 0) + b"\1\1\1\1" + b"HTTP"
    packet = parse(ipv4(options=b"\1" * 8, payload=segment))
    assert (packet.payload, packet.is_syn_ack) == (b"HTTP", False)


def test_ethernet_padding_is_no_payload():
    # A SYN-ACK is shorter than the shortest Ethernet frame; what fills it up must not look like an answer.
    assert parse(ipv4(padding=b"\0" * 6)).payload == b""
    assert parse(ipv6(padding=b"\0" * 6)).payload == b""


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x45",
        ipv4(protocol=17),
        ipv6(next_header=17),
        ipv4(fragment=10),
        ipv4(payload=b"short"),
        b"\x55" * 60,
        b"\x41" + ipv4()[1:],
    ],
)
def test_what_is_no_tcp_packet(packet):
    assert parse(packet) is None


@given(st.binary(max_size=120))
def test_no_bytes_make_it_fail(packet):
    parsed = parse(packet)
    assert parsed is None or 0 <= parsed.ttl <= 255


def test_a_segment_whose_ip_header_was_read_elsewhere():
    segment = struct.pack("!HHIIBBHHH", 80, 40000, 1, 2, 5 << 4, 0x12, 100, 0, 0)
    packet = parse_segment(segment + b"data", 7, "fd00:ec2::254", "")
    assert (packet.ttl, packet.source_port, packet.destination_port, packet.payload) == (7, 80, 40000, b"data")
    assert packet.is_syn_ack
    assert parse_segment(segment[:19], 7, "", "") is None
