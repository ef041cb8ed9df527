"""Packet rules by the kernel's own interface: no tool has to be installed, and a table can be held by the socket that made it.

Changes are transactions: all of it is done, or nothing. Source: <linux/netfilter/nf_tables.h>, <linux/netfilter/nfnetlink.h>.
"""

from __future__ import annotations

import functools
import itertools
import os
import socket
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from imds_probe.dataclass import dataclass
from imds_probe.net import namespaces
from imds_probe.net.netlink import (
    NESTED,
    NLM_F_ACK,
    NLM_F_DUMP,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    Message,
    attribute,
    attributes,
    message,
    messages,
)
from imds_probe.net.netlink import text as text_of

NETLINK_NETFILTER = 12
NLM_F_NONREC = 0x100  # delete it only where it is empty
BATCH_BEGIN, BATCH_END, NFTABLES = 0x10, 0x11, 10
NEWTABLE, GETTABLE, DELTABLE, NEWCHAIN, GETCHAIN, DELCHAIN = 0, 1, 2, 3, 4, 5
NEWRULE, GETRULE, DELRULE, NEWSET, NEWSETELEM, DELSETELEM = 6, 7, 8, 9, 12, 14
NFPROTO = {socket.AF_INET: 2, socket.AF_INET6: 10}
TABLE_NAME = CHAIN_TABLE = 1
CHAIN_NAME = 3
RULE_EXPRESSIONS = 4
ANSWER_BYTES = 64 * 1024
TIMEOUT_S = 5.0  # the kernel answers at once, or when another transaction is through
_GENERIC = struct.Struct("!BBH")
MODULES, SYMBOLS = Path("/proc/modules"), Path("/proc/kallsyms")
_SYMBOL = b" nft_register_chain_type"  # one of those that nf_tables gives to other modules


@dataclass(frozen=True)
class Change:
    """One message of a transaction, NEWTABLE for one, about a table of this family."""

    kind: int
    family: int
    body: bytes
    flags: int = 0


def is_loaded() -> bool:
    """Whether the kernel has nf_tables, or has no way to load it: a question to it has the kernel load it otherwise."""
    try:
        with MODULES.open("rb") as loaded:
            return any(line.startswith(b"nf_tables ") for line in loaded) or _is_built_in()
    except OSError:
        return True  # a kernel without modules


@functools.cache
def _is_built_in() -> bool:
    """Whether it is part of the kernel itself; so, too, where the kernel does not say. Only asked where it is no module."""
    try:
        with SYMBOLS.open("rb") as symbols:
            first = symbols.readline()
            return not first or any(line.rstrip().endswith(_SYMBOL) for line in itertools.chain((first,), symbols))
    except OSError:
        return True


class Nfnetlink:
    """An open socket of one network namespace; None is for that of the calling thread. Several threads may use it.

    Raises NamespaceError, and OSError where the kernel refuses: EPERM without CAP_NET_ADMIN.
    """

    def __init__(self, netns: Path | int | None = None) -> None:
        how = (socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self._socket = socket.socket(*how) if netns is None else namespaces.socket_in(netns, *how)
        self._socket.settimeout(TIMEOUT_S)
        self._numbers = itertools.count(1)
        self._asking = threading.Lock()  # whoever reads takes what comes, be it the answer to somebody else

    def change(self, changes: Sequence[Change]) -> None:
        """Do all of it in one transaction. Raises OSError, and nothing is done."""
        with self._asking:
            error = self._changed(changes)
        if error:
            raise OSError(error, os.strerror(error))

    def tables(self) -> list[tuple[int, str]]:
        """All tables: their family, as in NFPROTO, and name. Raises OSError."""
        return [(family, name_of(found, TABLE_NAME)) for family, found in self._all(GETTABLE)]

    def chains(self) -> list[tuple[int, str, str]]:
        """All chains: their family, table, and name. Raises OSError."""
        return [
            (family, name_of(found, CHAIN_TABLE), name_of(found, CHAIN_NAME)) for family, found in self._all(GETCHAIN)
        ]

    def rules(self) -> list[bytes]:
        """Of all rules what they match and do, as the kernel has it. Raises OSError."""
        return [found.get(RULE_EXPRESSIONS, b"") for _, found in self._all(GETRULE)]

    def close(self) -> None:
        """Tables that are held by this socket go with it."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _changed(self, changes: Sequence[Change]) -> int:
        """What the kernel says of a transaction, as errno has it."""
        begin = next(self._numbers)
        parts = [message(BATCH_BEGIN, NLM_F_REQUEST, begin, _GENERIC.pack(0, 0, NFTABLES))]
        awaited = set()
        for each in changes:
            number = next(self._numbers)
            awaited.add(number)
            flags = NLM_F_REQUEST | NLM_F_ACK | each.flags
            body = _GENERIC.pack(each.family, 0, 0) + each.body
            parts.append(message(NFTABLES << 8 | each.kind, flags, number, body))
        parts.append(message(BATCH_END, NLM_F_REQUEST, next(self._numbers), _GENERIC.pack(0, 0, NFTABLES)))
        self._socket.send(b"".join(parts))
        error = 0
        while awaited:
            for answer in self._received():
                if answer.kind != NLMSG_ERROR or answer.number < begin:
                    continue
                error = error or answer.error
                awaited.discard(answer.number)
                if answer.number == begin:  # the transaction as such was refused: there is no word on its parts
                    awaited.clear()
        return error

    def _all(self, kind: int) -> list[tuple[int, Mapping[int, bytes]]]:
        """Of all families: which, and the attributes."""
        with self._asking:
            return self._listed(kind)

    def _listed(self, kind: int) -> list[tuple[int, Mapping[int, bytes]]]:
        number = next(self._numbers)
        flags = NLM_F_REQUEST | NLM_F_DUMP
        self._socket.send(message(NFTABLES << 8 | kind, flags, number, _GENERIC.pack(0, 0, 0)))
        found: list[tuple[int, Mapping[int, bytes]]] = []
        while True:
            for answer in self._received():
                if answer.number != number:
                    continue
                if answer.kind == NLMSG_DONE:
                    return found
                if answer.kind == NLMSG_ERROR:
                    raise OSError(answer.error, os.strerror(answer.error))
                found.append((answer.body[0], attributes(answer.body[_GENERIC.size :])))

    def _received(self) -> Iterator[Message]:
        """The messages that came in one piece."""
        return messages(self._socket.recv(ANSWER_BYTES))


def name_of(found: Mapping[int, bytes], kind: int) -> str:
    """A name among attributes."""
    return text_of(found.get(kind, b""))


def nested(kind: int, *values: bytes) -> bytes:
    """An attribute that is made of attributes."""
    return attribute(kind | NESTED, b"".join(values))


def number(kind: int, value: int) -> bytes:
    """A number of 32 bits, which may be below 0."""
    return attribute(kind, struct.pack("!I", value & 0xFFFFFFFF))


def text(kind: int, value: str) -> bytes:
    """A name."""
    return attribute(kind, value.encode() + b"\0")


def expression(name: str, *values: bytes) -> bytes:
    """One expression of a rule."""
    return nested(1, text(1, name), nested(2, *values))


def compared(register: int, value: bytes, how: int = 0) -> bytes:
    """Goes on only where a register has this value; `how` is 1 where it must have another."""
    return expression("cmp", number(1, register), number(2, how), nested(3, attribute(1, value)))


def loaded(base: int, offset: int, length: int) -> bytes:
    """Bytes of the packet to register 1; `base` is 1 for the network header and 2 for that of TCP."""
    return expression("payload", number(1, 1), number(2, base), number(3, offset), number(4, length))
