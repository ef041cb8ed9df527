"""By what connections are led: rules of nf_tables, or of iptables where those would keep others from their own."""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Iterable
from typing import Protocol

from imds_probe.errors import ProbeError
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.iptables import IptablesRules
from imds_probe.rehearsal.rules import LACKING, Addresses, Group, Rules

_KERNEL = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")


class Backend(Protocol):
    """Rules that are there. Raises OSError where they are gone."""

    def renew(self, families: Iterable[socket.AddressFamily]) -> None:
        """Have the rules of these families match for LEASE_S from now on."""

    def follow(self, group: Group) -> None:
        """Match the connections of this group instead."""

    def end_lease(self) -> None:
        """New connections go direct."""

    def take_down(self) -> None:
        """Remove what there is."""

    def left(self) -> list[str]:
        """What is still there, in words."""

    def close(self) -> None: ...


def put_up(name: str, service: Addresses, relay: Addresses, group: Group, netns: int | None = None) -> Backend:
    """Rules without a lease: nothing matches yet. Raises ProbeError where there can be none, and nothing is there then."""
    if not excluding(os.uname().release):
        try:
            return by_nf_tables(name, service, relay, group, netns)
        except OSError as error:
            if error.errno not in LACKING or group.is_of_version_2:
                raise refused(error) from None
    elif group.is_of_version_2:
        raise CannotRehearse(
            "on this kernel, only iptables can redirect the connections of one control group of version 2, and its rules block "
            "every change of the nat table once the group is gone",
            "Use Linux 4.18 or later.",
        )
    return by_iptables(name, service, relay, group, netns)


def by_nf_tables(name: str, service: Addresses, relay: Addresses, group: Group, netns: int | None = None) -> Backend:
    """Raises OSError."""
    rules = Rules(name, service, relay, group, netns)
    try:
        rules.put_up()
    except OSError:
        rules.close()
        raise
    return rules


def by_iptables(name: str, service: Addresses, relay: Addresses, group: Group, netns: int | None = None) -> Backend:
    """Raises ProbeError."""
    rules = IptablesRules(name, service, relay, group, netns)
    try:
        rules.put_up()
    except BaseException:
        rules.close()
        raise
    return rules


def excluding(release: str) -> bool:
    """Whether a kernel is from before 4.18, in which NAT by nf_tables keeps Docker and others from NAT by iptables."""
    return is_before(release, (4, 18))


def is_before(release: str, version: tuple[int, int]) -> bool:
    """Whether a kernel is older than that; a release that says no version is not."""
    found = _KERNEL.match(release)
    return found is not None and (int(found[1]), int(found[2])) < version


def refused(error: OSError) -> ProbeError:
    """What is said where nf_tables takes no rules."""
    if error.errno in (errno.EPERM, errno.EACCES):
        return CannotRehearse("packet rules cannot be set here: no permission", "Run as root (CAP_NET_ADMIN).")
    if error.errno in LACKING:
        return CannotRehearse(
            f"this kernel cannot redirect the connections of one control group: {error.strerror}",
            "Use Linux 4.18 or later with nf_tables, and its modules nft_redir, nft_compat and xt_cgroup.",
        )
    return CannotRehearse(f"packet rules cannot be set here: {error.strerror}")
