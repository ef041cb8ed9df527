"""Facts for tests of rules and renderers: a healthy host, from which a test changes what it is about."""

from __future__ import annotations

from dataclasses import fields, replace

from imds_probe.assessment import report_on
from imds_probe.catalog.catalog import Catalog
from imds_probe.collect.collectors import SECTIONS
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.containers import FAR, Container, Containers, Hop, Reach
from imds_probe.facts.facts import Facts
from imds_probe.facts.host import Host, OsRelease
from imds_probe.facts.imds import EndpointReply, Imds
from imds_probe.facts.instance import Instance
from imds_probe.facts.obstacles import PathObstacle
from imds_probe.facts.platform import Platform
from imds_probe.facts.software import Installed, Software
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
PLATFORM = Platform(True, "DMI: sys_vendor is Amazon EC2", "i-0123456789abcdef0")
HOST = Host("web-17", OsRelease("amzn", "2023", "Amazon Linux 2023", ("fedora",)), "6.1.0")
INSTANCE = Instance(
    "i-0123456789abcdef0", "eu-west-1", "eu-west-1a", "123456789012", "ami-0123456789abcdef0", "m7i.large"
)
FACTS = Facts(
    privileged=True,
    collectors=(
        CollectorRun("dpkg", "nothing", 0.1, "no dpkg database"),
        CollectorRun("rpm", "ok", 5.0),
    ),
    sections=(PLATFORM, HOST, INSTANCE, IMDS, Installed((SSM_AGENT,)), Containers(())),
)


def changed(facts: Facts, **changes: object) -> Facts:
    """The same facts but for these: sections by their key in the report (None: nobody could look), and what the report has
    beside them, as software, containers_unseen or collectors.
    """
    own = {field.name for field in fields(Facts)}
    facts = replace(facts, **{name: value for name, value in changes.items() if name in own})
    for name, value in changes.items():
        if name in own:
            continue
        kind = next((kind for kind in SECTIONS if kind.report_key == name), None)
        if kind is not None:
            kept = tuple(section for section in facts.sections if not isinstance(section, kind))
            facts = replace(facts, sections=kept if value is None else (*kept, value))
            continue
        kind = next(kind for kind in SECTIONS if name in {field.name for field in fields(kind)})
        facts = facts.with_(replace(facts[kind], **{name: value}))
    return facts


def with_imds(**changes: object) -> Facts:
    """FACTS with other answers of the metadata service."""
    return changed(FACTS, imds=replace(IMDS, **changes))


PROBE = ProbeInfo("0.1.0", "0" * 32, "2026-11-23T00:00:00Z", 12.5, True, 1, 3, 812.5, 30 * 2**20, 0, 48 * 2**20)
CATALOG = Catalog.load()


def report_of(facts: Facts) -> Report:
    """What a run that observed these facts reports."""
    return report_on(facts, CATALOG, select(RULES, (), ()), replace(PROBE, privileged=facts.privileged))


def container(name: str, hops: int | None = 1, token: str = "ok", limit: int = 1, /, **changes: object) -> Container:
    """A container so many hops beyond the instance. `limit` is the hop limit that was in force."""
    expected = None if hops is None else "ok" if hops < limit else "lost"
    needs = None if hops is None else hops + 1
    reach = Reach(
        "ipv4",
        token,
        f"token {token}",
        hops,
        needs,
        expected,
        status=200 if token == "ok" else None,
        confirmed=None if hops is None else True,
        way=() if hops is None or hops < FAR else way(name, hops),
        routers=hops,
    )
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


# A rule on the host that keeps all its programs from the service.
DROP_ALL = PathObstacle("host", "drop", "ipv4", "nftables ip filter OUTPUT", "drop", None, True, None, "output")


def kept_away(*obstacles: PathObstacle, **changes: object) -> Facts:
    """FACTS of a host that cannot connect to the service, with what is in the way."""
    reply = replace(ENDPOINT, state="unreachable", token_outcome="connect-timeout", detail="no answer", hop_limit=None)
    unknown = {"tokens": "unknown", "hop_limit": None, "answered_by": None}
    facts = with_imds(endpoint="unreachable", endpoints=(reply,), **unknown)
    return changed(facts, obstacles=obstacles, **changes)


def way(name: str, hops: int) -> tuple[Hop, ...]:
    """The way of a request from a container so many hops beyond the instance, through the networks of others."""
    between = [Hop(f"{name}-r{number}", f"inner{number}", "eth0") for number in range(hops - 1, 0, -1)]
    return (Hop(name, "", "eth0"), *between, Hop("host", "veth2 on docker0", "ens5"))


def with_containers(*containers: Container, limit: int = 1, **changes: object) -> Facts:
    """FACTS with these containers, measured under this hop limit."""
    return changed(with_imds(hop_limit=limit), containers=containers, **changes)
