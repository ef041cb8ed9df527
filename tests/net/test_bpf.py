"""The filter runs in the kernel, so the tests put it into the kernel: on a UDP-like raw path over loopback."""

import socket

import pytest

from imds_probe.net import bpf
from imds_probe.net.capture import ETHERTYPE


def passed(address, port, family, talk):
    """The source ports and addresses of the packets that a tap with the filter sees while `talk` runs."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as tap:
        bpf.attach(tap, bpf.answers_from(address, port))
        tap.bind(("lo", ETHERTYPE[family]))
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

        packets = passed(host, port, family, talk)
        offset = 20 if family == "ipv4" else 40
        assert packets
        assert {int.from_bytes(packet[offset : offset + 2], "big") for packet in packets} == {port}
        assert passed(other, port, family, talk) == []


def test_the_kernel_refuses_a_broken_program():
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as tap, pytest.raises(OSError):
        bpf.attach(tap, b"\xff" * 8)
