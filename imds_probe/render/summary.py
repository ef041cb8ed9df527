"""A report as one line of JSON of 2,000 bytes at most: SSM Run Command keeps 2,500 characters of a host's output."""

from __future__ import annotations

from collections import Counter
from typing import Any

from imds_probe.facts.callers import Callers
from imds_probe.facts.control_plane import ControlPlane
from imds_probe.facts.imds import Imds
from imds_probe.facts.instance import Instance
from imds_probe.facts.platform import Platform
from imds_probe.findings import Finding
from imds_probe.render.one_line import cut, fitted
from imds_probe.report import Report
from imds_probe.verdict import ORDER

SCHEMA = "imds-probe.summary/v1"
LIMIT_BYTES = 2000
NAME_BYTES, SUBJECT_BYTES, KINDS_MAX = 40, 60, 50


def render(report: Report) -> str:
    """The line. `blockers` are the kinds of findings that keep the verdict from being ready, the gravest first, each with how many
    there are and the first one's subject; `blockers_left_out` counts the kinds for which there was no room.
    """
    blockers = _blockers(report.findings)
    shown = blockers[:KINDS_MAX]
    return fitted(_document(report), "blockers", shown, LIMIT_BYTES - 1, beside=len(blockers) - len(shown)) + "\n"


def _document(report: Report) -> dict[str, Any]:
    verdict, facts = report.verdict, report.facts
    imds, instance = facts.get(Imds), facts.get(Instance)
    instance_id = (instance.instance_id if instance else None) or facts[Platform].instance_id
    return {
        "schema": SCHEMA,
        "verdict": verdict.state,
        "confidence": verdict.confidence,
        "evidence": list(verdict.evidence),
        "tokens": imds.tokens if imds else None,
        "hop_limit": imds.hop_limit if imds else None,
        "hop_limit_needed": verdict.switch.hop_limit_needed if verdict.switch else None,
        "rollback": _rollback(report),
        "valid_until": verdict.valid_until,
        "digest": verdict.digest,
        "instance_id": instance_id and cut(instance_id, NAME_BYTES),
        "started_at": report.probe.started_at,
        "run_id": report.probe.run_id,
        "probe_version": cut(report.probe.version, NAME_BYTES),
        "counts": _counts(report),
    }


def _rollback(report: Report) -> str:
    """Whether the switch can be undone, as far as somebody asked the account for it."""
    if report.verdict.switch is not None and report.verdict.switch.no_rollback:
        return "refused"
    control_plane = report.facts.get(ControlPlane)
    return "possible" if control_plane is not None and control_plane.account is not None else "not-asked"


def _counts(report: Report) -> dict[str, int | None]:
    severities = Counter(each.severity for each in report.findings)
    callers = report.facts.get(Callers)
    containers = report.containers
    return {
        "findings": len(report.findings),
        "blockers": severities["blocker"],
        "warnings": severities["warning"],
        "accepted": len(report.verdict.accepted),
        "containers": None if containers is None else len(containers),
        "software": len(report.software),
        "imdsv1_calls": callers.imdsv1 if callers else None,
    }


def _blockers(findings: tuple[Finding, ...]) -> list[dict[str, Any]]:
    grave = [each for each in findings if each.implies not in (None, "ready")]
    counted = Counter(each.id for each in grave)
    first = {each.id: each for each in reversed(grave)}
    ordered = sorted(first.values(), key=lambda each: ORDER.index(each.implies or "ready"))
    return [
        {"id": cut(each.id, NAME_BYTES), "count": counted[each.id], "subject": cut(each.subject, SUBJECT_BYTES)}
        for each in ordered
    ]
