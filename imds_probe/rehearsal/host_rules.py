"""The rules that lead all of a host to its relays: what its own programs ask, and what it forwards for containers.

What is forwarded cannot be led to loopback, so its relay listens on an address of the host. Both ways are tried before anybody
else is led: by a mark on the host, and by source ports from containers. Of what is forwarded, only what comes in by links that
were tried is led. Interfaces are written as names: a rule set that was saved loads where they are gone, too.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable

from imds_probe.net.netlink import NLM_F_CREATE, attribute
from imds_probe.net.nfnetlink import (
    DELSETELEM,
    NEWSET,
    NEWSETELEM,
    NFPROTO,
    Change,
    compared,
    expression,
    loaded,
    nested,
    number,
    text,
)
from imds_probe.rehearsal.rules import (
    CHAIN,
    LEASE_S,
    NEW,
    SET_HAS_TIMEOUTS,
    Addresses,
    Group,
    Rules,
)

PASSING, LINKS, PORTS = "passing", "links", "ports"
HOOK_PREROUTING = 0
# Marks of packets. Those that container networks and kube-proxy go by have other bits.
RELAYS_OWN, TRIAL = 0x2D, 0x2E
MARK, IIFNAME = 3, 6  # NFT_META_*
EQUAL, OTHER = 0, 1
IFNAME, IFNAME_BYTES = 41, 16  # kinds of keys, as nft(8) numbers them
# NFTA_SET_USERDATA: the keys are in the machine's byte order. nft(8) prints names by it, and empty ones without.
AS_NAMES = attribute(13, struct.pack("=BBI", 0, 4, 1))
PORT = 13
DESTINATION_NAT = 1


class HostRules(Rules):
    """`relay` has what is made here, `passing` what is forwarded, of which there may be none in a family."""

    def __init__(self, name: str, service: Addresses, relay: Addresses, passing: Addresses) -> None:
        super().__init__(name, service, relay, Group())
        self._passing = passing

    def go_live(self) -> None:
        """Lead what is made here, but for the relay's own."""
        self._netlink.change([self._made_here(family, RELAYS_OWN, OTHER) for family in self._service])

    def lead_from(self, family: socket.AddressFamily, links: Iterable[str]) -> None:
        """Lead what comes in by these interfaces, too."""
        self._change(family, LINKS, _names(links), NEWSETELEM)

    def lead_no_more_from(self, family: socket.AddressFamily, links: Iterable[str]) -> None:
        """Leave alone what comes in by these from now on."""
        self._change(family, LINKS, _names(links), DELSETELEM)

    def try_from(self, family: socket.AddressFamily, ports: Iterable[int]) -> None:
        """Lead what comes from these ports, for as long as a lease."""
        self._change(family, PORTS, [struct.pack("!H", port) for port in ports], NEWSETELEM)

    def _change(self, family: socket.AddressFamily, of: str, keys: list[bytes], how: int) -> None:
        if keys:
            elements = nested(3, *(nested(1, nested(1, attribute(1, key))) for key in keys))
            flags = NLM_F_CREATE if how == NEWSETELEM else 0
            self._netlink.change([Change(how, NFPROTO[family], text(1, self._name) + text(2, of) + elements, flags)])

    def _table(self, family: socket.AddressFamily) -> list[Change]:
        changes = super()._table(family)
        if family not in self._passing:
            return changes
        name = text(1, self._name)
        timeout = attribute(11, struct.pack("!Q", int(LEASE_S * 1000)))
        ports = number(3, SET_HAS_TIMEOUTS) + number(4, PORT) + number(5, 2) + number(10, 2) + timeout
        links = number(3, 0) + number(4, IFNAME) + number(5, IFNAME_BYTES) + number(10, 3) + AS_NAMES
        by_port = [loaded(2, 0, 2), expression("lookup", text(1, PORTS), number(2, 1))]
        by_link = [
            expression("meta", number(2, IIFNAME), number(1, 1)),
            expression("lookup", text(1, LINKS), number(2, 1)),
        ]
        return [
            *changes,
            Change(NEWSET, NFPROTO[family], name + text(2, PORTS) + ports, NEW),
            Change(NEWSET, NFPROTO[family], name + text(2, LINKS) + links, NEW),
            self._chain(family, PASSING, HOOK_PREROUTING),
            *(
                self._added(family, PASSING, [*self._to_service(family), *whose, *self._to_host(family)])
                for whose in (by_port, by_link)
            ),
        ]

    def _rule(self, family: socket.AddressFamily) -> Change:
        return self._made_here(family, TRIAL, EQUAL)

    def _made_here(self, family: socket.AddressFamily, mark: int, how: int) -> Change:
        marked = [
            expression("meta", number(2, MARK), number(1, 1)),
            compared(1, struct.pack("=I", mark), how),
        ]
        return self._added(family, CHAIN, [*self._to_service(family), *marked, *self._to_loopback(family)])

    def _to_host(self, family: socket.AddressFamily) -> list[bytes]:
        """To the relay's address and port on the host."""
        address, port = self._passing[family]
        values = (socket.inet_pton(family, address), struct.pack("!H", port))
        settings = (number(1, DESTINATION_NAT), number(2, NFPROTO[family]), number(3, 1), number(5, 2))
        return [
            expression("counter"),
            *(
                expression("immediate", number(1, register), nested(2, attribute(1, value)))
                for register, value in enumerate(values, 1)
            ),
            expression("nat", *settings),
        ]


def _names(links: Iterable[str]) -> list[bytes]:
    return [name.encode().ljust(IFNAME_BYTES, b"\0") for name in links]
