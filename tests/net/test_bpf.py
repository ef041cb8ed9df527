"""The filter runs in the kernel, so the tests put it into the kernel: on a UDP-like raw path over loopback."""

import contextlib
import socket
import struct

import pytest
from soon import wait_for

from imds_probe.net import bpf
from imds_probe.net.capture import ETH_P_ALL


def passed(address, port, talk):
    """The source ports and addresses of the packets that a tap with the filter sees while `talk` runs."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as tap:
        bpf.attach(tap, bpf.answers_from(address, port))
        tap.bind(("lo", ETH_P_ALL))
        talk()
        tap.setblocking(False)
        seen = []
        try:
            while True:
                seen.append(tap.recvfrom(65535)[0])
        except BlockingIOError:
            return seen


@pytest.mark.parametrize(
    ("family", "host", "other"), [("ipv4", "127.0.0.1", "127.0.0.2"), ("ipv6", "::1", "fd00:7e57::1")]
)
def test_only_answers_from_that_address_and_port_pass(family, host, other):
    kind = socket.AF_INET if family == "ipv4" else socket.AF_INET6
    with socket.create_server((host, 0), family=kind) as server, socket.create_server((host, 0), family=kind) as noise:
        port = server.getsockname()[1]

        def talk():
            for listener in (server, noise):
                with socket.create_connection(listener.getsockname()[:2]) as client:
                    accepted = listener.accept()[0]
                    accepted.sendall(b"answer")
                    client.recv(10)
                    accepted.close()

        packets = passed(host, port, talk)
        offset = 20 if family == "ipv4" else 40
        assert packets
        assert {int.from_bytes(packet[offset : offset + 2], "big") for packet in packets} == {port}
        assert passed(other, port, talk) == []


def test_the_kernel_refuses_a_broken_program():
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as tap, pytest.raises(OSError):
        bpf.attach(tap, b"\xff" * 8)


def packet(address, port, flags, *, family="ipv4", fragment=0, protocol=6):
    segment = struct.pack("!HHIIBBHHH", port, 4000, 1, 2, 5 << 4, flags, 100, 0, 0)
    if family == "ipv4":
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 1, fragment, 64, protocol, 0)
        return head + socket.inet_aton(address) + socket.inet_aton("127.0.0.1") + segment
    head = struct.pack("!IHBB", 6 << 28, len(segment), protocol, 64)
    return head + socket.inet_pton(socket.AF_INET6, address) + socket.inet_pton(socket.AF_INET6, "::1") + segment


SERVICES = (("192.0.2.254", 80), ("2001:db8::254", 80), ("192.0.2.253", 8080))


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (packet("192.0.2.254", 80, 0x12), True),
        (packet("192.0.2.254", 80, 0x52), True),  # with ECN
        (packet("192.0.2.253", 8080, 0x12), True),
        (packet("2001:db8::254", 80, 0x12, family="ipv6"), True),
        (packet("192.0.2.254", 80, 0x10), False),
        (packet("192.0.2.254", 80, 0x02), False),
        (packet("192.0.2.254", 81, 0x12), False),
        (packet("192.0.2.253", 80, 0x12), False),
        (packet("192.0.2.1", 80, 0x12), False),
        (packet("192.0.2.254", 80, 0x12, fragment=5), False),
        (packet("192.0.2.254", 80, 0x12, protocol=17), False),
        (packet("2001:db8::1", 80, 0x12, family="ipv6"), False),
        (packet("2001:db8::254", 80, 0x10, family="ipv6"), False),
    ],
)
@pytest.mark.parametrize("interfaces", [None, "lo", "other", "none"])
def test_only_handshakes_that_come_in_there_pass(sent, kept, interfaces):
    lo = socket.if_nametoindex("lo")
    chosen = {None: None, "lo": {lo, 4242}, "other": {4242}, "none": set()}[interfaces]
    ethertype = 0x86DD if sent[0] >> 4 == 6 else 0x0800
    # Two taps: the kernel shows a packet on loopback to both as it leaves and as it comes in.
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as tap,
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as all_of_it,
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as sender,
    ):
        bpf.attach(tap, bpf.handshakes_from(SERVICES, chosen))
        for each in (tap, all_of_it):
            each.bind(("lo", ETH_P_ALL))
            each.setblocking(False)
        sender.sendto(sent, ("lo", ethertype, 0, 0, bytes(6)))

        def seen(sock):
            found = []
            with contextlib.suppress(BlockingIOError):
                while True:
                    found.append(sock.recvfrom(65535))
            return [how[2] for data, how in found if data == sent]

        assert wait_for(lambda: len(seen(all_of_it)) >= 1)
        assert [kind != socket.PACKET_OUTGOING for kind in seen(tap)] == [True] * (kept and interfaces in (None, "lo"))
