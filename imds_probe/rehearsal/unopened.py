"""What a rehearsal of the whole host would override: packet rules that redirect requests to the metadata service, or keep somebody
from it. A connection that is led to the relay does not meet them, and the relay must not open what they close.
"""

from __future__ import annotations

from collections.abc import Callable

from imds_probe.facts.imds import Family
from imds_probe.net.nfnetlink import Nfnetlink
from imds_probe.net.obstacles.finding import find_obstacles
from imds_probe.net.obstacles.obstacle import Obstacle, Obstacles
from imds_probe.net.obstacles.settings import Settings
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.system.procfs import NOWHERE

READ_WITHIN_S = 10.0
CLOSING = ("drop", "reject", "route")
OF_TTL = ("ttl-filter", "ttl-change")
ROUTES, OF_NF_TABLES = "routes ", "nftables:"


class Unread(CannotRehearse):
    """It is not known what there is."""


def in_this_namespace(own: str = "") -> Obstacles:
    """Of packet rules and routes of the calling thread's network namespace, without the rehearsal's own."""
    return find_obstacles(None, Settings(), NOWHERE, READ_WITHIN_S, own)


def why_not_containers(
    families: set[Family], find: Callable[[str], Obstacles] = in_this_namespace, own: str = ""
) -> str:
    """Why what the host forwards is not rehearsed, in words; empty where it is. `own` is the name of the rehearsal's tables.

    Raises CannotRehearse where the host's own programs cannot be rehearsed either, with the rule.
    """
    found = find(own)
    unread = [line for line in found.unread if not line.startswith(ROUTES)]
    if unread and not (all(line.startswith(OF_NF_TABLES) for line in unread) and _no_tables(own)):
        raise Unread(
            f"the packet rules of this host could not be read: {unread[0]}",
            "Install the tool that lists them. A rehearsal must not open what a packet rule closes.",
        )
    here = [each for each in found.items if each.family == "both" or each.family in families]
    for each in here:
        if each.kind == "redirect":
            raise CannotRehearse(
                f"a packet rule on this host redirects connections to the metadata service: {_quoted(each)}",
                "Rehearse a command, a unit or a container that the rule does not concern.",
            )
    closing = [each for each in here if each.kind in CLOSING and (each.kind != "route" or each.scope)]
    for each in closing:
        if each.applies_to in ("output", "any"):
            raise CannotRehearse(
                f"a packet rule on this host decides which programs reach the metadata service: {_quoted(each)}",
                "A rehearsal of the host would open what the rule closes. Rehearse a command, a unit or a container instead.",
            )
    if closing:
        return f"a packet rule decides which of them reach the metadata service: {_quoted(closing[0])}"
    of_ttl = [each for each in here if each.kind in OF_TTL]
    if of_ttl:
        return f"a packet rule goes by the TTL of what they receive: {_quoted(of_ttl[0])}"
    return ""


def _quoted(obstacle: Obstacle) -> str:
    return f"{obstacle.quote} ({obstacle.where})"


def _no_tables(own: str) -> bool:
    """Whether nf_tables has nothing that could not be read."""
    try:
        with Nfnetlink() as netlink:
            return all(name == own for _, name in netlink.tables())
    except OSError:
        return True  # a kernel without nf_tables
