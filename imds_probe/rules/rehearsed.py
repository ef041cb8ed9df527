"""What rehearsals tell of callers, as far as they still count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from imds_probe.facts.callers import CallerSeen
from imds_probe.facts.code import HEADER_ELSEWHERE, CodeSeen, NotRead
from imds_probe.facts.containers import Containers
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds
from imds_probe.facts.rehearsals import FIT, Rehearsal, RehearsalOutcome, Rehearsals, RehearsedCaller
from imds_probe.facts.software import SdkSoftware, Software
from imds_probe.kept.generated_names import lasting, lasting_unit
from imds_probe.rules.known_callers import Known, is_start_of, known_callers, may_speak_for, runner_of, script_of
from imds_probe.rules.requirement import own_code, unread_code

_NEEDED = ("code", "sdks")  # the collectors without which not all callers are known
_DID = {"token": "asked with a token", "recovered": "was refused without a token and then asked with one"}
LAPSED_SHARE_MAX = 0.1  # of its time
Told = tuple[Rehearsal, RehearsedCaller]


def stale(rehearsal: Rehearsal, caller: RehearsedCaller, facts: Facts) -> str:
    """Why what came of a caller counts no more, a clause; empty where it counts."""
    if caller.stale or caller.container_id is None:
        return caller.stale
    container, imds = facts[Containers].by_identity(caller.container_id), facts.get(Imds)
    present = imds.hop_limit if imds is not None else None
    limit = max(present or 1, container.needs_hop_limit or 1 if container is not None else 1)
    if caller.outcome in FIT and rehearsal.hop_limit > limit:
        return f"hop limit {rehearsal.hop_limit} was rehearsed, and the hop limit is now {limit}"
    if caller.outcome == "gave-up" and rehearsal.hop_limit < limit:
        return f"hop limit {rehearsal.hop_limit} was rehearsed, and the container needs hop limit {limit}"
    return ""


def counting(facts: Facts) -> tuple[Told, ...]:
    """Of each caller the last time that it asked in a rehearsal, if that still counts, unless an earlier one outweighs it."""
    found: dict[object, list[Told]] = {}
    for rehearsal in facts[Rehearsals].rehearsals:
        for caller in rehearsal.callers:
            if caller.asked:
                found.setdefault(caller.identity, []).append((rehearsal, caller))
    return tuple(_weighed(told, facts) for told in found.values() if not stale(*told[0], facts))


def _weighed(told: Sequence[Told], facts: Facts) -> Told:
    """The newest of these, which are of one caller. Where that only asked with a token, one before it in which the same files gave
    up counts instead if it lasted longer: an SDK renews credentials within minutes, and what fails may ask once in hours.
    """
    lasted_s = told[0][0].lasted_s
    for rehearsal, caller in told:
        if stale(rehearsal, caller, facts):
            continue
        if caller.outcome == "gave-up" and rehearsal.lasted_s > lasted_s:
            return rehearsal, caller
        if caller.outcome != "token":
            break
        lasted_s = max(lasted_s, rehearsal.lasted_s)
    return told[0]


def giving_up(facts: Facts) -> tuple[Told, ...]:
    """Those who would fail after the switch."""
    return tuple(told for told in counting(facts) if told[1].outcome == "gave-up")


def fit(facts: Facts) -> tuple[Told, ...]:
    """Those who would not."""
    return tuple(told for told in counting(facts) if told[1].outcome in FIT)


def unrehearsed(facts: Facts) -> tuple[Known, ...]:
    """The known callers that did not ask in a rehearsal which counts, or gave up in it. Of one that is known by several processes,
    all have to be rehearsed.
    """
    return tuple(known for known in known_callers(facts) if not _is_covered(known, fit(facts)))


def all_rehearsed(facts: Facts) -> bool:
    """Whether every known caller has asked in a rehearsal and would not fail; False where nobody is known, or not all may be."""
    runs = [facts.collector(name) for name in _NEEDED]
    known = known_callers(facts)
    if not known or not all(run is not None and run.status in ("ok", "nothing") for run in runs):
        return False
    told = [each for each in fit(facts) if had_effect(each[0])]
    return all(_is_covered(each, told) for each in known) and not giving_up(facts) and not _by_nobody(facts)


def had_effect(rehearsal: Rehearsal) -> bool:
    """Whether it was in effect for so much of its time that it can show that nobody fails."""
    return rehearsal.lapsed_s <= LAPSED_SHARE_MAX * rehearsal.lasted_s


def _by_nobody(facts: Facts) -> bool:
    """Whether processes that could not be identified were refused in a rehearsal, and none of the same since shows otherwise."""
    rehearsals = facts[Rehearsals].rehearsals
    return any(
        each.unidentified and not any(_is_cleaner(later, each) for later in rehearsals[:number])
        for number, each in enumerate(rehearsals)
    )


def _is_cleaner(later: Rehearsal, before: Rehearsal) -> bool:
    same = later.kind == "host" or (later.kind, later.target) == (before.kind, before.target)
    return same and had_effect(later) and not later.unidentified and later.lasted_s >= before.lasted_s


def rehearsed_processes(pids: Iterable[int], facts: Facts) -> str:
    """How processes asked in rehearsals, a clause; empty where one of them did not, or gave up."""
    told = fit(facts)
    wanted = set(pids)
    having = [each for each in told if not wanted.isdisjoint(each[1].pids)]
    if not wanted or not wanted <= {pid for _, each in having for pid in each.pids}:
        return ""
    return _said(having)


def rehearsed_code(code: CodeSeen | NotRead, facts: Facts, outcomes: Sequence[RehearsalOutcome] = FIT) -> str:
    """The same of a program that was, or was not, read: by its processes or by its path. Empty also where a schedule starts it
    besides, and where its files changed since the rehearsal.
    """
    path, runner = code.path if isinstance(code, CodeSeen) else code.program, runner_of(code)
    told = [each for each in fit(facts) if each[1].outcome in outcomes and _is_older(code, each[0])]
    if code.pids:
        having = [each for each in told if not set(code.pids).isdisjoint(each[1].pids)]
        having = [each for each in having if is_start_of(each[1], runner, code.started_by)]
        known = {pid for _, each in having for pid in each.pids}
        return _said(having) if code.every_s is None and set(code.pids) <= known else ""
    if isinstance(code, CodeSeen) and code.in_arguments:
        return ""  # what else the interpreter was handed says nothing of it
    where = set(code.container_ids) | ({None} if code.on_host else set())
    having = [each for each in told if path in (each[1].script, each[1].program) and each[1].container_id in where]
    having = [each for each in having if may_speak_for(each[1], runner)]
    return _said(having) if where and {each.container_id for _, each in having} == where else ""


def asked_again(code: CodeSeen | NotRead, facts: Facts) -> str:
    """How a program was refused without a token in a rehearsal and then asked with one, a clause: that part of it was at work."""
    return rehearsed_code(code, facts, ("recovered",))


def has_a_bare_request(code: CodeSeen | NotRead) -> bool:
    """Whether a request without a token was read in it beside others with one. That it asked with a token while it was rehearsed
    does not show that this request was at work.
    """
    return isinstance(code, CodeSeen) and code.speaks == "both" and HEADER_ELSEWHERE not in code.quote


def rehearsed_software(software: Software, facts: Facts) -> str:
    """The same of a package, by its programs, and where none is known by what is called like it."""
    programs: list[CodeSeen | NotRead] = [each for each in own_code(software, facts) if each.runs != "lies"]
    programs += unread_code(software, facts)
    if programs:
        said = [rehearsed_code(each, facts) for each in programs]
        return said[0] if all(said) else ""
    if isinstance(software, SdkSoftware):
        return rehearsed_processes(software.pids, facts)
    places = software.container_ids or (None,)
    named = [Known(software.package, "", container_id=each, package=software.package) for each in places]
    having = [told for known in named for told in fit(facts) if known.is_rehearsed_as(told[1])]
    return _said(having) if all(_is_covered(each, fit(facts)) for each in named) else ""


def beside(group: Sequence[CallerSeen], facts: Facts) -> tuple[str, ...]:
    """What rehearsals say of a caller that the watch saw call IMDSv1, a line each: the watch decides."""
    told = [each for each in fit(facts) if any(_is_alike(seen, each[1]) for seen in group)]
    return (f"{_said(told)}, which does not outweigh a call that was seen",) if told else ()


def _is_alike(seen: CallerSeen, caller: RehearsedCaller) -> bool:
    """By the names that last: the watch keeps no others of scripts and units."""
    called = lasting(script_of(seen.script) or seen.program), lasting_unit(seen.unit or ""), seen.container_id
    return called == (lasting(caller.script or caller.program), lasting_unit(caller.unit or ""), caller.container_id)


def _is_covered(known: Known, told: Sequence[Told]) -> bool:
    having = [caller for rehearsal, caller in told if known.is_rehearsed_as(caller) and _is_older(known, rehearsal)]
    return bool(having) and set(known.pids) <= {pid for each in having for pid in each.pids}


def _is_older(code: CodeSeen | NotRead | Known, rehearsal: Rehearsal) -> bool:
    return code.standing_s is None or code.standing_s >= rehearsal.age_s


def _said(told: Sequence[Told]) -> str:
    """By the worst of them."""
    rehearsal, caller = max(told, key=lambda each: each[1].outcome == "token")
    return f"it {_DID[caller.outcome]} in the rehearsal of {rehearsal.began}"
