"""A rehearsal of the whole host: its own programs, containers on its network, and containers whose requests it forwards.

There are two relays. That on loopback answers what is made here, with the hop limit as the TTL of a token response. The other
answers what is forwarded, with one less, as forwarding would have left it: routers behind the host take off theirs, and where
nothing is left, the response does not arrive, as after the switch.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from imds_probe.inventory.containers.discovered import Discovery, NetworkNamespace
from imds_probe.inventory.containers.discovery import discover
from imds_probe.net.obstacles.obstacle import Obstacles
from imds_probe.rehearsal import words
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.backends import excluding, refused
from imds_probe.rehearsal.callers import Callers, Seen
from imds_probe.rehearsal.claims import Claims
from imds_probe.rehearsal.connection import Hops, Service
from imds_probe.rehearsal.crossing import Trial
from imds_probe.rehearsal.group import own_name
from imds_probe.rehearsal.host_rules import RELAYS_OWN, TRIAL, HostRules
from imds_probe.rehearsal.leading import OTHER_WINS
from imds_probe.rehearsal.leavers import Left
from imds_probe.rehearsal.passing import Passing
from imds_probe.rehearsal.rehearsal import BEAT_EVERY_S, FAMILY, Change
from imds_probe.rehearsal.relay import Relay
from imds_probe.rehearsal.rule_watch import RuleWatch
from imds_probe.rehearsal.trying import TRIES, End, Lapse, Lease, all_tried, gone, is_alive, take_back
from imds_probe.rehearsal.unopened import in_this_namespace, why_not_containers
from imds_probe.simulator.listeners import open_listener
from imds_probe.watch.caller import caller_of
from imds_probe.watch.owner import Owners

PROC = Path("/proc")


class HostRehearsal:
    """`ready` makes all of it or nothing."""

    target = group = None
    target_is_there = True

    def __init__(
        self,
        service: Service,
        hop_limit: int,
        *,
        discovered: Callable[[], Discovery] = discover,
        obstacles: Callable[[str], Obstacles] = in_this_namespace,
        proc: Path = PROC,
    ) -> None:
        self.name = own_name()
        self._service = replace(service, mark=RELAYS_OWN)
        self._discovered, self._obstacles, self._proc = discovered, obstacles, proc
        self.callers = seen = HostCallers(self._service.addresses, self._titles, proc)
        self._here, self._passing = (
            Relay(self._service, hops, opened=opened, met=seen.met, noted=seen.noted, over=seen.over)
            for hops, opened in (
                (Hops(hop_limit), open_listener),
                (Hops(hop_limit - 1), lambda address: open_listener((self._own_address(address[0]), 0))),
            )
        )
        self._lease = Lease(self._service.addresses)
        self._beaten_at = 0.0
        self._claims = Claims()
        self._rules: HostRules | None = None
        self.leavers: Passing | Nobody = Nobody("", lambda: "")

    def ready(self) -> None:
        """Raises CannotRehearse where the promise cannot be kept; everything is as before then."""
        try:
            self._claims.take_host(whole=True)
            why_not = self._why_not_containers()
            self._here.start()
            self._passing.start()
            rules = self._rules = self._put_up()
            if not all_tried(self._here, self._service, self._marked(), self.beat):
                raise CannotRehearse(*OTHER_WINS)
            if why_not:
                self.leavers = Nobody(why_not, self._why_not_containers)
            else:
                trial = Trial(self._service, rules, self._passing, self._beat_now_and_then)
                self.leavers = Passing(
                    trial, self._discovered, self._proc, self._why_not_containers, self.callers.unled
                )
            self.leavers.first()
            rules.go_live()
        except OSError as error:
            self.end(drained_within_s=0.0)
            raise gone(error) from None
        except BaseException:
            self.end(drained_within_s=0.0)
            raise

    def members(self) -> list[int]:
        """Nobody in particular."""
        return []

    def not_rehearsed(self) -> list[str]:
        """In words, who is not rehearsed from the beginning."""
        return [words.left(each) for each in self.leavers.all()]

    def follow(self) -> Change:
        """A host neither ends nor begins anew."""
        return ""

    def beat(self) -> None:
        """Renew the lease of each family in which both relays hand on what the service says. Raises CannotRehearse where the rules
        are gone.
        """
        assert self._rules is not None  # noqa: S101 - `ready` was called
        self._lease.renew(self._rules, self._are_alive)
        self._beaten_at = time.monotonic()

    def seen(self) -> list[Seen]:
        """Who has asked so far."""
        return self.callers.all()

    @property
    def lapsed_s(self) -> float:
        return self._lease.lapsed_s

    @property
    def lapses(self) -> tuple[Lapse, ...]:
        return self._lease.lapses

    def end(self, *, drained_within_s: float) -> End:
        """Take it back: new connections go direct at once, running ones are waited for, and only then the rules go."""
        rules, self._rules = self._rules, None
        try:
            return take_back(self._lease, rules, (self._here, self._passing), self.name, drained_within_s)
        finally:
            self.callers.close()
            self._claims.give_back()

    def _why_not_containers(self) -> str:
        return why_not_containers({FAMILY[each] for each in self._service.addresses}, self._obstacles, self.name)

    def _put_up(self) -> HostRules:
        if excluding(os.uname().release):
            raise CannotRehearse(
                "packet rules of nf_tables and of iptables exclude each other on this kernel",
                "Use Linux 4.18 or later.",
            )
        here, passing = (
            {family: relay.address(family) for family in self._service.addresses}
            for relay in (self._here, self._passing)
        )
        try:
            rules = HostRules(self.name, self._service.addresses, here, passing)
        except OSError as error:
            raise refused(error) from None
        try:
            rules.put_up()
        except OSError as error:
            rules.close()
            raise refused(error) from None
        return rules

    def _marked(self) -> list[socket.socket]:
        """What the rules are tried with on the host."""
        made = [socket.socket(family, socket.SOCK_STREAM) for _ in range(TRIES) for family in self._service.addresses]
        for each in made:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, TRIAL)
        return made

    def _own_address(self, loopback: str) -> str:
        """By which the host reaches the service: what is forwarded can be led to no address of loopback."""
        family = socket.AF_INET6 if ":" in loopback else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect(self._service.addresses[family])  # sends nothing
            address: str = asking.getsockname()[0]
            return address

    def _are_alive(self, family: socket.AddressFamily) -> bool:
        return all(
            is_alive(relay, self._service, family, socket.socket(family, socket.SOCK_STREAM))
            for relay in (self._here, self._passing)
        )

    def _beat_now_and_then(self) -> None:
        if time.monotonic() - self._beaten_at >= BEAT_EVERY_S:
            self.beat()

    def _titles(self) -> dict[str, str]:
        return dict(self.leavers.titles)


class Nobody:
    """In place of what the host forwards, where that is not led, and why not. Rules for the host's own programs are looked for."""

    def __init__(self, why_not: str, now: Callable[[], str]) -> None:
        self.titles: dict[str, str] = {}
        self._why_not, self._watch = why_not, RuleWatch(now)

    def first(self) -> list[Left]:
        return []

    def look(self, members: object) -> list[Left]:
        """Raises CannotRehearse where there is such a rule."""
        del members
        self._watch.look()
        return []

    def all(self) -> list[Left]:
        return [Left(None, "containers", "are not rehearsed", self._why_not)] if self._why_not else []


