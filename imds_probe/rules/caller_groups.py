"""Calls by IMDSv1 put together by what somebody would mend: a script, a unit, an image; and by what came of token requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace

from imds_probe.facts.callers import Callers, CallerSeen
from imds_probe.facts.containers import Containers
from imds_probe.facts.facts import Facts
from imds_probe.findings import Fix, Found, Kind
from imds_probe.kept.generated_names import lasting, lasting_unit
from imds_probe.rules.caller_phrases import called, is_nameless, last, times, who
from imds_probe.rules.token_outcome import outcome_of, plain

IMDSV1_WITHOUT_EFFECT = Kind(
    id="imdsv1-without-effect",
    severity="info",
    title="A program makes requests without a token that return no metadata",
    meaning="The watch saw requests without a token that returned no metadata. They were for paths of another cloud's metadata "
    "service or for a path that EC2 does not have, or they only tested whether a server answers (HEAD). "
    "Programs that detect their cloud make such requests. Once tokens are required, the service answers all of them with 401.",
    cure="Nothing has to be done if the program ignores the status of the answer. Otherwise check that it can handle 401.",
    sources=("EC2 User Guide: IMDS error codes",),
)
_WHY = {
    "other-cloud": "it asked for paths of another cloud's metadata service, which EC2 does not have",
    "head": "it only asked whether anything answers (HEAD)",
    "other": "the service does not have the path (404)",
}


def groups_of(callers: Callers, facts: Facts) -> tuple[list[list[CallerSeen]], list[list[CallerSeen]]]:
    """Those who called by IMDSv1, without the probe itself, each group one caller with one cause; and those who took nothing
    by it, with what they asked for in its stead.
    """
    groups: dict[Hashable, list[CallerSeen]] = defaultdict(list)
    others: dict[Hashable, list[CallerSeen]] = defaultdict(list)
    for each in callers.by:
        if each.version != "v1" or each.probe:
            continue
        if each.path_class == "head" or each.is_harmless:
            others[mended_as(each, facts), each.path_class].append(each)
        else:
            outcome = outcome_of(each, callers)
            groups[mended_as(each, facts), None if plain(outcome) else outcome].append(each)
    return list(groups.values()), list(others.values())


def without_effect(group: Sequence[CallerSeen]) -> Found:
    """The finding of calls that lose nothing, or only the status of an answer."""
    served = sum(each.served or 0 for each in group)
    why = _WHY[group[0].path_class] + (
        f"; the service may have answered {times(served)} without an error" if served else ""
    )
    return IMDSV1_WITHOUT_EFFECT.found(
        called(group),
        f"{who(group[0])} called IMDSv1 {times(sum(each.count for each in group))}, last at {last(group)}: {why}",
        evidence=(f"requested {', '.join(dict.fromkeys(each.path for each in group))}",),
        fix=Fix("Check that the program handles 401 as it handles 404.")
        if not served
        else Fix(
            "Check that the program works if it is answered with 401, or change it so that it asks for a token first."
        ),
        severity="warning" if served else None,
    )


def mended_as(caller: CallerSeen, facts: Facts) -> Hashable:
    """Of containers that have ended, the next one of their image and Kubernetes namespace calls again; so does the next one of
    which nothing is known but its number. What differs from run to run in the name of a script or unit makes no other caller.
    """
    program, script = lasting(caller.program), None if caller.script is None else lasting(caller.script)
    unit = None if caller.unit is None else lasting_unit(caller.unit)
    if has_ended(caller, facts) and (caller.image or is_nameless(caller)):
        return program, script, caller.image, caller.namespace
    return replace(caller, program=program, script=script, unit=unit).identity


def has_ended(caller: CallerSeen, facts: Facts) -> bool:
    """Whether it called from a container that is gone."""
    return caller.container_id is not None and facts[Containers].by_identity(caller.container_id) is None
