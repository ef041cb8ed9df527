"""Network namespaces that have an interface of their own to the outside: what they send never comes by the one that is watched.

Such are tasks of ECS in network mode awsvpc, and containers that a card was moved into (host-device, SR-IOV). Each is watched by a
ring of its own on these interfaces alone: what goes out through this host's network is seen here.

A namespace is found when an interface leaves this one, which the kernel says, when a process in it connects, and by a look at all
now and then. A ring keeps its namespace alive, and with it the interface: it is closed soon after the last process there has ended.
"""

from __future__ import annotations

import itertools
import select
import socket
import struct
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from imds_probe.inventory.settings.programs import running
from imds_probe.net import namespaces
from imds_probe.net.netlink import attributes, messages
from imds_probe.net.topology import Topology
from imds_probe.system.mounts import mounts
from imds_probe.watch.caller import Caller
from imds_probe.watch.connection import APART, SEEN_WITHIN_S, Connection
from imds_probe.watch.ring import Packet, Ring

FRAMES = 512  # a megabyte
RINGS_MAX, NAMESPACES_MAX = 64, 512
RINGS_OF_USERS_MAX = 16  # in namespaces that users made, who find kinds of interfaces that look like hardware
ALL_WITHIN_S, GONE_WITHIN_S, SETTLED_WITHIN_S = 300.0, 2.0, 0.5
KNOWN_S = 3600.0  # so long one that had nothing of its own is taken to have nothing
LOOKING_SHARE = 20  # in one so much of the time, all processes are looked at
PROMPT_S = 2.0  # after an interface left, it is found before anybody calls there
CLOSED_MAX, MISSED_MAX, SEEN_MAX = 256, 1000, 256
NEVER = float("-inf")
RTMGRP_LINK, RTM_DELLINK = 1, 17  # <linux/rtnetlink.h>
IFLA_LINKINFO, IFLA_LINK_NETNSID, IFLA_NEW_NETNSID = 18, 37, 45  # <linux/if_link.h>
_LINK = struct.Struct("=BxHiII")
ANSWER_BYTES = 64 * 1024


@dataclass(slots=True)
class _Place:
    """A namespace that is watched by a ring, from `since` on (in seconds since the epoch)."""

    number: int
    netns: int
    path: Path
    interfaces: frozenset[int]
    ring: Ring
    since: float
    of_user: bool


@dataclass(slots=True)
class Missed:
    """A connection that was made where nobody watched, or not yet. `at` is in seconds since the epoch. `unsure`: where that was is
    not known, as its process has ended, or that one had no interface of its own when it was looked at.
    """

    at: float
    caller: Caller
    unsure: bool


