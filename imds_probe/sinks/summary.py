"""A report as one line of JSON that fits: the whole of it, or what questions about a fleet are asked of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from imds_probe.sinks.sink import Report

SCHEMA = "imds-probe.report-summary/v1"
_FIRST = ("schema", "verdict", "instance", "host", "probe")
_AS_IT_IS = ("instance", "host", "probe", "platform")
_OF_A_FINDING = ("id", "rule", "severity", "subject", "summary", "implies", "accepted")
_OF_A_CALLER = ("version", "program", "unit", "container", "count", "refused", "last_seen", "probe", "script", "image")
# Of these, a picture of a fleet makes the names of fixes, which have to be those that the whole report would give.
_OF_SOFTWARE = ("component", "version", "container", "container_ids", "requirement")
_OF_CODE, _OF_A_CONTAINER = ("path", "speaks", "package", "container_ids"), ("id", "name", "image", "pod")
TEXT_MAX, FIRST_MANY = 300, 100


def fitting(report: Report, limit_bytes: int) -> str:
    """The report in ASCII without line breaks, at most `limit_bytes` long; else a summary with the same names, of which
    `summary_of_bytes` says how long the report is.

    What is asked for most comes first: Logs Insights finds the first 200 fields of an event by itself, and no more.
    """
    whole = _line({name: report[name] for name in _FIRST} | dict(report))
    if len(whole) <= limit_bytes:
        return whole
    many = FIRST_MANY
    while True:
        line = _line(_summary(report, len(whole), many))
        if len(line) <= limit_bytes or many == 0:
            return line
        many //= 2


def _line(document: Report) -> str:
    return json.dumps(document, ensure_ascii=True, separators=(",", ":"))


def _summary(report: Report, length: int, many: int) -> dict[str, Any]:
    verdict = report["verdict"] | {"reasons": report["verdict"]["reasons"][:many]}
    if "accepted" in verdict:
        verdict["accepted"] = verdict["accepted"][:many]
        verdict["accepted_left_out"] = max(0, len(report["verdict"]["accepted"]) - many)
    if verdict["switch"] is not None:  # its steps are most of a small report, and of no use to a query
        verdict["switch"] = {name: value for name, value in verdict["switch"].items() if name != "steps"}
    callers = report["callers"]
    if callers is not None:
        callers = callers | {"by": _of(_OF_A_CALLER, callers["by"], many)}
    imds = report["imds"]
    summary = {"schema": SCHEMA, "summary_of_bytes": length, "verdict": verdict}
    summary |= {name: report[name] for name in _AS_IT_IS}
    summary |= {
        "imds": None if imds is None else {name: value for name, value in imds.items() if name != "endpoints"},
        "callers": callers,
        "findings": [{name: each.get(name) for name in _OF_A_FINDING} for each in report["findings"][:many]],
        "findings_left_out": max(0, len(report["findings"]) - many),
        "software": _of(
            _OF_SOFTWARE, [row for row in report["software"] if row["requirement"]["status"] != "ok"], many
        ),
        "code": _of(_OF_CODE, [row for row in report.get("code") or () if row["speaks"] != "v2"], many),
        "containers": _of(_OF_A_CONTAINER, report["containers"] or (), many),
    }
    shortened: dict[str, Any] = _shortened(summary)
    return shortened


def _of(names: Sequence[str], rows: Sequence[dict[str, Any]], many: int) -> list[dict[str, Any]]:
    return [{name: row[name] for name in names if name in row} for row in rows[:many]]


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= TEXT_MAX else f"{value[:TEXT_MAX]}..."
    if isinstance(value, dict):
        return {name: _shortened(each) for name, each in value.items()}
    return [_shortened(each) for each in value] if isinstance(value, list) else value
