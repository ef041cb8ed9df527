import socket

import pytest

from imds_probe.net.capture import Capture


@pytest.mark.parametrize(
    ("family", "host", "kind"), [("ipv4", "127.0.0.1", socket.AF_INET), ("ipv6", "::1", socket.AF_INET6)]
)
def test_arrivals_of_one_connection(family, host, kind):
    with (
        socket.create_server((host, 0), family=kind) as server,
        Capture(host, server.getsockname()[1], family) as capture,
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
    with Capture("127.0.0.1", 80, "ipv4") as capture:
        arrivals = capture.arrivals(12345)
    assert (arrivals.syn_ack, arrivals.payload) == (None, ())
