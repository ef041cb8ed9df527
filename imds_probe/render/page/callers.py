"""Who called the metadata service, as a table."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.duration import in_words
from imds_probe.facts.callers import BootWatched, Callers, CallerSeen
from imds_probe.render.page.blocks import Part, Table, Text
from imds_probe.render.page.bounds import Bounds, cut_front, first
from imds_probe.render.page.calls import COLUMNS, NONE, SPARE, calls, lost, not_confirmed, program
from imds_probe.report import Report

BOOTS_SHOWN = 5
HEADING = "Calls to the metadata service"


def callers(report: Report, bounds: Bounds) -> Iterator[Part]:
    """All but the probe itself."""
    seen = report.facts.get(Callers)
    if seen is None:
        return
    shown, more = first([each for each in seen.by if not each.probe], bounds.callers)
    rows = tuple(_cells(each, bounds.width) for each in shown)
    table = (Table(COLUMNS, rows, more, spare=SPARE, below="asked for"),) if shown else ()
    booted = (Text(_booted(seen)),) if seen.boots else ()
    yield Part(HEADING, (Text(_watched(seen)), *booted, *table))


def _watched(seen: Callers) -> str:
    return (
        f"imds-probe watched {in_words(seen.observed_s)} of the last {in_words(seen.window_s)} "
        f"and saw {calls(seen.imdsv1, seen.imdsv2)}.{lost(seen.dropped_packets)}"
        f"{not_confirmed(seen.unconfirmed)}"
    )


def _booted(seen: Callers) -> str:
    """How much of each boot was watched."""
    parts = [_boot(each, seen.window_s) for each in seen.boots[-BOOTS_SHOWN:]]
    earlier = len(seen.boots) - len(parts)
    more = f" {earlier} earlier boots are in the JSON report." if earlier else ""
    return f"Boots: {'; '.join(parts)}.{more}"


def _boot(boot: BootWatched, window_s: float) -> str:
    if boot.is_whole(window_s):
        return f"{boot.booted} was watched from its start"
    if boot.from_start:
        return f"{boot.booted} was watched from its start for {in_words(boot.watched_s)}"
    return f"{boot.booted} was not watched in its first {in_words(boot.began_s)}"


def _cells(caller: CallerSeen, width: int) -> tuple[str, ...]:
    return (
        caller.version,
        str(caller.count),
        str(caller.refused),
        caller.last_seen,
        cut_front(_called(caller), width),
        cut_front(caller.unit or NONE, width),
        cut_front(caller.container or NONE, width),
        cut_front(caller.path_class, width),
    )


def _called(caller: CallerSeen) -> str:
    """What somebody would mend: a script before the program that it asks with."""
    name = program(caller.program)
    if not caller.script:
        return name if caller.client is None else f"{name} at {caller.client}"
    return f"{caller.script} ({name.rpartition('/')[2]})"
