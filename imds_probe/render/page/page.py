"""A report as a page: all that its reader is told, in the order in which a reader in a hurry needs it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from imds_probe.render.page import findings, host, outcome
from imds_probe.render.page.blocks import Hint, Page, Part
from imds_probe.render.page.bounds import Bounds
from imds_probe.render.page.callers import callers
from imds_probe.render.page.code import code
from imds_probe.render.page.containers import containers
from imds_probe.render.page.control_plane import control_plane
from imds_probe.render.page.figures import figures
from imds_probe.render.page.sections import sections
from imds_probe.render.page.software import software
from imds_probe.render.page.token_ways import token_ways
from imds_probe.report import Report

# The first one exits with the verdict's code.
_KEEP_AND_EXPLAIN = "imds-probe run --output json --out report.json; imds-probe explain switch report.json"


def page_of(report: Report, bounds: Bounds, *, kept: bool = False, file: str = "") -> Page:
    """Pure. Whatever shows it has no words of its own about the host. `kept`: this host keeps a report that `imds-probe explain
    switch` finds by itself. `file` is where the report was read from, empty where it was just made.
    """
    headline, colour = outcome.headline(report)
    return Page(
        headline=headline,
        colour=colour,
        host=outcome.host_name(report),
        sentence=outcome.sentence(report),
        parts=tuple(_parts(report, bounds)),
        hints=tuple(_hints(report, kept=kept, file=file)),
    )


def _parts(report: Report, bounds: Bounds) -> Iterator[Part]:
    yield from figures(report, bounds)
    yield from token_ways(report, bounds)
    yield from findings.decisive(report, bounds)
    yield from findings.accepted(report, bounds)
    yield from outcome.commands(report, bounds)  # before what hangs on nothing: SSM cuts the text off
    yield from findings.notes(report, bounds)
    yield from host.host(report)
    yield from host.service(report)
    yield from control_plane(report, bounds)
    yield from containers(report, bounds)
    yield from callers(report, bounds)
    yield from code(report, bounds)
    yield from software(report, bounds)
    yield from sections(report, bounds)
    yield from host.run(report, bounds)


def _hints(report: Report, *, kept: bool, file: str) -> Iterator[Hint]:
    if report.findings:
        named = next((each for each in report.findings if each.implies), report.findings[0])  # as the page has them
        yield Hint("What a finding means", f"imds-probe explain {named.id}")
    if report.verdict.switch is not None and report.verdict.switch.steps:
        explain = f"imds-probe explain switch {shlex.quote(file)}" if file else "imds-probe explain switch"
        yield Hint("Every command of the switch", explain if kept or file else _KEEP_AND_EXPLAIN)
    if not file:  # which has it all
        yield Hint("Everything that was observed", "imds-probe run --output json")
