"""Does anybody still call IMDSv1, and was watched for long enough to say that nobody does?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from imds_probe.catalog.catalog import Catalog
from imds_probe.duration import in_words
from imds_probe.facts.callers import UNSEEN, Callers, CallerSeen, MetricCompared
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds, switched_already
from imds_probe.facts.switched import Switched, is_watched
from imds_probe.findings import Fix, Found, Kind
from imds_probe.rules.acceptance import named_first
from imds_probe.rules.caller_cause import cause_of
from imds_probe.rules.caller_groups import (
    IMDSV1_WITHOUT_EFFECT,
    groups_of,
    mended_as,
    without_effect,
)
from imds_probe.rules.caller_phrases import called, last, of_all, times, who
from imds_probe.rules.callers_before import MORE_CALLERS, NAMED_MAX, PATHS_SHOWN, before_window, counted, last_call
from imds_probe.rules.callers_kinds import (
    CALLERS_LOST,
    CALLERS_NOT_READ,
    IMDSV1_BEFORE_WINDOW,
    IMDSV1_CALLER,
    IMDSV1_CALLER_UNSERVED,
    IMDSV1_FALLBACK,
    IMDSV1_FALLBACK_DOUBTFUL,
    IMDSV1_FALLBACK_KEPT_OUT,
    IMDSV1_FALLBACK_PAST,
    IMDSV1_FALLBACK_RAISED,
    IMDSV1_FALLBACK_UNIDENTIFIED,
    IMDSV1_RARE_CALLER,
    IMDSV1_REFUSED,
    IMDSV1_THROUGH_RELAY,
    IMDSV1_UNSEEN,
    KINDS_OF_CALLS,
    REQUESTS_NOT_CONFIRMED,
    WATCHED_TOO_SHORTLY,
)
from imds_probe.rules.cause import Cause
from imds_probe.rules.kept_out import KeptOut, kept_out
from imds_probe.rules.origins import of_callers
from imds_probe.rules.phrases import KEPT_OUT, KEPT_OUT_FIX, more_time_or, raise_hop_limit
from imds_probe.rules.rehearsed import beside
from imds_probe.rules.rule import NothingToJudge, Rule
from imds_probe.rules.settled import unserved_caller
from imds_probe.rules.settling import MORE_TIME, READABLE_RECORD

LOSSES_SHOWN = 3
_NOT_KNOWN_AGAIN = ", and it is not known whether {} asked again with a token"
_UNSERVED = Fix("Change the program so that it asks for a token. Do so before metadata is served there again.")
_LOOK_UP = Fix(
    "Find all callers under callers.by in the JSON report, or watch with `imds-probe watch --v1-only`. Change them so that they "
    "ask for a token."
)


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    callers = facts.get(Callers)
    run = facts.collector("callers")
    if callers is None:
        if run is not None and run.status in ("failed", "skipped"):
            return [_not_read(run)]
        return NothingToJudge(run.reason if run and run.reason else "the callers were not watched")
    groups, others = groups_of(callers, facts)
    required = switched_already(facts.get(Imds))
    told = is_watched(
        facts.get(Switched)
    )  # then the rule on the time since the switch says who was refused, and what came of it
    findings = [] if required else [without_effect(each) for each in others[:NAMED_MAX]]
    listed = named_first(IMDSV1_CALLER, groups, called, facts)
    if required and not told:
        findings += _all_refused(listed, facts)
    elif not required:
        left_out = kept_out(facts, catalog)
        served = [_caller(group, callers, facts, catalog, left_out) for group in listed]
        findings += _all_served(served, facts)
        named = {mended_as(caller.group[0], facts) for caller in served if caller.kind not in _NOTHING_OPEN}
        findings += before_window(callers, facts, named)
    if callers.metric is not None and callers.metric.unseen and not required:
        findings.append(_unseen(callers.metric))
    if run is not None and run.status == "partial":
        findings.append(_not_read(run))
    if callers.losses and not callers.complete:
        findings.append(_lost(callers))
    if callers.unconfirmed:
        findings.append(_not_confirmed(callers))
    if not callers.losing and not callers.complete:
        findings.append(_short(callers))
    return findings


def _not_read(run: CollectorRun) -> Found:
    return CALLERS_NOT_READ.found(
        "watch",
        "the record of calls to the metadata service could not be read",
        evidence=(run.reason,),
        fix=more_time_or(run, "Correct the cause that the evidence names, and run imds-probe again."),
        settled_by=(MORE_TIME if run.status == "skipped" else READABLE_RECORD,),
    )


def _lost(callers: Callers) -> Found:
    newest = callers.losses[-1]
    return CALLERS_LOST.found(
        "watch",
        f"evidence of calls before {newest.at} was lost; the watch covers {in_words(callers.observed_s)} of the last "
        f"{in_words(callers.window_s)}",
        evidence=tuple(f"{loss.at}: {loss.why}" for loss in callers.losses[-LOSSES_SHOWN:]),
        fix=Fix("Keep the daemon running until the new history covers the whole window."),
    )


def _all_served(callers: Sequence[_Caller], facts: Facts) -> list[Found]:
    """A finding on each caller. Of each kind the first NAMED_MAX have one of their own, and the others one together: the switch
    and the hop limit do to them what they do to these.
    """
    kinds: dict[Kind, list[_Caller]] = {IMDSV1_CALLER: [], IMDSV1_FALLBACK: [], IMDSV1_CALLER_UNSERVED: []}
    for caller in callers:
        kinds.setdefault(caller.kind, []).append(caller)
    found = []
    for kind, those in kinds.items():
        found += [_calls(each, facts) for each in those[:NAMED_MAX]]
        found += [_more(kind, those[NAMED_MAX:], facts)] if those[NAMED_MAX:] else []
    return found


_NOTHING_OPEN = (IMDSV1_CALLER_UNSERVED, IMDSV1_FALLBACK_PAST)


class _Caller(NamedTuple):
    """The calls of one caller, which kind of finding they are, and why it calls, or why its calls take nothing."""

    group: Sequence[CallerSeen]
    kind: Kind
    cause: Cause


def _caller(
    group: Sequence[CallerSeen], callers: Callers, facts: Facts, catalog: Catalog, left_out: KeptOut
) -> _Caller:
    if off := unserved_caller(group[0].container_id, facts):
        return _Caller(group, IMDSV1_CALLER_UNSERVED, Cause(off, _UNSERVED))
    cause = cause_of(group, callers, facts, catalog)
    if cause.open:
        return _Caller(group, IMDSV1_THROUGH_RELAY, cause)
    if cause.past:
        return _Caller(group, IMDSV1_FALLBACK_PAST, cause)
    if cause.raised:
        return _Caller(group, IMDSV1_FALLBACK_RAISED, cause)
    if cause.unidentified:
        return _Caller(group, IMDSV1_FALLBACK_UNIDENTIFIED, cause)
    if cause.doubtful:
        return _Caller(group, IMDSV1_FALLBACK_DOUBTFUL, cause)
    limit = cause.needs_hop_limit
    if limit is not None and left_out.has_caller(group, limit, facts):
        breaks = Cause(f"{cause.why}, but {KEPT_OUT}", KEPT_OUT_FIX, cause.evidence)
        return _Caller(group, IMDSV1_FALLBACK_KEPT_OUT, breaks)
    return _Caller(group, IMDSV1_CALLER if limit is None else IMDSV1_FALLBACK, cause)


def _calls(caller: _Caller, facts: Facts) -> Found:
    group, kind, cause = caller
    calls = f"called IMDSv1 {times(sum(each.count for each in group))}, last at {last(group)}"
    if kind is IMDSV1_CALLER_UNSERVED:
        return kind.found(
            called(group),
            f"{who(group[0])} {calls}, but {cause.why}",
            evidence=last_call(group),
            fix=cause.fix,
        )
    return kind.found(
        called(group),
        f"{of_all(group, facts)} {calls}: {cause.why}",
        evidence=(*last_call(group), *cause.evidence, *beside(group, facts)),
        fix=cause.fix,
        forgeable_by=of_callers(group, facts),
    )


def _more(kind: Kind, those: Sequence[_Caller], facts: Facts) -> Found:
    together = [each for caller in those for each in caller.group]
    limits = [each.cause.needs_hop_limit for each in those if each.cause.needs_hop_limit is not None]
    unserved = kind is IMDSV1_CALLER_UNSERVED
    causes = {each.cause.why for each in those}
    why = f"{', but ' if unserved else ': '}{causes.pop()}" if len(causes) == 1 else ""
    return kind.found(
        MORE_CALLERS,
        f"{counted(len(those))} called IMDSv1, {times(sum(each.count for each in together))} in all{why}",
        evidence=tuple(f"{who(each.group[0])}: {each.cause.why}" for each in those[:PATHS_SHOWN]),
        fix=_LOOK_UP if kind is IMDSV1_CALLER else raise_hop_limit(max(limits)) if limits else those[0].cause.fix,
        forgeable_by=() if unserved else of_callers(together, facts),
    )


def _all_refused(groups: Sequence[Sequence[CallerSeen]], facts: Facts) -> list[Found]:
    """Where tokens are required already. What called before that, and no more since, is no trouble."""
    refused = [group for group in groups if any(each.refused for each in group)]
    rest = refused[NAMED_MAX:]
    return [*(_refused(each, facts) for each in refused[:NAMED_MAX]), *([_more_refused(rest, facts)] if rest else [])]


def _are_unjudged(groups: Sequence[Sequence[CallerSeen]], facts: Facts) -> bool:
    """Whether it could not be found out since when tokens are required: then nothing shows that these asked again with one."""
    run = facts.collector("tokens-seen")
    unjudged = run is not None and run.status in ("failed", "skipped")
    return unjudged and not all(unserved_caller(group[0].container_id, facts) for group in groups)


def _refused(group: Sequence[CallerSeen], facts: Facts) -> Found:
    blocks = _are_unjudged([group], facts)
    return IMDSV1_REFUSED.found(
        called(group),
        f"{who(group[0])} called IMDSv1 and was refused {times(sum(each.refused for each in group))}, last at {last(group)}"
        + (_NOT_KNOWN_AGAIN.format("it") if blocks else ""),
        evidence=last_call(group),
        fix=Fix("Change the caller so that it asks for a token. Its requests without a token bring no metadata."),
        severity="blocker" if blocks else None,
        implies="not-ready" if blocks else None,
        forgeable_by=of_callers(group, facts) if blocks else (),
    )


def _more_refused(groups: Sequence[Sequence[CallerSeen]], facts: Facts) -> Found:
    blocks = _are_unjudged(groups, facts)
    together = [each for group in groups for each in group]
    were, they = ("was", "it") if len(groups) == 1 else ("were", "they")
    in_all = times(sum(each.refused for each in together))
    return IMDSV1_REFUSED.found(
        MORE_CALLERS,
        f"{counted(len(groups))} called IMDSv1 and {were} refused, {in_all} in all"
        + (_NOT_KNOWN_AGAIN.format(they) if blocks else ""),
        evidence=tuple(who(group[0]) for group in groups[:PATHS_SHOWN]),
        fix=_LOOK_UP,
        severity="blocker" if blocks else None,
        implies="not-ready" if blocks else None,
        forgeable_by=of_callers(together, facts) if blocks else (),
    )


def _unseen(metric: MetricCompared) -> Found:
    return IMDSV1_UNSEEN.found(
        "MetadataNoToken",
        f"CloudWatch counted {metric.counted} calls by IMDSv1 in {metric.hours} hours, and the watch did not see "
        f"{metric.unseen} of them",
        evidence=(
            f"MetadataNoToken from {metric.since} to {metric.until}: {metric.counted} counted, {metric.seen} seen by the watch",
        ),
        fix=Fix("Find the caller that the watch does not see: `imds-probe explain imdsv1-unseen` has the steps."),
    )


def _not_confirmed(callers: Callers) -> Found:
    requests = "1 request" if callers.unconfirmed == 1 else f"{callers.unconfirmed} requests"
    unseen = [UNSEEN in each for each in callers.senders]
    if unseen and all(unseen):
        return REQUESTS_NOT_CONFIRMED.found(
            "watch",
            f"{requests} came from a network that was not watched yet; each may be a call by IMDSv1, and counts for no caller",
            evidence=tuple(_sent(each) for each in callers.senders),
            fix=Fix(
                "Check by the code of the container or program that the evidence names whether it asks for a token. Until the "
                "requests are older than the window, the watch is incomplete."
            ),
        )
    return REQUESTS_NOT_CONFIRMED.found(
        "watch",
        f"{requests} by IMDSv1 could not be confirmed; each may be forged, and counts for no caller",
        evidence=tuple(_sent(each) for each in callers.senders),
        fix=Fix(
            "Find the container or program behind the interface or process that the evidence names, and stop it. Until then, the "
            "watch is incomplete. `ip -d link show` lists the interfaces."
        ),
    )


def _sent(sender: str) -> str:
    """One sender: how many requests it sent comes before a colon."""
    count, _, who = sender.partition(": ")
    return f"{count} request{'' if count == '1' else 's'}: {who}"


def _short(callers: Callers) -> Found:
    return WATCHED_TOO_SHORTLY.found(
        "watch",
        f"the watch covers {in_words(callers.observed_s)} of the last {in_words(callers.window_s)} ({callers.coverage:.1%}; "
        f"{callers.needed_coverage:.0%} is needed) and saw no call by IMDSv1",
        evidence=tuple(
            f"{count} {what}"
            for count, what in (
                (callers.dropped_packets, "packets were lost"),
                (callers.unconfirmed, "requests could not be confirmed"),
            )
            if count
        ),
        fix=Fix(
            "Keep imds-probe's daemon running. Once it has watched a whole window, the verdict can have high confidence."
        ),
    )


RULE = Rule(
    "callers",
    _find,
    kinds=(
        *KINDS_OF_CALLS,
        IMDSV1_WITHOUT_EFFECT,
        IMDSV1_CALLER_UNSERVED,
        IMDSV1_BEFORE_WINDOW,
        IMDSV1_RARE_CALLER,
        IMDSV1_UNSEEN,
        CALLERS_NOT_READ,
        CALLERS_LOST,
        REQUESTS_NOT_CONFIRMED,
        WATCHED_TOO_SHORTLY,
    ),
)
