"""The row of a host, from its report or the summary of one. Pure."""

from __future__ import annotations

from imds_probe.escape import encodable
from imds_probe.fleet import naming
from imds_probe.fleet.hosts import (
    A_SERVICE,
    EKS,
    KEY_MAX,
    STATES,
    SUMMARY,
    WHOLE,
    Host,
    is_node,
    moment,
    run_number,
    template_named,
)
from imds_probe.fleet.lean import SCHEMA, LeanReport

ONCE = "code-imdsv1-once"  # the finding on code that each new instance will run
_COUNT_MAX = 100_000  # more than anybody accepts; whoever writes more means to break what adds it up


def host_of(report: LeanReport) -> Host:
    """The row of a report. Raises ValueError, a clause, where its verdict or one of its times makes no sense."""
    verdict, instance, host, imds = report.verdict, report.instance, report.host, report.imds
    if verdict.state not in STATES:
        raise ValueError(f"there is no verdict {verdict.state[:40]!r}")
    fixes, left_out = naming.fixes_of(report)
    switch = verdict.switch
    row = Host(
        key=_key(report),
        started_at=moment(report.probe.started_at),
        run=run_number(report.probe.run_id),
        detail=WHOLE if report.schema == SCHEMA else SUMMARY,
        version=naming.text(report.probe.version),
        state=verdict.state,
        confidence=naming.text(verdict.confidence),
        evidence=tuple(naming.text(each) for each in verdict.evidence[:8]),
        hop_limit_needed=_limit(switch.http_put_response_hop_limit if switch and not switch.try_first else None),
        fixes=fixes,
        fixes_left_out=left_out,
        callers=naming.callers_of(report),
        hops=naming.hops_of(report),
        accepted=len(verdict.accepted) + min(max(0, verdict.accepted_left_out), _COUNT_MAX),
        accepted_until=naming.text(min((each.expires for each in verdict.accepted), default="")),
        valid_until=moment(verdict.valid_until) if verdict.valid_until else 0,
        template_waits=_template_waits(report),
        managed_by=_managed_by(report),
        cannot="not an EC2 instance" if any(each.id == "not-ec2" for each in report.findings) else "",
    )
    if imds is not None:
        row.tokens, row.endpoint, row.hop_limit = (
            naming.text(imds.tokens),
            naming.text(imds.endpoint),
            _limit(imds.hop_limit),
        )
    if instance is not None:
        row.account, row.region = naming.text(instance.account_id), naming.text(instance.region)
        row.ami, row.instance_type = naming.text(instance.image_id), naming.text(instance.instance_type)
        row.owner = _owner(report)
        if made_from := instance.launch_template:
            row.template = naming.text(template_named(made_from.launch_template_id, made_from.version))
    group = report.control_plane.group if report.control_plane else None
    if group is not None and group.template is not None:
        launches = (group.template, *(each.template for each in group.overrides if each.template is not None))
        named = {template_named(each.launch_template_id or "", each.version) for each in launches}
        row.next_template = naming.text(next(iter(named))) if len(named) == 1 else ""  # of several, none is the next
    if host is not None:
        row.hostname = naming.text(host.hostname)
        row.os = naming.text(" ".join(filter(None, (host.os.id, host.os.version_id))) if host.os else "")
    return row


def _template_waits(report: LeanReport) -> str:
    """The first thing that the template waits for. Reports from before it was said have the finding alone."""
    said = report.verdict.switch.template_waits_for if report.verdict.switch else ()
    found = (f"{each.summary} [{each.id}]" for each in report.findings if each.id == ONCE)
    return naming.text(next(iter((*said, *found)), ""))


def _managed_by(report: LeanReport) -> str:
    """A report has no command where somebody else would be refused."""
    owner, switch = report.instance.owner if report.instance else None, report.verdict.switch
    if report.control_plane is not None and report.control_plane.managed_by:
        return naming.text(report.control_plane.managed_by)
    if owner is not None and owner.kind == "eks-auto-mode":
        return EKS
    return A_SERVICE if switch is not None and switch.aws_cli == "" else ""


def _limit(value: int | None) -> int:
    return value if value is not None and 1 <= value <= 64 else 0  # EC2 API: HttpPutResponseHopLimit


def _key(report: LeanReport) -> str:
    own = report.instance.instance_id if report.instance else None
    own = own or (report.platform.instance_id if report.platform else None)
    if own and is_node(own):
        return own
    hostname = report.host.hostname if report.host else None
    return f"host {encodable(hostname[:KEY_MAX])}" if hostname else ""


def _owner(report: LeanReport) -> str:
    """Who launches the next instance: kind and name."""
    instance = report.instance
    if instance is None:
        return ""
    owner = instance.owner
    if owner is not None:
        name = "/".join(filter(None, (owner.cluster, owner.name)))
        return naming.text(f"{owner.kind} {name}".strip())
    return naming.text(f"auto-scaling {instance.auto_scaling_group}") if instance.auto_scaling_group else ""
