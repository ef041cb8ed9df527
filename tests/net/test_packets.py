import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe.net.packets import ACK, FIN, RST, SYN, parse, parse_segment

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


def segment(flags=ACK, data_offset=5, rest=b""):
    return struct.pack("!HHIIBBHHH", 1338, 65535, 1, 2, data_offset << 4, flags, 100, 0, 0) + rest


@pytest.mark.parametrize("flags", [SYN, ACK, RST, FIN, RST | ACK, FIN | ACK, 0])
def test_only_both_flags_make_a_syn_ack(flags):
    packet = parse_segment(segment(flags), 64, "a", "b")
    assert (packet.flags, packet.is_syn_ack) == (flags, False)


def test_a_segment_keeps_what_it_was_told_of_its_header():
    packet = parse_segment(segment(), 255, "here", "there")
    assert (packet.ttl, packet.source, packet.destination) == (255, "here", "there")
    assert (packet.source_port, packet.destination_port) == (1338, 65535)


@pytest.mark.parametrize(
    ("data_offset", "rest", "payload"),
    [
        (5, b"", b""),
        (6, b"\1\1\1\1", b""),
        (8, b"\1" * 12 + b"HTTP", b"HTTP"),
        (15, b"\1" * 40 + b"x", b"x"),
        (15, b"\1" * 12, b""),  # says that it has more options than bytes
    ],
)
def test_options_of_a_segment_are_no_payload(data_offset, rest, payload):
    assert parse_segment(segment(data_offset=data_offset, rest=rest), 1, "", "").payload == payload


@pytest.mark.parametrize("length", range(20))
def test_half_a_tcp_header_is_none(length):
    assert parse_segment(segment()[:length], 64, "", "") is None


def test_both_ways_of_reading_agree():
    assert parse_segment(TCP, 2, "169.254.169.254", "10.0.0.10") == parse(ipv4())
    assert parse_segment(TCP, 3, "fd00:ec2::254", "fd00::10") == parse(ipv6())


@given(st.binary(max_size=120))
def test_no_segment_makes_it_fail(data):
    packet = parse_segment(data, 64, "", "")
    assert (packet is None) == (len(data) < 20)
    assert packet is None or packet.payload == b"" or data.endswith(packet.payload)
