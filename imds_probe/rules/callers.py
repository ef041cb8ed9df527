"""Does anybody still call IMDSv1, and was watched for long enough to say that nobody does?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.duration import in_words
from imds_probe.facts.callers import Callers, CallerSeen, MetricCompared
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds, switched_already
from imds_probe.findings import Finding, Fix
from imds_probe.rules.caller_cause import cause_of
from imds_probe.rules.callers_explained import EXPLANATIONS
from imds_probe.rules.rule import NothingToJudge, Rule

RULE_ID = "callers"
NAMED_MAX = 20
PATHS_SHOWN = 3


def _judge(facts: Facts, catalog: Catalog) -> list[Finding] | NothingToJudge:
    callers = facts.get(Callers)
    if callers is None:
        run = facts.collector("callers")
        return NothingToJudge(run.reason if run and run.reason else "who calls was not watched")
    groups: dict[tuple[str, str | None, str | None, str | None], list[CallerSeen]] = defaultdict(list)
    for each in callers.by:
        if each.version == "v1" and not each.probe:
            groups[each.program, each.unit, each.container, each.container_id].append(each)
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


def _calls(group: Sequence[CallerSeen], callers: Callers, facts: Facts, catalog: Catalog) -> Finding:
    cause = cause_of(group, callers, facts, catalog)
    fell_back = cause.needs_hop_limit is not None
    return Finding(
        id="imdsv1-fallback" if fell_back else "imdsv1-caller",
        rule=RULE_ID,
        severity="blocker",
        subject=group[0].container or group[0].unit or group[0].program,
        summary=f"{_who(group[0])} called IMDSv1 {_times(group)}, last at {_last(group)}: {cause.why}",
        evidence=(*_evidence(group), *cause.evidence),
        fix=cause.fix,
        implies="needs-hop-limit" if fell_back else "not-ready",
    )


def _refused(group: Sequence[CallerSeen]) -> Finding | None:
    """Where tokens are required already. What called before that, and no more since, is no trouble."""
    refused = sum(each.refused for each in group)
    if not refused:
        return None
    return Finding(
        id="imdsv1-refused",
        rule=RULE_ID,
        severity="warning",
        subject=group[0].container or group[0].unit or group[0].program,
        summary=f"{_who(group[0])} called IMDSv1 and was refused, {refused} times, last at {_last(group)}",
        evidence=_evidence(group),
        fix=Fix("Have it ask for a token: it gets no metadata now."),
    )


def _more(groups: Sequence[Sequence[CallerSeen]], *, required: bool) -> Finding:
    count = sum(each.count for group in groups for each in group)
    return Finding(
        id="imdsv1-refused" if required else "imdsv1-caller",
        rule=RULE_ID,
        severity="warning" if required else "blocker",
        subject="more callers",
        summary=f"{len(groups)} more callers called IMDSv1, {count} times together",
        evidence=tuple(_who(group[0]) for group in groups[:PATHS_SHOWN]),
        fix=Fix("See them all: callers.by in the JSON report, or imds-probe watch --v1-only."),
        implies=None if required else "not-ready",
    )


def _unseen(metric: MetricCompared) -> Finding:
    return Finding(
        id="imdsv1-unseen",
        rule=RULE_ID,
        severity="warning",
        subject="MetadataNoToken",
        summary=f"CloudWatch counted {metric.unseen} calls by IMDSv1 that were not seen here, of {metric.counted} in "
        f"{metric.hours} hours",
        evidence=(
            f"MetadataNoToken from {metric.since} to {metric.until}: {metric.counted}; seen here: {metric.seen}",
        ),
        fix=Fix("Look for who calls past this host's network: see imds-probe explain imdsv1-unseen."),
        implies="unknown",
    )


def _short(callers: Callers) -> Finding:
    return Finding(
        id="watched-too-shortly",
        rule=RULE_ID,
        severity="info",
        subject="watch",
        summary=f"nobody called IMDSv1 while it was watched, which was {in_words(callers.observed_s)} of the last "
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


RULE = Rule(id=RULE_ID, judge=_judge, explanations=EXPLANATIONS)
