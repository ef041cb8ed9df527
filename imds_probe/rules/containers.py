"""Does the token response reach every container that needs metadata, and with which hop limit would it?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.callers import Callers
from imds_probe.facts.containers import Container, Containers, titles
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds, switched_already
from imds_probe.findings import Fix, Found, Kind, State
from imds_probe.rules.acceptance import apart
from imds_probe.rules.containers_cut_off import cut_off, perhaps_served
from imds_probe.rules.containers_kinds import (
    ANSWERED_BY_PROXY,
    CONTAINER_NOT_MEASURED,
    CONTAINERS_NOT_SEEN,
    DISTANCE_UNEXPLAINED,
    HOP_LIMIT_HIGHER_THAN_NEEDED,
    HOP_LIMIT_KEEPS_OUT,
    HOP_LIMIT_TOO_LOW,
    KINDS,
    METADATA_PERHAPS_SERVED,
    TOKEN_BEYOND_HOP_LIMIT,
    TOKEN_FILTERED,
    TOKEN_LOST_BEHIND_RELAY,
    USERS_NETWORK_WITHOUT_TOKEN,
)
from imds_probe.rules.containers_phrases import count, measures, receive
from imds_probe.rules.containers_unmeasured import (
    changed,
    hop_limit_alone,
    limits_to_try,
    lost,
    lost_for_another_reason,
    relayed,
)
from imds_probe.rules.cut_off import doubt, is_cut_off, is_unreachable, may_be_served
from imds_probe.rules.hop_need import (
    asked_with_token_from,
    is_users,
    limit_for,
    needed_hop_limit,
    unexplained,
    users_without_token,
    ways_of,
)
from imds_probe.rules.metadata_need import Need, by_configuration, metadata_need
from imds_probe.rules.origins import of_containers
from imds_probe.rules.phrases import more_time_or, raise_hop_limit
from imds_probe.rules.proxies import passes_on, proxies_speak
from imds_probe.rules.relays import is_lost_unmeasured, lower_is_known_to_do, lowered_by, quoted
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

_SUBJECT = "containers"
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
    for container in there.seen:
        if group := _group(container, facts, catalog):
            groups.setdefault(group, []).append(container)
    for describe, members in groups.items():
        kind = _DECIDING.get(describe)
        parts = apart(kind, _SUBJECT, members, lambda each: each.title, facts) if kind else [(_SUBJECT, members)]
        findings += [describe(subject, part, facts, catalog) for subject, part in parts]
    if of_users := users_without_token(facts, catalog):
        findings.append(_users(of_users, facts, catalog))
    everything_seen = there.containers is not None and not there.containers_unseen and _not_measured not in groups
    served_apart = any(may_be_served(each, metadata_need(each, facts, catalog), facts) for each in there.seen)
    known = everything_seen and not _is_on_loopback(facts) and not served_apart
    if known and not unexplained(facts) and lower_is_known_to_do(facts):
        findings += _higher_than_needed(facts, catalog)
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
        return _too_far_unneeded if unneeded else lost if helps else lost_for_another_reason
    if "lost" in disagree:
        if _is_lowered(container, facts):
            return _too_far_unneeded if unneeded else _too_far
        return _filtered
    if "lost" in tokens:
        if not unneeded and limit_for(container, facts) is None and _are_lowered(container, facts):
            return _filtered
        known = all(reach.explained for reach in container.reach if reach.token == "lost")
        return _too_far_unneeded if unneeded else _too_far if known else _unexplained
    proxied = [reach for reach in container.reach if reach.token == "answered-by-proxy"]
    if proxied:
        return relayed if all(passes_on(reach, facts) for reach in proxied) else _proxied
    if "ok" in disagree:
        return _unexpected
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


def _is_lowered(container: Container, facts: Facts) -> bool:
    """Whether a rule that lowers TTLs is why the token is lost at a hop limit that the distance allows."""
    imds = facts.get(Imds)
    limit = limit_for(container, facts) if _are_lowered(container, facts) else None
    return limit is not None and imds is not None and imds.hop_limit is not None and imds.hop_limit < limit


def _are_lowered(container: Container, facts: Facts) -> bool:
    return any(lowered_by(reach, container, facts) for reach in container.reach)


def _unseen(facts: Facts) -> Found:
    found, run = facts.collector("running-containers"), facts.collector("containers")
    if found and found.status == "failed":
        run = found  # and for that reason nothing was measured
    there = facts[Containers]
    reasons = there.containers_unseen or (
        (run.reason,) if run and run.reason else ("the report has no list of containers",)
    )
    return CONTAINERS_NOT_SEEN.found(
        _SUBJECT,
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


def _too_far(subject: str, members: list[Container], facts: Facts, catalog: Catalog) -> Found:
    needed = needed_hop_limit(facts, catalog)
    imds = facts.get(Imds)
    present = imds.hop_limit if imds else None
    lacks = "no metadata" if switched_already(imds) else "no token"
    at = f" at hop limit {present}" if present else ""
    return HOP_LIMIT_TOO_LOW.found(
        subject,
        f"{receive(members)} {lacks}{at}; hop limit {needed} suffices: {titles(members)}",
        evidence=(*measures(members, facts, catalog), *_ways(members), *_lowering(members, facts)),
        fix=raise_hop_limit(needed),
    )


def _lowering(members: Sequence[Container], facts: Facts) -> tuple[str, ...]:
    """The rules that lower TTLs, where some do."""
    return quoted(members, facts) if any(_are_lowered(each, facts) for each in members) else ()


def _unexplained(subject: str, members: list[Container], facts: Facts, catalog: Catalog) -> Found:
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


def _users(members: Sequence[Container], facts: Facts, catalog: Catalog) -> Found:
    one = len(members) == 1
    networks = "1 network made by a user receives" if one else f"{len(members)} networks made by users receive"
    return USERS_NETWORK_WITHOUT_TOKEN.found(
        _SUBJECT,
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


def _too_far_unneeded(subject: str, members: list[Container], facts: Facts, catalog: Catalog) -> Found:
    they_need = "it needs" if len(members) == 1 else "they need"
    parts = [(each, part) for each in members for part in by_configuration(each, facts, catalog)]
    options = any(part.state == "unknown" for _, part in parts)
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
        severity="warning" if options else None,
        fix=fix if options else None,
    )


def _filtered(subject: str, members: list[Container], facts: Facts, catalog: Catalog) -> Found:
    certain = any(metadata_need(each, facts, catalog).state in ("likely", "observed") for each in members)
    lowering = _lowering(members, facts)
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


def _unexpected(subject: str, members: list[Container], facts: Facts, catalog: Catalog) -> Found:
    return TOKEN_BEYOND_HOP_LIMIT.found(
        subject,
        f"the hop limit is too low for {count(members)}, but the token response arrives: {titles(members)}",
        evidence=measures(members, facts, catalog),
        fix=Fix(
            "Find the rule that rewrites TTLs, or the proxy that answers by itself: these containers depend on it today. If they "
            "need metadata, raise the hop limit before you remove it."
        ),
    )


def _proxied(subject: str, members: list[Container], facts: Facts, catalog: Catalog) -> Found:
    needs = {metadata_need(each, facts, catalog).state for each in members}
    refused = any(reach.token == "answered-by-proxy" and reach.status != 200 for m in members for reach in m.reach)
    evidence = (*measures(members, facts, catalog), *quoted(members, facts))
    if not refused:
        said = f"a proxy answers {count(members)} instead of the metadata service, and gave a token"
        if nobody_by_v1(facts) or proxies_speak(facts):
            return ANSWERED_BY_PROXY.found(_SUBJECT, f"{said}: {titles(members)}", evidence=evidence)
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


def _higher_than_needed(facts: Facts, catalog: Catalog) -> list[Found]:
    imds = facts.get(Imds)
    limit, needed = imds.hop_limit if imds else None, needed_hop_limit(facts, catalog)
    of_users = [each.needs_hop_limit or 1 for each in facts[Containers].seen if is_users(each)]
    needed, served = max(needed, asked_with_token_from(facts)), max(of_users, default=1)
    if limit is None or limit <= max(needed, served):
        return []
    lower = (
        "Lower the hop limit if nothing else will run here: a lower limit keeps the role's credentials from containers."
    )
    if switched_already(imds):
        # The only command at the head of the report undoes the switch.
        fix = Fix(f"{lower} Set it to {needed}, and leave the tokens required.", hop_limit_alone(needed, facts))
    else:
        fix = Fix(f"{lower} Replace the number after --http-put-response-hop-limit in the switch command by {needed}.")
    seen = " or was seen asking with a token" if facts.get(Callers) is not None else ""
    summary = f"the hop limit is {limit}, but nothing that runs here{seen} needs more than {needed}"
    return [HOP_LIMIT_HIGHER_THAN_NEEDED.found(_SUBJECT, summary, fix=fix)]


def _unless_unneeded(members: Iterable[Container], facts: Facts, catalog: Catalog) -> State | None:
    return None if all(metadata_need(each, facts, catalog).state == "unlikely" for each in members) else "unknown"


def _ways(members: Sequence[Container]) -> tuple[str, ...]:
    """The paths to the host of the containers that need a hop limit above FAR, a line each."""
    return tuple(f"path from {way}" for each in members for way in ways_of(each))


# What each container has by itself where the configuration accepts it.
_DECIDING: dict[_Describe, Kind] = {
    _not_measured: CONTAINER_NOT_MEASURED,
    perhaps_served: METADATA_PERHAPS_SERVED,
    _unexplained: DISTANCE_UNEXPLAINED,
    _filtered: TOKEN_FILTERED,
    lost_for_another_reason: TOKEN_LOST_BEHIND_RELAY,
    _proxied: ANSWERED_BY_PROXY,
}
RULE = Rule("containers", _find, kinds=KINDS)
