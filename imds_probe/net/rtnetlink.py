"""Asking the kernel for the links of a network namespace, for the way that a packet would take, and which namespace is at
the other end of a link. Nothing is sent anywhere, and no privilege is needed but that to enter: rtnetlink(7).
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from imds_probe.dataclass import dataclass
from imds_probe.net import namespaces

# <linux/rtnetlink.h>, <linux/netlink.h>
RTM_GETLINK, RTM_NEWROUTE, RTM_GETROUTE, RTM_NEWNSID, RTM_GETNSID = 18, 24, 26, 88, 90
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
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
NESTED = 0x7FFF  # the two highest bits of an attribute's type say how it is written
ANSWER_BYTES = 256 * 1024
TIMEOUT_S = 2.0  # the kernel answers at once
_MESSAGE = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_LINK = struct.Struct("=BxHiII")
_ROUTE = struct.Struct("=BBBBBBBBI")


@dataclass(frozen=True)
class Link:
    """One interface. `kind` is the driver's word ("veth", "bridge"), empty for hardware. `other` is the index of the link at
    its other end, or of that which it stands on, and `other_namespace` the number by which the asking namespace knows the
    one that it is in; None for its own.
    """

    index: int
    name: str
    kind: str
    loopback: bool
    master: int | None
    other: int | None
    other_namespace: int | None


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
        body = _LINK.pack(0, 0, 0, 0, 0) + _attribute(IFLA_EXT_MASK, struct.pack("=I", RTEXT_FILTER_SKIP_STATS))
        found = (_link(message) for message in self._ask(RTM_GETLINK, NLM_F_DUMP, body))
        return {link.index: link for link in found}

    def route(self, address: str) -> Route | None:
        """How a packet from here to an address would go, None where there is no way."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        packed = socket.inet_pton(family, address)
        body = _ROUTE.pack(family, 8 * len(packed), 0, 0, 0, 0, 0, 0, 0) + _attribute(RTA_DST, packed)
        try:
            message = next(self._ask(RTM_GETROUTE, 0, body), None)
        except OSError:
            return None
        if message is None:
            return None
        attributes = _attributes(message[_ROUTE.size :])
        gateway = attributes.get(RTA_GATEWAY)
        return Route(
            kind=_ROUTE.unpack_from(message)[7],
            link=_number(attributes.get(RTA_OIF)),
            gateway=socket.inet_ntop(family, gateway) if gateway else None,
        )

    def number_of(self, netns: int) -> int | None:
        """The number by which this namespace knows another, which is given as a descriptor. None where it knows none."""
        body = bytes(4) + _attribute(NETNSA_FD, struct.pack("=I", netns))
        message = next(self._ask(RTM_GETNSID, 0, body), b"")
        number = _number(_attributes(message[4:]).get(NETNSA_NSID))
        return number if number is not None and number >= 0 else None

    def _ask(self, kind: int, flags: int, body: bytes) -> Iterator[bytes]:
        """The bodies of the messages that the kernel answers with."""
        self._socket.send(_MESSAGE.pack(_MESSAGE.size + len(body), kind, NLM_F_REQUEST | flags, 0, 0) + body)
        while True:
            answer, at = self._socket.recv(ANSWER_BYTES), 0
            while at + _MESSAGE.size <= len(answer):
                length, answered, *_ = _MESSAGE.unpack_from(answer, at)
                message = answer[at + _MESSAGE.size : at + length]
                if answered == NLMSG_ERROR and (error := -struct.unpack_from("=i", message)[0]):
                    raise OSError(error, os.strerror(error))
                if answered in (NLMSG_ERROR, NLMSG_DONE):
                    return
                yield message
                at += max(_MESSAGE.size, length + 3 & ~3)
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


def _link(message: bytes) -> Link:
    _, _, index, flags, _ = _LINK.unpack_from(message)
    attributes = _attributes(message[_LINK.size :])
    about = _attributes(attributes.get(IFLA_LINKINFO, b""))
    return Link(
        index=index,
        name=_text(attributes.get(IFLA_IFNAME, b"")),
        kind=_text(about.get(IFLA_INFO_KIND, b"")),
        loopback=bool(flags & IFF_LOOPBACK),
        master=_number(attributes.get(IFLA_MASTER)),
        other=_number(attributes.get(IFLA_LINK)),
        other_namespace=_number(attributes.get(IFLA_LINK_NETNSID)),
    )


def _attribute(kind: int, value: bytes) -> bytes:
    padding = bytes(-len(value) % 4)
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + padding


def _attributes(data: bytes) -> Mapping[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            break
        found[kind & NESTED] = data[at + _ATTRIBUTE.size : at + length]
        at += length + 3 & ~3
    return found


def _number(value: bytes | None) -> int | None:
    return int(struct.unpack("=i", value)[0]) if value is not None and len(value) == 4 else None


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="replace")
