import os
import socket
import time

import pytest
from soon import SOON_S

from imds_probe.net.capture import Capture
from imds_probe.net.tap import Tap
from imds_probe.simulator.lab import plumbing
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState

SERVICE = {"ipv4": "169.254.169.254", "ipv6": "fd00:ec2::254"}
FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
PUT = (
    b"PUT /latest/api/token HTTP/1.1\r\nHost: x\r\nX-aws-ec2-metadata-token-ttl-seconds: 1\r\nConnection: close\r\n\r\n"
)
FAMILY = pytest.mark.parametrize("family", SERVICE)


def refusal(node):
    """nft commands: what forwards refuses the requests of a container, though not its connections."""
    rule = "add rule inet refusal forward {} saddr {} tcp dport 80 meta length > 100 reject with {} type {}-unreachable"
    return [
        "add table inet refusal",
        "add chain inet refusal forward { type filter hook forward priority 0; }",
        rule.format("ip", node.ipv4, "icmp", "port"),
        rule.format("ip6", node.ipv6, "icmpv6", "port"),
    ]


@pytest.fixture(scope="module")
def lab():
    with Lab("tap") as built:
        built.add_container("web")
        built.add_container("deep", "nested", inside=built.nodes["web"])
        built.add_container("stranded", no_route=True)
        scolded = built.add_container("scolded")
        plumbing.nft(built.instance.netns, refusal(scolded))
        listen = [(address, 80) for address in SERVICE.values()]
        state = InstanceState(http_protocol_ipv6="enabled", hop_limit=3)
        with Simulator(state, listen, netns=str(built.service.netns)):
            yield built


def tap(node, family):
    raw = node.socket(FAMILIES[family], socket.SOCK_RAW, socket.IPPROTO_TCP)
    return raw, lambda: Tap(raw, SERVICE[family], family)


def exchange(node, family):
    """A token PUT; the local port that it came from."""
    with node.socket(FAMILIES[family], socket.SOCK_STREAM) as sock:
        sock.settimeout(SOON_S)
        sock.connect((SERVICE[family], 80))
        port = sock.getsockname()[1]
        sock.sendall(PUT)
        while sock.recv(4096):
            pass
    return port


@FAMILY
@pytest.mark.parametrize(("name", "syn_ack", "payload"), [("instance", 64, 3), ("web", 63, 2), ("deep", 62, 1)])
def test_it_sees_what_packet_capture_sees(lab, family, name, syn_ack, payload):
    node = lab.nodes[name]
    exchange(node, family)  # the first may wait for neighbours to be found
    raw, make = tap(node, family)
    listening = make()
    with node.call(lambda: Capture(SERVICE[family], 80)) as capture:
        port = exchange(node, family)
        seen, captured = listening.arrivals(port), capture.arrivals(port)
        again = listening.arrivals(port)
    listening.close()
    assert seen.handshake == captured.handshake is not None
    assert (seen.syn_ack, set(seen.payload)) == (captured.syn_ack, set(captured.payload)) == (syn_ack, {payload})
    assert again == seen
    assert raw.fileno() == -1


@FAMILY
def test_another_connections_packets_are_not_ours(lab, family):
    listening = tap(lab.nodes["web"], family)[1]()
    port = exchange(lab.nodes["web"], family)
    try:
        assert listening.arrivals(port + 1).syn_ack is None
        assert listening.arrivals(port).syn_ack == 63
    finally:
        listening.close()


@FAMILY
def test_packets_from_elsewhere_are_not_even_queued(lab, family):
    node = lab.nodes["web"]
    raw, make = tap(node, family)
    listening = make()
    with node.socket(FAMILIES[family], socket.SOCK_STREAM) as server:
        server.bind(("127.0.0.1" if family == "ipv4" else "::1", 0))
        server.listen()
        with node.socket(FAMILIES[family], socket.SOCK_STREAM) as client:
            client.connect(server.getsockname())
    time.sleep(0.05)
    with pytest.raises(BlockingIOError):
        raw.recv(100)
    listening.close()


@FAMILY
def test_a_firewalls_refusal_is_no_end_of_it(lab, family):
    node = lab.nodes["scolded"]
    _, make = tap(node, family)
    listening = make()
    try:
        with node.socket(FAMILIES[family], socket.SOCK_STREAM) as sock:
            sock.settimeout(SOON_S)
            sock.connect((SERVICE[family], 80))
            port = sock.getsockname()[1]
            sock.sendall(PUT)
            time.sleep(0.1)  # for the ICMP message
        first, second = listening.arrivals(port), listening.arrivals(port)
    finally:
        listening.close()
    assert first == second
    assert (first.syn_ack, first.payload) == (63, ())


@FAMILY
def test_without_a_route_it_is_refused_and_nothing_stays_open(lab, family):
    before = len(os.listdir("/proc/self/fd"))
    raw, make = tap(lab.nodes["stranded"], family)
    with pytest.raises(OSError, match=r"unreachable"):
        make()
    assert raw.fileno() == -1
    assert len(os.listdir("/proc/self/fd")) == before
