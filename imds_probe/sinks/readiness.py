"""A report as one flat entry of SSM inventory: all of it text, each attribute under a name that never changes again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from imds_probe.escape import terminal
from imds_probe.facts.containers import title
from imds_probe.sinks.extract import accepted, blockers, containers_lost, hop_limit_needed, switched
from imds_probe.sinks.sink import Report

VALUE_MAX = 4096  # bytes of UTF-8, as the agent counts
CUT = "...[cut]"
REFUSED = "refused-for-good"  # the finding on a caller that the switch has broken
NONE = "none"  # was looked for and not found; what was not looked for is ""


def readiness(report: Report) -> dict[str, str]:
    """The entry. Athena and resource data sync know attributes by these names: add to them, rename none.

    Lists are joined by "; ". ReportedAt is the run's own time: the agent's CaptureTime says only when it read the file.
    ContainersAffected are those that the token does not reach. SoftwareTooOld has versions.
    AcceptedUntil is the last day of the first to expire. After ValidUntil, a new run has to say whether the verdict still holds.
    """
    verdict, imds, callers = report["verdict"], report["imds"] or {}, report["callers"]
    switch, rollback = verdict["switch"] or {}, verdict["rollback"] or {}
    risks, since = accepted(report), switched(report) or {}
    v1 = (
        [each["program"] for each in callers["by"] if each["version"] == "v1" and not each["probe"]]
        if callers
        else None
    )
    content = {
        "Verdict": verdict["state"],
        "Confidence": verdict["confidence"],
        "Reasons": _list(verdict["reasons"]),
        "Blockers": _list(blockers(report)),
        "AcceptedRisks": len(risks),
        "AcceptedUntil": risks[0]["expires"] if risks else NONE,
        "AcceptedFindings": _list(
            f"{each['id']} of {each['subject']} by {each['owner']} until {each['expires']}" for each in risks
        ),
        "HttpTokens": imds.get("tokens"),
        "HopLimit": imds.get("hop_limit"),
        "HopLimitNeeded": hop_limit_needed(report),
        "Endpoint": imds.get("endpoint"),
        "SwitchedSince": since.get("since"),
        "SwitchedState": since.get("state"),
        "CleanHours": since.get("clean_hours"),
        "RefusedCallers": _list(_refused(report)),
        "IMDSv1Calls": callers["imdsv1"] if callers else None,
        "IMDSv1Callers": _list(v1),
        "WatchCoverage": callers["coverage"] if callers else None,
        "SwitchCommand": switch.get("try_first") or switch.get("aws_cli") or None,
        "RollbackCommand": rollback.get("aws_cli"),
        "TemplateWaitsFor": _list(switch.get("template_waits_for")),
        "ContainersAffected": _list(_affected(report)),
        "SoftwareTooOld": _list(_too_old(report)),
        "ReportedAt": report["probe"]["started_at"],
        "ValidUntil": verdict.get("valid_until"),
        "RunId": report["probe"]["run_id"],
        "ProbeVersion": report["probe"]["version"],
        "Schema": report["schema"],
    }
    return {name: "" if value is None else _cut(terminal(str(value))) for name, value in content.items()}


def _accepted(risk: Mapping[str, Any]) -> str:
    return f"{risk['id']} of {risk['subject']} by {risk['owner']} until {risk['expires']}"


def _refused(report: Report) -> list[str] | None:
    since = switched(report)
    if since is None or since["watched_hours"] is None:
        return None
    return [each["subject"] for each in report["findings"] if each["id"] == REFUSED and not each.get("accepted")]


def _affected(report: Report) -> list[str] | None:
    lost = containers_lost(report)
    if lost is None:
        return None
    return [
        title(
            each["id"], each["name"], each["pod"], each["runtime"], each.get("owner_uid"), namespace=each["namespace"]
        )
        for each in lost
    ]


def _too_old(report: Report) -> list[str]:
    old = [entry for entry in report["software"] if entry["requirement"]["status"] == "too-old"]
    return [f"{entry['component']} {entry['version'] or ''}".strip() for entry in old]


def _list(items: Iterable[str] | None) -> str | None:
    return None if items is None else "; ".join(dict.fromkeys(items)) or NONE


def _cut(text: str) -> str:
    encoded = text.encode()
    if len(encoded) <= VALUE_MAX:
        return text
    return encoded[: VALUE_MAX - len(CUT)].decode(errors="ignore") + CUT
