"""What a fleet is asked of a report: the fields that are decoded, and no others. Types as in the report's schema, so that a report
that breaks it is found out; each field has a default, as reports of other minor versions and summaries lack some.
"""

from __future__ import annotations

import msgspec

from imds_probe.facts.shapes import REPORT_SCHEMA as SCHEMA
from imds_probe.sinks.summary import SCHEMA as SUMMARY

__all__ = ["REPORT", "SCHEMA", "SUMMARY", "Caller", "Code", "Container", "Finding", "LeanReport", "Software"]


class _Probe(msgspec.Struct, gc=False):
    version: str
    run_id: str
    started_at: str


class _Platform(msgspec.Struct, gc=False):
    instance_id: str | None = None


class Owner(msgspec.Struct, gc=False):
    """As facts.owner.Owner."""

    kind: str
    name: str | None = None
    cluster: str | None = None


class _LaunchedFrom(msgspec.Struct, gc=False):
    launch_template_id: str = ""
    version: str | None = None


class _Template(msgspec.Struct, gc=False):
    launch_template_id: str | None = None
    version: int | None = None


class _Override(msgspec.Struct, gc=False):
    template: _Template | None = None


class _Group(msgspec.Struct, gc=False):
    template: _Template | None = None
    overrides: tuple[_Override, ...] = ()


class _ControlPlane(msgspec.Struct, gc=False):
    group: _Group | None = None
    managed_by: str | None = None


class _Instance(msgspec.Struct, gc=False):
    instance_id: str | None = None
    region: str | None = None
    account_id: str | None = None
    image_id: str | None = None
    instance_type: str | None = None
    auto_scaling_group: str | None = None
    owner: Owner | None = None
    launch_template: _LaunchedFrom | None = None


class _Os(msgspec.Struct, gc=False):
    id: str | None = None
    version_id: str | None = None


class _Host(msgspec.Struct, gc=False):
    hostname: str | None = None
    os: _Os | None = None


class _Imds(msgspec.Struct, gc=False):
    endpoint: str = "unknown"
    tokens: str = "unknown"
    hop_limit: int | None = None


class Container(msgspec.Struct, gc=False):
    """As report.ReportedContainer."""

    id: str
    name: str | None = None
    image: str | None = None
    pod: str | None = None
    sandbox: bool = False
    token: str | None = None
    needs_hop_limit: int | None = None
    metadata_need: str = "unknown"


class _Requirement(msgspec.Struct, gc=False):
    status: str


class Software(msgspec.Struct, gc=False):
    """As report.ReportedSoftware."""

    component: str
    requirement: _Requirement
    version: str | None = None
    container: str | None = None
    container_ids: tuple[str, ...] = ()


class Caller(msgspec.Struct, gc=False):
    """As facts.callers.CallerSeen."""

    version: str
    program: str
    count: int
    probe: bool = False
    unit: str | None = None
    container: str | None = None
    container_id: str | None = None
    script: str | None = None
    image: str | None = None


class _Callers(msgspec.Struct, gc=False):
    by: tuple[Caller, ...] = ()


class Code(msgspec.Struct, gc=False):
    """As facts.code.CodeSeen."""

    path: str
    speaks: str
    package: str | None = None
    container_ids: tuple[str, ...] = ()


class Finding(msgspec.Struct, gc=False):
    """As report.ReportedFinding; only whether it is accepted, not by whom."""

    id: str
    rule: str
    subject: str
    summary: str
    implies: str | None = None
    accepted: object = None


class _Switch(msgspec.Struct, gc=False):
    http_put_response_hop_limit: int | None = None
    try_first: str = ""
    aws_cli: str | None = None
    template_waits_for: tuple[str, ...] = ()


class _Risk(msgspec.Struct, gc=False):
    id: str
    expires: str


class _Verdict(msgspec.Struct, gc=False):
    state: str
    confidence: str
    evidence: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    switch: _Switch | None = None
    accepted: tuple[_Risk, ...] = ()
    accepted_left_out: int = 0
    valid_until: str | None = None


class LeanReport(msgspec.Struct, gc=False):
    """A report, or the summary of one."""

    schema: str
    probe: _Probe
    verdict: _Verdict
    platform: _Platform | None = None
    instance: _Instance | None = None
    host: _Host | None = None
    imds: _Imds | None = None
    containers: tuple[Container, ...] | None = None
    software: tuple[Software, ...] = ()
    callers: _Callers | None = None
    code: tuple[Code, ...] | None = None
    findings: tuple[Finding, ...] = ()
    findings_left_out: int = 0  # of a summary
    control_plane: _ControlPlane | None = None
    image: object = None  # there where an image was judged, and no host


REPORT = msgspec.json.Decoder(LeanReport)
