"""Parts of the picture that are counted: verdicts, hop limits, callers, ages, and what was no report. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable

from imds_probe.fleet.bounded import NAMED_MAX, counted, counts
from imds_probe.fleet.gathering import AHEAD_S, Gathered
from imds_probe.fleet.hosts import STATES, SWITCHABLE, Host
from imds_probe.fleet.picture import (
    Ages,
    CallerSeen,
    HostsByState,
    ImageNeeds,
    LimitNeeded,
    NotReport,
    OfState,
    Sources,
    V1Callers,
    Verdicts,
)
from imds_probe.timestamp import rfc3339

DAY_S = 86400


def sources(found: Gathered) -> Sources:
    """What was read."""
    places = defaultdict(list)
    for kind, place, reason in found.problems.named:
        places[kind].append((place, reason))
    return Sources(
        reports=found.read,
        older=found.older,
        duplicates=found.duplicates,
        from_future=found.from_future,
        unvouched=found.unvouched,
        not_reports=tuple(
            NotReport(kind, count, tuple(sorted(places[kind]))) for kind, count in sorted(found.problems.counts.items())
        ),
    )


def verdicts(hosts: Collection[Host]) -> Verdicts:
    """By verdict, confidence and evidence."""
    assessed = [host for host in hosts if not host.cannot]
    return Verdicts(
        hosts=len(hosts),
        assessed=len(assessed),
        switchable=sum(host.switchable for host in assessed),
        switched=sum(host.switched for host in hosts),
        by_state=tuple(_of_state(state, [host for host in hosts if host.state == state]) for state in STATES),
        cannot=counted(host.cannot for host in hosts if host.cannot),
        accepted_hosts=sum(host.accepted > 0 for host in hosts),
        accepted_risks=sum(host.accepted for host in hosts),
        accepted_until=min((host.accepted_until for host in hosts if host.accepted_until), default=None),
    )


def _of_state(state: str, hosts: list[Host]) -> OfState:
    return OfState(
        state=state,
        hosts=len(hosts),
        confidence=counted(host.confidence for host in hosts),
        evidence=counted(kind for host in hosts for kind in host.evidence),
    )


def hop_limits(hosts: Iterable[Host]) -> tuple[tuple[LimitNeeded, ...], tuple[ImageNeeds, ...]]:
    """Hosts that need a higher hop limit, and the images whose containers need it."""
    limits: Counter[int] = Counter()
    images: Counter[tuple[str, int]] = Counter()
    for host in hosts:
        if host.hop_limit_needed > max(1, host.hop_limit):
            limits[host.hop_limit_needed] += 1
        for need in host.hops:
            images[need.image, need.limit] += 1
    most = sorted(images.items(), key=lambda each: (-each[1], each[0]))[:NAMED_MAX]
    return (
        tuple(LimitNeeded(limit, count) for limit, count in sorted(limits.items())),
        tuple(ImageNeeds(image, limit, count) for (image, limit), count in most),
    )


def callers(hosts: Iterable[Host]) -> V1Callers:
    """Who calls IMDSv1."""
    seen: Counter[tuple[str, str]] = Counter()
    calls: Counter[tuple[str, str]] = Counter()
    owners: Counter[str] = Counter()
    for host in hosts:
        owners.update([host.owner] if host.callers else ())
        for caller in host.callers:
            seen[caller.program, caller.image] += 1
            calls[caller.program, caller.image] += caller.calls
    most = sorted(seen, key=lambda each: (-seen[each], -calls[each], each))
    return V1Callers(
        hosts=owners.total(),
        by=tuple(CallerSeen(*who, seen[who], calls[who]) for who in most[:NAMED_MAX]),
        left_out=max(0, len(most) - NAMED_MAX),
        owners=counts(owners),
    )


def ages(hosts: Collection[Host], now: float, max_age_s: float) -> Ages:
    """How old the newest reports are."""
    old = [now - host.started_at for host in hosts]
    oldest = min((host.started_at for host in hosts), default=None)
    return Ages(
        max_age_s=max_age_s,
        stale=sum(age > max_age_s for age in old),
        within_day=sum(-AHEAD_S <= age <= DAY_S for age in old),
        within_week=sum(DAY_S < age <= 7 * DAY_S for age in old),
        within_month=sum(7 * DAY_S < age <= 30 * DAY_S for age in old),
        older=sum(age > 30 * DAY_S for age in old),
        from_future=sum(age < -AHEAD_S for age in old),
        oldest=None if oldest is None else rfc3339(oldest),
    )


def by_state(hosts: Collection[Host]) -> HostsByState:
    """Their keys."""
    return HostsByState(*(tuple(sorted(host.key for host in hosts if host.state == state)) for state in STATES))


def is_free(state: str) -> bool:
    """Whether a verdict lets a host be switched."""
    return state in SWITCHABLE
