"""One rehearsal: made ready, tried, kept up by heartbeats, and taken back. Whatever ends its process ends it, too."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import time
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.inventory.containers.processes import start_ticks
from imds_probe.rehearsal.asking import CannotRehearse, exchange, gives_token, token_put
from imds_probe.rehearsal.callers import Callers
from imds_probe.rehearsal.connection import Hops, Service
from imds_probe.rehearsal.group import PREFIX, OwnGroup
from imds_probe.rehearsal.leavers import Leavers
from imds_probe.rehearsal.relay import Relay
from imds_probe.rehearsal.rules import LEASE_S, Rules

BEAT_EVERY_S = 1.0
FRESH_S = 0.9  # an answer that is older than that renews nothing: with LEASE_S, less than 5 s from the relay's last sign of life
TRIES = 8
_KERNEL = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")
PROC = Path("/proc")
# What the kernel says where it lacks what the rules are made of.
LACKING = (errno.ENOENT, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT, errno.EINVAL)
OTHER_WINS = (
    "connections to the metadata service do not reach the relay: something else on this host redirects them",
    "Look for a metadata proxy, a service mesh or a container network that redirects connections itself.",
)


@dataclass(frozen=True)
class End:
    """How it was taken back. `left` says in words what is still there; `unfinished` is how many transfers were cut off."""

    left: tuple[str, ...]
    unfinished: int


class Rehearsal:
    """Of what is started in a control group of its own. `ready` makes all of it or nothing."""

    def __init__(self, service: Service, hop_limit: int) -> None:
        self._service = service
        self.name = own_name()
        self.group: OwnGroup | None = None
        self.leavers = Leavers(PROC)
        self.callers = Callers(service.addresses, self.members)
        # A caller on the host gets what the service sends as the service sends it.
        seen = self.callers
        self._relay = Relay(service, Hops(hop_limit), met=seen.met, noted=seen.noted, over=seen.over)
        self._rules: Rules | None = None
        self._leased_until: dict[socket.AddressFamily, float] = {}
        self._lapsed_s = dict.fromkeys(service.addresses, 0.0)

    def members(self) -> list[int]:
        """The processes of its target."""
        return self.group.members() if self.group is not None else []

    def ready(self) -> None:
        """Raises CannotRehearse where the promise cannot be kept; everything is as before then."""
        try:
            self.group = OwnGroup(self.name)
            self._relay.start()
            self._rules = self._put_up(self.group)
            self._try(self.group)
        except BaseException:
            self.end(drained_within_s=0.0)
            raise

    def beat(self) -> None:
        """Renew the lease of each family in which the relay still hands on what the service says. Raises CannotRehearse where the
        rules are gone.
        """
        assert self._rules is not None  # noqa: S101 - `ready` was called
        for family in self._service.addresses:
            began = time.monotonic()
            alive = self._is_alive(family)
            now = time.monotonic()
            if not alive or now - began > FRESH_S:
                continue
            try:
                self._rules.renew([family])
            except OSError as error:
                raise CannotRehearse(
                    f"the packet rules of the rehearsal are gone: {error.strerror}",
                    "Find the program on this host that deletes packet rules.",
                ) from None
            self._lapsed_s[family] += max(0.0, now - self._leased_until.get(family, now))
            self._leased_until[family] = now + LEASE_S

    @property
    def lapsed_s(self) -> float:
        """For so long, in all, callers were not led to the relay: in the family in which that was longest."""
        return max(self._lapsed_s.values())

    def end(self, *, drained_within_s: float) -> End:
        """Take it back: new connections go direct at once, running ones are waited for, and only then the rules go."""
        left: list[str] = []
        unfinished = 0
        if self._rules is not None:
            with contextlib.suppress(OSError):  # gone already, or gone in a moment: the lease
                self._rules.end_lease()
            unfinished = self._relay.drain(drained_within_s)
            try:
                self._rules.take_down()
                left += [f"the table {self.name}" for _, name in self._rules.tables() if name == self.name]
            except OSError as error:
                left.append(f"perhaps the table {self.name} ({error.strerror})")
            self._rules.close()
            self._rules = None
        self._relay.stop()
        if self.group is not None and not self.group.remove():
            left.append(f"the control group {self.group.directory}")
        self.callers.close()
        return End(tuple(left), unfinished)

    def _put_up(self, group: OwnGroup) -> Rules:
        if too_old(os.uname().release):
            raise CannotRehearse(
                "packet rules of nf_tables and of iptables exclude each other on this kernel",
                "Use Linux 4.18 or later.",
            )
        relay = {family: self._relay.address(family) for family in self._service.addresses}
        try:
            rules = Rules(self.name, self._service.addresses, relay, group.kernels)
        except OSError as error:
            raise _lacking(error) from None
        try:
            rules.put_up()
        except OSError as error:
            rules.close()
            raise _lacking(error) from None
        return rules

    def _is_alive(self, family: socket.AddressFamily) -> bool:
        address = self._relay.address(family)
        with socket.socket(family, socket.SOCK_STREAM) as asking:
            asking.bind((address[0], 0))
            self._relay.admit(family, asking.getsockname()[1])
            try:
                answer = exchange(family, address, token_put(self._host(family)), within_s=FRESH_S, sock=asking)
            except OSError:
                return False
        return gives_token(answer)

    def _try(self, group: OwnGroup) -> None:
        """Ask the service as something in the group would: the answer must come, and by way of the relay."""

        def sockets() -> list[socket.socket]:
            return [
                socket.socket(family, socket.SOCK_STREAM) for _ in range(TRIES) for family in self._service.addresses
            ]

        if not group.tried(sockets, self._all_tried):
            raise CannotRehearse(*OTHER_WINS)

    def _all_tried(self, sockets: list[socket.socket]) -> bool:
        """Whether it went well once in each family. A busy host may let a lease run out between two lines: no sign of others."""
        waiting = set(self._service.addresses)
        with contextlib.ExitStack() as stack:
            for sock in sockets:
                stack.enter_context(sock)
            for sock in sockets:
                family = socket.AddressFamily(sock.family)
                if family in waiting and self._tried(family, sock):
                    waiting.remove(family)
        return not waiting

    def _tried(self, family: socket.AddressFamily, sock: socket.socket) -> bool:
        """Whether a request came to the relay by the rules, and its answer back."""
        self.beat()
        sock.bind(("" if family == socket.AF_INET else "::", 0))
        port: int = sock.getsockname()[1]
        self._relay.admit(family, port)
        try:
            answer = exchange(family, self._service.addresses[family], token_put(self._host(family)), sock=sock)
        except OSError:
            return False
        return self._relay.was_led(family, port) and gives_token(answer)

    def _host(self, family: socket.AddressFamily) -> str:
        return self._service.addresses[family][0]


def own_name() -> str:
    """Of the control group and the tables: by it, whoever finds them sees whether their owner lives."""
    return f"{PREFIX}{os.getpid()}-{start_ticks(PROC, os.getpid()) or 0}"


def too_old(release: str) -> bool:
    """Whether a kernel is from before 4.18, in which NAT by nf_tables keeps Docker and others from NAT by iptables."""
    version = _KERNEL.match(release)
    return version is not None and (int(version[1]), int(version[2])) < (4, 18)


def _lacking(error: OSError) -> ProbeError:
    if error.errno in (errno.EPERM, errno.EACCES):
        return CannotRehearse("packet rules cannot be set here: no permission", "Run as root (CAP_NET_ADMIN).")
    if error.errno in LACKING:
        return CannotRehearse(
            f"this kernel cannot redirect the connections of one control group: {error.strerror}",
            "Use Linux 5.13 or later with nf_tables, and its modules nft_socket, nft_hash and nft_redir.",
        )
    return CannotRehearse(f"packet rules cannot be set here: {error.strerror}")
