"""Streams of bytes to a service, and to a relay in front of one that has not been switched yet."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import pytest
from rehearsing import BACKENDS, OWN_MOUNTS, mounted, tools_of, uses, version_1
from soon import SOON_S, wait_for

from imds_probe.rehearsal.asking import learn
from imds_probe.rehearsal.connection import Hops
from imds_probe.rehearsal.relay import Relay
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState
from imds_probe.simulator.tokens import Clock

TTL, TOKEN = "X-aws-ec2-metadata-token-ttl-seconds", "X-aws-ec2-metadata-token"
ANSWERED = b"(answered)"
PUT = f"PUT /latest/api/token HTTP/1.1\r\nHost: x\r\n{TTL}: 60\r\n\r\n".encode()


@dataclass(frozen=True)
class Back:
    """What came back on a connection without what differs between two services, and how the connection ended."""

    data: bytes
    end: str

    @property
    def status(self) -> int:
        return int(self.data.split(b" ", 2)[1]) if self.data else 0


def send(address, pieces, *, then_end=False) -> Back:
    """Send pieces, each in a segment of its own, and read to the end. Before an ANSWERED the answer is read, to its end: what
    follows goes out on a connection that its other end may have closed for good, which is no difference to a client.
    """
    with socket.create_connection(address, timeout=SOON_S) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received, end = b"", "closed"
        try:
            for number, piece in enumerate(pieces):
                if piece == ANSWERED:
                    received += _answer(sock)
                    continue
                time.sleep(0.01 if number else 0)  # parts one machine or another: nothing is decided by it
                sock.sendall(piece)
            if then_end:
                sock.shutdown(socket.SHUT_WR)
            while piece := sock.recv(65536):
                received += piece
        except (ConnectionResetError, BrokenPipeError):
            end = "closed" if ANSWERED in pieces else "reset"
    return Back(received, end)


def _answer(sock) -> bytes:
    received = b""
    while not (head := received.partition(b"\r\n\r\n"))[1]:
        received += sock.recv(65536)
    length = int(re.search(rb"Content-Length: (\d+)", head[0])[1])
    while len(received) < len(head[0]) + 4 + length:
        received += sock.recv(65536)
    return received


def alike(back: Back) -> Back:
    """Without date and token."""
    data = re.sub(rb"(?m)^(Date|Last-Modified): [^\r]*", rb"\1: -", back.data)
    if re.match(rb"HTTP/1.. 200 OK\r\nX-Aws-Ec2-Metadata-Token-Ttl-Seconds: \d+\r\nContent-Length: 56\r\n", data):
        data = re.sub(rb"[A-Za-z0-9_-]{54}==\Z", b"TOKEN", data)
    return Back(data, back.end)


class _Still(Clock):
    """One that goes on by jumps alone: a slow machine asks one of two services later, and hears of a token that lives less long."""

    def now_s(self) -> float:
        return self._offset_s

    def unix_s(self) -> float:
        return 1_767_225_600.0 + self._offset_s


@dataclass
class Pair:
    """The same instance twice: switched, and not switched with the relay before it."""

    switched: Simulator
    unswitched: Simulator
    relay: Relay
    clocks: tuple[Clock, Clock]
    seen: list

    def addresses(self, family):
        number = 0 if family == socket.AF_INET else 1
        return self.switched.addresses[number], self.relay.address(family)

    def token(self, address) -> bytes:
        back = send(address, [PUT])
        assert back.status == 200, back
        return back.data.partition(b"\r\n\r\n")[2]


@pytest.fixture
def pair(request) -> Iterator[Pair]:
    """With the fields of the state that a test gives as parameters."""
    state = {"http_protocol_ipv6": "enabled", "iam_role": "web"} | getattr(request, "param", {})
    with ExitStack() as stack:
        clocks, seen = (_Still(), _Still()), []
        one = stack.enter_context(Simulator(InstanceState(**state, http_tokens="required"), clock=clocks[0]))
        other = stack.enter_context(Simulator(InstanceState(**state), clock=clocks[1]))
        addresses = dict(zip((socket.AF_INET, socket.AF_INET6), other.addresses, strict=True))
        service = learn(addresses, ask_without_token=False)
        relay = stack.enter_context(Relay(service, Hops(2), led_only=False, noted=seen.append))
        yield Pair(one, other, relay, clocks, seen)


@pytest.fixture(name="send")
def _send():
    return send


@pytest.fixture(name="alike")
def _alike():
    return alike


@pytest.fixture
def classes(tmp_path, monkeypatch):
    """As where version 1 alone is: net_cls mounted, and the rehearsal told of no other."""
    monkeypatch.setenv(OWN_MOUNTS, str(tmp_path))
    monkeypatch.setattr(*version_1())
    with net_cls(tmp_path) as mount:
        yield mount


def net_cls(below):
    return mounted(below, "net_cls", "net_cls")


@pytest.fixture(params=BACKENDS)
def backend(request, tmp_path, monkeypatch):
    """Rehearsals here use it. Of iptables-legacy, the table is there as long as the network namespace is, once it was looked at."""
    if request.param == BACKENDS[0]:
        yield request.param
        return
    monkeypatch.setenv(OWN_MOUNTS, str(tmp_path))
    for place_of, what, new in uses(request.param):
        (monkeypatch.setitem if isinstance(place_of, dict) else monkeypatch.setattr)(place_of, what, new)
    for tool in tools_of(request.param).values() if "legacy" in request.param else ():
        subprocess.run([tool, "-t", "nat", "-S"], check=True, capture_output=True)
    with net_cls(tmp_path):
        yield request.param


@pytest.fixture
def told():
    """That the relay told of requests for these reasons, in any order: who has its answer may be ahead of that."""

    def call(of, whats) -> None:
        wait_for(lambda: len(of.seen) >= len(whats))
        assert sorted(each.what for each in of.seen) == sorted(whats)

    return call


@pytest.fixture
def lone_relay():
    """A relay before a simulator, whose token responses have a TTL."""

    def make(simulator: Simulator, ttl: int) -> Relay:
        service = learn({socket.AF_INET: simulator.addresses[0]}, ask_without_token=False)
        seen: list = []
        relay = Relay(service, Hops(ttl), led_only=False, noted=seen.append)
        relay.seen = seen
        return relay

    return make


_ALONE = """
import socket, sys
from imds_probe.rehearsal.asking import learn
from imds_probe.rehearsal.connection import Hops
from imds_probe.rehearsal.relay import Relay
service = learn({socket.AF_INET: ("127.0.0.1", int(sys.argv[1]))}, ask_without_token=False)
with Relay(service, Hops(2), led_only=False) as relay:
    print(relay.address(socket.AF_INET)[1], flush=True)
    sys.stdin.read()
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")), flush=True)
"""


@pytest.fixture
def hostile_thousand():
    """A relay in a process of its own under a thousand connections that send what is given, in turn; how many of twenty
    requests in good faith were answered meanwhile, and the most memory it had, in KiB. (getrusage counts that of the process which
    started it, too.)
    """

    def call(hostile) -> tuple[int, int]:
        with Simulator(InstanceState()) as simulator, ExitStack() as stack:
            argv = [sys.executable, "-c", _ALONE, str(simulator.addresses[0][1])]
            child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            try:
                address = ("127.0.0.1", int(child.stdout.readline()))
                for number in range(1000):
                    sock = stack.enter_context(socket.socket())
                    sock.setblocking(False)
                    with suppress(OSError):
                        sock.connect(address)
                    with suppress(OSError):
                        sock.send(hostile[number % len(hostile)] * 4)
                served = sum(send(address, [b"GET / HTTP/1.1\r\n\r\n"]).status == 401 for _ in range(20))
                said, _ = child.communicate(timeout=SOON_S)
            finally:
                child.kill()
                child.wait()
        return served, int(said)

    return call