class Apart:
    """Their rings, which `poll` waits for. `program` makes the filter for some interfaces; `home` is the inode of the namespace
    that is watched anyway, in which whoever calls this has to be; `service` is an address.

    `unwatched` says why calls from there may be missed; empty where none are. `late` counts namespaces that were found late.
    """

    def __init__(
        self,
        proc: Path,
        home: int,
        service: str,
        program: Callable[[Collection[int]], bytes],
        poll: select.poll,
    ) -> None:
        self._proc, self._home, self._service, self._program, self._poll = proc, home, service, program, poll
        self._places: dict[int, _Place] = {}
        self._numbered: OrderedDict[int, _Place] = OrderedDict()  # also those of which packets may be waiting yet
        self._nothing: dict[int, float] = {}  # when they were looked at, on the monotonic clock
        self._refused: dict[int, str] = {}
        self._there: Mapping[int, Path] = {}
        self._outside: int | None = None
        self._lost = False  # where the host's own cable ends
        self._numbers = itertools.count(1)
        self._missed: dict[tuple[int, str], Missed] = {}
        self._seen: OrderedDict[tuple[int, str], float] = OrderedDict()  # when they began, in seconds since the epoch
        self._moved = False
        self._again_at = self._gone_at = self._not_before = 0.0
        self._left_at = self._opened_at = NEVER
        self._dropped = self.late = 0
        self._changes: socket.socket | None = None
        self._listen()
        self._began = float("inf")
        self.look()
        self._began, self.late = time.time(), 0

    def _listen(self) -> None:
        """For interfaces that leave. Where the kernel does not say so, a look at all finds them later."""
        changes = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
        )
        try:
            changes.bind((0, RTMGRP_LINK))
        except OSError:
            changes.close()
            return
        self._changes = changes
        self._poll.register(changes.fileno(), select.POLLIN)

    @property
    def due_in_s(self) -> float:
        """When it has to look again."""
        at = max(self._again_at, self._not_before)
        return max(0.0, (min(at, self._gone_at) if self._places else at) - time.monotonic())

    def look(self) -> None:
        """Whether there is something new, or something gone, as far as it is time for that."""
        left = self._has_left()
        now = time.monotonic()
        if left:
            self._again_at = self._left_at = now
        if self._places and now >= self._gone_at:
            self._gone_at = now + GONE_WITHIN_S
            if not all(_inode(place.path) == netns for netns, place in self._places.items()):
                self._again_at = now
        if now >= max(self._again_at, self._not_before):
            self._look_now()

    def _look_now(self) -> None:
        began, at = time.thread_time(), time.monotonic()
        self._look_at_all()
        now = time.monotonic()
        self._not_before = now + LOOKING_SHARE * (time.thread_time() - began)
        # The kernel says that an interface leaves before it is where it goes.
        if at - self._left_at < SETTLED_WITHIN_S or self._lost:
            self._again_at = now + SETTLED_WITHIN_S
        else:
            self._again_at, self._moved = now + ALL_WITHIN_S, False

    def _has_left(self) -> bool:
        """Whether an interface has left this namespace since, or what the kernel says of it was lost."""
        left = False
        while self._changes is not None:
            try:
                said = self._changes.recv(ANSWER_BYTES)
            except BlockingIOError:
                break
            except OSError:  # too much came at a time
                left = self._moved = True
                continue
            for each in messages(said):
                if each.kind == RTM_DELLINK and len(each.body) >= _LINK.size and each.body[0] == socket.AF_UNSPEC:
                    left = True
                    about = attributes(each.body[_LINK.size :])  # of a card, or of a cable whose other end is elsewhere
                    self._moved |= IFLA_LINKINFO not in about or {IFLA_LINK_NETNSID, IFLA_NEW_NETNSID} <= about.keys()
        return left

    def _look_at_all(self) -> None:
        self._there = there = namespaces_there(self._proc)
        for netns in [each for each in self._places if each not in there]:
            self._close(netns)
        for netns, place in self._places.items():
            place.path = there[netns]
        for known in (self._nothing, self._refused):
            for netns in [each for each in known if each not in there]:
                del known[netns]
        if len(there) >= NAMESPACES_MAX:
            self._refused[0] = f"there are more than {NAMESPACES_MAX} of them"
        before = float("inf") if self._moved else time.monotonic() - KNOWN_S
        watched = () if self._moved else self._places
        self._look_at([each for each in there if each not in watched and self._nothing.get(each, NEVER) < before])

    def _look_at(self, some: Collection[int]) -> None:
        """Open a ring in each of these that has an interface of its own which is not watched."""
        if not some:
            return
        with Topology({self._home: namespaces.CURRENT, **self._there}) as topology:
            # Where the host's own cable ends is outside, if it has one, as a host that is a container has. Nothing there is the
            # host's, nor in the machine that it is a part of. Of all others, only hardware is.
            cable = topology.leaves_by_cable(self._home, self._service)
            outside = topology.beyond(self._home, self._service) or self._outside  # the kernel may be too busy to say
            self._outside, self._lost = outside, cable and outside is None
            others = {self._home, outside, next(iter(self._there), None)}
            for netns in some:
                path = self._there[netns]
                if netns in others:
                    self._has_nothing(netns)
                elif not topology.is_known(netns):
                    self._not_looked_into(netns, path)
                else:
                    links = topology.uplinks(netns, outside)
                    if self._lost and all(link.kind for link in links):
                        continue  # until that is known
                    of_user = bool(links) and _is_of_user(path)
                    no_cables = of_user or outside is None
                    interfaces = frozenset(link.index for link in links if not (link.kind and no_cables))
                    self._watch(netns, path, interfaces, of_user=of_user)

    def _not_looked_into(self, netns: int, path: Path) -> None:
        try:
            namespaces.socket_in(path, socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE).close()
        except namespaces.NamespaceRefused as error:
            self._refused[netns] = error.problem
            return
        except namespaces.NamespaceError:
            pass  # it has gone, or is none
        self._has_nothing(netns)

    def _has_nothing(self, netns: int) -> None:
        self._nothing[netns] = time.monotonic()
        self._refused.pop(netns, None)

    def _watch(self, netns: int, path: Path, interfaces: frozenset[int], *, of_user: bool) -> None:
        place = self._places.get(netns)
        if not interfaces:
            self._has_nothing(netns)
            if place is not None:
                self._close(netns)
        elif place is None or place.interfaces != interfaces:
            self._open(netns, path, interfaces, of_user=of_user)

    def _open(self, netns: int, path: Path, interfaces: frozenset[int], *, of_user: bool) -> None:
        most = RINGS_OF_USERS_MAX if of_user else RINGS_MAX
        users = sum(each.of_user for each in self._places.values())
        if netns not in self._places and (len(self._places) >= RINGS_MAX or (of_user and users >= most)):
            self._refused[netns] = f"there are more than {most} of them"
            return
        try:
            ring = Ring(self._program(interfaces), path, FRAMES)
        except namespaces.NamespaceGone:
            return
        except namespaces.NamespaceError as error:
            self._refused[netns] = error.problem
            return
        except OSError as error:
            self._refused[netns] = error.strerror or "no packets can be captured"
            return
        if _inode(path) != netns:  # process ids come again
            ring.close()
            return
        self._close(netns)
        self._opened_at = time.time()
        place = _Place(next(self._numbers), netns, path, interfaces, ring, self._opened_at, of_user)
        if not self._places:
            self._gone_at = time.monotonic() + GONE_WITHIN_S
        self._places[netns] = self._numbered[place.number] = place
        self._refused.pop(netns, None)
        self._nothing.pop(netns, None)
        self._poll.register(ring.fileno(), select.POLLIN)
        self.late += time.monotonic() - self._left_at > PROMPT_S
        while len(self._numbered) > RINGS_MAX + CLOSED_MAX:
            oldest = next(number for number, each in self._numbered.items() if self._places.get(each.netns) is not each)
            del self._numbered[oldest]

    def _close(self, netns: int) -> None:
        place = self._places.pop(netns, None)
        if place is not None:
            self._dropped += place.ring.dropped()
            self._poll.unregister(place.ring.fileno())
            place.ring.close()

    def packets(self) -> Iterator[Packet]:
        """What has come since by their interfaces, which have the namespace's number besides."""
        for place in tuple(self._places.values()):
            of = place.number * APART
            for packet in place.ring.packets():
                yield packet._replace(interface=of + packet.interface)

    def rings(self) -> Iterator[Ring]:
        """All that are open."""
        return (place.ring for place in self._places.values())

    def dropped(self) -> int:
        """How many packets there was no room for since this was asked last."""
        lost, self._dropped = self._dropped + sum(ring.dropped() for ring in self.rings()), 0
        return lost

    @property
    def unwatched(self) -> str:
        if not self._refused:
            return ""
        why = next(iter(self._refused.values()))
        return f"calls from some network namespaces may be missed: {why}"

    def netns_of(self, interface: int) -> int | None:
        """Whose interface it is, by its number in packets."""
        place = self._numbered.get(interface // APART)
        return place.netns if place is not None else None

    def has(self, netns: int) -> bool:
        """Whether it is watched by a ring of its own."""
        return netns in self._places

    def process_of(self, interface: int) -> int | None:
        """A process in the namespace of this interface, None where none is known."""
        place = self._numbered.get(interface // APART)
        if place is None or _inode(place.path) != place.netns:
            return None
        process = place.path.parents[1]
        return int(process.name) if process.parent == self._proc and process.name.isdigit() else None

    def connected(self, caller: Caller, port: int, service: str, at: float) -> None:
        """Somebody connected to the service: where nobody watches there, or not yet, the packets were not seen."""
        netns, key = caller.netns, (port, service)
        if netns == self._home or at < self._began or abs(self._seen.get(key, 0.0) - at) < SEEN_WITHIN_S:
            return
        if netns is not None and not any(netns in known for known in (self._places, self._nothing, self._refused)):
            self._met(netns, caller.pid)
        place = self._places.get(netns) if netns is not None else None
        if (place is None or at < place.since) and len(self._missed) < MISSED_MAX:
            self._missed[key] = Missed(at, caller, place is None and netns not in self._refused)

    def _met(self, netns: int, pid: int) -> None:
        """A namespace of which nothing is known."""
        path = self._proc / str(pid) / "ns/net"
        if _inode(path) == netns:
            self._there = {**self._there, netns: path}
            self._look_at((netns,))

    def saw(self, connection: Connection) -> None:
        """Packets of this connection were seen, perhaps before it was read who made it."""
        key = connection.port, connection.service
        self._missed.pop(key, None)
        self._seen[key] = connection.began
        if len(self._seen) > SEEN_MAX:
            self._seen.popitem(last=False)

    @property
    def undecided(self) -> bool:
        """Whether packets of somebody who connected may come yet."""
        return bool(self._missed)

    def missed(self, before: float, is_opening: Callable[[int, str, float], bool] = lambda *_: False) -> list[Missed]:
        """Connections from before then (seconds since the epoch) of which no packet was seen, each once. Of those that a proxy in
        their own network took, none is to be seen: what is unsure counts if a network is found there that was not watched.
        Of an ended process nobody knows where it was; `is_opening` says of a port, an address and a time whether a connection was
        seen to begin: then it was where somebody watches, and came no further.
        """
        due = [key for key, each in self._missed.items() if each.at < before]
        unsure = {self._missed[key].caller.netns for key in due if self._missed[key].unsure}
        if unsure:
            if time.monotonic() < self._not_before and before < float("inf"):
                due = [key for key in due if not self._missed[key].unsure]
            else:
                self._look_again(unsure)
        found = [(*key, self._missed.pop(key)) for key in due]
        return [
            each
            for port, service, each in found
            if not each.unsure
            or (self._was_missed(each) and not (each.caller.netns is None and is_opening(port, service, each.at)))
        ]

    def _look_again(self, some: Collection[int | None]) -> None:
        """At these, and at all for one that is not known."""
        began = time.thread_time()
        if None in some:
            self._look_at_all()
        self._look_at([each for each in some if each is not None and each in self._there and each not in self._places])
        now = time.monotonic()
        self._not_before = now + LOOKING_SHARE * (time.thread_time() - began)
        if self._lost:
            self._again_at = min(self._again_at, now + SETTLED_WITHIN_S)

    def _was_missed(self, each: Missed) -> bool:
        netns = each.caller.netns
        if netns is None:
            return bool(self._refused) or each.at < self._opened_at
        place = self._places.get(netns)
        return netns in self._refused if place is None else each.at < place.since

    def close(self) -> None:
        """Let go of all of them."""
        for netns in tuple(self._places):
            self._close(netns)
        if self._changes is not None:
            self._poll.unregister(self._changes.fileno())
            self._changes.close()
            self._changes = None


def namespaces_there(proc: Path) -> dict[int, Path]:
    """Each network namespace by its inode, with a way in: its oldest process, or where it is mounted. That of the oldest of all
    processes comes first. Of what is mounted some are namespaces of another kind.
    """
    there: dict[int, Path] = {}
    for pid in sorted(running(proc)):
        path = proc / str(pid) / "ns/net"
        inode = _inode(path)
        if inode is not None and len(there) < NAMESPACES_MAX:
            there.setdefault(inode, path)
    for process in ("self", "1"):
        for mount in mounts(proc, process):
            if mount.kind == "nsfs" and len(there) < NAMESPACES_MAX:
                path = proc / process / "root" / mount.point.lstrip("/")
                inode = _inode(path)
                if inode is not None:
                    there.setdefault(inode, path)
    return there


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _is_of_user(path: Path) -> bool:
    """Whether a user made this namespace, who may lay cables to wherever he likes: a card only root moves."""
    try:
        return namespaces.owner_uid(path) is not None
    except namespaces.OwnerNotSaid:
        return False
    except namespaces.NamespaceError:
        return True
