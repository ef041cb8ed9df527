"""Does the token response reach every container that needs metadata, and with which hop limit would it?"""

from __future__ import annotations

from collections.abc import Callable

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.containers import Container, Containers, titles
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds
from imds_probe.findings import Fix, Found, Kind
from imds_probe.rules.acceptance import apart
from imds_probe.rules.containers_between import answered_by_proxy, are_lowered, filtered, is_lowered, unexpected
from imds_probe.rules.containers_cut_off import cut_off, perhaps_served
from imds_probe.rules.containers_kinds import (
    ANSWERED_BY_PROXY,
    CONTAINER_NOT_MEASURED,
    CONTAINERS_NOT_SEEN,
    DISTANCE_UNEXPLAINED,
    HOP_LIMIT_TOO_LOW,
    KINDS,
    METADATA_PERHAPS_SERVED,
    TOKEN_FILTERED,
    TOKEN_LOST_BEHIND_RELAY,
)
from imds_probe.rules.containers_later import KINDS as KINDS_LATER
from imds_probe.rules.containers_later import later
from imds_probe.rules.containers_phrases import SUBJECT, count
from imds_probe.rules.containers_spare import higher_than_needed
from imds_probe.rules.containers_too_far import (
    distance_unexplained,
    left_out,
    too_far,
    too_far_unneeded,
    users_networks,
)
from imds_probe.rules.containers_unmeasured import (
    changed,
    limits_to_try,
    lost,
    lost_for_another_reason,
    relayed,
)
from imds_probe.rules.cut_off import doubt, is_cut_off, is_unreachable, may_be_served
from imds_probe.rules.hop_need import (
    is_users,
    limit_for,
    unexplained,
    users_without_token,
)
from imds_probe.rules.kept_out import kept_out
from imds_probe.rules.metadata_need import Need, metadata_need
from imds_probe.rules.phrases import more_time_or
from imds_probe.rules.proxies import passes_on
from imds_probe.rules.relays import is_lost_unmeasured, lower_is_known_to_do
from imds_probe.rules.rule import NothingToJudge, Rule
from imds_probe.rules.settled import nobody_by_v1
from imds_probe.rules.settling import (
    AS_ROOT,
    LATER,
    ON_HOST,
    OWNER,
    SERVICE_ITSELF,
    SERVICE_REACHED,
    SILENT_WINDOW,
    by_reasons,
    by_run,
)

_Describe = Callable[[str, list[Container], Facts, Catalog], Found]


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    imds = facts.get(Imds)
    if imds is None or imds.endpoint == "disabled":
        return NothingToJudge("the metadata service was not asked, or it is turned off")
    findings = []
    there = facts[Containers]
    if there.containers is None or there.containers_unseen:
        findings.append(_unseen(facts))
    groups: dict[_Describe, list[Container]] = {}
    accepted = kept_out(facts, catalog)
    for container in there.seen:
        if group := _group(container, facts, catalog):
            is_left_out = group in (too_far, lost) and accepted.has(container, facts)
            groups.setdefault(left_out if is_left_out else group, []).append(container)
    for describe, members in groups.items():
        kind = _DECIDING.get(describe)
        parts = apart(kind, SUBJECT, members, lambda each: each.title, facts) if kind else [(SUBJECT, members)]
        findings += [describe(subject, part, facts, catalog) for subject, part in parts]
    if of_users := users_without_token(facts, catalog):
        findings.append(users_networks(of_users, facts, catalog))
    findings += later(facts, catalog)
    everything_seen = there.containers is not None and not there.containers_unseen and _not_measured not in groups
    served_apart = any(may_be_served(each, metadata_need(each, facts, catalog), facts) for each in there.seen)
    known = everything_seen and not _is_on_loopback(facts) and not served_apart
    if known and not unexplained(facts) and lower_is_known_to_do(facts):
        findings += higher_than_needed(facts, catalog)
    return findings


def _is_on_loopback(facts: Facts) -> bool:
    """Whether the host was told to ask at an address that no container reaches: nothing was measured there."""
    imds = facts.get(Imds)
    return imds is not None and bool(imds.endpoints) and all(reply.on_loopback for reply in imds.endpoints)