class HostCallers(Callers):
    """Callers in all network namespaces. Names of containers stand beside those of processes."""

    def __init__(
        self,
        service: dict[socket.AddressFamily, tuple[str, int]],
        titles: Callable[[], dict[str, str]],
        proc: Path,
    ) -> None:
        super().__init__(service, list, proc)
        self._titles = titles
        self._owners = Owners(proc)
        self._asked = threading.Lock()  # both relays ask
        self._named: set[int] = set()

    def all(self) -> list[Seen]:
        """The same, each with the name of its container, which may be known by now: one that has just started is found later."""
        seen, titles = super().all(), self._titles()
        for each in seen:
            if each.caller is not None and each.caller.container is not None:
                each.container = each.container or titles.get(each.caller.container)
        return seen

    def close(self) -> None:
        super().close()
        with self._asked:
            self._owners.close()

    def unled(self, there: Sequence[NetworkNamespace]) -> None:
        """Mark those in these networks: what they ask comes to the relay no more."""
        inodes = {each.inode for each in there}
        containers = {each.identity for space in there for each in space.containers}
        with self._lock:
            found = list(self._seen.values())
        for each in found:
            if each.caller is not None and (each.caller.container in containers or self._netns(each.pid) in inodes):
                each.lead_no_more()

    def _netns(self, pid: int | None) -> int | None:
        try:
            return (self._proc / str(pid) / "ns/net").stat().st_ino
        except OSError:
            return None  # it has ended

    def _holder(self, family: socket.AddressFamily, peer: tuple[str, int]) -> int | None:
        with self._asked:
            return self._owners.owner(*peer, *self._service[family])

    def _of(self, pid: int | None) -> Seen:
        seen = super()._of(pid)
        if seen.pid is not None and seen.pid not in self._named:
            self._named.add(seen.pid)
            caller = caller_of(self._proc, seen.pid)
            if caller is not None and caller.container is not None:
                seen.container = self._titles().get(caller.container)
                seen.name += f" in {seen.container or caller.container[:12]}"
        return seen
