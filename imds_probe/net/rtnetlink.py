"""Asking the kernel for the links of a network namespace, for the way that a packet would take, and which namespace is at
the other end of a link. Nothing is sent anywhere, and no privilege is needed but that to enter: rtnetlink(7).
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from imds_probe.dataclass import dataclass
from imds_probe.net import namespaces
from imds_probe.net.netlink import (
    NLM_F_DUMP,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    attribute,
    attributes,
    message,
    messages,
    number,
    text,
)

# <linux/rtnetlink.h>
RTM_GETADDR, IFA_SCOPE_UNIVERSE = 22, 0
ARPHRD_ETHER = 1  # <linux/if_arp.h>: a tap has it, and a tun has not
ARPHRD_PIMREG = 779  # of a router for multicast: no hardware, though it has no kind
RTM_GETLINK, RTM_NEWROUTE, RTM_GETROUTE, RTM_NEWNSID, RTM_GETNSID = 18, 24, 26, 88, 90
RTN_UNICAST, RTN_LOCAL = 1, 2
# <linux/if_link.h>, <linux/if.h>
IFLA_IFNAME, IFLA_LINK, IFLA_MASTER, IFLA_LINKINFO, IFLA_EXT_MASK, IFLA_LINK_NETNSID, IFLA_INFO_KIND = (
    3,
    5,
    10,
    18,
    29,
    37,
    1,
)
RTEXT_FILTER_SKIP_STATS = 8
IFF_LOOPBACK = 0x8
RTA_DST, RTA_OIF, RTA_GATEWAY = 1, 4, 5
NETNSA_NSID, NETNSA_FD = 1, 3  # <linux/net_namespace.h>
ANSWER_BYTES = 256 * 1024
TIMEOUT_S = 2.0  # the kernel answers at once
_LINK = struct.Struct("=BxHiII")
_ROUTE = struct.Struct("=BBBBBBBBI")
_ADDRESS = struct.Struct("=BBBBI")


@dataclass(frozen=True)
class Link:
    """One interface. `kind` is the driver's word ("veth", "bridge"), empty for hardware. `other` is the index of the link at
    its other end, or of that which it stands on, and `other_namespace` the number by which the asking namespace knows the
    one that it is in; None for its own. `tap`: who has it open writes and reads frames there.
    """

    index: int
    name: str
    kind: str
    loopback: bool
    master: int | None
    other: int | None
    other_namespace: int | None
    tap: bool = False


@dataclass(frozen=True)
class Route:
    """The way of a packet: by which link, and over which router. `kind` is a number of rtnetlink(7), as RTN_UNICAST."""

    kind: int
    link: int | None
    gateway: str | None


class Rtnetlink:
    """An open netlink socket of one network namespace; None is for that of the calling thread, which takes no privilege.

    Raises NamespaceError, and OSError where the kernel refuses.
    """

    def __init__(self, netns: Path | int | None) -> None:
        how = (socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._socket = socket.socket(*how) if netns is None else namespaces.socket_in(netns, *how)
        self._socket.settimeout(TIMEOUT_S)

    def links(self) -> dict[int, Link]:
        """All of them, by their index."""
        body = _LINK.pack(0, 0, 0, 0, 0) + attribute(IFLA_EXT_MASK, struct.pack("=I", RTEXT_FILTER_SKIP_STATS))
        found = (_link(answer) for answer in self._ask(RTM_GETLINK, NLM_F_DUMP, body))
        return {link.index: link for link in found}

    def addressed(self) -> frozenset[int]:
        """The indexes of links that have an address at which others than their neighbours can reach them."""
        found = (
            _ADDRESS.unpack_from(answer) for answer in self._ask(RTM_GETADDR, NLM_F_DUMP, _ADDRESS.pack(0, 0, 0, 0, 0))
        )
        return frozenset(index for _, _, _, scope, index in found if scope == IFA_SCOPE_UNIVERSE)

    def route(self, address: str) -> Route | None:
        """How a packet from here to an address would go, None where there is no way."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        packed = socket.inet_pton(family, address)
        body = _ROUTE.pack(family, 8 * len(packed), 0, 0, 0, 0, 0, 0, 0) + attribute(RTA_DST, packed)
        try:
            answer = next(self._ask(RTM_GETROUTE, 0, body), None)
        except OSError:
            return None
        if answer is None:
            return None
        said = attributes(answer[_ROUTE.size :])
        gateway = said.get(RTA_GATEWAY)
        return Route(
            kind=_ROUTE.unpack_from(answer)[7],
            link=number(said.get(RTA_OIF)),
            gateway=socket.inet_ntop(family, gateway) if gateway else None,
        )

    def number_of(self, netns: int) -> int | None:
        """The number by which this namespace knows another, which is given as a descriptor. None where it knows none."""
        body = bytes(4) + attribute(NETNSA_FD, struct.pack("=I", netns))
        answer = next(self._ask(RTM_GETNSID, 0, body), b"")
        found = number(attributes(answer[4:]).get(NETNSA_NSID))
        return found if found is not None and found >= 0 else None

    def _ask(self, kind: int, flags: int, body: bytes) -> Iterator[bytes]:
        """The bodies of the messages that the kernel answers with."""
        self._socket.send(message(kind, NLM_F_REQUEST | flags, 0, body))
        while True:
            for answer in messages(self._socket.recv(ANSWER_BYTES)):
                if answer.kind == NLMSG_ERROR and answer.error:
                    raise OSError(answer.error, os.strerror(answer.error))
                if answer.kind in (NLMSG_ERROR, NLMSG_DONE):
                    return
                yield answer.body
            if not flags & NLM_F_DUMP:
                return

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def outgoing_interface(address: str) -> str | None:
    """By which interface of the calling thread's namespace a packet to an address leaves: loopback for its own addresses.
    None where there is no way, or the kernel does not say.
    """
    try:
        with Rtnetlink(None) as netlink:
            route = netlink.route(address)
            link = netlink.links().get(route.link) if route and route.link is not None else None
    except OSError:
        return None
    return link.name if link else None


def _link(answer: bytes) -> Link:
    _, hardware, index, flags, _ = _LINK.unpack_from(answer)
    said = attributes(answer[_LINK.size :])
    about = attributes(said.get(IFLA_LINKINFO, b""))
    kind = text(about.get(IFLA_INFO_KIND, b"")) or ("pimreg" if hardware == ARPHRD_PIMREG else "")
    return Link(
        index=index,
        name=text(said.get(IFLA_IFNAME, b"")),
        kind=kind,
        loopback=bool(flags & IFF_LOOPBACK),
        master=number(said.get(IFLA_MASTER)),
        other=number(said.get(IFLA_LINK)),
        other_namespace=number(said.get(IFLA_LINK_NETNSID)),
        tap=kind in ("macvtap", "ipvtap") or (kind == "tun" and hardware == ARPHRD_ETHER),
    )
