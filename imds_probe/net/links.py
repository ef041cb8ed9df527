"""Which interface leads where, as the kernel has it: by rtnetlink, across network namespaces.

Source: rtnetlink(7); Linux, include/uapi/linux/rtnetlink.h, if_link.h and net_namespace.h.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from imds_probe.net import namespaces
from imds_probe.net.netlink import (
    NLM_F_DUMP,
    NLM_F_MULTI,
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

RTM_NEWLINK, RTM_GETLINK, RTM_NEWROUTE, RTM_GETROUTE, RTM_NEWNSID, RTM_GETNSID = 16, 18, 24, 26, 88, 90
IFLA_LINK, IFLA_MASTER, IFLA_LINKINFO, IFLA_LINK_NETNSID, IFLA_TARGET_NETNSID = 5, 10, 18, 37, 46
IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_TUN_TYPE, IFF_TAP = 1, 2, 3, 2
NETNSA_NSID, NETNSA_FD = 1, 3
RTA_DST, RTA_OIF = 1, 4
NOT_ASSIGNED = -1
ANSWER_WITHIN_S = 0.5
ANSWER_BYTES, LINKS_MAX = 64 * 1024, 4096
GENERATIONS_MAX = 4  # of containers in containers
_LINK_BYTES, _ROUTE_BYTES, _NSID_BYTES = 16, 12, 4


def interface_to(address: str) -> int | None:
    """The index of the interface by which this namespace sends to an address, None where it has no route there."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    raw = socket.inet_pton(family, address)
    body = struct.pack("=BBBBBBBBI", family, len(raw) * 8, 0, 0, 0, 0, 0, 0, 0) + attribute(RTA_DST, raw)
    with contextlib.suppress(OSError), _asking() as asking:
        for kind, answer in _answers(asking, RTM_GETROUTE, NLM_F_REQUEST, body):
            if kind == RTM_NEWROUTE:
                return number(attributes(answer[_ROUTE_BYTES:]).get(RTA_OIF))
    return None


def has_ports(interface: int) -> bool:
    """Whether an interface of this namespace is put together of others: a bridge or a bond. True where nobody can say."""
    with contextlib.suppress(OSError), _asking() as asking:
        answers = _answers(asking, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, bytes(_LINK_BYTES))
        return interface in [number(attributes(answer[_LINK_BYTES:]).get(IFLA_MASTER)) for _, answer in answers]
    return True


def kind_of(interface: int) -> str:
    """What the kernel calls the kind of an interface of this namespace, "tap" or "tun" for the two sorts of "tun"; empty for a
    card, and where nobody can say.
    """
    body = struct.pack("=BxHiII", 0, 0, interface, 0, 0)
    with contextlib.suppress(OSError), _asking() as asking:
        for kind, answer in _answers(asking, RTM_GETLINK, NLM_F_REQUEST, body):
            if kind == RTM_NEWLINK:
                said = attributes(attributes(answer[_LINK_BYTES:]).get(IFLA_LINKINFO, b""))
                name = text(said.get(IFLA_INFO_KIND, b""))
                is_tap = attributes(said.get(IFLA_INFO_DATA, b"")).get(IFLA_TUN_TYPE, b"")[:1] == bytes((IFF_TAP,))
                return "tap" if name == "tun" and is_tap else name
    return ""


def ways_into(home: int, netns: Path) -> frozenset[int]:
    """The indexes of the interfaces by which packets of another network namespace come into, or leave by, `home`, which is
    an open descriptor of a namespace: also those of a container in a container. Empty where the kernel knows of none.

    Raises NamespaceError where the other one cannot be entered.
    """
    ways: set[int] = set()
    with _asking(netns) as asking, contextlib.suppress(OSError):
        looked_at: set[int | None] = set()
        next_ones: set[int | None] = {None}
        for _ in range(GENERATIONS_MAX):
            links = [link for each in next_ones for link in _links_elsewhere(asking, each)]
            looked_at |= next_ones
            here = _id_of(asking, home)  # which it has only once a link to there was listed
            ways |= {interface for interface, at in links if at == here}
            next_ones = {at for _, at in links if at != here and at not in looked_at}
            if not next_ones:
                break
    return frozenset(ways)


def _links_elsewhere(asking: socket.socket, netns_id: int | None) -> list[tuple[int, int]]:
    """Of each link of a namespace whose other end is in another one: the index there, and the other one's id."""
    body = bytes(_LINK_BYTES)
    if netns_id is not None:
        body += attribute(IFLA_TARGET_NETNSID, struct.pack("=i", netns_id))
    found: list[tuple[int, int]] = []
    for kind, answer in _answers(asking, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, body):
        if kind == RTM_NEWLINK:
            said = attributes(answer[_LINK_BYTES:])
            other, at = number(said.get(IFLA_LINK)), number(said.get(IFLA_LINK_NETNSID))
            if other is not None and at is not None and len(found) < LINKS_MAX:
                found.append((other, at))
    return found


def _id_of(asking: socket.socket, netns: int) -> int | None:
    """By which number the asking namespace knows another one."""
    body = bytes(_NSID_BYTES) + attribute(NETNSA_FD, struct.pack("=I", netns))
    for kind, answer in _answers(asking, RTM_GETNSID, NLM_F_REQUEST, body):
        if kind == RTM_NEWNSID:
            found = number(attributes(answer[_NSID_BYTES:]).get(NETNSA_NSID))
            return None if found == NOT_ASSIGNED else found
    return None


@contextlib.contextmanager
def _asking(netns: Path | None = None) -> Iterator[socket.socket]:
    kind = (socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    with namespaces.socket_in(netns, *kind) if netns is not None else socket.socket(*kind) as asking:
        asking.settimeout(ANSWER_WITHIN_S)
        yield asking


def _answers(asking: socket.socket, kind: int, flags: int, body: bytes) -> Iterator[tuple[int, bytes]]:
    """The messages that answer one, to the last. Raises OSError where none comes."""
    asking.send(message(kind, flags, 1, body))
    while True:
        for answer in messages(asking.recv(ANSWER_BYTES)):
            if answer.kind in (NLMSG_ERROR, NLMSG_DONE):
                return
            yield answer.kind, answer.body
            if not answer.flags & NLM_F_MULTI and not flags & NLM_F_DUMP:  # otherwise there is more
                return
