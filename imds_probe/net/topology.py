"""How network namespaces hang together: by which interfaces packets come in from outside, and which way a request takes.

Links and routes say it, and the kernel keeps both. A TTL, which whoever rules over a namespace can write, has no part in it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from imds_probe.dataclass import dataclass
from imds_probe.net import namespaces
from imds_probe.net.rtnetlink import RTN_LOCAL, RTN_UNICAST, Link, Rtnetlink

STANDS_ON_ANOTHER = ("macvlan", "ipvlan", "macvtap", "ipvtap", "vlan")  # no hop: its packets are the other's
STEPS_MAX = 64  # no hop limit reaches further


class Step(NamedTuple):
    """One namespace on a way, and the interfaces by which a request comes in (none at the start) and leaves."""

    inode: int
    incoming: str
    outgoing: str


@dataclass(frozen=True)
class _Place:
    inode: int
    netlink: Rtnetlink
    links: Mapping[int, Link]
    others: dict[int, int | None]  # number of another namespace, as this one has it, to its inode


class Topology:
    """Network namespaces, by their inodes, and the ways into them. They are opened as they are asked for.

    Trouble with one (it is gone, or the kernel refuses) is nothing known: no interface, no way.
    """

    def __init__(self, ways_in: Mapping[int, Path]) -> None:
        self._ways_in = ways_in
        self._opened = contextlib.ExitStack()
        self._places: dict[int, _Place | None] = {}
        self._descriptors: dict[int, int | None] = {}

    def links(self, inode: int) -> tuple[Link, ...]:
        """The interfaces of a namespace."""
        place = self._place(inode)
        return tuple(place.links.values()) if place else ()

    def uplinks(self, inode: int, outside: int | None = None) -> tuple[Link, ...]:
        """The interfaces of a namespace by which packets come from outside: hardware, and cables to the namespace `outside`, which
        for None is any that is not known here.
        """
        place = self._place(inode)
        if place is None:
            return ()
        return tuple(link for link in place.links.values() if self._is_uplink(place, link, outside))

    def is_known(self, inode: int) -> bool:
        """Whether this namespace could be looked into."""
        return self._place(inode) is not None

    def beyond(self, inode: int, address: str) -> int | None:
        """The namespace that is at the other end of the cable by which requests to an address leave this one; None where that is
        none that is known here.
        """
        cable = self._cable(inode, address)
        found = self._inode_of(*cable) if cable else None
        return None if found == inode else found

    def leaves_by_cable(self, inode: int, address: str) -> bool:
        """Whether requests to an address leave this namespace by a cable to another one, as those of a container do."""
        return self._cable(inode, address) is not None

    def _cable(self, inode: int, address: str) -> tuple[_Place, Link] | None:
        place = self._place(inode)
        link, _ = _leaving(place, address) if place else (None, None)
        return (place, link) if place and link and link.kind == "veth" else None

    def way(self, inode: int, address: str, host: int) -> tuple[Step, ...]:
        """The namespaces that a request passes, from this one to the host, or to one with an uplink of its own; empty
        where it cannot be followed to its end.
        """
        steps: list[Step] = []
        place, incoming = self._place(inode), ""
        while place is not None and place.inode not in [step.inode for step in steps]:
            link, gateway = _leaving(place, address)
            if link is None:
                return ()
            steps.append(Step(place.inode, incoming, link.name))
            end = self._below(place, link)
            if place.inode == host or end is None:
                return tuple(steps)
            arrived = self._other_end(*end)
            if arrived is None:
                return ()
            place, link = arrived
            incoming = link.name
            if link.master is not None:
                if not _is_for_itself(place, gateway):
                    return ()
                incoming += f" on {place.links[link.master].name}" if link.master in place.links else ""
        return ()

    def _below(self, place: _Place, link: Link) -> tuple[_Place, Link] | None:
        """The cable that a link ends in, which is itself or what it stands on; None where that is an uplink."""
        for _ in range(STEPS_MAX):
            if self._is_uplink(place, link):
                return None
            below = self._other_end(place, link) if link.kind in STANDS_ON_ANOTHER else None
            if below is None:
                break
            place, link = below
        return place, link

    def _is_uplink(self, place: _Place, link: Link, outside: int | None = None) -> bool:
        if link.kind != "veth":
            return not link.kind and not link.loopback
        if link.master is not None or link.other_namespace is None:
            return False
        return self._inode_of(place, link) == outside

    def _other_end(self, place: _Place, link: Link) -> tuple[_Place, Link] | None:
        inode = self._inode_of(place, link)
        there = self._place(inode) if inode is not None else None
        end = there.links.get(link.other) if there and link.other is not None else None
        return (there, end) if there and end else None

    def _inode_of(self, place: _Place, link: Link) -> int | None:
        """The namespace that the other end of a link is in, None where it is none that is known here."""
        number = link.other_namespace
        if number is None:
            return place.inode
        if number not in place.others:
            place.others[number] = self._numbered(place, number)
        return place.others[number]

    def _numbered(self, place: _Place, number: int) -> int | None:
        for inode in self._ways_in:
            descriptor = self._descriptor(inode)
            with contextlib.suppress(OSError):
                if descriptor is not None and place.netlink.number_of(descriptor) == number:
                    return inode
        return None

    def _descriptor(self, inode: int) -> int | None:
        if inode not in self._descriptors:
            self._descriptors[inode] = None
            with contextlib.suppress(namespaces.NamespaceError):
                opened = namespaces.open_netns(self._ways_in[inode])
                self._opened.callback(os.close, opened)
                if os.fstat(opened).st_ino == inode:  # process ids come again
                    self._descriptors[inode] = opened
        return self._descriptors[inode]

    def _place(self, inode: int) -> _Place | None:
        if inode not in self._places:
            self._places[inode] = None
            descriptor = self._descriptor(inode) if inode in self._ways_in else None
            with contextlib.suppress(OSError, namespaces.NamespaceError):
                if descriptor is not None:
                    netlink = self._opened.enter_context(Rtnetlink(descriptor))
                    self._places[inode] = _Place(inode, netlink, netlink.links(), {})
        return self._places[inode]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()


def _leaving(place: _Place, address: str) -> tuple[Link | None, str | None]:
    """The interface that packets to an address leave by, and the router that they are for."""
    route = place.netlink.route(address)
    if route is None or route.kind != RTN_UNICAST or route.link is None:
        return None, None
    return place.links.get(route.link), route.gateway


def _is_for_itself(place: _Place, gateway: str | None) -> bool:
    """Whether a namespace is the router that a packet is for. What is for another, its bridge hands on."""
    route = place.netlink.route(gateway) if gateway else None
    return route is not None and route.kind == RTN_LOCAL
