"""What stands in the way: looked for on the host, and wherever measuring and trying left a question open."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from imds_probe.collect.collector import Collected, Collector, Join
from imds_probe.collect.containers import SeenContainers, concerned
from imds_probe.collect.context import Context
from imds_probe.collect.needs import Need
from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.facts.containers import Container, Reach
from imds_probe.facts.imds import Imds
from imds_probe.facts.obstacles import Obstacles, PathObstacle
from imds_probe.inventory.containers.discovered import DiscoveredContainer
from imds_probe.inventory.containers.processes import namespace_inode, walk
from imds_probe.net.obstacles.settings import Settings
from imds_probe.reading.here import Asks
from imds_probe.reading.reader import share_of
from imds_probe.reading.task import Task
from imds_probe.system import procfs

if TYPE_CHECKING:
    from imds_probe.net.obstacles.obstacle import Obstacle

NAMESPACES_MAX = 16  # each takes some 25 ms, and what is in the way of many is mostly one rule on the host
ON_OWNERS_MAX = 128  # of those with rules on users, as a service mesh has them in each pod
TIMEOUT_S = 10.0  # at least, where the run has as much: a busy host takes seconds to start the programs that list rules
SETTINGS_S = 5.0  # takes a millisecond


@dataclass(frozen=True)
class FoundObstacles:
    """The obstacles, and what could not be looked at, with the reason."""

    obstacles: tuple[PathObstacle, ...]
    unread: tuple[str, ...]


class OnHost(FoundObstacles):
    """Those on the host."""


class InContainers(FoundObstacles):
    """Those inside containers."""


def _on_host(context: Context) -> Collected:
    imds = context.get(Imds)
    assert imds is not None  # noqa: S101 - see containers.concerned
    found = on_host(context.root, imds, context.reader, deadline=context.deadline)
    return Collected((OnHost(found.obstacles, found.unread),), partial="; ".join(found.unread))


def _in_containers(context: Context) -> Collected:
    seen = context.get(SeenContainers)
    assert seen is not None  # noqa: S101 - see below
    found = in_containers(seen, deadline=context.deadline)
    return Collected((InContainers(found.obstacles, found.unread),), partial="; ".join(found.unread))


def _join(context: Context) -> Obstacles:
    host, inside, seen = context.get(OnHost), context.get(InContainers), context.get(SeenContainers)
    on_the_host = host.obstacles if host else ()
    proxies = with_containers(on_the_host, seen.discovered if seen else ())
    return Obstacles((*proxies, *(inside.obstacles if inside else ())))


def on_host(root: Path, imds: Imds, reader: Asks, *, deadline: float) -> FoundObstacles:
    """What is in the way of the host itself and of what it forwards. Sends nothing; trouble is in `unread`."""
    from imds_probe.net.obstacles.finding import find_obstacles  # noqa: PLC0415 - see `loads`

    proc = procfs.below(root)
    netns = proc / "1/ns/net"
    # Not ours to see, or no /proc at all: then the probe's own namespace is the best guess, as in discovery.
    here = str(netns) if namespace_inode(netns) is not None else None
    found = find_obstacles(here, _said(root, reader, deadline), proc, _time_left_s(deadline))
    families = {reply.family for reply in imds.endpoints if reply.token_outcome != "no-route"} | {"ipv4"}
    mattering = [each for each in found.items if _matters(each, families)]
    return FoundObstacles(tuple(_observed("host", each) for each in of_root(mattering, root)), found.unread)


def _said(root: Path, reader: Asks, deadline: float) -> Settings:
    answer = reader.ask(SETTINGS, str(root), [root], share_of(deadline, SETTINGS_S))
    found = next(iter(answer.found), Settings())
    return Settings(found.items, (*found.unread, f"settings: {answer.failed}")) if answer.failed else found


def of_root(found: Sequence[Obstacle], root: Path) -> list[Obstacle]:
    """Without what is a proxy by its name alone, which is free: a user's process where no rule of root's brings requests to it
    on the host's network, and a container's that is neither on that network nor where a rule brings requests.
    """
    if not any(each.kind == "proxy" for each in found):
        return list(found)
    try:
        there = {process.pid: process for process in walk(procfs.below(root)).processes}
    except ProbeError:
        return list(found)
    host = there[1].netns if 1 in there else None

    def counts(each: Obstacle) -> bool:
        process = there.get(each.pid or 0)
        if process is None:
            return True
        on_host = host is not None and process.netns == host
        if process.user is not None:
            return each.certain and on_host
        return not process.membership.chain or each.certain or on_host or host is None

    return [each for each in found if each.kind != "proxy" or counts(each)]


def in_containers(seen: SeenContainers, *, deadline: float) -> FoundObstacles:
    """The same inside those containers where something else happened than distance and hop limit say; and the redirects that the
    probe does not meet, inside those where rules tell processes by their owner.
    """
    found: list[PathObstacle] = []
    unread: list[str] = []
    odd, others = _unexplained(seen)
    first = odd[:NAMESPACES_MAX]
    by_owner = _with_rules_on_owners([*odd[NAMESPACES_MAX:], *others], seen)
    looked_into = [*first, *by_owner[:ON_OWNERS_MAX]]
    if not looked_into:
        return FoundObstacles((), ())
    from imds_probe.net.obstacles.finding import find_obstacles  # noqa: PLC0415

    for container in looked_into:
        assert container.netns is not None  # noqa: S101 - see _unexplained
        way_in = str(seen.namespaces[container.netns].path)
        # Settings and proxies are the system's, and the same from everywhere.
        there = find_obstacles(way_in, Settings(), procfs.NOWHERE, _time_left_s(deadline))
        families = {reach.family for reach in container.reach}
        name = container.title
        found += [
            replace(_observed(name, each), container_id=container.identity)
            for each in there.items
            if each.kind != "proxy"
            and _matters(each, families)
            and (container in odd or (each.kind == "redirect" and each.spares_root))
        ]
        unread += [f"{name}: {line}" for line in there.unread]
    for count, most, having in (
        (len(odd), NAMESPACES_MAX, "unexplained results"),
        (len(by_owner), ON_OWNERS_MAX, "rules on users"),
    ):
        if count > most:
            unread.append(f"only {most} of {count} containers with {having} were inspected")
    return FoundObstacles(tuple(found), tuple(dict.fromkeys(unread)))


def with_containers(
    found: tuple[PathObstacle, ...], containers: Iterable[DiscoveredContainer]
) -> tuple[PathObstacle, ...]:
    """The same, where a proxy's process runs in a container with that and its image."""
    inside = {pid: container for container in containers for pid in container.pids}
    return tuple(
        replace(each, image=container.image, container_id=container.identity)
        if each.pid and (container := inside.get(each.pid))
        else each
        for each in found
    )


