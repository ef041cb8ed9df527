"""One request a connection, whatever the client sends and however it sends it."""

import socket
import time

import pytest
from soon import SOON_S

from imds_probe.simulator import connection

PATH = "/latest/meta-data/instance-id"


def test_a_request_in_single_bytes(simulate, client):
    simulator = simulate()
    with socket.create_connection(simulator.addresses[0], timeout=SOON_S) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in client.request_bytes("GET", PATH):
            sock.sendall(bytes([byte]))
        assert sock.recv(4096).startswith(b"HTTP/1.1 200")
    assert simulator.counts.total == 1


@pytest.mark.parametrize(
    "request_line", [b"GET %s HTTP/1.0\r\n\r\n", b"GET %s HTTP/1.1\n\n", b"GET %s HTTP/1.1\r\n\r\n"]
)
def test_old_and_bare_requests(simulate, client, request_line):
    reply = client.send(simulate().addresses[0], request_line % PATH.encode())
    assert (reply.status, reply.end) == (200, "closed")


def test_the_second_request_of_a_connection_is_not_answered(simulate, client):
    simulator = simulate()
    reply = client.send(simulator.addresses[0], client.request_bytes("GET", PATH) * 2)
    assert reply.data.count(b"HTTP/1.1") == 1
    assert reply.end == "closed"
    assert simulator.counts.total == 1


@pytest.mark.parametrize("data", [b"\x16\x03\x01\x02\x00\r\n\r\n", b"hello\r\n\r\n", b"A" * 40_000])
def test_what_is_no_request_is_answered_400(simulate, client, data):
    simulator = simulate()
    reply = client.send(simulator.addresses[0], data)
    assert (reply.status, reply.end) == (400, "closed")
    assert (simulator.counts.malformed, simulator.counts.total) == (1, 0)


@pytest.mark.parametrize("size_bytes", [1, 100_000, 3_000_000])
def test_a_body_does_not_void_the_answer(simulate, client, size_bytes):
    head = client.request_bytes("PUT", "/latest/api/token", **{"Content-Length": str(size_bytes)})
    reply = client.send(simulate().addresses[0], head + b"x" * size_bytes)
    assert (reply.status, reply.end) == (400, "closed")


def test_a_chunked_body_does_not_void_the_answer(simulate, client):
    head = client.request_bytes("PUT", "/latest/api/token", **{"Transfer-Encoding": "chunked"})
    reply = client.send(simulate().addresses[0], head + b"5\r\nhello\r\n0\r\n\r\n")
    assert (reply.status, reply.end) == (400, "closed")


def test_clients_that_leave_early_are_no_trouble(simulate, client):
    simulator = simulate()
    for data in (b"", b"GET /", client.request_bytes("PUT", PATH, **{"Content-Length": "10"}) + b"abc"):
        with socket.create_connection(simulator.addresses[0], timeout=SOON_S) as sock:
            sock.sendall(data)
    assert client.get(simulator, PATH).status == 200
    assert simulator.counts.connections == 4


def test_clients_that_say_nothing_are_let_go(simulate, client, monkeypatch):
    monkeypatch.setattr(connection, "REQUEST_LIMIT_S", 0.2)
    reply = client.send(simulate().addresses[0], b"GET / HTTP/1.1\r\n")
    assert (reply.data, reply.end) == (b"", "closed")


def test_latency(simulate, client):
    simulator = simulate(latency_ms=200)
    started = time.monotonic()
    assert client.get(simulator, PATH).status == 200
    assert 0.2 <= time.monotonic() - started < SOON_S


def test_a_slow_client_does_not_hold_up_others(simulate, client):
    simulator = simulate()
    with socket.create_connection(simulator.addresses[0], timeout=SOON_S) as slow:
        slow.sendall(b"GET ")
        assert client.get(simulator, PATH).status == 200
