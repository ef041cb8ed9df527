"""Does the token response reach every container that needs metadata, and with which hop limit would it?"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.containers import Container, Containers, titles
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds, switched_already
from imds_probe.findings import Fix, Found, State
from imds_probe.rules.containers_kinds import (
    ANSWERED_BY_PROXY,
    CONTAINER_NOT_MEASURED,
    CONTAINERS_NOT_SEEN,
    HOP_LIMIT_HIGHER_THAN_NEEDED,
    HOP_LIMIT_KEEPS_OUT,
    HOP_LIMIT_TOO_LOW,
    KINDS,
    METADATA_UNREACHABLE,
    TOKEN_BEYOND_HOP_LIMIT,
    TOKEN_FILTERED,
)
from imds_probe.rules.hop_need import needed_hop_limit
from imds_probe.rules.metadata_need import metadata_need
from imds_probe.rules.phrases import raise_hop_limit
from imds_probe.rules.rule import NothingToJudge, Rule

_SUBJECT = "containers"


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    del catalog
    imds = facts.get(Imds)
    if imds is None or imds.endpoint == "disabled":
        return NothingToJudge("no metadata service that a container could miss")
    if imds.endpoints and all(ipaddress.ip_address(reply.address).is_loopback for reply in imds.endpoints):
        return NothingToJudge("the endpoint given is on loopback, of which every container has its own")
    findings = []
    there = facts[Containers]
    if there.containers is None or there.containers_unseen:
        findings.append(_unseen(facts))
    groups: dict[Callable[[list[Container], Facts], Found], list[Container]] = {}
    for container in there.seen:
        if group := _group(container):
            groups.setdefault(group, []).append(container)
    findings += [describe(members, facts) for describe, members in groups.items()]
    everything_seen = there.containers is not None and not there.containers_unseen and _not_measured not in groups
    if everything_seen:
        findings += _higher_than_needed(facts)
    return findings


def _group(container: Container) -> Callable[[list[Container], Facts], Found] | None:
    """Which finding a container belongs to; the worst of its addresses decides."""
    unneeded = metadata_need(container).state == "unlikely"
    if container.sandbox:
        return None
    tokens = {reach.token for reach in container.reach}
    disagree = {reach.token for reach in container.reach if reach.disagrees}
    if not tokens or "error" in tokens:
        return None if unneeded else _not_measured
    if "lost" in disagree:
        return _filtered
    if "lost" in tokens:
        return _too_far_unneeded if unneeded else _too_far
    if "answered-by-proxy" in tokens:
        return _proxied
    if "ok" in disagree:
        return _unexpected
    return _cut_off if container.main and container.main.token in ("refused", "unreachable") else None


def _unseen(facts: Facts) -> Found:
    run = facts.collector("containers")
    there = facts[Containers]
    reasons = there.containers_unseen or ((run.reason,) if run and run.reason else ())
    return CONTAINERS_NOT_SEEN.found(
        _SUBJECT,
        "which containers run here could not be seen"
        if there.containers is None
        else "there may be more containers than could be seen",
        evidence=reasons,
        fix=Fix("Run as root on the host, not in a container; in a container, with the host's root mounted and named."),
    )


def _not_measured(members: list[Container], facts: Facts) -> Found:
    del facts
    return CONTAINER_NOT_MEASURED.found(
        _SUBJECT,
        f"whether the token response reaches {_count(members)} was not measured: {titles(members)}",
        evidence=tuple(
            f"{each.title}: {each.not_measured or next(r.detail for r in each.reach if r.token == 'error')}"
            for each in members
        ),
        fix=Fix("Run as root; run again if something was busy."),
    )


def _too_far(members: list[Container], facts: Facts) -> Found:
    needed = needed_hop_limit(facts)
    imds = facts.get(Imds)
    present = imds.hop_limit if imds else None
    now = "have no metadata now" if switched_already(imds) else "do not get a token"
    at = f" at hop limit {present}" if present else ""
    return HOP_LIMIT_TOO_LOW.found(
        _SUBJECT,
        f"{_count(members)} {_verb(members, now)}{at}; hop limit {needed} reaches all that need it: {titles(members)}",
        evidence=_measures(members),
        fix=raise_hop_limit(needed),
    )


def _too_far_unneeded(members: list[Container], facts: Facts) -> Found:
    del facts
    return HOP_LIMIT_KEEPS_OUT.found(
        _SUBJECT,
        f"{_count(members)} out of the token's reach {_verb(members, 'do not seem to need it')}: {titles(members)}",
        evidence=tuple(f"{each.title}: {metadata_need(each).reason}" for each in members),
    )


def _filtered(members: list[Container], facts: Facts) -> Found:
    del facts
    certain = any(metadata_need(each).state in ("likely", "observed") for each in members)
    return TOKEN_FILTERED.found(
        _SUBJECT,
        f"measured and tried disagree: by distance the token reaches {_count(members)}, and yet it does not arrive: "
        f"{titles(members)}",
        evidence=_measures(members),
        fix=Fix("Find what drops the answer (see the findings on rules and routes); a higher hop limit does not help."),
        severity="blocker" if certain else None,
        implies="not-ready" if certain else _unless_unneeded(members),
    )


def _unexpected(members: list[Container], facts: Facts) -> Found:
    del facts
    return TOKEN_BEYOND_HOP_LIMIT.found(
        _SUBJECT,
        f"measured and tried disagree: by distance the token cannot reach {_count(members)}, and yet it arrives: "
        f"{titles(members)}",
        evidence=_measures(members),
        fix=Fix("Something on the way rewrites TTLs or answers by itself; what works today depends on it."),
    )


def _proxied(members: list[Container], facts: Facts) -> Found:
    del facts
    needs = {metadata_need(each).state for each in members}
    refused = any(reach.token == "answered-by-proxy" and reach.status != 200 for m in members for reach in m.reach)
    certain = refused and bool(needs & {"likely", "observed"})
    return ANSWERED_BY_PROXY.found(
        _SUBJECT,
        f"something else than the metadata service answers {_count(members)}: {titles(members)}",
        evidence=_measures(members),
        fix=Fix(
            "See that the proxy passes token requests and speaks IMDSv2 itself, or do without it (IRSA, Pod Identity)."
        ),
        severity="blocker" if certain else None,
        implies="not-ready" if certain else _unless_unneeded(members),
    )


def _cut_off(members: list[Container], facts: Facts) -> Found:
    del facts
    return METADATA_UNREACHABLE.found(
        _SUBJECT,
        f"{_count(members)} cannot reach the metadata service at all, so the switch changes nothing there: "
        f"{titles(members)}",
        evidence=_measures(members),
    )


def _higher_than_needed(facts: Facts) -> list[Found]:
    imds = facts.get(Imds)
    limit, needed = imds.hop_limit if imds else None, needed_hop_limit(facts)
    if limit is None or limit <= needed:
        return []
    fix = Fix(
        "Lower it, if nothing else will run here: a lower limit keeps the role's credentials from containers. "
        f"Replace the number in the switch command by {needed}."
    )
    summary = f"the hop limit is {limit}, and nothing that runs here needs more than {needed}"
    return [HOP_LIMIT_HIGHER_THAN_NEEDED.found(_SUBJECT, summary, fix=fix)]


def _unless_unneeded(members: Iterable[Container]) -> State | None:
    return None if all(metadata_need(each).state == "unlikely" for each in members) else "unknown"


def _measures(members: Sequence[Container]) -> tuple[str, ...]:
    lines = []
    for each in members:
        need = metadata_need(each)
        families: dict[str, list[str]] = {}  # both addresses mostly fare the same
        for reach in each.reach:
            families.setdefault(f"{_hops(reach.distance)}, {reach.detail}", []).append(reach.family)
        seen = "; ".join(f"{words} ({' and '.join(who)})" for words, who in families.items())
        lines.append(f"{each.title}: {seen}; need {need.state}: {need.reason}")
    return tuple(lines)


def _hops(distance: int | None) -> str:
    if distance is None:
        return "distance not measured"
    return f"{distance} hop{'' if distance == 1 else 's'} beyond the instance"


def _count(members: Sequence[Container]) -> str:
    return f"{len(members)} container{'' if len(members) == 1 else 's'}"


def _verb(members: Sequence[Container], plural: str) -> str:
    """The same words for one: "have" and "do" become "has" and "does"."""
    if len(members) != 1:
        return plural
    return plural.replace("have ", "has ", 1).replace("do ", "does ", 1)


RULE = Rule("containers", _find, kinds=KINDS)
