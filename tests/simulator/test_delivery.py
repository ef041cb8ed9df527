"""Every fault as a client meets it, and the TTL on the wire."""

import socket
import struct
import threading
import time
from contextlib import contextmanager

import pytest
from soon import SOON_S, wait_for

PATH = "/latest/meta-data/instance-id"
IP_MINTTL, IPV6_MINHOPCOUNT = 21, 73  # <linux/in.h>, <linux/in6.h>
SYSTEM_TTL = 64


def faulty(simulate, kind, **fields):
    return simulate(faults=({"kind": kind} | fields,))


@pytest.mark.parametrize("kind", ["silence-after-accept", "silence-after-request"])
def test_silence(simulate, client, kind):
    simulator = faulty(simulate, kind)
    reply = client.ask(simulator, "GET", PATH, timeout_s=0.3)
    assert (reply.data, reply.end) == (b"", "silent")
    wait_for(lambda: simulator.counts.connections == 1)
    expected = {0: 1} if kind == "silence-after-request" else {}
    wait_for(lambda: simulator.counts.by_status == expected)


def test_drip(simulate, client):
    simulator = faulty(simulate, "drip", interval_ms=1)
    with socket.create_connection(simulator.addresses[0], timeout=SOON_S) as sock:
        sock.sendall(client.request_bytes("GET", PATH))
        pieces = []
        while piece := sock.recv(65536):
            pieces.append(piece)
    assert b"".join(pieces).endswith(b"i-0123456789abcdef0")
    assert len(pieces) > 50


def test_a_slow_drip_takes_its_time(simulate, client):
    simulator = faulty(simulate, "drip", interval_ms=30_000)
    with socket.create_connection(simulator.addresses[0], timeout=SOON_S) as sock:
        sock.sendall(client.request_bytes("GET", PATH))
        assert sock.recv(65536) == b"H"
        sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            sock.recv(65536)


def test_reset_before_the_answer(simulate, client):
    reply = client.get(faulty(simulate, "reset-before-answer"), PATH)
    assert (reply.data, reply.end) == (b"", "reset")


@pytest.mark.parametrize("at_byte", [None, 4, 60])
def test_reset_in_the_middle(simulate, client, at_byte):
    whole = len(client.get(simulate(), PATH).data)
    reply = client.get(faulty(simulate, "reset-mid-answer", at_byte=at_byte), PATH)
    assert reply.end == "reset"
    assert len(reply.data) == (at_byte or whole // 2)


def test_close_without_an_answer(simulate, client):
    reply = client.get(faulty(simulate, "close"), PATH)
    assert (reply.data, reply.end) == (b"", "closed")


def test_garbage(simulate, client):
    reply = client.get(faulty(simulate, "garbage"), PATH)
    assert reply.data and not reply.data.startswith(b"HTTP/")
    assert reply.end == "closed"


@pytest.mark.parametrize(("status", "first"), [(503, 503), (429, 429), (500, 500), (None, 503)])
def test_a_status_for_some_requests(simulate, client, status, first):
    simulator = faulty(simulate, "status", status=status, count=2)
    assert [client.get(simulator, PATH).status for _ in range(3)] == [first, first, 200]


def test_redirect(simulate, client):
    simulator = faulty(simulate, "redirect", status=301, location="http://127.0.0.1:1/elsewhere")
    reply = client.put_token(simulator)
    assert (reply.status, reply.headers["Location"]) == (301, "http://127.0.0.1:1/elsewhere")


def test_tokens_expire_at_once(simulate, client):
    simulator = simulate(http_tokens="required")
    token = client.token(simulator)
    simulator.update(faults=[{"kind": "clock-jump", "applies_to": "get", "count": 1}])
    assert client.get(simulator, PATH, token).status == 401
    assert client.get(simulator, PATH, client.token(simulator)).status == 200


@pytest.mark.parametrize(
    ("kind", "announced", "sent"),
    [
        ("content-length-too-long", b"119", 19),
        ("content-length-too-short", b"9", 19),
        ("content-length-negative", b"-1", 19),
        ("content-length-not-a-number", b"many", 19),
    ],
)
def test_wrong_lengths(simulate, client, kind, announced, sent):
    reply = client.get(faulty(simulate, kind), PATH)
    assert b"\r\nContent-Length: " + announced + b"\r\n" in reply.data
    assert len(reply.body) == sent


def test_an_oversized_body(simulate, client):
    reply = client.get(faulty(simulate, "oversized-body", size_bytes=300_000), PATH)
    assert reply.headers["Content-Length"] == "300000"
    assert len(reply.body) == 300_000


@pytest.mark.parametrize(
    ("kind", "framing", "mark"),
    [
        ("endless-headers", "chunked", b"X-Filler-999: "),
        ("endless-body", "chunked", b"\r\nTransfer-Encoding: chunked\r\n"),
        ("endless-body", "close", b"\r\nConnection: close\r\n"),
    ],
)
def test_endless_answers(simulate, client, kind, framing, mark):
    simulator = faulty(simulate, kind, framing=framing)
    reply = client.send(simulator.addresses[0], client.request_bytes("GET", PATH), limit_bytes=2_000_000)
    assert reply.end == "more"
    assert mark in reply.data
    if kind == "endless-headers":
        assert b"\r\n\r\n" not in reply.data
    else:
        assert b"Content-Length" not in reply.data
        assert b"\r\n0\r\n" not in reply.data


def test_endless_has_an_end(simulate, client):
    reply = client.get(faulty(simulate, "endless-body", framing="close", size_bytes=100_000), PATH)
    assert len(reply.body) == 100_000
    assert reply.end == "closed"


def test_a_head_request_gets_no_body_from_a_fault(simulate, client):
    for kind in ("oversized-body", "endless-body", "content-length-too-long"):
        assert client.ask(faulty(simulate, kind), "HEAD", PATH).body == b""


@pytest.mark.parametrize("kind", ["token-empty", "token-binary", "token-crlf", "token-spaces", "token-html"])
def test_strange_tokens_arrive_with_a_right_length(simulate, client, kind):
    simulator = faulty(simulate, kind)
    reply = client.put_token(simulator)
    assert reply.status == 200
    assert int(reply.headers["Content-Length"]) == len(reply.body)
    assert reply.body.decode("latin-1") not in simulator.issued_secrets
    assert client.get(simulator, PATH).body == b"i-0123456789abcdef0"


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "silence-after-accept"},
        {"kind": "silence-after-request"},
        {"kind": "drip", "interval_ms": 60_000},
        {"kind": "endless-headers"},
        {"kind": "endless-body"},
        {"kind": "oversized-body"},
    ],
    ids=lambda fault: fault["kind"],
)
def test_stop_ends_every_fault_at_once(simulate, client, fault):
    simulator = simulate(faults=(fault,))
    before = threading.active_count()
    with socket.create_connection(simulator.addresses[0], timeout=SOON_S) as sock:
        sock.sendall(client.request_bytes("GET", PATH))
        wait_for(lambda: simulator.counts.connections)
        started = time.monotonic()
        simulator.stop()
        assert time.monotonic() - started < SOON_S
        assert threading.active_count() == before - 1
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(sock.getpeername(), timeout=SOON_S)


