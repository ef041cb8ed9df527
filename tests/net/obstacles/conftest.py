"""A host and a metadata service in network namespaces of their own, joined by a veth pair, removed afterwards."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from soon import SOON_S

from imds_probe.net import namespaces
from imds_probe.net.obstacles import settings
from imds_probe.net.obstacles.finding import find_obstacles
from imds_probe.net.obstacles.obstacle import Obstacle, Obstacles
from imds_probe.system import process, procfs

SILENT_S = 0.5  # how long a packet is waited for that never comes
SERVICE = {"ipv4": "169.254.169.254", "ipv6": "fd00:ec2::254"}
_numbers = itertools.count()


def run(*argv: str, stdin: bytes = b"") -> str:
    done = process.run(argv, timeout_s=SOON_S, stdin=stdin)
    assert done.returncode == 0, f"{argv}: {done.stderr.decode()}"
    return done.stdout.decode()


@dataclass
class Namespace:
    name: str

    @property
    def path(self) -> Path:
        return Path("/run/netns", self.name)

    def run(self, *argv: str, stdin: bytes = b"") -> str:
        return run("nsenter", f"--net={self.path}", "--", *argv, stdin=stdin)

    def ip(self, words: str) -> None:
        self.run("ip", *words.split())

    def listen(self, address: str, port: int = 80, ttl: int | None = None) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        server = namespaces.socket_in(self.path, family, socket.SOCK_STREAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if ttl is not None:
            server.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        server.bind((address, port))
        server.listen()
        server.settimeout(SOON_S)
        return server

    def connect(self, family: str = "ipv4", expected: str = "connected") -> str:
        """What comes of connecting to the service: "connected", or the error's name. A first packet may be lost, and is sent again
        after a second: only where silence is `expected` is it waited for briefly.
        """
        kind = socket.AF_INET if family == "ipv4" else socket.AF_INET6
        with namespaces.socket_in(self.path, kind, socket.SOCK_STREAM) as client:
            client.settimeout(SILENT_S if expected == "TimeoutError" else SOON_S)
            try:
                client.connect((SERVICE[family], 80))
            except OSError as error:
                return type(error).__name__
            return "connected"


@dataclass
class Host(Namespace):
    """The namespace under test; `service` is the one that has the metadata addresses and listens there."""

    service: Namespace
    root: Path
    servers: list[socket.socket] = field(default_factory=list)

    def nft(self, text: str) -> None:
        self.run("nft", "-f", "-", stdin=text.encode())

    def chain(
        self, rules: str, hook: str = "output", kind: str = "filter", table: str = "inet t", more: str = ""
    ) -> None:
        """One base chain with these rules, one a line."""
        priority = {"nat": "-100"}.get(kind, "0")
        lines = "\n".join(f"    {rule}" for rule in rules.splitlines())
        self.nft(
            f"table {table} {{\n{more}\n  chain c {{\n    type {kind} hook {hook} priority {priority};\n{lines}\n  }}\n}}\n"
        )

    def look(self) -> Obstacles:
        return find_obstacles(str(self.path), settings.look(self.root), procfs.below(self.root))

    def found(self) -> list[Obstacle]:
        """The obstacles, where everything could be read."""
        looked = self.look()
        assert looked.unread == ()
        return list(looked.items)

    def only(self) -> Obstacle:
        (obstacle,) = self.found()
        return obstacle


@contextlib.contextmanager
def namespace() -> Iterator[str]:
    name = f"obst-{os.getpid()}-{next(_numbers)}"
    run("ip", "netns", "add", name)
    try:
        yield name
    finally:
        run("ip", "netns", "del", name)


@pytest.fixture
def bare(tmp_path) -> Iterator[Host]:
    """A namespace with nothing but its loopback interface."""
    with namespace() as name:
        made = Host(name, Namespace(name), tmp_path)
        made.ip("link set lo up")
        yield made


@pytest.fixture
def host(tmp_path) -> Iterator[Host]:
    with namespace() as name, namespace() as service_name, contextlib.ExitStack() as stack:
        service = Namespace(service_name)
        made = Host(name, service, tmp_path)
        made.ip(f"link add eth0 type veth peer name eth0 netns {service_name}")
        for each, own in ((made, 2), (service, 1)):
            each.ip("link set lo up")
            each.ip("link set eth0 up")
            each.ip(f"address add 10.9.0.{own}/24 dev eth0")
            each.ip(f"address add fd09::{own}/64 dev eth0 nodad")
        service.ip("address add 169.254.169.254/32 dev lo")
        service.ip("address add fd00:ec2::254/128 dev lo nodad")
        made.ip("route add default via 10.9.0.1")
        made.ip("-6 route add default via fd09::1")
        for address in SERVICE.values():
            made.servers.append(stack.enter_context(service.listen(address)))
        yield made
