"""Who called by IMDSv1 before the window, and may call again: too little was watched since, or it calls more seldom than that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Sequence

from imds_probe.duration import in_words
from imds_probe.facts.callers import Callers, CallerSeen, RareCaller
from imds_probe.facts.facts import Facts
from imds_probe.findings import Fix, Found
from imds_probe.kept.command_line import kept_of_stored
from imds_probe.kept.generated_names import lasting
from imds_probe.kept.metadata_path import kept_path
from imds_probe.kept.user_agent import kept_user_agent
from imds_probe.rules.acceptance import named_first
from imds_probe.rules.caller_groups import mended_as
from imds_probe.rules.caller_phrases import called, last, of_all, times, who
from imds_probe.rules.callers_kinds import IMDSV1_BEFORE_WINDOW, IMDSV1_RARE_CALLER
from imds_probe.rules.cause import Cause
from imds_probe.rules.fallback import cause_by_token
from imds_probe.rules.origins import of_callers
from imds_probe.rules.settled import unserved_caller

NAMED_MAX = 20
PATHS_SHOWN = 3
MORE_CALLERS = "more callers"


def before_window(callers: Callers, facts: Facts, named: Collection[Hashable]) -> list[Found]:
    """Those who called before the window, and were not watched for a whole window since, and those whose silence is not longer than
    ever. `named` have a finding that says to change something, as caller_groups.mended_as has them.
    """
    unwatched = _open(callers.earlier, callers, facts, named)
    rare = _open((each.caller for each in callers.rare), callers, facts, {*named, *unwatched})
    silences = {mended_as(each.caller, facts): each for each in reversed(callers.rare)}
    return [*_unwatched(list(unwatched.values()), callers, facts), *_rare(rare, silences, callers, facts)]


def _open(
    earlier: Iterable[CallerSeen], callers: Callers, facts: Facts, named: Collection[Hashable]
) -> dict[Hashable, list[CallerSeen]]:
    """Each caller's calls, without those who fell back if that is over."""
    groups: dict[Hashable, list[CallerSeen]] = defaultdict(list)
    for each in earlier:
        if not unserved_caller(each.container_id, facts):
            groups[mended_as(each, facts)].append(each)
    return {
        key: group
        for key, group in groups.items()
        if key not in named and not ((cause := cause_by_token(group, callers, facts)) and cause.past)
    }


def _unwatched(groups: Sequence[Sequence[CallerSeen]], callers: Callers, facts: Facts) -> list[Found]:
    listed = named_first(IMDSV1_BEFORE_WINDOW, groups, called, facts)
    found = [
        IMDSV1_BEFORE_WINDOW.found(
            called(group),
            f"{of_all(group, facts)} called IMDSv1 {times(sum(each.count for each in group))}, last at {last(group)}; since then, "
            f"less than {in_words(callers.window_s)} were watched",
            evidence=last_call(group),
            fix=Fix(
                "Keep imds-probe's daemon running. If the program still exists, change it so that it asks for a token."
            ),
            forgeable_by=of_callers(group, facts),
        )
        for group in listed[:NAMED_MAX]
    ]
    if rest := listed[NAMED_MAX:]:
        found.append(
            IMDSV1_BEFORE_WINDOW.found(
                MORE_CALLERS,
                f"{counted(len(rest))} called IMDSv1, and less than {in_words(callers.window_s)} were watched since",
                evidence=tuple(who(group[0]) for group in rest[:PATHS_SHOWN]),
                fix=Fix("Keep imds-probe's daemon running. Find all callers under callers.earlier in the JSON report."),
                forgeable_by=of_callers((each for group in rest for each in group), facts),
            )
        )
    return found


def _rare(
    groups: dict[Hashable, list[CallerSeen]], silences: dict[Hashable, RareCaller], callers: Callers, facts: Facts
) -> list[Found]:
    listed = named_first(IMDSV1_RARE_CALLER, list(groups.items()), lambda each: called(each[1]), facts)
    found = [_seldom(group, silences[key], callers, facts) for key, group in listed[:NAMED_MAX]]
    if rest := [group for _, group in listed[NAMED_MAX:]]:
        found.append(
            IMDSV1_RARE_CALLER.found(
                MORE_CALLERS,
                f"{counted(len(rest))} called IMDSv1 before the window, and may call again",
                evidence=tuple(who(group[0]) for group in rest[:PATHS_SHOWN]),
                fix=Fix(
                    "Change the callers so that they ask for a token. Find all of them under callers.rare in the JSON report."
                ),
                forgeable_by=of_callers((each for group in rest for each in group), facts),
            )
        )
    return found


def _seldom(group: Sequence[CallerSeen], silence: RareCaller, callers: Callers, facts: Facts) -> Found:
    cause = cause_by_token(group, callers, facts)
    return IMDSV1_RARE_CALLER.found(
        called(group),
        f"{of_all(group, facts)} called IMDSv1 {times(sum(each.count for each in group))}, last at {last(group)}, and may call "
        f"again: it was silent for {in_words(silence.longest_gap_s)} before, and is for {in_words(silence.silent_s)} now",
        evidence=(*last_call(group), *((cause.why,) if cause is not None else ())),
        fix=_fix(cause),
        forgeable_by=of_callers(group, facts),
    )


def _fix(cause: Cause | None) -> Fix:
    if cause is not None and cause.needs_hop_limit is not None:
        return Fix(
            f"Raise the hop limit to {cause.needs_hop_limit} while tokens are still optional, and run the program once while "
            "imds-probe's daemon watches. If it asks with a token then, nothing else has to be changed."
        )
    return Fix(
        "Change the program so that it asks for a token, and run it once while imds-probe's daemon watches. If the program does "
        "not exist any more, accept the risk."
    )


def counted(count: int) -> str:
    """How many callers have no finding of their own."""
    return "1 more caller" if count == 1 else f"{count} more callers"


def last_call(group: Sequence[CallerSeen]) -> tuple[str, ...]:
    """What they asked for, and the last of the calls. Nothing but what is kept: a report that is judged again may be an earlier
    version's, or have whole command lines.
    """
    latest = max(group, key=lambda each: each.last_seen)
    lines = [f"requested {', '.join(dict.fromkeys(kept_path(each.path) for each in group[:PATHS_SHOWN]))}"]
    if latest.cmdline or latest.pid:
        command = kept_of_stored(latest.cmdline or "", latest.exe)
        by = f" by process {latest.pid}" if latest.pid else ""
        lines.append(f"last call{by}: {command or latest.comm}")
    if latest.user_agent:
        lines.append(f"User-Agent: {kept_user_agent(latest.user_agent)}")
    lines += [f"last script: {latest.script}"] if latest.script and lasting(latest.script) != latest.script else []
    lines += [f"started by {latest.started_by}"] if latest.started_by and not latest.script else []
    if latest.exe and latest.exe != latest.program:
        lines.append(f"the process has its own mount namespace, in which {latest.exe} may differ from the host's file")
    return tuple(lines)
