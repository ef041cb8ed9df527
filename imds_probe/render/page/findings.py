"""Findings under the heading that says what they mean for the switch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imds_probe.findings import Accepted, Finding
from imds_probe.render.page.blocks import Block, Item, Part, Text
from imds_probe.render.page.bounds import Bounds, first
from imds_probe.render.page.outcome import is_switched
from imds_probe.report import Report

BLOCKERS, BROKEN, UNKNOWN, ACCEPTED, NOTES = "Blockers", "Problems", "Still unknown", "Accepted risks", "Worth knowing"


def decisive(report: Report, bounds: Bounds) -> Iterator[Part]:
    """What the verdict comes from."""
    blocking = [each for each in report.findings if each.implies in ("not-ready", "needs-hop-limit")]
    unknown = [each for each in report.findings if each.implies == "unknown"]
    yield from _part(BROKEN if is_switched(report) else BLOCKERS, blocking, bounds)
    yield from _part(UNKNOWN, unknown, bounds)


def accepted(report: Report, bounds: Bounds) -> Iterator[Part]:
    """What the verdict leaves out, as somebody has accepted it."""
    yield from _part(ACCEPTED, [each for each in report.findings if each.accepted], bounds)


def notes(report: Report, bounds: Bounds) -> Iterator[Part]:
    """What the switch does not depend on."""
    yield from _part(NOTES, [each for each in report.findings if not (each.implies or each.accepted)], bounds)


def _part(heading: str, findings: Sequence[Finding], bounds: Bounds) -> Iterator[Part]:
    if not findings:
        return
    shown, more = first(findings, bounds.findings)
    blocks: list[Block] = [_item(each, bounds) for each in shown]
    yield Part(heading, (*blocks, *([Text(more)] if more else [])))


def _item(finding: Finding, bounds: Bounds) -> Item:
    summary = f"{finding.summary} [{finding.id}]"
    if not (finding.implies or finding.accepted or finding.severity == "warning" or bounds.notes):
        return Item(finding.severity, summary)
    evidence, more = first(finding.evidence, bounds.evidence)
    return Item(
        finding.severity,
        summary,
        evidence=(*evidence, *([more] if more else [])),
        settled_by=finding.settled_by,
        accepted=_terms(finding.accepted) if finding.accepted else "",
        fix=finding.fix.text if finding.fix else "",
        commands=finding.fix.commands if finding.fix else (),
    )


def _terms(accepted: Accepted) -> str:
    return f"by {accepted.owner} until {accepted.expires}: {accepted.reason}"
