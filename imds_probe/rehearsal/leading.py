"""What leads the connections of one network namespace to a relay in it: rules, relay, and who came.

The relay listens in that namespace, and asks the service from the host's own: no rule of the host meets what it asks.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import TypeVar

from imds_probe.net.namespaces import call_in
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.backends import Backend, put_up
from imds_probe.rehearsal.callers import Callers
from imds_probe.rehearsal.connection import Hops, Service
from imds_probe.rehearsal.group import OwnGroup
from imds_probe.rehearsal.relay import Relay
from imds_probe.rehearsal.rules import Group
from imds_probe.rehearsal.trying import TRIES, End, Lapse, Lease, all_tried, gone, is_alive, take_back
from imds_probe.simulator.listeners import open_listener

OTHER_WINS = (
    "connections to the metadata service do not reach the relay: something else on this host redirects them",
    "Look for a metadata proxy, a service mesh or a container network that redirects connections itself.",
)
ALL = Group(whole=True)
T = TypeVar("T")


class Leading:
    """`members` names the processes that may come, `ttl` is that of the token response as they see it, 0 where it would not arrive.
    `netns` is a descriptor of a network namespace, and stays the caller's.
    """

    def __init__(
        self, name: str, service: Service, ttl: int, members: Callable[[], Iterable[int]], netns: int | None = None
    ) -> None:
        self._name, self._service, self._netns = name, service, netns
        self.callers = seen = Callers(service.addresses, members, netns=netns)
        self._relay = Relay(
            service,
            Hops(ttl),
            opened=lambda address: self._inside(lambda: open_listener(address)),
            met=seen.met,
            noted=seen.noted,
            over=seen.over,
        )
        self._rules: Backend | None = None
        self._lease = Lease(service.addresses)

    def ready(self, own: OwnGroup | None) -> None:
        """Lead what is in the rehearsal's own group, None for all of the network namespace, and try it. Raises CannotRehearse; call
        `end` then, too.
        """
        self._relay.start()
        relay = {family: self._relay.address(family) for family in self._service.addresses}
        self._rules = put_up(self._name, self._service.addresses, relay, own.kernels if own else ALL, self._netns)
        self._try(own)

    def follow(self, group: Group) -> None:
        """Lead another group's connections from now on, and no others. Raises CannotRehearse where the rules are gone."""
        assert self._rules is not None  # noqa: S101 - `ready` was called
        try:
            self._rules.follow(group)
        except OSError as error:
            raise gone(error) from None

    def beat(self) -> None:
        """Renew the lease of each family in which the relay still hands on what the service says. Raises CannotRehearse where the
        rules are gone.
        """
        assert self._rules is not None  # noqa: S101 - `ready` was called
        self._lease.renew(self._rules, self._is_alive)

    @property
    def lapsed_s(self) -> float:
        """For so long, in all, callers were not led to the relay: in the family in which that was longest."""
        return self._lease.lapsed_s

    @property
    def lapses(self) -> tuple[Lapse, ...]:
        """When that was."""
        return self._lease.lapses

    def end(self, *, drained_within_s: float) -> End:
        """Take it back: new connections go direct at once, running ones are waited for, and only then the rules go."""
        rules, self._rules = self._rules, None
        try:
            return take_back(self._lease, rules, [self._relay], self._name, drained_within_s)
        finally:
            self.callers.close()

    def _is_alive(self, family: socket.AddressFamily) -> bool:
        asking = self._inside(lambda: socket.socket(family, socket.SOCK_STREAM))
        return is_alive(self._relay, self._service, family, asking)

    def _try(self, group: OwnGroup | None) -> None:
        """Ask the service as something in the group would: the answer must come, and by way of the relay."""

        def sockets() -> list[socket.socket]:
            return [
                socket.socket(family, socket.SOCK_STREAM) for _ in range(TRIES) for family in self._service.addresses
            ]

        def came(made: list[socket.socket]) -> bool:
            return all_tried(self._relay, self._service, made, self.beat)

        if not (group.tried(lambda: self._inside(sockets), came) if group else came(self._inside(sockets))):
            raise CannotRehearse(*OTHER_WINS)

    def _inside(self, make: Callable[[], T]) -> T:
        return make() if self._netns is None else call_in(self._netns, make)
