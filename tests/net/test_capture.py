import errno
import os
import socket
import sys
from pathlib import Path

import pytest
from soon import wait_for

from imds_probe.net.capture import Arrivals, Capture
from imds_probe.net.packets import ACK, SYN, Handshake, TcpPacket
from imds_probe.simulator.lab.lab import Lab


@pytest.mark.parametrize(
    ("family", "host", "kind"), [("ipv4", "127.0.0.1", socket.AF_INET), ("ipv6", "::1", socket.AF_INET6)]
)
def test_arrivals_of_one_connection(family, host, kind):
    with (
        socket.create_server((host, 0), family=kind) as server,
        Capture(host, server.getsockname()[1]) as capture,
    ):
        with (
            socket.create_connection(server.getsockname()[:2]) as client,
            socket.create_connection(server.getsockname()[:2]),
        ):
            accepted, _ = server.accept()
            with accepted:
                if family == "ipv4":
                    accepted.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 5)
                else:
                    accepted.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 5)
                accepted.sendall(b"answer")
                assert client.recv(10) == b"answer"
            arrivals = capture.arrivals(client.getsockname()[1])
    assert (arrivals.syn_ack, arrivals.payload) == (64, (5,))


def test_a_port_that_nobody_answered():
    with Capture("127.0.0.1", 80) as capture:
        arrivals = capture.arrivals(12345)
    assert (arrivals.syn_ack, arrivals.payload) == (None, ())


@pytest.mark.parametrize("interface", [None, "lo"])
def test_the_kernel_hands_it_a_packet_before_tcp(interface):
    """As to all sockets of every protocol: netif_receive_skb serves those of one protocol on one interface last, and an answer
    may have been read by then.
    """
    with Capture("127.0.0.1", 80, interface) as capture:
        inode = str(os.fstat(capture._socket.fileno()).st_ino)
        (line,) = [
            each.split() for each in Path("/proc/thread-self/net/packet").read_text().splitlines() if inode in each
        ]
    assert (line[3], int(line[4])) == ("0003", socket.if_nametoindex(interface) if interface else 0)


PORT = 40000


def packet(ttl, number, acknowledged, *, flags=ACK, payload=b"", port=PORT):
    return TcpPacket(
        ttl, "169.254.169.254", "10.0.0.10", 80, port, number % 2**32, acknowledged % 2**32, flags, payload
    )


def opened(ttl=64, service=1000, client=2**32 - 2, **how):
    return packet(ttl, service, client + 1, flags=SYN | ACK, **how)


ANSWER = packet(2, 1001, 120, payload=b"HTTP")  # the client's number has come round


@pytest.mark.parametrize(
    ("packets", "expected"),
    [
        ((), Arrivals()),
        ((opened(), ANSWER), Arrivals(64, (2,), Handshake(2**32 - 2, 1000))),
        ((opened(), opened(), ANSWER), Arrivals(64, (2,), Handshake(2**32 - 2, 1000))),
        ((opened(),), Arrivals(64, (), Handshake(2**32 - 2, 1000))),
        ((ANSWER,), Arrivals(None, (2,))),
        ((opened(port=1), packet(9, 1001, 120, payload=b"HTTP", port=1)), Arrivals()),
        # What somebody forges who sees neither end's numbers.
        ((opened(9, 7 << 28, 9 << 28), opened(), ANSWER), Arrivals(64, (2,), Handshake(2**32 - 2, 1000))),
        ((opened(), packet(9, 5, 120, payload=b"x"), ANSWER), Arrivals(64, (2,), Handshake(2**32 - 2, 1000))),
        ((opened(), packet(9, 1001, 2**31, payload=b"x"), ANSWER), Arrivals(64, (2,), Handshake(2**32 - 2, 1000))),
    ],
)
def test_what_belongs_to_a_connection(packets, expected):
    assert Arrivals.at(PORT, packets) == expected


def test_only_the_interface_that_is_named():
    with Lab("capture") as lab, lab.instance.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        lab.service.start([sys.executable, "-c", SERVER])

        def connected():
            return client.connect_ex(("169.254.169.254", 80)) in (0, errno.EISCONN)

        with lab.instance.call(lambda: here("ens5")) as uplink, lab.instance.call(lambda: here("docker0")) as bridge:
            wait_for(connected)
            port = client.getsockname()[1]
            assert uplink.arrivals(port).syn_ack == 64
            assert bridge.arrivals(port).syn_ack is None


def here(interface):
    return Capture("169.254.169.254", 80, interface)


SERVER = "import socket; s = socket.create_server(('169.254.169.254', 80)); s.accept(); s.accept()"
