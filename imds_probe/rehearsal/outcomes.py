"""What a rehearsal came to, caller by caller, as it is put on record: also those who are known and did not ask."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from imds_probe.facts.rehearsals import RehearsalOutcome, RehearsedCaller, RehearsedKind
from imds_probe.kept.generated_names import lasting_unit
from imds_probe.rehearsal.callers import Seen
from imds_probe.rules.known_callers import Known
from imds_probe.watch.caller import Caller, said_program
from imds_probe.watch.rehearsed import CALLERS_MAX, PROCESSES_MAX, TEXT_MAX, KeptCaller

# The worst first: of several processes that are one caller, it says what came of that.
WORST: tuple[RehearsalOutcome, ...] = ("gave-up", "recovered", "token", "other", "silent")


class Aim(NamedTuple):
    """What is rehearsed: its kind, what it is called, and the identity of a container."""

    kind: RehearsedKind
    name: str
    container_id: str | None = None


def asked(seen: Iterable[Seen], aim: Aim) -> list[KeptCaller]:
    """Those that asked, each once. A process that could not be identified is none of them."""
    found: dict[object, KeptCaller] = {}
    for each in seen:
        if each.caller is None:
            continue
        made = _kept(each, each.caller, aim)
        key = _identity(made)
        found[key] = _together(found[key], made) if key in found else made
    return list(found.values())


def unidentified(seen: Iterable[Seen]) -> int:
    """How many requests of processes that could not be identified were refused."""
    return sum(each.refused for each in seen if each.caller is None)


def not_asked(
    known: Iterable[Known], present: Sequence[Caller], callers: Iterable[KeptCaller], aim: Aim
) -> list[Known]:
    """The known callers that the target covers, by `present`, which are its processes, and that are none of `callers`."""
    rehearsed = [as_fact(each) for each in callers if each.outcome != "other"]
    theirs = [
        RehearsedCaller(
            said_program(each),
            "silent",
            None,
            each.script,
            each.unit,
            None,
            each.container,
            each.uid,
            each.on_host,
            pids=(each.pid,),
        )
        for each in present
    ]
    by_pid = dict(zip((each.pid for each in present), theirs, strict=True))
    found: dict[str, Known] = {}
    for each in known:
        its = [by_pid[pid] for pid in each.pids if pid in by_pid]
        covered = bool(its) or _is_aim(each, aim) or any(each.is_rehearsed_as(process) for process in theirs)
        names = [process.script or process.program for process in its]
        has_asked = any(each.is_rehearsed_as(caller) for caller in rehearsed) or (
            bool(names)
            and all(any(name == (caller.script or caller.program) for caller in rehearsed) for name in names)
        )
        if covered and not has_asked:
            found.setdefault(each.name, each)
    return list(found.values())


def in_order(callers: Iterable[KeptCaller], silent: Iterable[Known]) -> tuple[KeptCaller, ...]:
    """All of them, the worst first, as many as are kept."""
    unasked = [
        KeptCaller(
            each.name[:TEXT_MAX],
            "silent",
            unit=each.unit,
            container=each.container,
            container_id=each.container_id,
            uid=each.uid,
            known_by=each.by[:TEXT_MAX],
        )
        for each in silent
    ]
    return tuple(sorted((*callers, *unasked), key=lambda each: WORST.index(each.outcome))[:CALLERS_MAX])


def as_fact(caller: KeptCaller) -> RehearsedCaller:
    """Without what it stood on."""
    return RehearsedCaller(
        caller.program,
        caller.outcome,
        script=caller.script,
        unit=caller.unit,
        container_id=caller.container_id,
        uid=caller.uid,
        on_host=caller.on_host,
        pids=tuple(pid for pid, _ in caller.processes),
    )


def _is_aim(known: Known, aim: Aim) -> bool:
    if aim.kind == "container":
        return known.container_id is not None and known.container_id == aim.container_id
    if aim.kind == "host":
        return True
    return (
        aim.kind == "unit" and lasting_unit(known.unit or "") == lasting_unit(aim.name) and known.container_id is None
    )


def _kept(seen: Seen, caller: Caller, aim: Aim) -> KeptCaller:
    pid, started = caller.client
    return KeptCaller(
        program=said_program(caller)[:TEXT_MAX],
        outcome=_outcome(seen),
        comm=caller.comm[:TEXT_MAX],
        script=caller.script and caller.script[:TEXT_MAX],
        unit=caller.unit and caller.unit[:TEXT_MAX],
        container=_container(seen, caller, aim),
        container_id=caller.container,
        uid=caller.uid,
        on_host=caller.on_host,
        refused=seen.refused,
        tokens=seen.tokens,
        served=seen.passed,
        program_stamp=seen.stamps.program,
        script_stamp=seen.stamps.script,
        processes=() if started is None else ((pid, started),),
    )


def _container(seen: Seen, caller: Caller, aim: Aim) -> str | None:
    """What people call the container that it is in."""
    title = aim.name if caller.container and caller.container == aim.container_id else seen.container
    return title and title[:TEXT_MAX]


def _outcome(seen: Seen) -> RehearsalOutcome:
    """One that was not led to the end has proven nothing but what it failed at."""
    if seen.outcome == "cut-short" or (seen.unled and seen.outcome != "gave-up"):
        return "other"
    return seen.outcome


def _identity(caller: KeptCaller) -> object:
    return as_fact(caller).identity


def _together(one: KeptCaller, other: KeptCaller) -> KeptCaller:
    """The worst of both, with the sums. What stood on different files stands on none."""
    worst = min(one, other, key=lambda each: WORST.index(each.outcome))
    same = (one.program_stamp, one.script_stamp) == (other.program_stamp, other.script_stamp)
    return KeptCaller(
        program=worst.program,
        outcome=worst.outcome,
        comm=worst.comm,
        script=worst.script,
        unit=worst.unit,
        container=worst.container,
        container_id=worst.container_id,
        uid=worst.uid,
        on_host=worst.on_host,
        refused=one.refused + other.refused,
        tokens=one.tokens + other.tokens,
        served=one.served + other.served,
        program_stamp=worst.program_stamp if same or one.program != other.program else "",
        script_stamp=worst.script_stamp if same else "",
        processes=tuple(dict.fromkeys((*one.processes, *other.processes)))[:PROCESSES_MAX],
    )
