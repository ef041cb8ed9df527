"""How much code stands behind the verdict, in one line, and the places of the code that names the service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imds_probe.duration import in_words
from imds_probe.facts.callers import Callers
from imds_probe.facts.code import ALL_SCHEDULED, OTHER_SCHEDULED, Code, CodeRead, CodeSeen, NotRead, Runs, Speaks
from imds_probe.render.page.blocks import Block, Part, Table, Text
from imds_probe.render.page.bounds import Bounds, cut, cut_front, first, listed
from imds_probe.report import Report

HEADING = "Code"
COLUMNS = ("asks", "runs", "file", "line", "form", "words that matched")
SPARE = ("form",)
ASKS: dict[Speaks, str] = {
    "v1": "without a token",
    "both": "both ways",
    "v2": "for a token",
    "mentions": "not at all",
}
RUNS: dict[Runs, str] = {
    "running": "now",
    "scheduled": "by schedule",
    "boot": "at boot",
    "once": "once, before",
    "lies": "not started",
}
AT_START = "at its start"  # of a container
REASONS_SHOWN = 5


def code(report: Report, bounds: Bounds) -> Iterator[Part]:
    """What only names the service is left out: it asks nobody."""
    blocks: list[Block] = []
    read = report.facts.get(CodeRead)
    if read is not None:
        blocks.append(Text(_stands(read, report.facts.get(Callers))))
    order, starts = list(ASKS), list(RUNS)
    found = [each for each in report.facts[Code].code if each.speaks != "mentions"]
    found.sort(key=lambda each: (order.index(each.speaks), starts.index(each.runs)))
    if found:
        shown, more = first(found, bounds.software)
        rows = tuple(_cells(each, bounds.width) for each in shown)
        blocks.append(Table(COLUMNS, rows, more, spare=SPARE, below="words that matched"))
    if blocks:
        yield Part(HEADING, tuple(blocks))


def _stands(read: CodeRead, callers: Callers | None) -> str:
    """One line, whatever was read."""
    scheduled_ones = (ALL_SCHEDULED, OTHER_SCHEDULED)
    waiting = [each for each in read.not_read if not each.pids and (each.started_by or each.program in scheduled_ones)]
    run = [each for each in read.not_read if each not in waiting]
    none = "the running programs could not be listed" if read.programs_unseen else "no programs run"
    running = _counted(read.programs_read, read.programs, "running", run) or none
    scheduled = "schedules were not read"
    if read.scheduled is not None:
        scheduled = _counted(read.scheduled_read or 0, read.scheduled, "scheduled", waiting) or "nothing is scheduled"
    packages = ""
    if read.packages:
        whole = sum(not each.why for each in read.packages)
        packages = f" {whole} of {len(read.packages)} packages of undecided versions were read;"
    watched = "calls were not watched"
    if callers is not None:
        watched = f"watched for {in_words(callers.observed_s)} of the last {in_words(callers.window_s)}"
    line = f"{running}; {scheduled};{packages} {watched}; {_boot(callers)}."
    return line[0].upper() + line[1:]


def _boot(callers: Callers | None) -> str:
    boot = callers.whole_boot if callers is not None else None
    return "no boot was watched whole" if boot is None else f"the boot of {boot.booted} was watched whole"


def _counted(done: int, number: int, which: str, not_read: Sequence[NotRead]) -> str:
    """How many programs were read, and why the others were not; empty where there are none."""
    if done == number:
        if number < 2:
            return f"the only {which} program was read" if number else ""
        return f"all {number} {which} programs were read"
    reasons = listed([f"{each.program} ({each.why})" for each in not_read], REASONS_SHOWN)
    return f"{done} of {number} {which} programs were read ({number - done} not{f': {reasons}' if reasons else ''})"


def _cells(seen: CodeSeen, width: int) -> tuple[str, ...]:
    return (
        ASKS[seen.speaks],
        AT_START if seen.runs == "boot" and seen.container_ids else RUNS[seen.runs],
        cut_front(seen.path, width * 3 // 2),
        "-" if seen.line is None else str(seen.line),
        cut(seen.form, width),
        cut(", ".join(seen.quote), width * 3 // 2),
    )