# What is on the wire.


@contextmanager
def capture(port):
    """TTLs of the packets that leave `port` on this namespace's loopback: a list of (ttl, TCP flags, payload)."""
    packets: list[tuple[int, int, bytes]] = []
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3)) as sock:  # 3: ETH_P_ALL
        sock.bind(("lo", 0))
        sock.settimeout(0.2)
        yield packets
        while True:
            try:
                data, (_, protocol, kind, *_) = sock.recvfrom(65536)
            except TimeoutError:
                return
            if kind != socket.PACKET_OUTGOING:
                continue
            if protocol == 0x0800:
                ttl, tcp = data[8], data[(data[0] & 15) * 4 : struct.unpack("!H", data[2:4])[0]]
            else:
                ttl, tcp = data[7], data[40:]
            if struct.unpack("!H", tcp[:2])[0] == port:
                packets.append((ttl, tcp[13], tcp[(tcp[12] >> 4) * 4 :]))


@pytest.mark.parametrize("hop_limit", [1, 2, 63])
@pytest.mark.parametrize("family", [0, 1], ids=["ipv4", "ipv6"])
def test_only_the_token_is_hop_limited(simulate, client, family, hop_limit):
    simulator = simulate(hop_limit=hop_limit, http_protocol_ipv6="enabled")
    address = simulator.addresses[family]
    put = client.request_bytes("PUT", "/latest/api/token", **{"X-aws-ec2-metadata-token-ttl-seconds": "60"})
    requests = {
        "put": put,
        "bad put": client.request_bytes("PUT", "/latest/api/token"),
        "get": client.request_bytes("GET", PATH),
        "head": client.request_bytes("HEAD", PATH),
    }
    for name, request in requests.items():
        with capture(address[1]) as packets:
            reply = client.send(address, request)
        assert reply.end == "closed"
        answers = {ttl for ttl, _, payload in packets if payload}
        handshakes = {ttl for ttl, flags, _ in packets if flags & 0x12 == 0x12}
        assert answers == ({hop_limit} if name == "put" else {SYSTEM_TTL}), name
        assert handshakes == {SYSTEM_TTL}


def test_a_new_hop_limit_holds_for_the_next_token(simulate, client):
    simulator = simulate(hop_limit=1)
    simulator.update(hop_limit=3)
    with capture(simulator.addresses[0][1]) as packets:
        client.put_token(simulator)
    assert {ttl for ttl, _, payload in packets if payload} == {3}


def test_a_dripped_token_is_hop_limited_and_a_reset_in_its_place_is_not(simulate, client):
    for fault, ttl in (({"kind": "drip", "interval_ms": 1}, 2), ({"kind": "reset-before-answer"}, SYSTEM_TTL)):
        simulator = simulate(hop_limit=2, faults=(fault,))
        with capture(simulator.addresses[0][1]) as packets:
            client.put_token(simulator)
        rst = {t for t, flags, _ in packets if flags & 4}
        assert ({t for t, _, payload in packets if payload} or rst) == {ttl}


@pytest.mark.parametrize("family", [0, 1], ids=["ipv4", "ipv6"])
def test_a_client_that_wants_more_hops_left_hears_nothing(simulate, client, family):
    """IP_MINTTL drops what has fewer: the client's own proof, with no capture."""
    simulator = simulate(hop_limit=2, http_protocol_ipv6="enabled")
    address = simulator.addresses[family]
    put = client.request_bytes("PUT", "/latest/api/token", **{"X-aws-ec2-metadata-token-ttl-seconds": "60"})
    level, option = ((socket.IPPROTO_IP, IP_MINTTL), (socket.IPPROTO_IPV6, IPV6_MINHOPCOUNT))[family]
    for minimum, heard in ((2, True), (3, False)):
        with socket.create_connection(address, timeout=SOON_S) as sock:
            sock.settimeout(SOON_S if heard else 0.3)
            sock.setsockopt(level, option, minimum)
            sock.sendall(put)
            try:
                data = sock.recv(4096)
            except TimeoutError:
                data = b""
        assert data.startswith(b"HTTP/1.1 200") == heard
