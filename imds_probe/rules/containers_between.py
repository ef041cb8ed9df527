"""Containers for which something on the path decides, a rule or a proxy, whatever the hop limit is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.containers import Container, titles
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds
from imds_probe.findings import Fix, Found, State
from imds_probe.rules.containers_kinds import ANSWERED_BY_PROXY, TOKEN_BEYOND_HOP_LIMIT, TOKEN_FILTERED
from imds_probe.rules.containers_phrases import SUBJECT, count, measures
from imds_probe.rules.hop_need import limit_for
from imds_probe.rules.metadata_need import metadata_need
from imds_probe.rules.origins import of_containers
from imds_probe.rules.proxies import proxies_speak
from imds_probe.rules.relays import lowered_by, quoted
from imds_probe.rules.settled import nobody_by_v1
from imds_probe.rules.settling import SILENT_WINDOW


def filtered(subject: str, members: list[Container], facts: Facts, catalog: Catalog) -> Found:
    certain = any(metadata_need(each, facts, catalog).state in ("likely", "observed") for each in members)
    lowering = lowering_rules(members, facts)
    return TOKEN_FILTERED.found(
        subject,
        f"a rule lowers TTLs, and the token response does not reach {count(members)}: {titles(members)}"
        if lowering
        else f"the hop limit suffices for {count(members)}, but the token response does not arrive: {titles(members)}",
        evidence=(*measures(members, facts, catalog), *lowering),
        fix=Fix("Remove the rule that lowers TTLs, and run imds-probe again.")
        if lowering
        else Fix(
            "Find the rule or policy that drops the token response: look at the findings metadata-blocked and "
            "metadata-ttl-changed, or at the network policies of the cluster. A higher hop limit does not help."
        ),
        severity="blocker" if certain else None,
        implies="not-ready" if certain else _unless_unneeded(members, facts, catalog),
        forgeable_by=of_containers(members),
    )


def unexpected(subject: str, members: list[Container], facts: Facts, catalog: Catalog) -> Found:
    return TOKEN_BEYOND_HOP_LIMIT.found(
        subject,
        f"the hop limit is too low for {count(members)}, but the token response arrives: {titles(members)}",
        evidence=measures(members, facts, catalog),
        fix=Fix(
            "Find the rule that rewrites TTLs, or the proxy that answers by itself: these containers depend on it today. If they "
            "need metadata, raise the hop limit before you remove it."
        ),
    )


def answered_by_proxy(subject: str, members: list[Container], facts: Facts, catalog: Catalog) -> Found:
    needs = {metadata_need(each, facts, catalog).state for each in members}
    refused = any(reach.token == "answered-by-proxy" and reach.status != 200 for m in members for reach in m.reach)
    evidence = (*measures(members, facts, catalog), *quoted(members, facts))
    if not refused:
        said = f"a proxy answers {count(members)} instead of the metadata service, and gave a token"
        if nobody_by_v1(facts) or proxies_speak(facts):
            return ANSWERED_BY_PROXY.found(SUBJECT, f"{said}: {titles(members)}", evidence=evidence)
        implies = _unless_unneeded(members, facts, catalog)
        return ANSWERED_BY_PROXY.found(
            subject,
            f"{said}, but may itself speak only IMDSv1: {titles(members)}",
            evidence=evidence,
            fix=Fix(
                "Find out whether the proxy passes token requests on, or asks with tokens of its own. You can also keep "
                "imds-probe's daemon running: a whole window without a call by IMDSv1 shows it."
            ),
            severity="warning" if implies else None,
            implies=implies,
            settled_by=(SILENT_WINDOW, *ANSWERED_BY_PROXY.settled_by),
            forgeable_by=of_containers(members) if implies else (),
        )
    certain = bool(needs & {"likely", "observed"})
    return ANSWERED_BY_PROXY.found(
        subject,
        f"a proxy answers {count(members)} instead of the metadata service, and gave no token: {titles(members)}",
        evidence=evidence,
        fix=Fix(
            "Make sure that the proxy passes token requests and speaks IMDSv2 itself, or replace it by IRSA or EKS Pod "
            "Identity."
        ),
        severity="blocker" if certain else "warning",
        implies="not-ready" if certain else _unless_unneeded(members, facts, catalog),
        forgeable_by=of_containers(members),
    )


def _unless_unneeded(members: Iterable[Container], facts: Facts, catalog: Catalog) -> State | None:
    return None if all(metadata_need(each, facts, catalog).state == "unlikely" for each in members) else "unknown"


def is_lowered(container: Container, facts: Facts) -> bool:
    """Whether a rule that lowers TTLs is why the token is lost at a hop limit that the distance allows."""
    imds = facts.get(Imds)
    limit = limit_for(container, facts) if are_lowered(container, facts) else None
    return limit is not None and imds is not None and imds.hop_limit is not None and imds.hop_limit < limit


def are_lowered(container: Container, facts: Facts) -> bool:
    return any(lowered_by(reach, container, facts) for reach in container.reach)


def lowering_rules(members: Sequence[Container], facts: Facts) -> tuple[str, ...]:
    """The rules that lower TTLs, where some do."""
    return quoted(members, facts) if any(are_lowered(each, facts) for each in members) else ()
