"""Does anybody still call IMDSv1, and was watched for long enough to say that nobody does?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.duration import in_words
from imds_probe.facts.callers import Callers, CallerSeen, MetricCompared
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds, switched_already
from imds_probe.findings import Fix, Found, Kind
from imds_probe.rules.caller_cause import cause_of
from imds_probe.rules.rule import NothingToJudge, Rule

NAMED_MAX = 20
PATHS_SHOWN = 3

IMDSV1_CALLER = Kind(
    id="imdsv1-caller",
    severity="blocker",
    implies="not-ready",
    title="Somebody still calls IMDSv1",
    meaning="A request without a token was seen on its way to the metadata service within the window that is judged by "
    "(watch.window, 14 days unless set otherwise). Once tokens are required it is answered with 401. Who made it is "
    "known by the kernel's own record of the connection where that is to be had.",
    cure="Change the caller as the finding says. It leaves the verdict once the window has passed it by, or with a shorter "
    "watch.window in the configuration; `imds-probe watch --v1-only` shows at once whether it still calls.",
    sources=("EC2 User Guide: Transition to using Instance Metadata Service Version 2",),
)
IMDSV1_FALLBACK = Kind(
    id="imdsv1-fallback",
    severity="blocker",
    implies="needs-hop-limit",
    title="A container calls IMDSv1 because the token does not reach it",
    meaning="It asks for a token, and so speaks IMDSv2, but the answer's IP TTL ends before it gets to the container; after "
    "a while it asks without one. With tokens required it would get nothing.",
    cure="Raise the hop limit with the same command that requires tokens; the program needs no change.",
    sources=("EC2 User Guide: Considerations for containers and the hop limit",),
)
IMDSV1_REFUSED = Kind(
    id="imdsv1-refused",
    severity="warning",
    title="Calls to IMDSv1 are refused",
    meaning="Tokens are required already, and a caller that sends none was answered with 401. It gets no metadata.",
    cure="Have it ask for a token, or turn off what it asks for if nobody misses it.",
    sources=("EC2 User Guide: IMDS error codes",),
)
IMDSV1_UNSEEN = Kind(
    id="imdsv1-unseen",
    severity="warning",
    implies="unknown",
    title="CloudWatch counted calls by IMDSv1 that the watch did not see",
    meaning="The metric MetadataNoToken of this instance is higher than what was seen in hours that were watched without "
    "a gap, the probe's own calls counted in both. So somebody calls whom the watch cannot see: from a network interface "
    "that is handed to a container or a virtual machine (SR-IOV, DPDK), or before the daemon begins at each boot.",
    cure="Look for virtual machines and user-space network stacks on this host, and at the minutes of the metric in "
    "CloudWatch: they tell when.",
    sources=("EC2 User Guide: CloudWatch metrics of instances, MetadataNoToken",),
)
WATCHED_TOO_SHORTLY = Kind(
    id="watched-too-shortly",
    severity="info",
    title="Nobody called IMDSv1, but it was not watched for long enough",
    meaning="For high confidence, 99 % of the last 14 days must have been watched (watch.coverage, watch.window). Time in "
    "which the daemon did not run, the host was down or packets came too fast counts as not watched: a monthly job may "
    "have called then.",
    cure="Leave the daemon running: systemctl enable --now imds-probe-daemon.",
)


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    callers = facts.get(Callers)
    if callers is None:
        run = facts.collector("callers")
        return NothingToJudge(run.reason if run and run.reason else "who calls was not watched")
    groups: dict[tuple[str, str | None, str | None], list[CallerSeen]] = defaultdict(list)
    for each in callers.by:
        if each.version == "v1" and not each.probe:
            groups[each.program, each.unit, each.container_id or each.container].append(each)
    required = switched_already(facts.get(Imds))
    findings = []
    for group in list(groups.values())[:NAMED_MAX]:
        finding = _refused(group) if required else _calls(group, callers, facts, catalog)
        findings += [finding] if finding else []
    if len(groups) > NAMED_MAX:
        findings.append(_more(list(groups.values())[NAMED_MAX:], required=required))
    if callers.metric is not None and callers.metric.unseen and not required:
        findings.append(_unseen(callers.metric))
    if not callers.imdsv1 and not callers.complete:
        findings.append(_short(callers))
    return findings


def _calls(group: Sequence[CallerSeen], callers: Callers, facts: Facts, catalog: Catalog) -> Found:
    cause = cause_of(group, callers, facts, catalog)
    fell_back = cause.needs_hop_limit is not None
    return (IMDSV1_FALLBACK if fell_back else IMDSV1_CALLER).found(
        group[0].container or group[0].unit or group[0].program,
        f"{_who(group[0])} called IMDSv1 {_times(group)}, last at {_last(group)}: {cause.why}",
        evidence=(*_evidence(group), *cause.evidence),
        fix=cause.fix,
    )


def _refused(group: Sequence[CallerSeen]) -> Found | None:
    """Where tokens are required already. What called before that, and no more since, is no trouble."""
    refused = sum(each.refused for each in group)
    if not refused:
        return None
    return IMDSV1_REFUSED.found(
        group[0].container or group[0].unit or group[0].program,
        f"{_who(group[0])} called IMDSv1 and was refused, {refused} times, last at {_last(group)}",
        evidence=_evidence(group),
        fix=Fix("Have it ask for a token: it gets no metadata now."),
    )


def _more(groups: Sequence[Sequence[CallerSeen]], *, required: bool) -> Found:
    count = sum(each.count for group in groups for each in group)
    return (IMDSV1_REFUSED if required else IMDSV1_CALLER).found(
        "more callers",
        f"{len(groups)} more callers called IMDSv1, {count} times together",
        evidence=tuple(_who(group[0]) for group in groups[:PATHS_SHOWN]),
        fix=Fix("See them all: callers.by in the JSON report, or imds-probe watch --v1-only."),
    )


def _unseen(metric: MetricCompared) -> Found:
    return IMDSV1_UNSEEN.found(
        "MetadataNoToken",
        f"CloudWatch counted {metric.unseen} calls by IMDSv1 that were not seen here, of {metric.counted} in "
        f"{metric.hours} hours",
        evidence=(
            f"MetadataNoToken from {metric.since} to {metric.until}: {metric.counted}; seen here: {metric.seen}",
        ),
        fix=Fix("Look for who calls past this host's network: see imds-probe explain imdsv1-unseen."),
    )


def _short(callers: Callers) -> Found:
    return WATCHED_TOO_SHORTLY.found(
        "watch",
        f"nobody called IMDSv1 while it was watched, which was {in_words(callers.observed_s)} of the last "
        f"{in_words(callers.window_s)} ({callers.coverage:.1%} of {callers.needed_coverage:.0%})",
        evidence=(f"{callers.dropped_packets} packets were lost",) if callers.dropped_packets else (),
        fix=Fix("Leave imds-probe's daemon running until then, for a verdict of high confidence."),
    )


def _who(caller: CallerSeen) -> str:
    name = "an unknown process" if caller.program == "unknown" else caller.program
    unit = f" ({caller.unit})" if caller.unit else ""
    return name + unit + (f" in {caller.container}" if caller.container else "")


def _times(group: Sequence[CallerSeen]) -> str:
    count = sum(each.count for each in group)
    return "once" if count == 1 else f"{count} times"


def _last(group: Sequence[CallerSeen]) -> str:
    return max(each.last_seen for each in group)


def _evidence(group: Sequence[CallerSeen]) -> tuple[str, ...]:
    latest = max(group, key=lambda each: each.last_seen)
    lines = [f"asked for {', '.join(dict.fromkeys(each.path for each in group[:PATHS_SHOWN]))}"]
    if latest.cmdline or latest.pid:
        lines.append(f"last by process {latest.pid}: {latest.cmdline or latest.comm}")
    if latest.user_agent:
        lines.append(f"says it is {latest.user_agent}")
    return tuple(lines)


RULE = Rule(
    "callers", _find, kinds=(IMDSV1_CALLER, IMDSV1_FALLBACK, IMDSV1_REFUSED, IMDSV1_UNSEEN, WATCHED_TOO_SHORTLY)
)
