"""Where calls come from that no process of this host makes for itself: virtual machines, relays of whole networks, other hosts."""

from __future__ import annotations

import contextlib
import socket
import time
from functools import lru_cache
from typing import NamedTuple

from imds_probe.facts.callers import Origin
from imds_probe.kept.process_name import file_name
from imds_probe.net import links
from imds_probe.watch.caller import Caller
from imds_probe.watch.connection import APART, Connection
from imds_probe.watch.ways import Ways

KNOWN_S, KNOWN_MAX = 30.0, 1000
BEHIND_AGAIN_S = 10.0  # whose interface it is takes a look at all processes
# They take connections out of a network of their own, and make them anew as a process of this one.
USER_MODE_NETWORKS = ("slirp4netns", "pasta", "passt", "gvproxy", "gvforwarder", "vpnkit", "rootlesskit", "libslirp")
VIRTUAL_MACHINES = (
    "qemu-system",
    "qemu-kvm",
    "kvm",
    "crosvm",
    "firecracker",
    "cloud-hypervisor",
    "VBoxHeadless",
    "vmware-vmx",
    "lkvm",
)
TAPS = ("tap", "macvtap", "ipvtap")
# Interfaces whose packets come from other hosts, by the kernel's names of their kinds: tunnels, and what is encrypted.
TUNNELS = frozenset(
    (
        *(
            "tun",
            "wireguard",
            "amneziawg",
            "ovpn",
            "vxlan",
            "geneve",
            "bareudp",
            "gre",
            "gretap",
            "ip6gre",
            "ip6gretap",
        ),
        *("erspan", "ip6erspan", "ipip", "ip6tnl", "sit", "vti", "vti6", "xfrm", "ppp", "l2tpeth", "gtp", "macsec"),
    )
)


class _Interface(NamedTuple):
    name: str
    kind: str
    at: float  # of the monotonic clock, in seconds


_APART = _Interface("", "", float("inf"))


class Whereabouts:
    """Interfaces by their names and kinds, and whose they are, each asked for once in a while."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._interfaces: dict[int, _Interface] = {}
        self._behind: dict[int, tuple[int | None, float]] = {}

    def interface(self, connection: Connection) -> str:
        """What the interface of this namespace is called that is nearest to the caller; empty where there is none."""
        return self._interface(connection.interface).name

    def origin(self, connection: Connection, caller: Caller | None) -> Origin:
        """Who is behind a call, as far as it is not the process itself."""
        if caller is not None:
            return origin_of(caller)
        if self._interface(connection.interface).kind in TAPS:
            return "virtual-machine"
        return "another-host" if not connection.outgoing and self._is_of_others(connection) else "unknown"

    def behind(self, connection: Connection) -> int | None:
        """A process in the network that a call came in from, where it came in from one of this host."""
        interface, now = connection.interface, time.monotonic()
        if connection.outgoing or self._interface(interface).kind in TAPS or self._is_of_others(connection):
            return None
        pid, at = self._behind.get(interface, (None, float("-inf")))
        if now - at > BEHIND_AGAIN_S:
            pid = self._ways.whose(interface)
            if len(self._behind) >= KNOWN_MAX:
                self._behind.clear()
            self._behind[interface] = pid, now
        return pid

    def _is_of_others(self, connection: Connection) -> bool:
        """Whether what comes in by an interface comes from other hosts."""
        if connection.is_apart:
            return False
        return self._interface(connection.interface).kind in TUNNELS or self._ways.physical(connection.interface)

    def _interface(self, index: int) -> _Interface:
        if index >= APART:
            return _APART
        known, now = self._interfaces.get(index), time.monotonic()
        if known is None or now - known.at > KNOWN_S:
            name = ""
            with contextlib.suppress(OSError):
                name = socket.if_indextoname(index)
            if not name and known is not None:
                return known  # it has gone
            kind = links.kind_of(index)
            known = _Interface(name, "tun" if kind == "tap" and self._ways.is_of_vpn(name) else kind, now)
            if len(self._interfaces) >= KNOWN_MAX:
                self._interfaces.clear()
            self._interfaces[index] = known
        return known


def origin_of(caller: Caller) -> Origin:
    """By the program, which root put where it is: what calls itself so in a container says nothing."""
    return _origin_of_program(caller.exe or "")


@lru_cache(maxsize=256)
def _origin_of_program(exe: str) -> Origin:
    name = file_name(exe)
    if name.startswith(USER_MODE_NETWORKS):
        return "user-mode-network"
    return "virtual-machine" if name.startswith(VIRTUAL_MACHINES) else "process"
