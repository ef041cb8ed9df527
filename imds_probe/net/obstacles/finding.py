"""Everything that stands between a network namespace and the metadata service, in one list."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from imds_probe.errors import ProbeError
from imds_probe.facts.imds import Family
from imds_probe.net import namespaces
from imds_probe.net.obstacles import ip_listing, iptables, proxies, routes, settings
from imds_probe.net.obstacles.flow import ADDRESSES, Surroundings
from imds_probe.net.obstacles.obstacle import ITEMS_LIMIT, AppliesTo, Kind, Obstacle, Obstacles, shortened
from imds_probe.net.obstacles.packet_rules import PacketRules
from imds_probe.net.obstacles.settings import Settings
from imds_probe.net.obstacles.walk import Hit, Walk

FAMILIES: tuple[Family, ...] = ("ipv4", "ipv6")
_APPLIES_TO: dict[str, AppliesTo] = {
    "input": "output",
    "output": "output",
    "forward": "forward",
    "prerouting": "prerouting",
}


def find_obstacles(netns: str | None, said: Settings, proc: Path, timeout_s: float = 5, without: str = "") -> Obstacles:
    """Read rules and routes of a network namespace (a path like /proc/PID/ns/net; None: the calling thread's), and look at the
    processes of `proc`, which is a mounted one or NOWHERE; `said` are the settings of their system.

    Sends nothing. The nftables tables called `without` are taken as not there. What cannot be read, for want of a program or of
    rights, is said in `unread`; nothing is raised for it.
    """
    deadline = time.monotonic() + timeout_s
    try:
        if netns is None:
            found, unread = _in_this_namespace(deadline, without)
        else:
            found, unread = namespaces.call_in(Path(netns), lambda: _in_this_namespace(deadline, without))
    except namespaces.NamespaceError as error:
        found, unread = [], [str(error)]
    refused = any(each.kind == "route" and each.family == "ipv4" and each.certain for each in found)
    redirects = [each for each in found if each.kind == "redirect"]
    set_so = settings.in_force(said, route_refused=refused)
    found += [*set_so, *proxies.obstacles(proxies.running(proc), redirects)]
    unread += said.unread
    if len(found) > ITEMS_LIMIT:
        found.sort(key=_weight)
        unread.append(f"{len(found)} obstacles were found; the first {ITEMS_LIMIT} are listed")
    if len(redirects) > ITEMS_LIMIT:
        unread.append(f"{len(redirects)} redirects were found; the first {ITEMS_LIMIT} are listed")
    return Obstacles(tuple(found[:ITEMS_LIMIT]), tuple(shortened(line) for line in unread))


def _weight(obstacle: Obstacle) -> tuple[bool, bool]:
    """Lower for what weighs more where there are many: network policies have rules on each pod, which drop the unknown."""
    return obstacle.kind != "redirect", obstacle.applies_to == "forward"


def _in_this_namespace(deadline: float, without: str) -> tuple[list[Obstacle], list[str]]:
    found: list[Obstacle] = []
    unread: list[str] = []
    here: dict[Family, Surroundings] = {}
    for family in FAMILIES:
        here[family] = Surroundings()
        try:
            read_so = _routes(family, deadline)
        except ProbeError as error:
            unread.append(f"routes ({family}): {error}")
            continue
        here[family], standing = read_so
        found += standing
    rules = PacketRules(deadline, without)
    walk = Walk(rules.chains.values(), here, deadline=deadline)
    hits = walk.hits()
    if walk.exhausted:
        unread.append("packet rules: too many to judge in the time given; some were not looked at")
    return [*_merged(_obstacles(hits, rules)), *found], [*rules.unread, *unread]


def _routes(family: Family, deadline: float) -> tuple[Surroundings, tuple[Obstacle, ...]]:
    """What is around, and what of it stands in the way. Raises ProbeError."""
    listing = ip_listing.read(family, max(0.001, deadline - time.monotonic()))
    return routes.surroundings(listing), routes.obstacles(listing)


def _obstacles(hits: Iterable[Hit], rules: PacketRules) -> Iterable[Obstacle]:
    hits = [hit for hit in hits if not _leads_there(hit)]
    wanted = {(hit.chain.key, hit.rule.handle) for hit in hits[: 4 * ITEMS_LIMIT] if hit.rule and not hit.rule.line}
    quotes = rules.quotes(wanted)
    for hit in hits:
        quote = f"type {hit.base.kind} hook {hit.base.hook} priority {hit.base.priority}; policy drop;"
        if hit.rule is not None:
            line = hit.rule.line
            quote = iptables.quoted(line) if line else quotes.get((hit.chain.key, hit.rule.handle), "")
        where = hit.chain.place
        if hit.chain is not hit.base:
            where += f" (reached from {hit.base.key[3]})"
        yield Obstacle(
            kind=_kind(hit),
            family=hit.family,
            where=shortened(where, 120),
            quote=shortened(quote),
            target=_target(hit),
            certain=hit.certain,
            scope=shortened(", ".join(hit.scope), 200) or None,
            applies_to=_APPLIES_TO.get(hit.base.hook, "any"),
            spares_root=hit.spares_root,
        )


def _target(hit: Hit) -> str | None:
    if hit.rule is None:
        return None
    if _kind(hit) == "ttl-change":
        return f"{hit.rule.action.number:{'+' if hit.rule.action.kind == 'ttl-add' else ''}d}"
    return shortened(hit.rule.action.to, 60) or None


def _kind(hit: Hit) -> Kind:
    action = hit.rule.action.kind if hit.rule else "drop"
    if action == "redirect":
        return "redirect"
    if action in ("ttl", "ttl-add") and not hit.by_ttl:
        return "ttl-change"
    if hit.by_ttl:
        return "ttl-filter"
    return "reject" if action == "reject" else "drop"


def _leads_there(hit: Hit) -> bool:
    """Whether a redirect leads to the very place that the request was for."""
    if hit.rule is None or hit.rule.action.kind != "redirect":
        return False
    address = ADDRESSES[hit.family]
    return hit.rule.action.to in (address, f"{address}:80", f"[{address}]:80")


def _merged(found: Iterable[Obstacle]) -> list[Obstacle]:
    """One obstacle for each rule: it can meet both address families, and requests as well as replies."""
    known: dict[tuple[str, ...], Obstacle] = {}
    for each in found:
        place = (each.kind, each.where, each.quote, each.target or "", each.applies_to)
        earlier = known.get(place)
        if earlier is None:
            known[place] = each
            continue
        known[place] = replace(
            earlier,
            family=earlier.family if earlier.family == each.family else "both",
            certain=earlier.certain or each.certain,
            scope=earlier.scope if earlier.scope == each.scope else None,
            spares_root=earlier.spares_root and each.spares_root,
        )
    return list(known.values())
