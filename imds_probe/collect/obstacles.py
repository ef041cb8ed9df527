"""What stands in the way: looked for on the host, and wherever measuring and trying left a question open."""

from __future__ import annotations

import time
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from imds_probe.collect.containers import Seen
from imds_probe.facts import Container, Imds, PathObstacle, Reach
from imds_probe.net.obstacles import Obstacle, find_obstacles

NAMESPACES_MAX = 16  # each takes some 25 ms, and what is in the way of many is mostly one rule on the host
TIMEOUT_S = 3.0
_OF_THE_SYSTEM = ("setting", "proxy")  # the same from everywhere


@dataclass(frozen=True)
class Found:
    """The obstacles, and what could not be looked at, with the reason."""

    obstacles: tuple[PathObstacle, ...]
    unread: tuple[str, ...]


def collect(root: Path, imds: Imds, seen: Seen | None, *, deadline: float) -> Found:
    """Read rules, routes, settings and processes. Sends nothing; trouble is in `unread`."""
    found: list[PathObstacle] = []
    unread: list[str] = []
    families = {reply.family for reply in imds.endpoints if reply.token_outcome != "no-route"}
    namespaces = seen.namespaces.values() if seen else ()
    host = next((str(each.path) for each in namespaces if each.kind == "host"), None)
    images = seen.images if seen else {}
    here = find_obstacles(host, root, _time_left_s(deadline))
    found += [_observed("host", each, images) for each in here.items if _matters(each, families, {"ipv4"})]
    unread += here.unread
    asked = _unexplained(seen)
    for container in asked[:NAMESPACES_MAX]:
        assert seen is not None and container.netns is not None  # noqa: S101 - see _unexplained
        there = find_obstacles(str(seen.namespaces[container.netns].path), root, _time_left_s(deadline))
        tried = {reach.family for reach in container.reach}
        name = container.name or container.id[:12]
        found += [
            _observed(name, each, images)
            for each in there.items
            if each.kind not in _OF_THE_SYSTEM and _matters(each, tried, {container.reach[0].family})
        ]
        unread += [f"{name}: {line}" for line in there.unread]
    if len(asked) > NAMESPACES_MAX:
        unread.append(f"only {NAMESPACES_MAX} of {len(asked)} containers with an open question were looked into")
    return Found(tuple(found), tuple(dict.fromkeys(unread)))


def _time_left_s(deadline: float) -> float:
    return max(0.1, min(TIMEOUT_S, deadline - time.monotonic()))


def _unexplained(seen: Seen | None) -> list[Container]:
    """One container for each namespace in which something else happened than distance and hop limit say."""
    asked: dict[int, Container] = {}
    for container in seen.containers if seen else ():
        if container.network == "own" and container.netns and any(_is_odd(reach) for reach in container.reach):
            asked.setdefault(container.netns, container)
    return list(asked.values())


def _is_odd(reach: Reach) -> bool:
    return reach.disagrees or reach.token not in ("ok", "lost")


def _matters(obstacle: Obstacle, families: Set[str], routed: Set[str]) -> bool:
    """Whether it concerns an address that is used. A missing IPv6 route is how most hosts are, and no obstacle."""
    if obstacle.kind == "route":
        return obstacle.family in families | routed
    return obstacle.family in ("both", "ipv4") or obstacle.family in families


def _observed(namespace: str, obstacle: Obstacle, images: Mapping[int, str]) -> PathObstacle:
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
        image=images.get(obstacle.pid) if obstacle.pid else None,
    )