def _group(container: Container, facts: Facts, catalog: Catalog) -> _Describe | None:
    """Which finding a container belongs to; the worst of its addresses decides."""
    need = metadata_need(container, facts, catalog)
    unneeded = need.state == "unlikely"
    if container.sandbox or is_users(container):
        return None
    tokens = {reach.token for reach in container.reach}
    disagree = {reach.token for reach in container.reach if reach.disagrees}
    if not tokens and is_unreachable(facts):
        return cut_off if is_cut_off(container, facts) else None if unneeded or nobody_by_v1(facts) else _not_measured
    if not tokens or "error" in tokens:
        return None if unneeded else _not_measured
    if any(is_lost_unmeasured(reach) for reach in container.reach):
        helps = limits_to_try(container, facts)
        return too_far_unneeded if unneeded else lost if helps else lost_for_another_reason
    if "lost" in disagree:
        if is_lowered(container, facts):
            return too_far_unneeded if unneeded else too_far
        return filtered
    if "lost" in tokens:
        if not unneeded and limit_for(container, facts) is None and are_lowered(container, facts):
            return filtered
        known = all(reach.explained for reach in container.reach if reach.token == "lost")
        return too_far_unneeded if unneeded else too_far if known else distance_unexplained
    proxied = [reach for reach in container.reach if reach.token == "answered-by-proxy"]
    if proxied:
        return relayed if all(passes_on(reach, facts) for reach in proxied) else answered_by_proxy
    if "ok" in disagree:
        return unexpected
    if any(reach.ttls_changed for reach in container.reach):
        return changed
    if any(reach.relayed for reach in container.reach):
        return relayed
    return _unreached(container, need, facts)


def _unreached(container: Container, need: Need, facts: Facts) -> _Describe | None:
    """The same of one from which root could not connect, if it is such a one."""
    if may_be_served(container, need, facts):
        return None if nobody_by_v1(facts) else perhaps_served
    left = doubt(container, facts)
    if left is not None and (need.state == "unlikely" or not left.passes):
        return None
    return cut_off if container.main and container.main.token in ("refused", "unreachable") else None


def _unseen(facts: Facts) -> Found:
    found, run = facts.collector("running-containers"), facts.collector("containers")
    if found and found.status == "failed":
        run = found  # and for that reason nothing was measured
    there = facts[Containers]
    reasons = there.containers_unseen or (
        (run.reason,) if run and run.reason else ("the report has no list of containers",)
    )
    return CONTAINERS_NOT_SEEN.found(
        SUBJECT,
        "the running containers could not be seen"
        if there.containers is None
        else "not all running containers could be seen",
        evidence=reasons,
        fix=more_time_or(
            None if there.containers_unseen else run,
            "Run as root on the host. In a container, run with the host's PID namespace, and with the host's root mounted "
            "and named by --root. If a file system does not answer, mend or unmount it, and run again.",
        ),
        settled_by=(
            *(
                by_reasons(there.containers_unseen, facts, ON_HOST)
                if there.containers_unseen
                else by_run(run, facts, ON_HOST)
            ),
            OWNER,
        ),
    )


def _not_measured(subject: str, members: list[Container], facts: Facts, catalog: Catalog) -> Found:
    del catalog
    elsewhere = _is_on_loopback(facts)
    without_host = is_unreachable(facts) and not any(each.reach for each in members)
    return CONTAINER_NOT_MEASURED.found(
        subject,
        f"the token response was not tested in {count(members)}: {titles(members)}",
        evidence=tuple(f"{each.title}: {each.not_measured or _error(each)}" for each in members),
        fix=Fix(
            "Run as root."
            if not facts.privileged
            else "Unset AWS_EC2_METADATA_SERVICE_ENDPOINT, and run imds-probe again. It then tests each container at the metadata "
            "service."
            if elsewhere
            else "Let root reach the metadata service on the host, or keep imds-probe's daemon running: a whole window without a "
            "call by IMDSv1 settles it."
            if without_host
            else "Run imds-probe again. If the evidence stays the same and names another program on the path, find that program, "
            "and make sure that it passes token requests."
        ),
        settled_by=(
            *(() if facts.privileged else (AS_ROOT,)),
            *((SERVICE_REACHED, SILENT_WINDOW) if without_host else (SERVICE_ITSELF if elsewhere else LATER,)),
            OWNER,
        ),
    )


def _error(container: Container) -> str:
    errors = (reach.detail for reach in container.reach if reach.token == "error")
    return next(errors, "the report does not say why")


# What each container has by itself where the configuration accepts it.
_DECIDING: dict[_Describe, Kind] = {
    too_far: HOP_LIMIT_TOO_LOW,
    left_out: HOP_LIMIT_TOO_LOW,
    _not_measured: CONTAINER_NOT_MEASURED,
    perhaps_served: METADATA_PERHAPS_SERVED,
    distance_unexplained: DISTANCE_UNEXPLAINED,
    filtered: TOKEN_FILTERED,
    lost_for_another_reason: TOKEN_LOST_BEHIND_RELAY,
    answered_by_proxy: ANSWERED_BY_PROXY,
}
RULE = Rule("containers", _find, kinds=(*KINDS, *KINDS_LATER))
