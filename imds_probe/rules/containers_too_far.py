"""Containers that the token response does not reach as they are too far away for the hop limit."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.containers import Container, titles
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds, switched_already
from imds_probe.findings import Fix, Found
from imds_probe.rules.containers_between import lowering_rules
from imds_probe.rules.containers_kinds import (
    DISTANCE_UNEXPLAINED,
    HOP_LIMIT_KEEPS_OUT,
    HOP_LIMIT_TOO_LOW,
    USERS_NETWORK_WITHOUT_TOKEN,
)
from imds_probe.rules.containers_phrases import SUBJECT, measures, receive
from imds_probe.rules.hop_need import needed_hop_limit, ways_of
from imds_probe.rules.metadata_need import by_configuration, metadata_need
from imds_probe.rules.phrases import KEPT_OUT_FIX, raise_hop_limit
from imds_probe.rules.quiet import never_called

_LEFT_OUT = Fix(
    "Ask the owners of these containers whether the programs need metadata on rare occasions. If they do, raise the hop limit, or "
    "give the containers credentials of their own."
)


def too_far(subject: str, members: list[Container], facts: Facts, catalog: Catalog) -> Found:
    needed = needed_hop_limit(facts, catalog)
    imds = facts.get(Imds)
    present = imds.hop_limit if imds else None
    lacks = "no metadata" if switched_already(imds) else "no token"
    at = f" at hop limit {present}" if present else ""
    return HOP_LIMIT_TOO_LOW.found(
        subject,
        f"{receive(members)} {lacks}{at}; hop limit {needed} suffices: {titles(members)}",
        evidence=(*measures(members, facts, catalog), *_ways(members), *lowering_rules(members, facts)),
        fix=raise_hop_limit(needed),
    )


def left_out(subject: str, members: list[Container], facts: Facts, catalog: Catalog) -> Found:
    """Those of which the configuration accepts that the hop limit is not raised for them: the switch breaks them."""
    imds = facts.get(Imds)
    at = f" at hop limit {imds.hop_limit}" if imds and imds.hop_limit else ""
    one = len(members) == 1
    for_it = f"the hop limit is not raised for {'it: it' if one else 'them: they'}"
    becomes = f"{'has' if one else 'have'} no metadata"
    if not switched_already(imds):
        becomes = "will have no metadata after the switch"
    return HOP_LIMIT_TOO_LOW.found(
        subject,
        f"{receive(members)} no token{at}, and {for_it} {becomes}: {titles(members)}",
        evidence=(*measures(members, facts, catalog), *_ways(members), *lowering_rules(members, facts)),
        fix=KEPT_OUT_FIX,
        implies="not-ready",
    )


def too_far_unneeded(subject: str, members: list[Container], facts: Facts, catalog: Catalog) -> Found:
    they_need = "it needs" if len(members) == 1 else "they need"
    parts = [(each, part) for each in members for part in by_configuration(each, facts, catalog)]
    options = any(part.state == "unknown" for _, part in parts)
    quiet = any(never_called(each, facts) for each in members)
    fix = Fix(
        "Search the configuration of these containers for the option that the evidence names. If it is set, raise the hop limit, "
        "or remove the option."
    )
    return HOP_LIMIT_KEEPS_OUT.found(
        subject,
        f"{receive(members)} no token, and nothing shows that {they_need} one{', unless an option is set' if options else ''}: "
        f"{titles(members)}",
        evidence=(
            *(f"{each.title}: {metadata_need(each, facts, catalog).reason}" for each in members),
            *(f"{each.title}: {part.reason}" for each, part in parts),
        ),
        severity="warning" if options or quiet else None,
        fix=fix if options else _LEFT_OUT if quiet else None,
    )


def distance_unexplained(subject: str, members: list[Container], facts: Facts, catalog: Catalog) -> Found:
    hops = max(reach.distance or 0 for each in members for reach in each.reach if not reach.explained)
    its, up_to = ("its", "") if len(members) == 1 else ("their", "up to ")
    return DISTANCE_UNEXPLAINED.found(
        subject,
        f"{receive(members)} no token; {its} measured distance of {up_to}{hops} hops is unexplained: {titles(members)}",
        evidence=(
            *measures(members, facts, catalog),
            "no path to the host over links and routes has this number of hops",
        ),
        fix=Fix(
            "Trace the path from these containers to the host: run `ip route get 169.254.169.254` in each network namespace on "
            "the path, and look for rules that change TTLs. Do not raise the hop limit before that."
        ),
    )


def users_networks(members: Sequence[Container], facts: Facts, catalog: Catalog) -> Found:
    one = len(members) == 1
    networks = "1 network made by a user receives" if one else f"{len(members)} networks made by users receive"
    return USERS_NETWORK_WITHOUT_TOKEN.found(
        SUBJECT,
        f"{networks} no token; the verdict does not depend on {'it' if one else 'them'}: {titles(members)}",
        evidence=tuple(
            f"{line}; the network belongs to user {each.netns_owner_uid}"
            for each, line in zip(members, measures(members, facts, catalog), strict=True)
        ),
        fix=Fix(
            "Run a program that needs metadata on the host's network or behind a relay (slirp4netns, pasta), or give the "
            "program its own credentials."
        ),
    )


def _ways(members: Sequence[Container]) -> tuple[str, ...]:
    """The paths to the host of the containers that need a hop limit above FAR, a line each."""
    return tuple(f"path from {way}" for each in members for way in ways_of(each))
