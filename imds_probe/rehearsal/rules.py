"""The rules that lead callers to the relay, and that the kernel itself forgets.

A rule matches only while the service's address is in a set, where it stays for LEASE_S after each renewal: whoever is killed,
stopped or hung renews nothing. That holds for a rule set, too, that somebody saved meanwhile and loads after a boot: what is
in the set goes by the set's own timeout. Besides, the tables belong to the socket that made them, where Linux is from 5.12
on, so that they are gone with their owner and nobody else flushes them.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import socket
import struct
from collections.abc import Iterable, Mapping
from typing import Literal

from imds_probe.dataclass import dataclass
from imds_probe.net.netlink import NLM_F_CREATE, NLM_F_EXCL, attribute
from imds_probe.net.nfnetlink import (
    DELRULE,
    DELSETELEM,
    DELTABLE,
    NEWCHAIN,
    NEWRULE,
    NEWSET,
    NEWSETELEM,
    NEWTABLE,
    NFPROTO,
    Change,
    Nfnetlink,
    compared,
    expression,
    loaded,
    nested,
    number,
    text,
)

# A renewal follows an answer that was asked for at most trying.FRESH_S ago: together less than 5 s.
LEASE_S = 4.0
CHAIN, SET = "led", "lease"
TABLE_OWNED = 2  # NFT_TABLE_F_OWNER, Linux 5.12
HOOK_OUTPUT = 3
PRIORITY = -110  # before what iptables and Docker have at -100, as the first that changes an address decides
SET_HAS_TIMEOUTS = 0x10
KEY = {socket.AF_INET: (7, 4), socket.AF_INET6: (8, 16)}  # kind and length: as nft(8) has ipv4_addr and ipv6_addr
DESTINATION = {socket.AF_INET: 16, socket.AF_INET6: 24}  # offset in the header
TCP, L4PROTO, CLASS, CGROUP_V2 = 6, 16, 23, 3
HASHES = 0xFFFFFFFF
NEW = NLM_F_CREATE | NLM_F_EXCL
_SAID = b"imds-probe rehearse\0"
COMMENT = attribute(7, bytes([0, len(_SAID)]) + _SAID)  # NFTA_RULE_USERDATA, as nft(8) has comments in it
SYN, SYN_FIN_RST_ACK = b"\x02", b"\x17"

# How a rule names a control group of version 2: Linux 5.13, 4.19, and 4.18.
Manner = Literal["hash", "path-2", "path-1"]
MANNERS: tuple[Manner, ...] = ("hash", "path-2", "path-1")
# What the kernel says where it lacks what the rules are made of.
LACKING = (errno.ENOENT, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT, errno.EINVAL)

Addresses = Mapping[socket.AddressFamily, tuple[str, int]]


@dataclass(frozen=True)
class Group:
    """A control group. Of version 2: the inode of its directory, how deep that is, 1 right below the root, and its path. Of
    version 1: the class that net_cls gives to sockets of what is in it. `whole`: all connections of the network namespace are
    meant, whichever group they are of. Whatever it is, another inode is another group.
    """

    inode: int = 0
    level: int = 0
    class_id: int | None = None
    path: str = "/"
    whole: bool = False

    @property
    def is_of_version_2(self) -> bool:
        return self.class_id is None and not self.whole


class Rules:
    """Of one network namespace, by default that of the calling thread. Raises OSError where the kernel refuses: ENOENT or
    EOPNOTSUPP where it lacks something, EPERM without the right.

    `held`: the tables go with this process, and nobody else changes them.
    """

    def __init__(self, name: str, service: Addresses, relay: Addresses, group: Group, netns: int | None = None) -> None:
        self._name, self._service, self._relay, self._group = name, service, relay, group
        self._netlink = Nfnetlink(netns)
        self.held = True
        self._manner: Manner = MANNERS[0]

    def put_up(self, *, held: bool = True) -> None:
        """Without a lease: nothing matches yet."""
        refused: OSError | None = None
        for self.held, self._manner in itertools.product((True, False) if held else (False,), MANNERS):
            try:
                self._netlink.change([change for family in self._service for change in self._table(family)])
            except OSError as error:
                refused = refused or error
                if error.errno not in LACKING:
                    raise
            else:
                return
        assert refused is not None  # noqa: S101 - there are manners
        raise refused

    def renew(self, families: Iterable[socket.AddressFamily]) -> None:
        """Have the rules of these families match for LEASE_S from now on."""
        # An element that is there already keeps its time when it is added again: out with it first, in one transaction.
        changes = [change for family in families for change in (self._emptied(family), self._leased(family))]
        self._netlink.change(changes)

    def follow(self, group: Group) -> None:
        """Match the connections of this group instead, in one step. Raises OSError where the tables are gone."""
        self._group = group
        changes: list[Change] = []
        for family in self._service:
            here = text(1, self._name) + text(2, CHAIN)
            changes += [Change(DELRULE, NFPROTO[family], here), self._rule(family)]
        self._netlink.change(changes)

    def end_lease(self) -> None:
        """New connections go direct. Raises OSError where the tables are gone."""
        self._netlink.change([self._emptied(family) for family in self._service])

    def take_down(self) -> None:
        """Remove what there is, and close."""
        for family in self._service:
            with contextlib.suppress(FileNotFoundError):
                self._netlink.change([_deleted(NFPROTO[family], self._name)])

    def close(self) -> None:
        self._netlink.close()

    def left(self) -> list[str]:
        """What is still there, in words. Raises OSError."""
        return [f"the table {self._name}" for _, name in self._netlink.tables() if name == self._name]

    def _table(self, family: socket.AddressFamily) -> list[Change]:
        here, name = NFPROTO[family], text(1, self._name)
        kind, length = KEY[family]
        own = text(1, self._name) + (number(2, TABLE_OWNED) if self.held else b"")
        timeout = attribute(11, struct.pack("!Q", int(LEASE_S * 1000)))
        kept = number(3, SET_HAS_TIMEOUTS) + number(4, kind) + number(5, length) + number(10, 1) + timeout
        return [
            Change(NEWTABLE, here, own, NEW),
            Change(NEWSET, here, name + text(2, SET) + kept, NEW),
            self._chain(family, CHAIN, HOOK_OUTPUT),
            self._rule(family),
        ]

    def _chain(self, family: socket.AddressFamily, chain: str, hook: int) -> Change:
        at = nested(4, number(1, hook), number(2, PRIORITY))
        return Change(NEWCHAIN, NFPROTO[family], text(1, self._name) + text(3, chain) + at + text(7, "nat"), NEW)

    def _rule(self, family: socket.AddressFamily) -> Change:
        return self._added(family, CHAIN, [*self._to_service(family), *self._of_group(), *self._to_loopback(family)])

    def _added(self, family: socket.AddressFamily, chain: str, expressions: Iterable[bytes]) -> Change:
        """A rule at the end of a chain."""
        here = text(1, self._name) + text(2, chain)
        return Change(NEWRULE, NFPROTO[family], here + nested(4, *expressions) + COMMENT, NLM_F_CREATE)

    def _to_service(self, family: socket.AddressFamily) -> list[bytes]:
        """New connections to the service, as long as the lease is there."""
        return [
            expression("meta", number(2, L4PROTO), number(1, 1)),
            compared(1, bytes([TCP])),
            loaded(2, 2, 2),
            compared(1, struct.pack("!H", self._service[family][1])),
            loaded(1, DESTINATION[family], KEY[family][1]),
            expression("lookup", text(1, SET), number(2, 1)),
            # Without this, a connection that conntrack picks up in its middle would be led here, and reset.
            loaded(2, 13, 1),
            expression(
                "bitwise",
                *(number(1, 1), number(2, 1), number(3, 1)),
                *(nested(4, attribute(1, SYN_FIN_RST_ACK)), nested(5, attribute(1, b"\0"))),
            ),
            compared(1, SYN),
        ]

    def _to_loopback(self, family: socket.AddressFamily) -> list[bytes]:
        """To the relay's port on loopback."""
        return [
            expression("counter"),
            expression("immediate", number(1, 1), nested(2, attribute(1, struct.pack("!H", self._relay[family][1])))),
            expression("redir", number(1, 1)),
        ]

    def _of_group(self) -> list[bytes]:
        """Sockets of the group."""
        if self._group.whole:
            return []
        if self._group.class_id is not None:
            of_class = struct.pack("=I", self._group.class_id)
            return [expression("meta", number(2, CLASS), number(1, 1)), compared(1, of_class)]
        return [*self._hashed(1), *self._hashed(2)] if self._manner == "hash" else [self._of_path()]

    def _of_path(self) -> bytes:
        """By the match that iptables has, from before nf_tables knew control groups. The group is looked up now and never again."""
        revision = {"path-2": 2, "path-1": 1}[self._manner]
        layout = struct.Struct("=B3x512s4x8x" if revision == 2 else "=B3x4096s4x8x")  # <linux/netfilter/xt_cgroup.h>
        path = os.fsencode(self._group.path)
        if len(path) >= 512:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        info = attribute(3, layout.pack(1, path))
        return expression("match", text(1, "cgroup"), number(2, revision), info)

    def _hashed(self, seed: int) -> list[bytes]:
        """By a hash of the group's number; two of them are as good as the number.

        nft(8) writes the number down as a path, and does not load a path that is not there: a rule set that was saved meanwhile
        would not come up again, which leaves a host without its packet filter. Hashes are written as numbers.
        """
        hashed = hash_of(self._group.inode, seed)
        settings = (number(3, 8), number(4, HASHES), number(5, seed))
        return [
            expression("socket", number(1, CGROUP_V2), number(2, 1), number(3, self._group.level)),
            expression("hash", number(1, 1), number(2, 2), *settings),
            compared(2, struct.pack("=I", hashed)),
        ]

    def _emptied(self, family: socket.AddressFamily) -> Change:
        return Change(DELSETELEM, NFPROTO[family], text(1, self._name) + text(2, SET))

    def _leased(self, family: socket.AddressFamily) -> Change:
        address = socket.inet_pton(family, self._service[family][0])
        element = nested(1, nested(1, attribute(1, address)))
        body = text(1, self._name) + text(2, SET) + nested(3, element)
        return Change(NEWSETELEM, NFPROTO[family], body, NLM_F_CREATE)


def hash_of(inode: int, seed: int) -> int:
    """What the kernel's nft_hash makes of the number of a group: jhash() of its 8 bytes, from 0 up to HASHES."""
    a = b = c = 0xDEADBEEF + 8 + seed & HASHES
    low, high = struct.unpack("<II", struct.pack("=Q", inode))
    a, b = a + low & HASHES, b + high & HASHES
    c = (c ^ b) - _rotated(b, 14) & HASHES
    a = (a ^ c) - _rotated(c, 11) & HASHES
    b = (b ^ a) - _rotated(a, 25) & HASHES
    c = (c ^ b) - _rotated(b, 16) & HASHES
    a = (a ^ c) - _rotated(c, 4) & HASHES
    b = (b ^ a) - _rotated(a, 14) & HASHES
    c = (c ^ b) - _rotated(b, 24) & HASHES
    hashed: int = c * HASHES >> 32
    return hashed


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> 32 - bits) & HASHES


def remove(netlink: Nfnetlink, family: int, name: str) -> None:
    """Remove a table of somebody who is gone. Raises OSError: EPERM where its owner lives."""
    netlink.change([_deleted(family, name)])


def _deleted(family: int, name: str) -> Change:
    return Change(DELTABLE, family, text(1, name))
