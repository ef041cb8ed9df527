"""By which interface of this network namespace whose packets come: a packet says of itself what its sender likes."""

from __future__ import annotations

import itertools
import os
import socket
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from imds_probe.inventory.settings.programs import running
from imds_probe.kept.process_name import file_name
from imds_probe.net import links, namespaces
from imds_probe.system.small_file import read_head, read_link
from imds_probe.watch.apart import Apart
from imds_probe.watch.connection import APART, Connection

KNOWN_S, KNOWN_MAX = 30.0, 1000
NAMESPACES_MAX = 512
DESCRIPTORS_MAX, FDINFO_BYTES = 256, 1024
VPNS = ("openvpn", "tincd", "zerotier-one", "vpnserver", "vpnclient", "vpnbridge", "fastd", "edge", "n2n")
OF_DEVICES = Path("/sys/class/net")
K = TypeVar("K")
V = TypeVar("V")


class _Known(NamedTuple):
    """The interfaces of a network namespace, as of when, of the monotonic clock in seconds. `before` are those of one that had
    its number before.
    """

    interfaces: frozenset[int]
    at: float
    before: frozenset[int]


class Ways:
    """What leads where, asked once in KNOWN_S seconds. `proc` says which processes there are, `services` are addresses. `apart`
    are namespaces with interfaces of their own, None where none are watched.
    """

    apart: Apart | None = None

    def __init__(self, proc: Path, services: Collection[str]) -> None:
        self._proc, self._services = proc, tuple(services)
        self._home = namespaces.open_netns(namespaces.CURRENT)
        self.home = os.fstat(self._home).st_ino
        self._known: dict[int, _Known] = {}
        self._uplinks: tuple[frozenset[int], float] = (frozenset(), float("-inf"))
        self._local: dict[str, tuple[bool, float]] = {}
        self._physical: dict[int, tuple[bool, float]] = {}

    def lead_to_service(self, interface: int) -> bool:
        """Whether nobody on this host can have sent what comes in by this interface: it is a card, or the host's own way to
        the service leads over it. Of a bridge or a bond over cards, the cards alone: containers have ports of it, too.
        """
        if interface >= APART or self.physical(interface):
            return True
        now = time.monotonic()
        if now - self._uplinks[1] > KNOWN_S:
            routed = {links.interface_to(service) for service in self._services} - {None}
            self._uplinks = frozenset(each for each in routed if each is not None and not links.has_ports(each)), now
        return interface in self._uplinks[0]

    def physical(self, interface: int) -> bool:
        """Whether packets come in here from other hosts: a card has a device, what the kernel made up has none."""
        now = time.monotonic()
        known = self._physical.get(interface)
        if known is None or now - known[1] > KNOWN_S:
            known = _is_physical(interface), now
            _keep(self._physical, interface, known)
        return known[0]

    def is_of_vpn(self, tap: str) -> bool:
        """Whether a program of a VPN has this interface; others that have one of kind "tap" run virtual machines. Looks at all
        processes.
        """
        return any(_is_vpn(self._proc / str(pid)) and _has(self._proc / str(pid), tap) for pid in running(self._proc))

    def may_be_of(self, netns: int | None, local: str, connection: Connection) -> bool:
        """Whether a socket in a network namespace, whose address is `local` there, can have made this connection.

        None is a namespace that is not known any more, as its process has ended.
        """
        if connection.is_apart:
            return self._may_be_apart(netns, local, connection)
        same = local == connection.client
        if netns == self.home or (netns is None and connection.outgoing):
            return connection.outgoing and (same or self._is_local(connection.client))
        if netns is None:
            return not self._is_local(local)
        known = self._known.get(netns)
        if known is None:
            return True  # it may have a way in, besides one of its own
        if not known.interfaces:
            return self.apart is None or not self.apart.has(netns)
        return connection.interface in known.interfaces | known.before

    def _may_be_apart(self, netns: int | None, local: str, connection: Connection) -> bool:
        """The same of one that left by another namespace's own interface: that one has it, or one that goes out through it."""
        if netns is None or self.apart is None:
            return True
        if netns == self.apart.netns_of(connection.interface):
            return True
        return netns != self.home and not self.apart.has(netns) and local != connection.client

    def learn(self, netns: int | None, pid: int) -> None:
        """Find out about the namespace that a process is in, as long as it is there."""
        if netns is None or netns == self.home:
            return
        now = time.monotonic()
        known, before = self._known.get(netns), frozenset[int]()
        if known is not None and not all(map(_exists, known.interfaces)):
            # The next container's namespace gets the number of one that has gone, with interfaces that are never the same.
            # What that one sent may be waiting yet.
            del self._known[netns]
            before, known = known.interfaces, None
        if known is not None and now - known.at < KNOWN_S:
            return
        path = self._proc / str(pid) / "ns/net"
        try:
            if path.stat().st_ino != netns:
                return
            found = links.ways_into(self._home, path)
        except (OSError, namespaces.NamespaceError):
            return
        _keep(self._known, netns, _Known(found, now, before))

    def netns_of(self, interface: int) -> int | None:
        """The inode of the network namespace that packets come from by an interface, as far as it is known already."""
        if interface >= APART:
            return self.apart.netns_of(interface) if self.apart is not None else None
        return next((netns for netns, known in self._known.items() if interface in known.interfaces), None)

    def whose(self, interface: int) -> int | None:
        """The oldest process of whom the packets are that come in by an interface; None for the host's own and where nobody
        is found. Looks at all processes.
        """
        if interface >= APART:
            return self._process_apart(interface)
        for netns, pid in self._namespaces():
            self.learn(netns, pid)
            if netns in self._known and interface in self._known[netns].interfaces:
                return pid
        return None

    def _process_apart(self, interface: int) -> int | None:
        known = self.apart.process_of(interface) if self.apart is not None else None
        wanted = self.netns_of(interface)
        return known or next((pid for netns, pid in self._namespaces() if netns == wanted), None)

    def _namespaces(self) -> Iterator[tuple[int, int]]:
        """Each other network namespace with the oldest process in it."""
        seen = {self.home}
        for pid in sorted(running(self._proc)):
            try:
                netns = (self._proc / str(pid) / "ns/net").stat().st_ino
            except OSError:
                continue
            if netns not in seen and len(seen) < NAMESPACES_MAX:
                seen.add(netns)
                yield netns, pid

    def _is_local(self, address: str) -> bool:
        now = time.monotonic()
        known = self._local.get(address)
        if known is None or now - known[1] > KNOWN_S:
            known = _is_local(address), now
            _keep(self._local, address, known)
        return known[0]

    def close(self) -> None:
        """Let go of the namespace."""
        os.close(self._home)


def _keep(known: dict[K, V], key: K, value: V) -> None:
    if len(known) >= KNOWN_MAX:
        known.clear()
    known[key] = value


def _exists(interface: int) -> bool:
    try:
        socket.if_indextoname(interface)
    except OSError:
        return False
    return True


def _is_vpn(process: Path) -> bool:
    try:
        return file_name(read_link(process / "exe")).startswith(VPNS)
    except OSError:
        return False


def _has(process: Path, tap: str) -> bool:
    """By what the kernel says of its descriptors: tun_chr_show_fdinfo in Linux, drivers/net/tun.c."""
    line = f"iff:\t{tap}\n".encode()
    try:
        descriptors = itertools.islice((process / "fdinfo").iterdir(), DESCRIPTORS_MAX)
        return any(line in read_head(each, FDINFO_BYTES) for each in descriptors)
    except OSError:
        return False


def _is_physical(interface: int) -> bool:
    try:
        return (OF_DEVICES / socket.if_indextoname(interface) / "device").exists()
    except OSError:
        return False


def _is_local(address: str) -> bool:
    """Whether the host has this address: only its own can be taken."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        try:
            one.bind((address, 0))
        except OSError:
            return False
    return True
