"""A simulator on loopback, and requests put together by hand so that nothing is added or repaired on the way."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from soon import SOON_S, wait_for

from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState
from imds_probe.system import process

TTL = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "X-aws-ec2-metadata-token"


@dataclass
class Raw:
    """What came back on one connection, and how it ended: "closed", "reset" or "silent"."""

    data: bytes
    end: str

    @property
    def status(self) -> int:
        return int(self.data.split(b" ", 2)[1])

    @property
    def status_line(self) -> str:
        return self.data.partition(b"\r\n")[0].decode()

    @property
    def head(self) -> list[tuple[str, str]]:
        lines = self.data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        return [(name, value) for name, _, value in (line.partition(": ") for line in lines)]

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.head)

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]


def send(address: tuple[str, int], data: bytes, *, timeout_s: float = SOON_S, limit_bytes: int = 1 << 20) -> Raw:
    with socket.create_connection(address, timeout=timeout_s) as sock:
        sock.sendall(data)
        received = b""
        try:
            while len(received) < limit_bytes:
                piece = sock.recv(65536)
                if not piece:
                    return Raw(received, "closed")
                received += piece
        except TimeoutError:
            return Raw(received, "silent")
        except ConnectionResetError:
            return Raw(received, "reset")
        return Raw(received, "more")


def request_bytes(method: str, path: str, **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: example"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def ask(simulator: Simulator, method: str, path: str, *, timeout_s: float = SOON_S, **headers: str) -> Raw:
    return send(simulator.addresses[0], request_bytes(method, path, **headers), timeout_s=timeout_s)


def put_token(simulator: Simulator, ttl: int = 21600, **headers: str) -> Raw:
    return ask(simulator, "PUT", "/latest/api/token", **{TTL: str(ttl)}, **headers)


def get(simulator: Simulator, path: str, token: str | None = None, **headers: str) -> Raw:
    return ask(simulator, "GET", path, **({} if token is None else {TOKEN: token}), **headers)


@dataclass
class Client:
    """The functions above, for tests: modules of tests do not import each other."""

    send = staticmethod(send)
    ask = staticmethod(ask)
    get = staticmethod(get)
    put_token = staticmethod(put_token)
    request_bytes = staticmethod(request_bytes)

    def token(self, simulator: Simulator) -> str:
        return put_token(simulator).body.decode()


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def simulate() -> Iterator[Callable[..., Simulator]]:
    """Start simulators with the given fields of the state; all of them are stopped afterwards."""
    running: list[Simulator] = []

    def start(*, netns: str | None = None, listen=(("127.0.0.1", 0), ("::1", 0)), on_request=None, **state):
        simulator = Simulator(InstanceState(**state), listen, netns, on_request=on_request)
        simulator.start()
        running.append(simulator)
        return simulator

    yield start
    for simulator in running:
        simulator.stop()


@pytest.fixture
def metadata_netns() -> Iterator[str]:
    """A network namespace that nothing can leave, with both metadata addresses on its loopback."""
    holder = process.start(["unshare", "--net", "sleep", "120"])
    path = f"/proc/{holder.pid}/ns/net"
    try:
        own = os.stat("/proc/thread-self/ns/net").st_ino
        wait_for(lambda: os.stat(path).st_ino != own)
        for command in (
            "link set lo up",
            "addr add 169.254.169.254/32 dev lo",
            "-6 addr add fd00:ec2::254/128 dev lo nodad",
        ):
            done = process.run(["nsenter", f"--net={path}", "ip", *command.split()], timeout_s=SOON_S)
            assert done.returncode == 0, done.stderr
        yield path
    finally:
        process.stop(holder)
