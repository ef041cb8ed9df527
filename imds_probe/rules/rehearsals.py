"""What did rehearsals of the switch come to, for each caller, and does it still count?"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.duration import in_words
from imds_probe.facts.callers import CallerSeen
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.containers import USERS
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds, switched_already
from imds_probe.facts.rehearsals import FIT, Rehearsal, Rehearsals, RehearsedCaller
from imds_probe.findings import Fix, Found
from imds_probe.kept.generated_names import ANYTHING
from imds_probe.rules.acceptance import named_first
from imds_probe.rules.caller_cause import cause_by_inventory
from imds_probe.rules.caller_phrases import called, times, who
from imds_probe.rules.code_phrases import count, listed
from imds_probe.rules.known_callers import Known
from imds_probe.rules.origins import of_callers
from imds_probe.rules.phrases import few
from imds_probe.rules.rehearsals_kinds import (
    KINDS,
    REHEARSAL_GAVE_UP,
    REHEARSAL_PASSED,
    REHEARSAL_SILENT,
    REHEARSAL_STALE,
    REHEARSALS_NOT_READ,
)
from imds_probe.rules.rehearsed import Told, fit, giving_up, had_effect, stale, unrehearsed
from imds_probe.rules.rule import NothingToJudge, Rule
from imds_probe.rules.settled import unserved_caller

NAMED_MAX = 20
_SUBJECT = "rehearsals"
_NO_UNIT_CHARACTER = re.compile(r"[^A-Za-z0-9:_.@-]")
_NAMED_SERVICE = re.compile(r"[A-Za-z0-9:_\\@][A-Za-z0-9:_.\\@-]{0,246}\.service")


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    run, rehearsals = facts.collector(_SUBJECT), facts[Rehearsals].rehearsals
    if run is not None and run.status in ("failed", "skipped"):
        return [_not_read(run)]
    if not rehearsals:
        return NothingToJudge("no rehearsal is on record")
    if switched_already(facts.get(Imds)):
        return NothingToJudge("tokens are required already")
    blocking = [each for each in giving_up(facts) if not unserved_caller(each[1].container_id, facts)]
    blocking = named_first(REHEARSAL_GAVE_UP, blocking, lambda each: called([as_seen(*each)]), facts)
    found = [_gave_up(*each, facts, catalog) for each in blocking[:NAMED_MAX]]
    if rest := blocking[NAMED_MAX:]:
        found.append(_more(rest, facts))
    if fits := fit(facts):
        found.append(_passed(fits))
    if not_asked := unrehearsed(facts):
        found.append(_silent(not_asked, facts))
    if past := _past(facts):
        found.append(_stale(past))
    return found


def _gave_up(rehearsal: Rehearsal, caller: RehearsedCaller, facts: Facts, catalog: Catalog) -> Found:
    group = [as_seen(rehearsal, caller, pid) for pid in caller.pids or (None,)]
    cause = cause_by_inventory(group, facts, catalog)
    why = f": {cause.why}" if cause is not None else ""
    fix = (
        cause.fix
        if cause is not None
        else Fix("Change the program so that it asks for a token, and rehearse it again.")
    )
    return REHEARSAL_GAVE_UP.found(
        called(group),
        f"{who(group[0])} was refused {times(caller.refused)} in the rehearsal of {rehearsal.began}, and did not ask with a token"
        f"{why}",
        evidence=(_of(rehearsal), *(cause.evidence if cause is not None else ())),
        fix=fix,
        forgeable_by=of_callers(group, facts),
    )


def _more(rest: Sequence[Told], facts: Facts) -> Found:
    group = [as_seen(*each) for each in rest]
    return REHEARSAL_GAVE_UP.found(
        "more callers",
        f"{len(rest)} more programs were refused in rehearsals, and did not ask with a token",
        evidence=listed([who(each) for each in group]),
        fix=Fix(
            "Find all of them under rehearsals in the JSON report. Change them so that they ask for a token, and rehearse them "
            "again."
        ),
        forgeable_by=of_callers(group, facts),
    )


def _passed(told: Sequence[Told]) -> Found:
    recovered = sum(caller.outcome == "recovered" for _, caller in told)
    again = f", {recovered} of them after a refusal" if recovered else ""
    return REHEARSAL_PASSED.found(
        _SUBJECT,
        f"{count(len(told), 'program')} asked with a token in a rehearsal{again}: {few([who(as_seen(*each)) for each in told])}",
        evidence=listed([f"{who(as_seen(*each))}: {_of(each[0])}" for each in told]),
    )


def _silent(not_asked: Sequence[Known], facts: Facts) -> Found:
    one = len(not_asked) == 1
    units = dict.fromkeys(name for each in not_asked if (name := _unit_name(each.unit)) is not None)
    commands = tuple(f"imds-probe rehearse --unit {shlex.quote(name)} --restart-unit" for name in [*units][:3])
    return REHEARSAL_SILENT.found(
        _SUBJECT,
        f"{count(len(not_asked), 'known caller')} of this host {'was' if one else 'were'} not rehearsed, or did not ask: "
        f"{few([_called(each) for each in not_asked])}",
        evidence=listed([f"{_called(each)}: {each.by}" for each in not_asked]),
        fix=Fix("Rehearse these programs from their start, or for longer than they keep credentials.", commands)
        if not facts[Rehearsals].rehearsals[0].restarted
        else Fix("Rehearse these programs for longer than they keep credentials: 6 hours."),
    )


def _unit_name(unit: str | None) -> str | None:
    """The service as systemctl names it; None for what is no service of the system, as a user calls his units by any name, and
    where a part of the name was made up for one run and not kept. Facts have the name without systemd's escapes: what no name of a
    unit holds was escaped.
    """
    if unit is None or ANYTHING in unit or not unit.isprintable() or unit.startswith(USERS):
        return None
    name = _NO_UNIT_CHARACTER.sub(lambda found: "".join(f"\\x{byte:02x}" for byte in found[0].encode()), unit)
    return name if _NAMED_SERVICE.fullmatch(name) else None


def _past(facts: Facts) -> list[tuple[Rehearsal, RehearsedCaller, str]]:
    """The last time that each caller asked, where that counts no more."""
    seen: set[object] = set()
    found = []
    for rehearsal in facts[Rehearsals].rehearsals:
        for caller in rehearsal.callers:
            if caller.asked and caller.identity not in seen:
                seen.add(caller.identity)
                if why := stale(rehearsal, caller, facts):
                    found.append((rehearsal, caller, why))
    return found


def _stale(past: Sequence[tuple[Rehearsal, RehearsedCaller, str]]) -> Found:
    names = [who(as_seen(rehearsal, caller)) for rehearsal, caller, _ in past]
    return REHEARSAL_STALE.found(
        _SUBJECT,
        f"the rehearsal of {count(len(past), 'program')} no longer counts: {few(names)}",
        evidence=listed(
            [f"{name}, {rehearsal.began}: {why}" for name, (rehearsal, _, why) in zip(names, past, strict=True)]
        ),
        fix=Fix("Rehearse these programs again: `imds-probe explain rehearsal-stale` has the commands."),
    )


def _not_read(run: CollectorRun) -> Found:
    return REHEARSALS_NOT_READ.found(
        _SUBJECT,
        "the record of rehearsals could not be read",
        evidence=(run.reason,),
        fix=Fix(
            "If the record is damaged, rehearse again: that begins a new record. Otherwise correct the quoted cause, and run "
            "imds-probe again."
        ),
    )


def _of(rehearsal: Rehearsal) -> str:
    """One rehearsal in a line."""
    again = ", with a restart" if rehearsal.restarted else ""
    ended = f"; it ended early: {rehearsal.ended_by}" if rehearsal.ended_by else ""
    lapsed = "" if had_effect(rehearsal) else f"; it had no effect for {in_words(rehearsal.lapsed_s)} of its time"
    what = "the host" if rehearsal.kind == "host" else f"the {rehearsal.kind} {rehearsal.target}"
    refused = times(rehearsal.unidentified)
    unknown = f"; processes that could not be identified were refused {refused}" if rehearsal.unidentified else ""
    return f"{what} was rehearsed at hop limit {rehearsal.hop_limit}{again}{ended}{unknown}{lapsed}"


def _called(known: Known) -> str:
    where = f" in {known.container}" if known.container else f" ({known.unit})" if known.unit else ""
    return f"{known.name}{where}"


def as_seen(rehearsal: Rehearsal, caller: RehearsedCaller, pid: int | None = None) -> CallerSeen:
    """The same caller as a watch would have it, by its process of this number."""
    return CallerSeen(
        version="v2" if caller.outcome in FIT else "v1",
        program=caller.program,
        exe=caller.program if caller.program.startswith("/") else None,
        pid=pid,
        comm=caller.comm,
        cmdline=None,
        unit=caller.unit,
        container=caller.container,
        path="",
        path_class="other",
        user_agent=None,
        probe=False,
        count=caller.refused + caller.served,
        refused=caller.refused,
        first_seen=rehearsal.began,
        last_seen=rehearsal.began,
        container_id=caller.container_id,
        uid=caller.uid,
        on_host=caller.on_host,
        script=caller.script,
    )


RULE = Rule(_SUBJECT, _find, kinds=KINDS)
