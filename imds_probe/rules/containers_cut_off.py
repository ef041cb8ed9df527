"""Findings on containers from which imds-probe could not connect to the metadata service."""

from __future__ import annotations

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.containers import Container, titles
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds
from imds_probe.findings import Fix, Found
from imds_probe.rules.containers_kinds import LISTENING, METADATA_PERHAPS_SERVED, METADATA_UNREACHABLE
from imds_probe.rules.containers_phrases import count, measures
from imds_probe.rules.cut_off import asks_by_proxy, doubt
from imds_probe.rules.hop_need import AT_LEAST
from imds_probe.rules.origins import of_containers
from imds_probe.rules.settling import EXEMPT, OWNER, SILENT_WINDOW


def cut_off(subject: str, members: list[Container], facts: Facts, catalog: Catalog) -> Found:
    """No program there is served by any version."""
    return METADATA_UNREACHABLE.found(
        subject,
        f"{count(members)} cannot reach the metadata service at all, so the switch changes nothing there: "
        f"{titles(members)}",
        evidence=measures(members, facts, catalog),
    )


def perhaps_served(subject: str, members: list[Container], facts: Facts, catalog: Catalog) -> Found:
    """Some may be."""
    doubts = [(each, found) for each in members if (found := doubt(each, facts))]
    passes = any(found.passes for _, found in doubts)
    proxied = any(asks_by_proxy(each) for each in members)
    again = "Start the server that the rule redirects to, and run imds-probe again. " if passes else ""
    hidden = any(each.own_stack for each in members)
    imds = facts.get(Imds)
    near = hidden and imds is not None and imds.hop_limit is not None and imds.hop_limit < AT_LEAST
    higher = (
        f"If the programs need metadata, raise the hop limit to {AT_LEAST} before tokens are required. " if near else ""
    )
    exempt = "Add 169.254.169.254 to NO_PROXY if the programs need no metadata. " if proxied else ""
    return METADATA_PERHAPS_SERVED.found(
        subject,
        f"imds-probe could not connect to the metadata service from {count(members)}, but programs there may be served: "
        f"{titles(members)}",
        evidence=(*measures(members, facts, catalog), *(f"{each.title}: {found.why}" for each, found in doubts)),
        fix=Fix(
            f"{again}{exempt}{higher}Keep imds-probe's daemon running: a whole window without a call by IMDSv1 settles it."
        ),
        forgeable_by=of_containers(members),
        settled_by=(*((LISTENING,) if passes else ()), *((EXEMPT,) if proxied else ()), SILENT_WINDOW, OWNER),
    )
