"""Requests that nothing confirms: nobody is accused of them, and they are counted by where they came from.

A packet says of itself what its sender likes. The interface by which it came in is the kernel's word.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.facts.callers import UNSEEN
from imds_probe.watch.caller import Caller
from imds_probe.watch.connection import APART, Connection, Place

PLACES_MAX = 100
ADDRESSES_MAX = 100
AGAIN_AFTER_S = 10.0


@dataclass(frozen=True)
class Sender:
    """Where some requests came from. `caller` is a process behind the interface, None where none is known. `addresses` are
    how many they gave as their own, at most ADDRESSES_MAX, of which `client` is one; 0 where nothing but the connections was seen.
    `interface` is empty where that is in the caller's network.
    """

    interface: str
    outgoing: bool
    caller: Caller | None
    client: str
    addresses: int
    count: int

    @property
    def place(self) -> str:
        """What stays the same of it."""
        if not self.interface:
            return f"network {self.caller.netns if self.caller else ''}"
        return f"{self.interface} {'out' if self.outgoing else 'in'}"

    def described(self, container: str | None) -> str:
        """In words; `container` is what the container of `caller` is called."""
        inside = f" from container {container}" if container else ""
        process = f" from process {self.caller.pid} ({self.caller.comm})" if self.caller and not container else ""
        if not self.addresses:
            return f"{UNSEEN}{inside or process}"
        if self.outgoing:
            way = f"sent by this host over {self.interface}"
        elif not self.interface:
            way = f"sent{inside or process} by an interface of its own"
        else:
            way = f"came in by {self.interface}{inside or process}"
        return f"{way}, {f'source address {self.client}' if self.addresses == 1 else 'several source addresses'}"


def said_unconfirmed(sender: Sender, where: str) -> str:
    """A line of a log."""
    if not sender.addresses:
        return f"a connection to the metadata service was {where}: it may be a call by IMDSv1"
    return f"unconfirmed requests by IMDSv1, which may be forged: {where}"


def counted(senders: Iterable[Sender], name: Callable[[Caller | None], str | None]) -> dict[str, int]:
    """How many requests came from where, in words; `name` knows what containers are called."""
    found = Counter[str]()
    for each in senders:
        found[each.described(name(each.caller))] += each.count
    return found


@dataclass
class _Seen:
    interface: str
    clients: set[str] = field(default_factory=set)
    caller: Caller | None = None
    looked_at: float = float("-inf")
    count: int = 0


class Unconfirmed:
    """Counts them. Bounded: what comes from more places than PLACES_MAX is counted with one of them. `whose` finds the
    process behind an interface, and is asked again as long as it finds none.
    """

    def __init__(self, whose: Callable[[int], Caller | None]) -> None:
        self._whose = whose
        self._seen: dict[Place, _Seen] = {}
        self.count = 0

    def add(self, connection: Connection) -> None:
        """One more request, on what says it is this connection."""
        place = connection.sightings[0][0]
        if place not in self._seen and len(self._seen) >= PLACES_MAX:
            place = next(iter(self._seen))
        seen = self._seen.setdefault(place, _Seen(_name(place[0])))
        seen.count += 1
        self.count += 1
        if len(seen.clients) < ADDRESSES_MAX:
            seen.clients.add(connection.client)

    def add_unseen(self, caller: Caller) -> None:
        """One more connection of which no packet was seen, as nobody watches in its network, or not yet."""
        place = (-(caller.netns or 0), False)
        if place not in self._seen and len(self._seen) >= PLACES_MAX:
            place = next(iter(self._seen))
        seen = self._seen.setdefault(place, _Seen(""))
        seen.caller = seen.caller or caller
        seen.count += 1
        self.count += 1

    def take(self) -> list[Sender]:
        """Those since this was called last."""
        found = []
        for (interface, outgoing), seen in self._seen.items():
            if not seen.count:
                continue
            if not outgoing and seen.caller is None and time.monotonic() - seen.looked_at > AGAIN_AFTER_S:
                seen.caller, seen.looked_at = self._whose(interface), time.monotonic()
            client = next(iter(seen.clients), "")
            found.append(Sender(seen.interface, outgoing, seen.caller, client, len(seen.clients), seen.count))
            seen.count = 0
        return found


def _name(interface: int) -> str:
    if interface >= APART:
        return ""
    with contextlib.suppress(OSError):
        return socket.if_indextoname(interface)
    return f"interface {interface} (since removed)"
