"""The report: everything observed, judged and decided in one run. Renderers and sinks read nothing else."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imds_probe.catalog.rows import Requirement
from imds_probe.facts import CollectorRun, Host, Imds, Instance, Platform, Software
from imds_probe.findings import Finding
from imds_probe.rules.judging import RuleRun
from imds_probe.verdict import Verdict

SCHEMA = "imds-probe.report/v1"
SCHEMA_FILE = Path(__file__).parent / "schema/report-v1.json"


@dataclass(frozen=True)
class ProbeInfo:
    """The run itself. `started_at` is RFC 3339 UTC; the request counts are of requests that reached a connection."""

    version: str
    run_id: str
    started_at: str
    duration_ms: float
    privileged: bool
    imdsv1_requests_made: int
    imdsv2_requests_made: int


@dataclass(frozen=True)
class JudgedSoftware:
    """A piece of software and what the catalog requires of it."""

    software: Software
    requirement: Requirement


@dataclass(frozen=True)
class Report:
    """One run. `to_json` gives the shape of schema/report-v1.json."""

    probe: ProbeInfo
    platform: Platform
    instance: Instance | None
    host: Host
    imds: Imds | None
    containers_seen: int | None
    software: tuple[JudgedSoftware, ...]
    collectors: tuple[CollectorRun, ...]
    rules: tuple[RuleRun, ...]
    findings: tuple[Finding, ...]
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists and scalars, in the schema's order. Absent is None."""
        document: dict[str, Any] = {"schema": SCHEMA} | plain(self)
        document["software"] = [
            plain(entry.software) | {"requirement": plain(entry.requirement)} for entry in self.software
        ]
        for finding in document["findings"]:
            finding["help"] = f"imds-probe explain {finding['id']}"
        return document


def plain(value: Any) -> Any:
    """Dataclasses as dicts and tuples as lists, all the way down: what JSON knows, before it is text."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


def dump(report: Report) -> str:
    """The report as JSON text. Everything beyond ASCII is escaped: hostile names cannot steer a terminal from here."""
    return json.dumps(report.to_json(), indent=2, ensure_ascii=True)
