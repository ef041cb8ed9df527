"""One network namespace of a lab, and running things in it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from socket import socket as Socket
from typing import IO, Literal, TypeVar

from imds_probe.dataclass import dataclass
from imds_probe.net import namespaces
from imds_probe.simulator.lab import processes
from imds_probe.simulator.lab.naming import LabId
from imds_probe.simulator.lab.plumbing import inside
from imds_probe.system import process

Kind = Literal["instance", "service", "bridge", "nested", "chain", "host", "shared", "ipvlan-l3", "macvlan", "awsvpc"]
T = TypeVar("T")


@dataclass(frozen=True)
class Node:
    """A namespace with its addresses. `distance` is how many hops further from the service than the instance it is."""

    name: str
    kind: Kind
    netns: Path
    distance: int
    ipv4: str | None
    ipv6: str | None
    lab_id: LabId = field(repr=False)
    started: list[subprocess.Popen[bytes]] = field(repr=False, compare=False)  # the lab's, ended when it goes down

    @property
    def inode(self) -> int:
        """The inode number of the namespace, as in /proc/PID/ns/net."""
        return namespaces.inode(self.netns)

    def run(
        self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> process.Completed:
        """Run a program in the namespace to its end. Errors as process.run."""
        return process.run(inside(self.netns, argv), timeout_s=timeout_s, stdin=stdin, env=self._environment(env))

    def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        stdin: int | IO[bytes] | None = subprocess.DEVNULL,
        stdout: int | IO[bytes] | None = subprocess.DEVNULL,
        stderr: int | IO[bytes] | None = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """Start a program in the namespace; it and its children are ended when the lab goes down, if not before.

        nsenter becomes the program, so the process id is the program's own.
        """
        child = process.start(
            inside(self.netns, argv), env=self._environment(env), stdin=stdin, stdout=stdout, stderr=stderr
        )
        self.started.append(child)
        return child

    def socket(self, family: int, kind: int, proto: int = 0) -> Socket:
        """A socket of the namespace; the caller closes it."""
        return namespaces.socket_in(self.netns, family, kind, proto)

    def call(self, function: Callable[[], T]) -> T:
        """Call a function on a thread inside the namespace."""
        return namespaces.call_in(self.netns, function)

    def _environment(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        return dict(extra or {}) | processes.environment(self.lab_id)
