"""What the collectors of a run look at: said while it goes on, and at the end by those who asked."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from imds_probe.collect.collectors import COLLECTORS, QUESTIONS
from imds_probe.commands.progress import Progress
from imds_probe.facts.collector_run import CollectorStatus
from imds_probe.report import Report

SUBJECTS = {each.id: each.without for each in COLLECTORS} | {each.id: each.without for each in QUESTIONS}
STATUS: dict[CollectorStatus, str] = {
    "ok": "done",
    "nothing": "nothing there",
    "partial": "done in part",
    "failed": "failed",
    "skipped": "skipped",
}


def counted(progress: Progress) -> Callable[[str], None]:
    """For whoever is told of a collector that begins, by its id."""
    numbers = itertools.count(1)

    def begun(collector: str) -> None:
        subject = f": {SUBJECTS[collector]}" if collector in SUBJECTS else ""
        progress.say(f"{next(numbers)} of {len(SUBJECTS)}, {collector}{subject}")

    return begun


def looked(report: Report) -> Iterator[str]:
    """A line for each collector: what it looked at, what came of it, how long it took."""
    for run in report.facts.collectors:
        subject = f" ({SUBJECTS[run.id]})" if run.id in SUBJECTS else ""
        reason = f": {run.reason}" if run.reason else ""
        yield f"{run.id}{subject}: {STATUS[run.status]} in {run.duration_ms / 1000:.2f} s{reason}"
