"""Facts of many hosts, by chance and always the same ones: what collectors could have found, in any mixture."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from observed import ENDPOINT, FACTS, HOST, IMDS, OLD_CLOUD_INIT, SSM_AGENT, changed, container
from watched_calls import CALLER

from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.facts import Facts
from imds_probe.facts.host import OsRelease
from imds_probe.facts.obstacles import PathObstacle
from imds_probe.facts.software import SdkSoftware, SdkUse, SdkUser, SettingSeen, Software
from imds_probe.watch.evidence import callers_of

SYSTEMS = (
    OsRelease("amzn", "2", "Amazon Linux 2", ("centos", "rhel", "fedora")),
    OsRelease("amzn", "2023", "Amazon Linux 2023", ("fedora",)),
    OsRelease("debian", "12", "Debian GNU/Linux 12 (bookworm)"),
    OsRelease("ubuntu", "20.04", "Ubuntu 20.04 LTS", ("debian",)),
    OsRelease(None, None, None),
)
ENVIRONMENTS = (
    (),
    None,
    (("AWS_REGION",),),
    (("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"),),
    (("AWS_EC2_METADATA_DISABLED",), ("AWS_PROFILE",)),
)
COLLECTORS = (
    "dpkg",
    "rpm",
    "apk",
    "snap",
    "containers",
    "settings",
    "container-software",
    "sdks",
    "obstacles",
    "callers",
)
STATUSES = ("ok", "nothing", "partial", "failed", "skipped")


def many_facts(count: int, seed: int = 1) -> Iterator[Facts]:
    chance = random.Random(seed)
    for _ in range(count):
        yield _healthy(chance) if chance.random() < 0.4 else _facts(chance)


def _healthy(chance: random.Random) -> Facts:
    """A host on which little can be found fault with: some are ready, some need a higher hop limit."""
    limit = chance.choice((1, 2))
    containers = tuple(
        container(f"c{number}", chance.choice((0, 1)), "ok", limit, environment=chance.choice(ENVIRONMENTS))
        for number in range(chance.randrange(3))
    )
    lost = tuple(
        replace(each, reach=(replace(each.reach[0], token="lost"),)) if (each.needs_hop_limit or 1) > limit else each
        for each in containers
    )
    tokens = chance.choice(("optional", "required", "unknown"))
    return changed(FACTS, imds=replace(IMDS, hop_limit=limit, tokens=tokens), containers=lost)


def _facts(chance: random.Random) -> Facts:
    limit = chance.choice((1, 1, 2, 3, None))
    containers = _containers(chance, limit or 1)
    titles = {each.id: each.title for each in containers or ()}
    facts = changed(
        FACTS,
        privileged=chance.random() < 0.8,
        host=replace(HOST, os=chance.choice(SYSTEMS)),
        imds=_imds(chance, limit),
        collectors=tuple(
            CollectorRun(name, chance.choice(STATUSES), 1.0, chance.choice(("", "it is locked")))
            for name in COLLECTORS
            if chance.random() < 0.9
        ),
        containers=containers,
        containers_unseen=chance.choice(((), (), ("3 of 9 processes hide",))),
        software=tuple(_software(chance, titles) for _ in range(chance.randrange(6))),
        sdks_unseen=chance.choice(((), (), ("2 processes may not be looked at",))),
        sdks_left_out=chance.choice(((), ("the disk was searched in part",))),
        obstacles=tuple(_obstacle(chance) for _ in range(chance.choice((0, 0, 1, 2)))),
        callers=_callers(chance, titles),
    )
    return changed(facts, instance=None) if chance.random() < 0.2 else facts


def _imds(chance: random.Random, limit: int | None):
    endpoint = chance.choice(("enabled", "enabled", "enabled", "disabled", "unreachable", "loses-tokens", "unknown"))
    if chance.random() < 0.1:
        return None
    method = "capture" if limit else "unknown"
    reply = replace(
        ENDPOINT, state=endpoint, hop_limit=limit, hop_limit_method=method, hop_limit_reason="" if limit else "no"
    )
    return replace(
        IMDS,
        endpoint=endpoint,
        tokens=chance.choice(("optional", "required", "unknown")),
        hop_limit=limit,
        hop_limit_method=method,
        answered_by=chance.choice(("EC2ws", "EC2ws", "nginx", None)),
        endpoints=(reply,),
    )


def _containers(chance: random.Random, limit: int):
    if chance.random() < 0.1:
        return None
    return tuple(
        container(
            f"c{number}",
            chance.choice((0, 1, 1, 2, None)),
            chance.choice(("ok", "lost", "refused", "answered-by-proxy", "unreachable")),
            limit,
            pod=chance.choice((None, "shop-7d9")),
            environment=chance.choice(ENVIRONMENTS),
            sandbox=chance.random() < 0.1,
            calls_seen=chance.choice((0, 0, 7)),
        )
        for number in range(chance.choice((0, 1, 2, 4)))
    )


def _software(chance: random.Random, titles: dict[str, str]) -> Software:
    ids = tuple(chance.sample(sorted(titles), min(len(titles), chance.choice((0, 0, 1, 2)))))
    where = (
        {"container": titles[ids[0]], "also_in": tuple(titles[each] for each in ids[1:]), "container_ids": ids}
        if ids
        else {}
    )
    if chance.random() < 0.4:
        version = chance.choice(("1.12.0", "1.44.0", None))
        use = SdkUse(
            at_least=None if version else chance.choice((None, "1.25.38")),
            below=None,
            paths=("/srv/app/lib/python3.9/site-packages/botocore-1.dist-info",),
            places=chance.choice((1, 4)),
            users=(SdkUser(7, "curl", chance.choice((None, "web.service"))),),
            environment=chance.choice(((), None, ((),), (("AWS_REGION",),))),
            container_ids=ids,
        )
        component, manager = chance.choice(
            (("botocore", "pypi"), ("boto3", "pypi"), ("aws-sdk-go-v1", "go"), ("boto2", "pypi"))
        )
        pids = chance.choice(((), (7,), (7, 8)))
        return SdkSoftware(
            component, manager, component, version, "dist-info", use.paths[0], pids=pids, sdk=use, **where
        )
    made = chance.choice((SSM_AGENT, OLD_CLOUD_INIT, replace(SSM_AGENT, version="2.2.0.0-1"), _agent(chance)))
    return replace(made, os=chance.choice((*SYSTEMS, None)) if ids else None, **where)


def _agent(chance: random.Random) -> Software:
    seen = SettingSeen(
        "ec2_prefer_imdsv2", "/etc/datadog-agent/datadog.yaml", "ec2_prefer_imdsv2", chance.choice((None, "true"))
    )
    return Software(
        "datadog-agent",
        "dpkg",
        "datadog-agent",
        chance.choice(("1:7.40.0-1", "1:7.66.0-1")),
        "dpkg database",
        settings=(seen,),
    )


def _obstacle(chance: random.Random) -> PathObstacle:
    kind = chance.choice(("redirect", "drop", "proxy", "ttl-filter", "setting"))
    quote = chance.choice(("kube2iam (pid 12), listening on port 8181", "-A PREROUTING -j DNAT"))
    image = chance.choice((None, "jtblin/kube2iam:0.10.9", "kiam:v4.0"))
    return PathObstacle(
        "host", kind, "ipv4", "nat PREROUTING", quote, None, chance.random() < 0.5, None, "output", 12, image
    )


def _callers(chance: random.Random, titles: dict[str, str]):
    if chance.random() < 0.4:
        return None
    by = []
    for _ in range(chance.randrange(4)):
        container_id = chance.choice((None, *sorted(titles)))
        version = chance.choice(("v1", "v2"))
        by.append(
            replace(
                CALLER,
                version=version,
                path_class=chance.choice(("token", "meta-data")) if version == "v2" else "meta-data",
                container=titles.get(container_id or ""),
                container_id=container_id,
                unit=None if container_id else chance.choice((None, "web.service")),
                user_agent=chance.choice((None, "Botocore/1.12.0", "curl/8")),
                refused=chance.choice((0, 2)),
                probe=chance.random() < 0.1,
            )
        )
    return callers_of(
        tuple(by),
        window_s=1000.0,
        observed_s=chance.choice((1000.0, 100.0)),
        needed_coverage=0.99,
        dropped=0,
        watched_until="2023-11-14T22:13:20Z",
    )
