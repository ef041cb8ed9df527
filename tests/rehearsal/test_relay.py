"""The relay serves whom it should, is bounded whatever they do, and leaves nothing open."""

from __future__ import annotations

import contextlib
import os
import socket

import pytest
from soon import SOON_S, wait_for

from imds_probe.rehearsal import relay as relays
from imds_probe.rehearsal.asking import learn
from imds_probe.rehearsal.connection import Hops
from imds_probe.rehearsal.relay import Relay
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
# What nobody should send: nothing, half a head, one without end, no HTTP, a body that never comes, and no ear for the answer.
HOSTILE = (
    b"",
    GET[:10],
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000,
    b"\0" * 70_000,
    b"POST / HTTP/1.1\r\n\
Content-Length: 9\r\n\r\n",
)


def test_hostile_connections_take_their_room_and_no_more(pair, send, monkeypatch):
    monkeypatch.setattr(relays, "CONNECTIONS_LIMIT", 24)
    monkeypatch.setattr(relays, "STALLED_S", 0.05)
    address = pair.relay.address(socket.AF_INET)
    with contextlib.ExitStack() as stack:
        for number in range(80):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                sock.connect(address)
            with contextlib.suppress(OSError):  # not connected yet, or thrown out: none of our business
                sock.send(HOSTILE[number % len(HOSTILE)])
        wait_for(lambda: pair.relay.open_connections == 24)
        for _ in range(3):
            assert send(address, [GET]).status == 401
            assert pair.relay.open_connections <= 24
    assert pair.relay.drain(SOON_S) == 0


def test_whoever_was_not_led_here_is_not_served(send):
    """A port on loopback that anybody can connect to must not be another way to the service."""
    with Simulator(InstanceState()) as simulator:
        service = learn({socket.AF_INET: simulator.addresses[0]}, ask_without_token=False)
        seen = []
        with Relay(service, Hops(1), noted=seen.append) as relay:
            address = relay.address(socket.AF_INET)
            assert send(address, []).data == b""
            with socket.socket() as own:
                own.bind(("127.0.0.1", 0))
                relay.admit(socket.AF_INET, own.getsockname()[1])
                with socket.socket() as other:
                    other.bind(("127.0.0.2", own.getsockname()[1]))
                    other.connect(address)
                    assert other.recv(1) == b""
                own.connect(address)
                own.sendall(GET)
                assert own.recv(4096).startswith(b"HTTP/1.1 401")
                assert not relay.was_led(socket.AF_INET, own.getsockname()[1])
        assert seen == []


def test_each_connection_that_was_met_is_over_once(lone_relay, send):
    """Also where nothing was asked, or whoever asked was thrown out."""
    met, over = [], []
    with Simulator(InstanceState()) as simulator:
        relay = lone_relay(simulator, 1)
        relay._met, relay._over = (lambda *of: met.append(of)), (lambda *of: over.append(of))
        with relay:
            address = relay.address(socket.AF_INET)
            assert send(address, [GET]).status == 401
            assert send(address, [], then_end=True).data == b""
            with socket.create_connection(address):
                wait_for(lambda: len(met) == 3)
                relay.stop()
        assert sorted(met) == sorted(over)


def test_it_leaves_nothing_open(lone_relay, send):
    with Simulator(InstanceState()) as simulator:
        before = len(os.listdir("/proc/self/fd"))
        with lone_relay(simulator, 1) as relay:
            address = relay.address(socket.AF_INET)
            with socket.create_connection(address) as waiting:
                wait_for(lambda: relay.open_connections)
                assert relay.drain(0.01) == 1
                relay.stop()
                assert waiting.recv(1) == b""
        assert len(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ConnectionRefusedError):
        send(address, [GET])


def test_who_waits_to_be_accepted_is_waited_for_at_the_end(lone_relay, monkeypatch):
    """He was led here before the rules let go, and would be reset."""
    with Simulator(InstanceState()) as simulator, lone_relay(simulator, 1) as relay:
        address = relay.address(socket.AF_INET)
        with monkeypatch.context() as full:
            full.setattr(relays, "CONNECTIONS_LIMIT", 0)
            waiting = socket.create_connection(address, SOON_S)
            assert (relay.drain(1.0), relay.open_connections) == (1, 0)
        with waiting:
            waiting.sendall(GET)
            assert relay.drain(SOON_S) == 0
            relay.stop()
            assert waiting.recv(4096).startswith(b"HTTP/1.1 401")


def test_a_bug_in_it_is_not_lost(lone_relay, send):
    def fail(_):
        raise RuntimeError("a bug")

    with Simulator(InstanceState()) as simulator:
        relay = lone_relay(simulator, 1)
        relay._noted = fail
        relay.start()
        assert send(relay.address(socket.AF_INET), [GET]).status == 401
        assert relay.drain(SOON_S) == 0
        with pytest.raises(RuntimeError, match="a bug"):
            relay.stop()


@pytest.mark.soak
def test_a_thousand_hostile_connections_below_60_mb(hostile_thousand):
    """In a process of its own, whose memory is its own."""
    served, peak_kb = hostile_thousand(HOSTILE)
    assert served == 20
    assert peak_kb < 60_000
