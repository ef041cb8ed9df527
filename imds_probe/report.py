"""The report: everything observed, judged and decided in one run. Renderers and sinks read nothing else."""

from __future__ import annotations

import json
from dataclasses import field
from typing import Annotated, Any, Literal

from msgspec import Meta

from imds_probe.catalog.rows import Requirement
from imds_probe.collect.collectors import SECTIONS
from imds_probe.dataclass import dataclass
from imds_probe.facts.containers import Container, ContainerNetwork, ContainerToken, Reach
from imds_probe.facts.facts import Facts
from imds_probe.facts.sdk_settings import SdkSettings
from imds_probe.facts.section import plain
from imds_probe.facts.shapes import REPORT_SCHEMA, Count, HopLimit, Milliseconds, Pid, Seconds, Timestamp
from imds_probe.facts.software import Software
from imds_probe.findings import Finding
from imds_probe.rules.judging import RuleRun
from imds_probe.rules.metadata_need import Credentials, Need, NeedState
from imds_probe.verdict import Verdict

SCHEMA: Literal["imds-probe.report/v1"] = REPORT_SCHEMA
# A reader finds things where they have always been; what came later follows.
FIRST = (
    *("platform", "instance", "host", "imds", "containers", "containers_unseen", "sdks_unseen", "sdks_left_out"),
    *("callers", "obstacles", "software"),
)


@dataclass(frozen=True)
class ProbeInfo:
    """The run itself. `started_at` is RFC 3339 UTC; the request counts are of requests that reached a connection.

    `cpu_ms` and the bytes are those of the process with its children, from its start to the judgement: `bytes_read` by all
    reads, `disk_bytes_read` by those that the page cache did not have. None: it was not counted.
    """

    version: str
    run_id: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    started_at: Timestamp
    duration_ms: Milliseconds
    privileged: bool
    imdsv1_requests_made: Annotated[int, Meta(ge=0, le=1)]
    imdsv2_requests_made: Count
    cpu_ms: Milliseconds | None = None
    bytes_read: Count | None = None
    disk_bytes_read: Count | None = None
    peak_memory_bytes: Count | None = None


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
    """One run. `to_json` gives the shape of schema/report-v1.json. `containers` and `software` are those of the facts, with
    what was made of each.
    """

    probe: ProbeInfo
    facts: Facts
    containers: tuple[JudgedContainer, ...] | None
    software: tuple[JudgedSoftware, ...]
    rules: tuple[RuleRun, ...]
    findings: tuple[Finding, ...]
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists and scalars, in the schema's order. Absent is None."""
        return {
            "schema": SCHEMA,
            "probe": plain(self.probe),
            **self._observed(),
            "collectors": plain(self.facts.collectors),
            "rules": plain(self.rules),
            "findings": [plain(each) | {"help": f"imds-probe explain {each.id}"} for each in self.findings],
            "verdict": plain(self.verdict),
        }

    def _observed(self) -> dict[str, Any]:
        observed: dict[str, Any] = {}
        for kind in SECTIONS:
            section = self.facts.get(kind) or kind.absent()
            observed |= plain(section) if kind.report_key is None else {kind.report_key: plain(section)}
        observed["software"] = [
            plain(entry.software) | {"requirement": plain(entry.requirement)} for entry in self.software
        ]
        if self.containers is not None:
            observed["containers"] = [plain(_reported(entry)) for entry in self.containers]
        return {key: observed.pop(key) for key in FIRST if key in observed} | observed


@dataclass(frozen=True)
class ReportedContainer:
    """One container as the report has it: first what most readers want, then the measurement at each address."""

    id: str
    runtime: str
    name: str | None
    image: str | None
    pod: str | None
    namespace: str | None
    netns: int | None
    pid: Pid | None
    network: ContainerNetwork
    sandbox: bool
    distance: Count | None
    needs_hop_limit: HopLimit | None
    token: ContainerToken | None
    token_detail: str
    v1: Literal["ok", "unauthorized", "unreachable", "not-tried"]
    credentials: Credentials
    metadata_need: NeedState
    metadata_need_reason: str
    sdks: tuple[str, ...]
    calls_seen: Count
    reach: tuple[Reach, ...]
    environment: tuple[tuple[str, ...], ...] | None = ()
    not_measured: str = ""
    owner_uid: Count | None = None
    inside: str | None = None
    netns_owner_uid: Count | None = None
    sdk_settings: tuple[SdkSettings, ...] = ()
    credentials_need: NeedState = "unknown"
    other_metadata_need: NeedState = "unknown"
    other_metadata_reason: str = ""
    age_s: Seconds | None = None
    own_stack: str = ""


@dataclass(frozen=True)
class ReportedSoftware(Software):
    """One piece of software as the report has it."""

    requirement: Requirement = field(kw_only=True)


@dataclass(frozen=True)
class ReportedFinding(Finding):
    """A finding as the report has it."""

    help: str = field(kw_only=True)


def _reported(entry: JudgedContainer) -> ReportedContainer:
    container, main = entry.container, entry.container.main
    return ReportedContainer(
        id=container.id,
        runtime=container.runtime,
        name=container.name,
        image=container.image,
        pod=container.pod,
        namespace=container.namespace,
        netns=container.netns,
        pid=container.pid,
        network=container.network,
        sandbox=container.sandbox,
        distance=main.distance if main else None,
        needs_hop_limit=container.needs_hop_limit,
        token=main.token if main else None,
        token_detail=main.detail if main else container.not_measured,
        v1="not-tried",  # by rule: a request without a token from a container would count against it
        credentials=entry.need.credentials,
        metadata_need=entry.need.state,
        metadata_need_reason=entry.need.reason,
        sdks=container.sdks,
        calls_seen=container.calls_seen,
        reach=container.reach,
        environment=container.environment,
        not_measured=container.not_measured,
        owner_uid=container.owner_uid,
        inside=container.inside,
        netns_owner_uid=container.netns_owner_uid,
        sdk_settings=container.sdk_settings,
        credentials_need=entry.need.for_credentials.state,
        other_metadata_need=entry.need.other.state,
        other_metadata_reason=entry.need.other.reason,
        age_s=container.age_s,
        own_stack=container.own_stack,
    )


def dump(report: Report) -> str:
    """The report as JSON text. Everything beyond ASCII is escaped: hostile names cannot steer a terminal from here."""
    return json.dumps(report.to_json(), indent=2, ensure_ascii=True)
