"""Facts for tests of rules and renderers: a healthy host, from which a test changes what it is about."""

from __future__ import annotations

from dataclasses import replace

from imds_probe.assessment import report_on
from imds_probe.catalog.catalog import Catalog
from imds_probe.facts import (
    CollectorRun,
    Container,
    EndpointReply,
    Facts,
    Host,
    Imds,
    Instance,
    OsRelease,
    Platform,
    Reach,
    Software,
)
from imds_probe.report import ProbeInfo, Report
from imds_probe.rules import RULES
from imds_probe.rules.judging import select

ENDPOINT = EndpointReply(
    family="ipv4",
    address="169.254.169.254",
    state="enabled",
    token_outcome="ok",
    detail="HTTP status 200",
    answered_by="EC2ws",
    latency_ms=0.8,
    hop_limit=1,
    hop_limit_method="capture",
)
IMDS = Imds(
    endpoint="enabled",
    tokens="optional",
    tokens_method="v1-probe",
    hop_limit=1,
    hop_limit_method="capture",
    ipv6="no-route",
    instance_tags=False,
    answered_by="EC2ws",
    latency_ms=0.8,
    endpoints=(ENDPOINT,),
)
SSM_AGENT = Software("amazon-ssm-agent", "rpm", "amazon-ssm-agent", "3.3.987.0-1.amzn2023", "rpm database")
OLD_CLOUD_INIT = Software("cloud-init", "dpkg", "cloud-init", "18.3-6", "dpkg database")
FACTS = Facts(
    privileged=True,
    platform=Platform(True, "DMI: sys_vendor is Amazon EC2", "i-0123456789abcdef0"),
    host=Host("web-17", OsRelease("amzn", "2023", "Amazon Linux 2023", ("fedora",)), "6.1.0"),
    instance=Instance(
        "i-0123456789abcdef0", "eu-west-1", "eu-west-1a", "123456789012", "ami-0123456789abcdef0", "m7i.large"
    ),
    imds=IMDS,
    software=(SSM_AGENT,),
    collectors=(
        CollectorRun("dpkg", "nothing", 0.1, "no dpkg database"),
        CollectorRun("rpm", "ok", 5.0),
    ),
    containers=(),
)


def with_imds(**changes: object) -> Facts:
    """FACTS with other answers of the metadata service."""
    return replace(FACTS, imds=replace(IMDS, **changes))


PROBE = ProbeInfo("0.1.0", "0" * 32, "2026-11-23T00:00:00Z", 12.5, True, 1, 3)
CATALOG = Catalog.load()


def report_of(facts: Facts) -> Report:
    """What a run that observed these facts reports."""
    return report_on(facts, CATALOG, select(RULES, (), ()), PROBE)


def container(name: str, hops: int | None = 1, token: str = "ok", limit: int = 1, /, **changes: object) -> Container:
    """A container so many hops beyond the instance. `limit` is the hop limit that was in force."""
    expected = None if hops is None else "ok" if hops < limit else "lost"
    needs = None if hops is None else hops + 1
    reach = Reach("ipv4", token, f"token {token}", hops, needs, expected, status=200 if token == "ok" else None)
    made = Container(
        id=(name * 64)[:64],
        runtime="docker",
        name=name,
        image=f"registry.example/{name}:1",
        pod=None,
        namespace=None,
        netns=4026532000 + len(name),
        pid=100,
        network="host" if hops == 0 else "own",
        reach=(reach,),
    )
    return replace(made, **changes)


def with_containers(*containers: Container, limit: int = 1, **changes: object) -> Facts:
    """FACTS with these containers, measured under this hop limit."""
    return replace(with_imds(hop_limit=limit), containers=containers, **changes)
