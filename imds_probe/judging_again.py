"""A stored report judged by this version's catalog and rules, and what that changes. Pure: nothing is looked at."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from imds_probe.assessment import report_on
from imds_probe.catalog.catalog import Catalog
from imds_probe.dataclass import dataclass
from imds_probe.findings import Finding
from imds_probe.report import Report
from imds_probe.report_document import Stored
from imds_probe.rules import RULES
from imds_probe.system.bug import TellBug, untold
from imds_probe.verdict import Verdict


@dataclass(frozen=True)
class NotJudged:
    """A rule that could not be judged again, and why."""

    rule: str
    reason: str


@dataclass(frozen=True)
class Changes:
    """`was` and `now` are the verdicts; findings are told apart by their id and subject, not by their words."""

    was: Verdict
    now: Verdict
    added: tuple[Finding, ...]
    gone: tuple[Finding, ...]
    not_judged: tuple[NotJudged, ...]


def judged_again(stored: Stored, catalog: Catalog, bug: TellBug = untold) -> Report:
    """The report as this version would have made it. A rule that needs what the report lacks is not judged, which makes the
    verdict unknown at best; then there is no command either, as it might name too low a hop limit. `bug` is told of errors that
    nobody expected, which keep a rule from being judged as well.
    """
    selected = [rule.id for rule in RULES if rule.id not in stored.deselected]
    report = report_on(stored.facts, catalog, selected, stored.probe, bug)
    if not stored.facts.lacking:
        return report
    return replace(report, verdict=replace(report.verdict, switch=None, rollback=None, price=None, image=None))


def changes(stored: Stored, report: Report) -> Changes:
    """What judging again has changed."""
    not_judged = tuple(NotJudged(run.id, run.reason) for run in report.rules if run.status == "error")
    silent = {each.rule for each in not_judged}
    return Changes(
        was=stored.verdict,
        now=report.verdict,
        added=_without(report.findings, stored.findings),
        gone=tuple(each for each in _without(stored.findings, report.findings) if each.rule not in silent),
        not_judged=not_judged,
    )


def _without(findings: tuple[Finding, ...], others: tuple[Finding, ...]) -> tuple[Finding, ...]:
    left = Counter((each.id, each.subject) for each in others)
    found = []
    for each in findings:
        if left[each.id, each.subject]:
            left[each.id, each.subject] -= 1
        else:
            found.append(each)
    return tuple(found)
