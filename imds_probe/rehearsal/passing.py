"""Containers and other networks whose requests the host forwards: who of them is rehearsed, and who is not and why.

They are led by the interfaces of the host that they come in by. A network that comes up meanwhile behind one of these is led at
once, and one behind another interface as soon as it was tried.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from pathlib import Path

from imds_probe.errors import ProbeError
from imds_probe.inventory.containers.discovered import Discovery, NetworkNamespace
from imds_probe.inventory.settings.programs import running
from imds_probe.net.namespaces import current_inode
from imds_probe.net.rtnetlink import outgoing_interface
from imds_probe.rehearsal.crossing import Crossing, Key, Trial, crossings
from imds_probe.rehearsal.leavers import Left
from imds_probe.rehearsal.rule_watch import RuleWatch
from imds_probe.rehearsal.trying import gone
from imds_probe.system.background import Background

COMES_UP_WITHIN_S = 20.0  # a container that starts has no network for a moment
NAMES_MAX = 3
LOOPBACK = "lo"
CLOSED = 0  # the inode of no network
AROUND = "reaches the metadata service without passing the packet rules of this host"
OF_USER = "is in a network that a user made"
COUNTS = "its requests count as those of the program that makes them on this host"
KEPT = "is kept from the relay by a packet filter of this host"
SHARES = "shares its interface with {}, which cannot be led"
NO_MORE = "its requests are not rehearsed from now on"

Place = tuple[socket.AddressFamily, str]  # an interface of the host that requests come in by
Unled = Callable[[Sequence[NetworkNamespace]], None]


class Passing:
    """`trial` has the beat of whoever makes the first look, which waits; later ones work in the background. `unled` is told of
    those that were led and are not any more, and `why_not` says by which packet rule what is forwarded must not be led.
    """

    def __init__(
        self,
        trial: Trial,
        discovered: Callable[[], Discovery],
        proc: Path,
        why_not: Callable[[], str],
        unled: Unled,
    ) -> None:
        self.titles: Mapping[str, str] = {}  # of containers, by identity
        self._trial, self._discovered, self._proc, self._unled = trial, discovered, proc, unled
        self._why_not, self._watch = why_not, RuleWatch(why_not)
        self._changing = threading.Lock()  # what is led, which a look in the background adds to
        self._closed = False
        self._host = current_inode()
        self._known: set[int] = set()
        self._waiting: dict[int, float] = {}  # those that have no way yet, by when they were seen first
        self._led: set[Place] = set()
        self._behind: dict[Place, dict[int, NetworkNamespace]] = {}  # who was found to come in there, by inode
        self._barred: dict[Place, str] = {}  # by whose fault
        for family, (address, _) in trial.service.addresses.items():
            for link in (LOOPBACK, outgoing_interface(address)):
                self._barred[family, link or LOOPBACK] = ""
        self._told: dict[int, Left] = {}
        self._meeting: Background[list[Left]] | None = None

    def first(self) -> list[Left]:
        """Look at all that there is, and lead those that can be led. Raises ProbeError, and OSError where the rules are gone."""
        return self._meet(self._trial)

    def look(self, members: Iterable[int]) -> list[Left]:
        """Those that are not rehearsed, and were not told of before. Never waits. Raises CannotRehearse where a packet rule came up
        that keeps the host from being rehearsed.
        """
        del members  # all of the host is
        fresh = self._meeting is None and self._are_there_new()
        why = self._watch.look(at_once=fresh)  # one that starts behind an interface that is led is led at once
        return [*(self._close(why) if why else []), *self._met(fresh=fresh)]

    def _met(self, *, fresh: bool) -> list[Left]:
        if self._meeting is None:
            if fresh:
                # Whoever calls this keeps the lease up.
                self._meeting = Background("networks", lambda: self._meet(self._trial._replace(beat=lambda: None)))
            return []
        if not self._meeting.ended:
            return []
        meeting, self._meeting = self._meeting, None
        try:
            return meeting.result()
        except (ProbeError, OSError):
            return []  # they are tried again; where the rules are gone, the next beat says so

    def all(self) -> list[Left]:
        """Those that were not rehearsed so far."""
        return list(self._told.values())

    def _are_there_new(self) -> bool:
        there = set()
        for pid in running(self._proc):
            try:
                there.add((self._proc / str(pid) / "ns/net").stat().st_ino)
            except OSError:
                continue
        return bool(there - self._known - {self._host})

    def _meet(self, trial: Trial) -> list[Left]:
        found = self._discovered()
        self.titles = {each.identity: each.title for each in found.containers}
        fresh = [each for each in found.namespaces if each.kind != "host" and each.inode not in self._known]
        if self._closed:
            self._known |= {each.inode for each in fresh}
            return []
        tried = crossings(fresh, trial)
        if any(each.outcome == "led" for each in tried.values()) and (why := self._why_not()):
            return self._close(why)
        with self._changing:
            told = self._lead(found, fresh, tried)
        self._remember(fresh, tried)
        return told

    def _lead(self, found: Discovery, fresh: Sequence[NetworkNamespace], tried: Mapping[Key, Crossing]) -> list[Left]:
        """Lead those that came to the relay when it was tried. What is to be said of the others."""
        if self._closed:
            return []
        self._put_behind(fresh, tried)
        told = self._bar(fresh, tried, {each.inode for each in found.namespaces})
        for family in self._trial.service.addresses:
            links = {each.link for (_, of), each in tried.items() if of == family and each.outcome == "led"}
            new = {link for link in links if link and (family, link) not in self._led.union(self._barred)}
            self._trial.rules.lead_from(family, new)
            self._led |= {(family, link) for link in new}
        told |= {each.inode: left for each in fresh if (left := self._left(each, tried)) is not None}
        self._told |= told
        return list(told.values())

    def _close(self, why: str) -> list[Left]:
        """Lead nothing that is forwarded from now on, as a packet rule says. Raises CannotRehearse where that cannot be done."""
        with self._changing:
            if self._closed:
                return []
            try:
                for family, link in self._led:
                    self._trial.rules.lead_no_more_from(family, [link])
            except OSError as error:
                raise gone(error) from None
            self._unled([there for place in self._led for there in self._behind[place].values()])
            self._led.clear()
            self._closed = True
            self._told[CLOSED] = left = Left(None, "containers", "are not rehearsed from now on", why)
            return [left]

    def _put_behind(self, fresh: Iterable[NetworkNamespace], tried: Mapping[Key, Crossing]) -> None:
        for there in fresh:
            for family in self._trial.service.addresses:
                crossing = tried.get((there.inode, family))
                if crossing is not None and crossing.outcome == "led" and crossing.link is not None:
                    self._behind.setdefault((family, crossing.link), {})[there.inode] = there

    def _bar(
        self, fresh: Iterable[NetworkNamespace], tried: Mapping[Key, Crossing], present: Container[int]
    ) -> dict[int, Left]:
        """Lead nobody by an interface by which somebody would lose the service, or get one that is closed to him.

        What is to be said of those that were led by it, by inode.
        """
        told: dict[int, Left] = {}
        for there in fresh:
            if there.owner_uid is not None:
                continue  # by which interface it comes in is what its user says, by the addresses that he gave it
            for family in self._trial.service.addresses:
                crossing = tried.get((there.inode, family))
                if crossing is None or crossing.link is None or crossing.outcome not in ("kept", "closed"):
                    continue
                place = family, crossing.link
                self._barred.setdefault(place, _name(there))
                if place in self._led:
                    self._trial.rules.lead_no_more_from(family, [crossing.link])
                    self._led.discard(place)
                    behind = [each for each in self._behind[place].values() if each.inode in present]
                    self._unled(behind)
                    why = SHARES.format(_name(there))
                    told |= {each.inode: Left(_pid(each), _name(each), why, NO_MORE) for each in behind}
        return told

    def _left(self, there: NetworkNamespace, tried: Mapping[Key, Crossing]) -> Left | None:
        """What is to be said of it, None where it is rehearsed, or reaches no service."""
        pid = _pid(there)
        for family in self._trial.service.addresses:
            crossing = tried.get((there.inode, family), Crossing("nothing"))
            if crossing.outcome == "around" and there.owner_uid is not None:
                return Left(pid, _name(there), OF_USER, COUNTS)
            if crossing.outcome == "around":
                return Left(pid, _name(there), AROUND)
            if crossing.outcome == "kept":
                return Left(pid, _name(there), KEPT)
            if crossing.outcome == "led" and (family, crossing.link) not in self._led:
                fault = self._barred.get((family, crossing.link or LOOPBACK))
                return Left(pid, _name(there), SHARES.format(fault) if fault else AROUND)
        return None

    def _remember(self, fresh: Iterable[NetworkNamespace], tried: Mapping[Key, Crossing]) -> None:
        """Those that have no way yet are looked at again for a while."""
        now = time.monotonic()
        for each in fresh:
            ways = [tried.get((each.inode, family)) for family in self._trial.service.addresses]
            if all(way is None or way.outcome == "nothing" for way in ways):
                since = self._waiting.setdefault(each.inode, now)
                if now - since < COMES_UP_WITHIN_S:
                    continue
            self._waiting.pop(each.inode, None)
            self._known.add(each.inode)


def _pid(there: NetworkNamespace) -> int | None:
    return there.pids[0] if there.pids else None


def _name(there: NetworkNamespace) -> str:
    names = [each.title for each in there.containers if not each.sandbox] or [there.label]
    more = f" and {len(names) - NAMES_MAX} more" if len(names) > NAMES_MAX else ""
    return ", ".join(names[:NAMES_MAX]) + more
