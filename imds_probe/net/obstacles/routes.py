"""Routes and routing rules that keep packets from the metadata address, or hand them to this machine itself.

The tables are looked up as the kernel does it (ip-rule(8), ip-route(8)); the kernel's own answer confirms the result.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from imds_probe.dataclass import dataclass
from imds_probe.facts.imds import Family
from imds_probe.net.obstacles.flow import ADDRESSES, NOBODY, Surroundings
from imds_probe.net.obstacles.ip_listing import Entry, IpListing, number, span
from imds_probe.net.obstacles.obstacle import Obstacle, shortened
from imds_probe.net.obstacles.ranges import Ranges, network
from imds_probe.net.obstacles.routing_rules import Selected, selected

REFUSING = ("blackhole", "prohibit", "unreachable")
_IGNORED = ("broadcast", "multicast", "anycast", "nat")
_DEFAULT_RULES: tuple[Entry, ...] = tuple(
    {"priority": priority, "src": "all", "table": table}
    for priority, table in ((0, "local"), (32766, "main"), (32767, "default"))
)


@dataclass(frozen=True)
class _Decision:
    """What a rule leads to: a route, or the rule itself where it refuses. None in both: it leads nowhere."""

    rule: Selected
    route: Entry | None = None

    @property
    def kind(self) -> str:
        if self.route is not None:
            return str(self.route.get("type", "unicast"))
        return self.rule.action


def surroundings(listing: IpListing) -> Surroundings:
    """What packet rules are judged against: own addresses, the way out, the networks beside."""
    way = listing.way or {}
    here = way.get("type") == "local"
    uplink = way.get("dev")
    # Loopback and link-local addresses are not what a request leaves with.
    own = [str(info["local"]) for entry in listing.addresses for info in _own(entry) if info.get("scope") == "global"]
    spans = [span(text) for text in own]
    beside = [
        each
        for route in listing.routes
        if route.get("scope") == "link" and route.get("dev") != uplink and "type" not in route
        for each in _network(route.get("dst"), listing.family).spans
    ]
    return Surroundings(
        own=Ranges.of(spans),
        uplink=str(uplink) if uplink is not None and not here else None,
        neighbours=Ranges.of(beside),
        metadata_is_here=here,
    )


def obstacles(listing: IpListing) -> tuple[Obstacle, ...]:
    """What the routing of one address family puts in the way."""
    found: list[Obstacle] = []
    thrown: list[_Decision] = []
    for decision in _decisions(listing):
        if decision.kind == "throw":
            thrown.append(decision)
        elif decision.kind in REFUSING or decision.kind == "local":
            found.append(_obstacle(listing, decision))
        if not decision.rule.scopes and decision.kind not in ("throw", ""):
            return tuple(found if decision.kind != "unicast" or not listing.refusal else [*found, _no_way(listing, [])])
    return (*found, _no_way(listing, thrown)) if listing.way is None else tuple(found)


def _decisions(listing: IpListing) -> Iterator[_Decision]:
    """What each rule that concerns the address leads to, in order, to the first that decides for everybody."""
    rules = sorted(
        (_DEFAULT_RULES if listing.rules is None else listing.rules), key=lambda rule: number(rule, "priority")
    )
    skip_to = 0
    for entry in rules:
        rule = selected(entry, listing.family)
        if rule is None or rule.priority < skip_to:
            continue
        if rule.goto:
            skip_to = skip_to if rule.scopes else rule.goto
        elif rule.action in REFUSING:
            yield _Decision(rule)
        elif rule.table:
            route = _lookup(listing, rule)
            if route is not None:
                yield _Decision(rule, route)


def _lookup(listing: IpListing, rule: Selected) -> Entry | None:
    """The route of a table that the kernel takes: the longest prefix, then the lowest metric."""
    address = int(ipaddress.ip_address(ADDRESSES[listing.family]))
    best: tuple[int, int] | None = None
    found: Entry | None = None
    for route in listing.routes:
        if str(route.get("table", "main")) != rule.table or route.get("type") in _IGNORED:
            continue
        spans = _network(route.get("dst"), listing.family).spans
        if not spans or not spans[0][0] <= address <= spans[0][1]:
            continue
        length = (32 if listing.family == "ipv4" else 128) - (spans[0][1] - spans[0][0] + 1).bit_length() + 1
        rank = (-length, number(route, "metric"))
        if best is None or rank < best:
            best, found = rank, route
    if best is not None and -best[0] <= rule.suppressed:
        return None
    return found


def _obstacle(listing: IpListing, decision: _Decision) -> Obstacle:
    rule, route = decision.rule, decision.route
    local = decision.kind == "local"
    where, quote = f"routing rule {rule.priority}", rule.text
    if route is not None:
        where, quote = f"routing table {rule.table}", _text(route)
    if local and route is not None:
        address = ADDRESSES[listing.family]
        holder = next((e for e in listing.addresses if any(info["local"] == address for info in _own(e))), None)
        if holder is not None:
            where = f"interface {holder.get('ifname')}"
            quote = f"{address} on {holder.get('ifname')}"
    agrees = listing.way is None or (local and listing.way.get("type") == "local")
    return Obstacle(
        kind="local-address" if local else "route",
        family=listing.family,
        where=shortened(where, 120),
        quote=shortened(quote),
        target=None,
        certain=rule.exact or (agrees and not rule.scopes),
        scope=", ".join(rule.scopes) or None,
        applies_to=rule.applies_to,
    )


def _no_way(listing: IpListing, thrown: list[_Decision]) -> Obstacle:
    because = f"; passed over by {_text(thrown[0].route)}" if thrown and thrown[0].route else ""
    return Obstacle(
        kind="route",
        family=listing.family,
        where="routing tables",
        quote=shortened(f"no route to {ADDRESSES[listing.family]} ({listing.refusal}){because}"),
        target=None,
        certain=True,
        scope=None,
        applies_to="any",
    )


def _text(route: Entry) -> str:
    """A route in the words of ip-route(8)."""
    kind = str(route.get("type", ""))
    words = [kind] if kind and kind != "unicast" else []
    words.append(str(route.get("dst")))
    for name, said in (("gateway", "via"), ("dev", "dev"), ("table", "table"), ("metric", "metric")):
        if name in route:
            words += [said, str(route[name])]
    return " ".join(words)


def _own(entry: Entry) -> list[Entry]:
    infos = entry.get("addr_info")
    return [info for info in infos if isinstance(info, dict) and "local" in info] if isinstance(infos, list) else []


def _network(text: object, family: Family) -> Ranges:
    if text == "default":
        return network("0.0.0.0/0" if family == "ipv4" else "::/0")
    try:
        return network(str(text))
    except ValueError:
        return NOBODY
