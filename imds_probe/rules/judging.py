"""Running the rules: every rule, every run, with its outcome, also where it had nothing to say."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Literal

from imds_probe.catalog.catalog import Catalog
from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError, UsageError
from imds_probe.facts.facts import Facts
from imds_probe.facts.shapes import Milliseconds
from imds_probe.findings import Finding
from imds_probe.rules.rule import NothingToJudge, Rule
from imds_probe.system.bug import TellBug, in_short, untold

RuleStatus = Literal["ok", "warn", "fail", "skip", "error"]


@dataclass(frozen=True)
class RuleRun:
    """How one rule fared. "skip": the facts gave it nothing to judge, or (`deselected`) --only or --skip left it out."""

    id: str
    status: RuleStatus
    duration_ms: Milliseconds
    reason: str = ""
    deselected: bool = False


def select(rules: Sequence[Rule], only: Collection[str], skip: Collection[str]) -> frozenset[str]:
    """The ids of the rules to judge by. Raises UsageError for an id that no rule has."""
    known = [rule.id for rule in rules]
    for wanted in (*only, *skip):
        if wanted not in known:
            raise UsageError(f"there is no rule {wanted!r}", f"The rules are: {', '.join(known)}.")
    return frozenset(rule_id for rule_id in known if (not only or rule_id in only) and rule_id not in skip)


def judge(
    rules: Sequence[Rule], selected: Collection[str], facts: Facts, catalog: Catalog, bug: TellBug = untold
) -> tuple[tuple[Finding, ...], tuple[RuleRun, ...]]:
    """All findings, worst first, and how each rule fared. One rule's trouble never stops another; `bug` is told of errors that
    nobody expected.
    """
    findings: list[Finding] = []
    runs: list[RuleRun] = []
    kinds = [kind for rule in rules for kind in rule.kinds]
    for rule in rules:
        if rule.id not in selected:
            runs.append(RuleRun(rule.id, "skip", 0.0, "left out by --only or --skip", deselected=True))
            continue
        started = time.monotonic()
        status: RuleStatus
        reason = ""
        try:
            result = rule.judge(facts, catalog)
            if rule.review is not None and not isinstance(result, NothingToJudge):
                findings, more = rule.reviewed(findings, facts, kinds)
                result += more
        except ProbeError as error:
            status, reason = "error", str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is one rule's
            bug(f"the rule {rule.id}", error)
            status, reason = "error", in_short(error)
        else:
            if isinstance(result, NothingToJudge):
                status, reason = "skip", result.reason
            else:
                findings += result
                status = _status(result)
        runs.append(RuleRun(rule.id, status, round((time.monotonic() - started) * 1000, 3), reason))
    order = {"blocker": 0, "warning": 1, "info": 2}
    return tuple(sorted(findings, key=lambda finding: order[finding.severity])), _as_counted(runs, findings)


def _as_counted(runs: Sequence[RuleRun], findings: Sequence[Finding]) -> tuple[RuleRun, ...]:
    """The runs, of which those that failed by nothing but accepted risks have warned instead."""
    blocking = {each.rule for each in findings if each.severity == "blocker"}
    return tuple(
        replace(run, status="warn") if run.status == "fail" and run.id not in blocking else run for run in runs
    )


def _status(findings: Sequence[Finding]) -> RuleStatus:
    severities = {finding.severity for finding in findings}
    if "blocker" in severities:
        return "fail"
    return "warn" if "warning" in severities else "ok"
