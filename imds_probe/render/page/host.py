"""The host, the metadata service, and the run itself."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.host import Host
from imds_probe.facts.image import Image
from imds_probe.facts.imds import Imds
from imds_probe.facts.instance import Instance
from imds_probe.facts.owner import Owner, OwnerKind
from imds_probe.facts.platform import Platform
from imds_probe.render.page.blocks import Fields, Part, Text
from imds_probe.render.page.bounds import NOT_KNOWN, Bounds, known, listed
from imds_probe.report import ProbeInfo, Report

HOST, SERVICE, RUN = "Host", "Instance metadata service", "This run"
_TOKENS = {
    "optional": "optional (IMDSv1 still works)",
    "required": "required (IMDSv2-only)",
}
_METHODS = {
    "capture": "measured by packet capture",
    "minttl": "measured with IP_MINTTL",
    "ec2-api": "from the EC2 API",
}
_OWNERS: dict[OwnerKind, str] = {
    "eks-auto-mode": "EKS Auto Mode node pool",
    "karpenter": "Karpenter node pool",
    "eksctl": "eksctl node group",
    "eks-node-group": "EKS node group",
    "kops": "kOps instance group",
    "elastic-beanstalk": "Elastic Beanstalk environment",
    "emr": "EMR cluster",
    "parallelcluster": "ParallelCluster",
    "batch": "AWS Batch compute environment",
    "ecs": "ECS cluster",
    "auto-scaling": "an Auto Scaling group",
    "ec2-fleet": "EC2 Fleet",
    "spot-fleet": "Spot Fleet",
}
_INCOMPLETE = ("failed", "skipped", "partial")


def host(report: Report) -> Iterator[Part]:
    """What runs here, and on which instance."""
    facts = report.facts
    system, instance, platform = facts[Host], facts.get(Instance), facts[Platform]
    rows: list[tuple[str, str]] = [
        ("hostname", known(system.hostname)),
        ("system", known(system.os.pretty_name or system.os.id)),
        ("kernel", known(system.kernel)),
        ("EC2 instance", f"{'yes' if platform.is_ec2 else 'no'} ({platform.method})"),
    ]
    if facts.get(Image) is not None:
        rows = [rows[1], ("judged as", "an image")]
    if instance is not None:
        rows += [
            ("instance", _joined(instance.instance_id or platform.instance_id, instance.instance_type)),
            ("zone", _joined(instance.availability_zone or instance.region)),
            ("account", known(instance.account_id)),
            ("image", known(instance.image_id)),
        ]
        if instance.auto_scaling_group:
            rows.append(("Auto Scaling group", instance.auto_scaling_group))
        owner, template = instance.owner, instance.launch_template
        if owner is not None and not (owner.kind == "auto-scaling" and instance.auto_scaling_group):
            rows.append(("launched by", owner_in_words(owner)))
        if template is not None:
            version = f" version {template.version}" if template.version else ""
            rows.append(("launch template", f"{template.launch_template_id}{version}"))
    yield Part(HOST, (Fields(tuple(rows)),))


def owner_in_words(owner: Owner) -> str:
    """Who launched the instance, by kind, name and cluster."""
    called = owner.name or owner.environment_id
    name = f" {called}" if called else ""
    cluster = f" of cluster {owner.cluster}" if owner.cluster and owner.cluster != owner.name else ""
    return f"{_OWNERS[owner.kind]}{name}{cluster}"


def _joined(*parts: str | None) -> str:
    return " ".join(part for part in parts if part) or NOT_KNOWN


def service(report: Report) -> Iterator[Part]:
    """What the instance allows."""
    imds = report.facts.get(Imds)
    if imds is None:
        return
    rows = (
        ("endpoint", _state(imds.endpoint)),
        ("tokens", _TOKENS.get(imds.tokens, NOT_KNOWN)),
        ("hop limit", _hop_limit(imds)),
        ("IPv6 endpoint", _state(imds.ipv6)),
        ("instance tags", {True: "in metadata", False: "not in metadata", None: NOT_KNOWN}[imds.instance_tags]),
    )
    yield Part(SERVICE, (Fields(rows),))


def _state(state: str) -> str:
    return known(state).replace("-", " ")


def _hop_limit(imds: Imds) -> str:
    if imds.hop_limit is None:
        why = next((each.hop_limit_reason for each in imds.endpoints if each.hop_limit_reason), "")
        return f"{NOT_KNOWN} ({why})" if why else NOT_KNOWN
    method = _METHODS.get(imds.hop_limit_method, "")
    return f"{imds.hop_limit} ({method})" if method else str(imds.hop_limit)


def run(report: Report, bounds: Bounds) -> Iterator[Part]:
    """What the run did, and what it could not look at."""
    probe = report.probe
    rows = [
        ("imds-probe", f"{probe.version}, {'with' if probe.privileged else 'without'} root's privileges"),
        ("started", f"{probe.started_at}, took {probe.duration_ms / 1000:.1f} s"),
        *_used(probe),
        ("run", probe.run_id),
        ("requests", f"{probe.imdsv2_requests_made} by IMDSv2, {probe.imdsv1_requests_made} by IMDSv1"),
    ]
    incomplete = [_incomplete(each) for each in report.facts.collectors if each.status in _INCOMPLETE]
    said = (Text(f"Not inspected in full: {listed(incomplete, bounds.items)}."),) if incomplete else ()
    yield Part(RUN, (Fields(tuple(rows)), *said))


def _used(probe: ProbeInfo) -> Iterator[tuple[str, str]]:
    used = []
    if probe.cpu_ms is not None:
        used.append(f"{probe.cpu_ms / 1000:.1f} s of CPU time")
    if probe.peak_memory_bytes is not None:
        used.append(f"{_mib(probe.peak_memory_bytes)} of memory")
    if probe.bytes_read is not None:
        from_disk = "" if probe.disk_bytes_read is None else f" ({_mib(probe.disk_bytes_read)} from disks)"
        used.append(f"{_mib(probe.bytes_read)} read{from_disk}")
    if used:
        yield "used", ", ".join(used)


def _mib(size: int) -> str:
    return f"{size / 1024**2:.0f} MiB"


def _incomplete(run: CollectorRun) -> str:
    unknown = run.means or run.reason
    return f"{run.id} ({unknown})" if unknown else run.id
