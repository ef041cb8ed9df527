"""Findings on containers whose distance does not show, as a relay answers them or TTLs are written on the way."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.containers import Container, titles
from imds_probe.facts.control_plane import ControlPlane, MetadataOptions
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds
from imds_probe.facts.instance import Instance
from imds_probe.findings import Fix, Found
from imds_probe.rules.containers_kinds import (
    TOKEN_LOST_BEHIND_RELAY,
    TOKEN_LOST_UNMEASURED,
    TOKEN_THROUGH_RELAY,
    TTLS_CHANGED,
)
from imds_probe.rules.containers_phrases import count, measures, receive, routers
from imds_probe.rules.origins import of_containers
from imds_probe.rules.relays import limit_to_try, quoted
from imds_probe.switch.instance import command
from imds_probe.switch.options import in_force
from imds_probe.switch.step import Plan


def limits_to_try(container: Container, facts: Facts) -> list[int]:
    """The hop limits to try at each address where the token is lost and nothing was measured."""
    tried = (limit_to_try(each, container, facts) for each in container.reach)
    return [limit for limit in tried if limit is not None]


def lost(subject: str, members: list[Container], facts: Facts, catalog: Catalog) -> Found:
    """No token at the present hop limit, and a higher one is needed."""
    limit = max(limit for each in members for limit in limits_to_try(each, facts))
    return TOKEN_LOST_UNMEASURED.found(
        subject,
        f"{receive(members)} no token{_at(facts)} and need{'s' if len(members) == 1 else ''} a higher hop limit; try {limit}, "
        f"as {_why(members)}: {titles(members)}",
        evidence=_evidence(members, facts, catalog),
        fix=Fix(
            f"Raise the hop limit to {limit} while tokens are still optional, and do not require tokens in the same command. Run "
            "imds-probe again: the report says whether the token arrives. Then require tokens.",
            hop_limit_alone(limit, facts),
        ),
        forgeable_by=of_containers(members),
    )


def hop_limit_alone(limit: int, facts: Facts) -> tuple[str, ...]:
    """The command that sets the hop limit and leaves the tokens as they are; none where nobody may."""
    options = MetadataOptions(http_put_response_hop_limit=limit, http_endpoint="enabled")
    found = command(Plan(in_force(facts), options, facts.get(Instance), facts.get(ControlPlane)), options)
    return (found,) if found else ()


def lost_for_another_reason(subject: str, members: list[Container], facts: Facts, catalog: Catalog) -> Found:
    """No token at the present hop limit, and nothing tells that a higher one would do."""
    return TOKEN_LOST_BEHIND_RELAY.found(
        subject,
        f"{receive(members)} no token{_at(facts)}; a higher hop limit may not help, as {_why(members)}: {titles(members)}",
        evidence=_evidence(members, facts, catalog),
        fix=Fix(
            "Find the program that takes the containers' connections to the metadata address, and make sure that it passes token "
            "requests. `imds-probe explain token-lost-behind-relay` has a request that tests it."
        ),
        forgeable_by=of_containers(members),
    )


def relayed(subject: str, members: list[Container], facts: Facts, catalog: Catalog) -> Found:
    """The token came, by a relay."""
    return TOKEN_THROUGH_RELAY.found(
        subject,
        f"the token reaches {count(members)} through a relay{_at(facts)}; the distance could not be measured: {titles(members)}",
        evidence=_evidence(members, facts, catalog),
    )


def changed(subject: str, members: list[Container], facts: Facts, catalog: Catalog) -> Found:
    """The token came, with TTLs that somebody wrote."""
    return TTLS_CHANGED.found(
        subject,
        f"the token reaches {count(members)}{_at(facts)}, but TTLs are changed on the way, and a lower hop limit may not suffice: "
        f"{titles(members)}",
        evidence=_evidence(members, facts, catalog),
        fix=Fix("Keep the present hop limit. Keep the rule that changes TTLs while these containers depend on it."),
    )


def _why(members: Sequence[Container]) -> str:
    """Why no distance shows, a clause."""
    reaches = [each for member in members for each in member.reach]
    what = "its distance" if len(members) == 1 else "their distances"
    if any(each.relayed for each in reaches):
        return f"a relay hides {what}"
    if any(each.ttls_changed for each in reaches):
        return f"a rule on TTLs hides {what}"
    return f"{what} could not be measured"


def _at(facts: Facts) -> str:
    imds = facts.get(Imds)
    return f" at hop limit {imds.hop_limit}" if imds and imds.hop_limit else " at the present hop limit"


def _evidence(members: Sequence[Container], facts: Facts, catalog: Catalog) -> tuple[str, ...]:
    inside = tuple(
        f"{each.title}: the program that took the connection is in the container's own network"
        for each in members
        if any(reach.taken_inside for reach in each.reach)
    )
    return (*measures(members, facts, catalog), *routers(members), *inside, *quoted(members, facts))
