"""Whether a relay hands on what the service says, and whether connections come to it; the lease that is renewed by it, and how
all of it is taken back.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.rehearsal.asking import CannotRehearse, exchange, gives_token, token_put
from imds_probe.rehearsal.connection import Service
from imds_probe.rehearsal.relay import Relay
from imds_probe.rehearsal.rules import LEASE_S

FRESH_S = 0.9  # an answer that is older than that renews nothing: with LEASE_S, less than 5 s from the relay's last sign of life
TRIES = 8
LAPSES_MAX = 1_000  # that are told by their times, the last ones


class Renewed(Protocol):
    """Rules that match for LEASE_S after each renewal. Raises OSError where they are gone."""

    def renew(self, families: Iterable[socket.AddressFamily]) -> None: ...


class Undone(Renewed, Protocol):
    """The same, which can be taken back. `take_down` and `left` raise OSError or ProbeError."""

    def end_lease(self) -> None: ...

    def take_down(self) -> None: ...

    def left(self) -> list[str]: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class End:
    """How it was taken back. `left` says in words what is still there; `unfinished` is how many transfers were cut off."""

    left: tuple[str, ...]
    unfinished: int


class Lapse(NamedTuple):
    """When callers were not led to the relay, of time.monotonic."""

    began: float
    ended: float


class Lease:
    """That of each family, by itself."""

    def __init__(self, families: Iterable[socket.AddressFamily]) -> None:
        self._until: dict[socket.AddressFamily, float] = {}
        self._lapsed_s = dict.fromkeys(families, 0.0)
        self._lapses: deque[Lapse] = deque(maxlen=LAPSES_MAX)
        self._ended: float | None = None

    def renew(self, rules: Renewed, is_alive: Callable[[socket.AddressFamily], bool]) -> None:
        """Where the relay is found alive, and soon enough. Raises CannotRehearse where the rules are gone."""
        for family in self._lapsed_s:
            began = time.monotonic()
            alive = is_alive(family)
            now = time.monotonic()
            if not alive or now - began > FRESH_S:
                continue
            try:
                rules.renew([family])
            except OSError as error:
                raise gone(error) from None
            if (until := self._until.get(family, now)) < now:
                self._lapsed_s[family] += now - until
                self._lapses.append(Lapse(until, now))
            self._until[family] = now + LEASE_S

    def end(self) -> None:
        """It is given back: from now on, nobody is to be led."""
        self._ended = self._ended or time.monotonic()

    @property
    def lapsed_s(self) -> float:
        """For so long, in all, callers were not led to the relay: in the family in which that was longest."""
        lasting = self._lasting()
        return max(
            before + (lasting[family].ended - lasting[family].began if family in lasting else 0.0)
            for family, before in self._lapsed_s.items()
        )

    @property
    def lapses(self) -> tuple[Lapse, ...]:
        """In either family."""
        return (*self._lapses, *self._lasting().values())

    def _lasting(self) -> dict[socket.AddressFamily, Lapse]:
        """The lapses that have lasted until now, or until the end."""
        now = self._ended or time.monotonic()
        return {family: Lapse(until, now) for family, until in self._until.items() if until < now}


def take_back(lease: Lease, rules: Undone | None, relays: Iterable[Relay], name: str, drained_within_s: float) -> End:
    """New connections go direct at once, running ones are waited for, and only then the rules go: without them, these would be
    reset. `rules` is None where none were made; `name` is the rehearsal's.
    """
    relays = list(relays)
    left: list[str] = []
    unfinished = 0
    lease.end()
    if rules is not None:
        with contextlib.suppress(OSError):  # gone already, or gone in a moment: the lease
            rules.end_lease()
        deadline = time.monotonic() + drained_within_s
        unfinished = sum(relay.drain(max(0.0, deadline - time.monotonic())) for relay in relays)
        try:
            rules.take_down()
            left += rules.left()
        except OSError as error:
            left.append(f"perhaps the packet rules of {name} ({error.strerror})")
        except ProbeError as error:
            left.append(f"perhaps the packet rules of {name} ({error})")
        rules.close()
    for relay in relays:
        relay.stop()
    return End(tuple(left), unfinished)


def is_alive(relay: Relay, service: Service, family: socket.AddressFamily, asking: socket.socket) -> bool:
    """Whether the relay hands on a token to a new socket of its namespace, which is closed then."""
    address = relay.address(family)
    with asking:
        try:
            asking.bind((address[0], 0))
            relay.admit(family, asking.getsockname()[1])
            answer = exchange(family, address, token_put(service.addresses[family][0]), within_s=FRESH_S, sock=asking)
        except OSError:
            return False
    return gives_token(answer)


def all_tried(relay: Relay, service: Service, sockets: Iterable[socket.socket], beat: Callable[[], None]) -> bool:
    """Whether requests on these, several for each family, came to the relay by the rules, and their answers back: once in each
    family. A busy host may let a lease run out between two lines: no sign of others.
    """
    sockets, waiting = list(sockets), set(service.addresses)
    with contextlib.ExitStack() as stack:
        for sock in sockets:
            stack.enter_context(sock)
        for sock in sockets:
            family = socket.AddressFamily(sock.family)
            if family in waiting and _tried(relay, service, sock, beat):
                waiting.remove(family)
    return not waiting


def _tried(relay: Relay, service: Service, sock: socket.socket, beat: Callable[[], None]) -> bool:
    family = socket.AddressFamily(sock.family)
    beat()
    sock.bind(("" if family == socket.AF_INET else "::", 0))
    port: int = sock.getsockname()[1]
    relay.admit(family, port)
    try:
        answer = exchange(family, service.addresses[family], token_put(service.addresses[family][0]), sock=sock)
    except OSError:
        return False
    return relay.was_led(family, port) and gives_token(answer)


def gone(error: OSError) -> CannotRehearse:
    """What is said where the rules are not there any more."""
    return CannotRehearse(
        f"the packet rules of the rehearsal are gone: {error.strerror}",
        "Find the program on this host that deletes packet rules.",
    )