def _time_left_s(deadline: float) -> float:
    left = deadline - time.monotonic()
    return max(0.1, min(max(TIMEOUT_S, left / 2), left))


def _unexplained(seen: SeenContainers) -> tuple[list[Container], list[Container]]:
    """One container for each namespace in which something else happened than distance and hop limit say, and one for each other.
    What users do in networks of their own is their own, and thousands of rules there would keep the run from those that matter.
    """
    asked: dict[int, Container] = {}
    others: dict[int, Container] = {}
    for container in seen.containers:
        if container.netns_owner_uid is None and container.network == "own" and container.netns:
            where = asked if any(_is_odd(reach) for reach in container.reach) else others
            where.setdefault(container.netns, container)
    return list(asked.values()), [each for netns, each in others.items() if netns not in asked]


def _with_rules_on_owners(containers: Sequence[Container], seen: SeenContainers) -> list[Container]:
    """Those with rules that tell processes by their owner: the probe is root, and does not meet what is meant for another."""
    if not containers:
        return []
    from imds_probe.net.obstacles.owners import may_tell_owners  # noqa: PLC0415 - see `loads`

    return [
        each
        for each in containers
        if each.reach and each.netns is not None and may_tell_owners(seen.namespaces[each.netns].path)
    ]


def _is_odd(reach: Reach) -> bool:
    return reach.disagrees or reach.relayed or reach.ttls_changed or reach.token not in ("ok", "lost")


def _matters(obstacle: Obstacle, families: Set[str]) -> bool:
    """Whether it concerns an address that is used. A missing IPv6 route is how most hosts are, and no obstacle."""
    return obstacle.family == "both" or obstacle.family in families


def _observed(namespace: str, obstacle: Obstacle) -> PathObstacle:
    return PathObstacle(
        namespace=namespace,
        kind=obstacle.kind,
        family=obstacle.family,
        where=obstacle.where,
        quote=obstacle.quote,
        target=obstacle.target,
        certain=obstacle.certain,
        scope=obstacle.scope,
        applies_to=obstacle.applies_to,
        pid=obstacle.pid,
        spares_root=obstacle.spares_root,
    )


SETTINGS: Task[str, Settings] = Task(
    "settings that take the service away", Settings, "imds_probe.net.obstacles.settings:read_settings"
)
COLLECTOR = Collector(
    id="obstacles",
    collect=_on_host,
    gives=(OnHost,),
    without="the rules, routes and proxies between this host and the metadata service",
    needs=(Imds,),
    applies=concerned,
    aside=True,
    # The readers of rule sets take as long to load as they take to read.
    loads=("imds_probe.net.obstacles.finding",),
    reads=(SETTINGS,),
    of_host=(Need.RULES, Need.PROCESSES),
)
INSIDE = Collector(
    id="container-obstacles",
    collect=_in_containers,
    gives=(InContainers,),
    without="the rules and routes between containers and the metadata service",
    needs=(SeenContainers,),
    applies=lambda context: context.get(SeenContainers) is not None,
    of_host=(Need.RULES, Need.NAMESPACES),
)
JOIN = Join(gives=Obstacles, join=_join, without="the obstacles between this host and the metadata service")
