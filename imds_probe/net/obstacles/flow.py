"""The traffic in question: requests to the metadata service and its replies, with everything that is open about them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from imds_probe.dataclass import dataclass
from imds_probe.facts.imds import Family
from imds_probe.net.obstacles.ranges import Ranges, network, only

ADDRESSES: dict[Family, str] = {"ipv4": "169.254.169.254", "ipv6": "fd00:ec2::254"}
EVERY_ID = Ranges(((0, 2**32 - 1),))
EVERY_ADDRESS: dict[Family, Ranges] = {"ipv4": network("0.0.0.0/0"), "ipv6": network("::/0")}
# Where containers have their addresses: RFC 1918, RFC 6598, RFC 2544 (a secondary CIDR of EKS clusters), RFC 3927.
# Without this bound every block list of public addresses would look like an obstacle.
_CONTAINER_NETWORKS = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "198.18.0.0/15",
    "169.254.0.0/16",
)
CONTAINERS: dict[Family, Ranges] = {
    "ipv4": Ranges.of(span for text in _CONTAINER_NETWORKS for span in network(text).spans),
    "ipv6": EVERY_ADDRESS["ipv6"],
}
NOBODY = Ranges()
EPHEMERAL = Ranges(((32768, 60999),))  # net.ipv4.ip_local_port_range as the kernel sets it
TCP = 6
TCP_ONLY = only(TCP)
SYN, ACK = 0x02, 0x10
EVERY_MARK = 0xFFFFFFFF


@dataclass(frozen=True)
class Names:
    """Which interfaces it can be: exactly `only`, or with None any but `barred`. A name ending in * is a prefix."""

    only: frozenset[str] | None = None
    barred: frozenset[str] = frozenset()


NO_INTERFACE = Names(frozenset({""}))  # what the hook before routing knows of the way out


@dataclass(frozen=True)
class Flow:
    """One direction of the traffic at one hook. Every field holds all values that are still possible."""

    family: Family
    reply: bool
    saddr: Ranges
    daddr: Ranges
    sport: Ranges
    dport: Ranges
    ttl: Ranges
    iif: Names
    oif: Names
    uid: Ranges = NOBODY  # packets that no process here sent have no owner
    gid: Ranges = NOBODY
    states: frozenset[str] = frozenset({"new"})
    tcp_flags: int = SYN
    to_here: bool | None = None  # whether the destination is an address of this namespace
    marks: int = 0  # the bits of the packet mark that an earlier rule may have set
    proto: Ranges = TCP_ONLY

    def narrowed(self, field: str, to: Ranges | Names) -> Flow:
        """The same flow with fewer values left in one field."""
        change: dict[str, Any] = {field: to}
        return replace(self, **change)


@dataclass(frozen=True)
class Surroundings:
    """What is known of the namespace itself: its addresses, the way out to the metadata address, who it routes for."""

    own: Ranges = NOBODY
    uplink: str | None = None
    neighbours: Ranges = NOBODY  # networks on its own links
    metadata_is_here: bool = False


def flows(family: Family, hook: str, here: Surroundings) -> tuple[Flow, ...]:
    """The traffic that passes a netfilter hook, by its name; none at hooks that it does not pass."""
    service = only(int(ipaddress.ip_address(ADDRESSES[family])))
    own = here.own if here.own.spans else EVERY_ADDRESS[family]
    routed = Ranges.of([*CONTAINERS[family].spans, *here.neighbours.spans])
    uplink = Names(frozenset({here.uplink})) if here.uplink else Names()
    beside = Names(None, frozenset({here.uplink})) if here.uplink else Names()
    if not here.metadata_is_here:  # whoever asks has another address than the one that answers
        own, routed = own.minus(service), routed.minus(service)
    every = Ranges.of([*routed.spans, *own.spans])

    request = Flow(
        family,
        reply=False,
        saddr=routed,
        daddr=service,
        sport=EPHEMERAL,
        dport=only(80),
        ttl=Ranges(((32, 64),)),  # sent with 64 by default, a few hops ago
        iif=beside,
        oif=uplink,
        to_here=here.metadata_is_here,
    )
    reply = Flow(
        family,
        reply=True,
        saddr=service,
        daddr=every,
        sport=only(80),
        dport=EPHEMERAL,
        ttl=Ranges(((1, 64),)),  # HttpPutResponseHopLimit: 1 to 64
        iif=uplink,
        oif=Names(),
        states=frozenset({"established"}),
        tcp_flags=SYN | ACK,
    )
    if hook == "prerouting":
        return replace(request, oif=NO_INTERFACE), replace(reply, oif=NO_INTERFACE)
    if hook == "ingress":
        return request, reply
    if hook == "output":
        sent = replace(request, saddr=own, iif=NO_INTERFACE, ttl=only(64), uid=EVERY_ID, gid=EVERY_ID)
        # Replies leave here only where something in this namespace answers for the service.
        return sent, replace(reply, iif=NO_INTERFACE)
    if hook == "input":
        return (replace(reply, daddr=own, oif=NO_INTERFACE, to_here=True),)
    if hook == "forward":
        return request, replace(reply, daddr=routed, oif=beside, to_here=False)
    if hook in ("postrouting", "egress"):
        leaving = replace(request, saddr=every, iif=Names(), uid=EVERY_ID, gid=EVERY_ID)
        return leaving, replace(reply, daddr=routed, oif=beside, to_here=False)
    return ()


def named(names: Iterable[str]) -> frozenset[str]:
    """Interface names as a set, with the + of iptables as the * of nftables."""
    return frozenset(name[:-1] + "*" if name.endswith("+") else name for name in names)
