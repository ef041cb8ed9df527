"""The report: everything observed, judged and decided in one run. Renderers and sinks read nothing else."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imds_probe.catalog.rows import Requirement
from imds_probe.facts import Callers, CollectorRun, Container, Host, Imds, Instance, PathObstacle, Platform, Software
from imds_probe.findings import Finding
from imds_probe.rules.judging import RuleRun
from imds_probe.rules.metadata_need import Need
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
class JudgedContainer:
    """A container and whether it needs metadata."""

    container: Container
    need: Need


@dataclass(frozen=True)
class Report:
    """One run. `to_json` gives the shape of schema/report-v1.json."""

    probe: ProbeInfo
    platform: Platform
    instance: Instance | None
    host: Host
    imds: Imds | None
    containers: tuple[JudgedContainer, ...] | None
    containers_unseen: tuple[str, ...]
    sdks_unseen: tuple[str, ...]
    sdks_left_out: tuple[str, ...]
    callers: Callers | None
    obstacles: tuple[PathObstacle, ...]
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
        if self.containers is not None:
            document["containers"] = [_container(entry) for entry in self.containers]
        for finding in document["findings"]:
            finding["help"] = f"imds-probe explain {finding['id']}"
        return document


def _container(entry: JudgedContainer) -> dict[str, Any]:
    """One container: first what most readers want, then the measurement at each address."""
    container, main = entry.container, entry.container.main
    return {
        "id": container.id,
        "runtime": container.runtime,
        "name": container.name,
        "image": container.image,
        "pod": container.pod,
        "namespace": container.namespace,
        "netns": container.netns,
        "pid": container.pid,
        "network": container.network,
        "sandbox": container.sandbox,
        "distance": main.distance if main else None,
        "needs_hop_limit": container.needs_hop_limit,
        "token": main.token if main else None,
        "token_detail": main.detail if main else container.not_measured,
        "v1": "not-tried",  # by rule: a request without a token from a container would count against it
        "credentials": entry.need.credentials,
        "metadata_need": entry.need.state,
        "metadata_need_reason": entry.need.reason,
        "sdks": plain(container.sdks),
        "calls_seen": container.calls_seen,
        "reach": plain(container.reach),
    }


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
