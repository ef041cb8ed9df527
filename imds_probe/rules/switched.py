"""Is somebody broken by the switch? Who was refused, and did not ask again with a token, is named with the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.duration import in_words
from imds_probe.facts.callers import Callers, MetricCompared
from imds_probe.facts.control_plane import ControlPlane
from imds_probe.facts.facts import Facts
from imds_probe.facts.instance import Instance
from imds_probe.facts.switched import CREDENTIALS_S, Switched, WatchedSince
from imds_probe.findings import Fix, Found
from imds_probe.kept.metadata_path import kept_path
from imds_probe.kept.user_agent import kept_user_agent
from imds_probe.rules.acceptance import named_first
from imds_probe.rules.caller_cause import cause_by_inventory, cause_of
from imds_probe.rules.caller_phrases import imdsv1_off, last, of_all, times, who
from imds_probe.rules.cause import Cause
from imds_probe.rules.kept_out import kept_out
from imds_probe.rules.origins import of_callers
from imds_probe.rules.phrases import KEPT_OUT_FIX, few
from imds_probe.rules.refused import Outcome, RefusedCaller, refused_callers
from imds_probe.rules.rule import NothingToJudge, Rule
from imds_probe.rules.switched_kinds import (
    KINDS,
    REFUSED_FOR_GOOD,
    REFUSED_HAD_NOTHING,
    REFUSED_JUST_NOW,
    REFUSED_KEPT_OUT,
    REFUSED_LEFT_OUT,
    REFUSED_LONG_AGO,
    REFUSED_NO_MORE,
    REFUSED_RECOVERED,
    REFUSED_UNSERVED,
    REJECTED_UNSEEN,
    SWITCH_NOT_WATCHED,
    SWITCH_RECENT,
    SWITCH_UNDONE,
)
from imds_probe.switch import instance as instance_step
from imds_probe.switch.options import in_force
from imds_probe.switch.step import Plan

NAMED_MAX = 20
PATHS_SHOWN = 3
_SUBJECT = "switch"


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    switched = facts.get(Switched)
    if switched is None:
        return NothingToJudge("tokens were never seen to be required")
    if switched.since is None:
        return [_undone(switched)]
    if switched.watched is None:
        return [_not_watched(switched)]
    callers = refused_callers(facts)
    for_good = [each for each in callers if each.outcome == "for-good"]
    named = named_first(REFUSED_FOR_GOOD, for_good, lambda each: each.subject, facts)
    off = imdsv1_off(switched)
    found = [_for_good(each, off, facts, catalog) for each in named[:NAMED_MAX]]
    if rest := named[NAMED_MAX:]:
        found.append(_more(rest, off, facts))
    found += [_just_now(each) for each in callers if each.outcome == "just-now"][:NAMED_MAX]
    for outcome, finding in _HARMLESS.items():
        found += [finding(each, off) for each in callers if each.outcome == outcome][:NAMED_MAX]
    if recovered := [each for each in callers if each.outcome == "recovered"]:
        found.append(_recovered(recovered, off))
    if switched.watched.left_out:
        found.append(_left_out(switched.watched.left_out, off))
    if switched.metric is not None and switched.metric.unseen:
        found.append(_unseen(switched.metric))
    if not switched.credentials_ran_out:
        found.append(_recent(switched, switched.watched))
    return found


def _for_good(caller: RefusedCaller, off: str, facts: Facts, catalog: Catalog) -> Found:
    cause = _cause(caller, facts, catalog)
    limit = cause.needs_hop_limit if cause is not None else None
    by_hop_limit = limit is not None
    why = f": {cause.why}" if cause is not None else ""
    summary = (
        f"{of_all(caller.group, facts)} was refused {times(caller.refused)} since {off}, last at "
        f"{caller.last}, and did not ask again with a token{why}"
    )
    evidence = (*_evidence(caller), *(cause.evidence if cause is not None else ()))
    if limit is not None and kept_out(facts, catalog).has_caller(caller.group, limit, facts):
        return REFUSED_KEPT_OUT.found(
            caller.subject,
            f"{summary}, but the hop limit is not raised for its container",
            evidence=evidence,
            fix=KEPT_OUT_FIX,
            forgeable_by=of_callers(caller.group, facts),
        )
    return REFUSED_FOR_GOOD.found(
        caller.subject,
        summary,
        evidence=evidence,
        fix=cause.fix if by_hop_limit and cause is not None else _fix(cause, facts),
        implies="needs-hop-limit" if by_hop_limit else None,
        forgeable_by=of_callers(caller.group, facts),
    )


def _cause(caller: RefusedCaller, facts: Facts, catalog: Catalog) -> Cause | None:
    """Why it asks without a token, as far as that is known. Where a token was asked for and lost, that is why."""
    callers = facts.get(Callers)
    if callers is not None and any(each.token in ("lost", "unanswered", "forbidden") for each in caller.group):
        return cause_of(caller.group, callers, facts, catalog)
    return cause_by_inventory(caller.group, facts, catalog)


def _fix(cause: Cause | None, facts: Facts) -> Fix:
    """The way back comes first: who is refused may be needed now."""
    mend = cause.fix if cause is not None else Fix("Change the program so that it asks for a token, and switch again.")
    options = in_force(facts)
    plan = Plan(options, options, facts.get(Instance), facts.get(ControlPlane))
    undone, no_way_back = instance_step.undone(plan)
    if not undone:
        return Fix(f"{mend.text} {no_way_back}", mend.commands)
    return Fix(
        f"Undo the switch with this command if the program needs metadata now. {mend.text}", (undone, *mend.commands)
    )


def _evidence(caller: RefusedCaller) -> tuple[str, ...]:
    """Nothing but what is kept, as in callers.py."""
    latest = max(caller.group, key=lambda each: each.last_seen)
    paths = dict.fromkeys(kept_path(each.caller.path) for each in caller.parts if each.failed_last is not None)
    lines = [f"requested {', '.join([*paths][:PATHS_SHOWN])}"]
    if caller.recovered:
        lines.append(f"{caller.recovered} of {caller.refused} refused requests were followed by one with a token")
    if latest.pid is not None:
        lines.append(f"last refused: process {latest.pid}")
    if latest.user_agent:
        lines.append(f"User-Agent: {kept_user_agent(latest.user_agent)}")
    if caller.with_token_last:
        lines.append(f"a process of the same name was answered with a token, last at {caller.with_token_last}")
    return tuple(lines)


def _more(rest: Sequence[RefusedCaller], off: str, facts: Facts) -> Found:
    group = [each for caller in rest for each in caller.group]
    return REFUSED_FOR_GOOD.found(
        "more callers",
        f"{len(rest)} more callers were refused since {off}, and did not ask again with a token",
        evidence=tuple(who(each.group[0]) for each in rest[:PATHS_SHOWN]),
        fix=_fix(None, facts),
        forgeable_by=of_callers(group, facts),
    )


def _just_now(caller: RefusedCaller) -> Found:
    return REFUSED_JUST_NOW.found(
        caller.subject,
        f"{who(caller.group[0])} was refused at {last(caller.group)}, and had no time to ask again with a token",
        evidence=_evidence(caller),
        fix=Fix("Run imds-probe again in a minute."),
    )


def _no_more(caller: RefusedCaller, off: str) -> Found:
    return REFUSED_NO_MORE.found(
        caller.subject,
        f"{_was_refused(caller, off)}, and was served with a token afterwards, last at {caller.with_token_last}",
    )


def _long_ago(caller: RefusedCaller, off: str) -> Found:
    return REFUSED_LONG_AGO.found(
        caller.subject,
        f"{_was_refused(caller, off)}, and has made no refused request for {in_words(caller.failed_ago_s or 0.0)}",
        evidence=_evidence(caller),
        fix=Fix("If the program will run again, change it so that it asks for a token."),
    )


def _had_nothing(caller: RefusedCaller, off: str) -> Found:
    return REFUSED_HAD_NOTHING.found(
        caller.subject,
        f"{_was_refused(caller, off)}; before the switch, the service had nothing at such paths (404)",
        evidence=_evidence(caller),
        fix=Fix("Check that the program handles 401 as it handles 404."),
    )


def _unserved(caller: RefusedCaller, off: str) -> Found:
    return REFUSED_UNSERVED.found(
        caller.subject,
        f"{_was_refused(caller, off)}, but {caller.off}",
        evidence=_evidence(caller),
        fix=Fix("Change the program so that it asks for a token. Do so before metadata is served there again."),
    )


def _was_refused(caller: RefusedCaller, off: str) -> str:
    return f"{who(caller.group[0])} was refused {times(caller.refused)} since {off}, last at {caller.last}"


_HARMLESS: Mapping[Outcome, Callable[[RefusedCaller, str], Found]] = {
    "silent": _long_ago,
    "had-nothing": _had_nothing,
    "unserved": _unserved,
    "mended": _no_more,
}


def _left_out(count: int, off: str) -> Found:
    return REFUSED_LEFT_OUT.found(
        _SUBJECT,
        f"the report leaves out {count} of the callers that were refused since {off}",
        fix=Fix(
            "Find the program that runs under many names, or the user who starts many programs, with `imds-probe watch --v1-only`. "
            "Change the program so that it asks for a token."
        ),
    )


def _recovered(callers: Sequence[RefusedCaller], off: str) -> Found:
    count = sum(each.refused for each in callers)
    one = len(callers) == 1
    return REFUSED_RECOVERED.found(
        _SUBJECT,
        f"{len(callers)} caller{' was' if one else 's were'} refused {times(count)} since {off}, and asked again with "
        f"a token each time: {few([who(each.group[0]) for each in callers])}",
    )


def _unseen(metric: MetricCompared) -> Found:
    return REJECTED_UNSEEN.found(
        metric.name,
        f"CloudWatch counted {metric.counted} refused calls in {metric.hours} hours, and the watch did not see {metric.unseen} of "
        "them",
        evidence=(
            f"{metric.name} from {metric.since} to {metric.until}: {metric.counted} counted, {metric.seen} seen by the watch",
        ),
        fix=Fix("Find the caller that the watch does not see: `imds-probe explain rejected-unseen` has the steps."),
    )


def _recent(switched: Switched, watched: WatchedSince) -> Found:
    return SWITCH_RECENT.found(
        _SUBJECT,
        f"{imdsv1_off(switched)}, and imds-probe has watched for {in_words(watched.watched_s)} since then; programs that keep "
        f"credentials may fail up to {in_words(CREDENTIALS_S)} after the switch",
        fix=Fix("Keep imds-probe's daemon running, and look at the report again after 6 hours."),
    )


def _not_watched(switched: Switched) -> Found:
    return SWITCH_NOT_WATCHED.found(
        _SUBJECT,
        f"{imdsv1_off(switched)}, and no daemon watches which programs are refused",
        fix=Fix(
            "Enable the daemon, or run `imds-probe run --watch 10m`.", ("systemctl enable --now imds-probe-daemon",)
        ),
    )


def _undone(switched: Switched) -> Found:
    latest = switched.earlier[-1]
    return SWITCH_UNDONE.found(
        _SUBJECT,
        f"IMDSv1 is on again: runs saw it turned off from {latest.since} to {latest.until}",
        evidence=tuple(f"IMDSv1 was off from {each.since} to {each.until}" for each in switched.earlier[:-1]),
    )


RULE = Rule("switched", _find, kinds=KINDS)
