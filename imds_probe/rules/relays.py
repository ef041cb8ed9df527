"""Where a relay answers in the service's place, or TTLs are written on the way: what does it, and which hop limit to try.

No distance is known there. What the token request came to at the present hop limit decides, and no number is made up: the one
to try is what links and routes show, and the smallest above 1 where they show nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from imds_probe.facts.containers import Container, Containers, Reach
from imds_probe.facts.facts import Facts, NotInReport
from imds_probe.facts.imds import Imds
from imds_probe.facts.obstacles import Obstacles, PathObstacle

_LEAST = 2  # what a container behind a bridge needs: EC2 User Guide, considerations for containers
_LOWERING = re.compile(r"-[0-9]{1,3}")
_ITSELF = ("", "127.0.0.1", "localhost", "[::1]")


def hides_distance(reach: Reach) -> bool:
    """Whether the service is reached, and how far away it is does not show: a relay or a proxy answers, or TTLs are written."""
    return reach.relayed or reach.ttls_changed or reach.token == "answered-by-proxy"


def is_lost_unmeasured(reach: Reach) -> bool:
    """Whether the token is lost, and no distance says at which hop limit it would arrive."""
    return reach.token == "lost" and reach.needs_hop_limit is None


def limit_to_try(reach: Reach, container: Container, facts: Facts) -> int | None:
    """The hop limit to try where the token is lost and no distance was measured. None where a higher one is not known to help:
    links and routes say that the present one is enough, nothing shows where the relay is, or nobody looked whether there is one.
    """
    if not is_lost_unmeasured(reach) or reach.confirmed is None or not _is_where_packets_come(reach, container, facts):
        return None
    imds = facts.get(Imds)
    limit = _LEAST if reach.routers is None else max(_LEAST, reach.routers + 1)
    return limit if imds is None or imds.hop_limit is None or imds.hop_limit < limit else None


def _is_where_packets_come(reach: Reach, container: Container, facts: Facts) -> bool:
    """Whether the token's way to who asks the service is as long as the container's own: there is no relay, or it is in the
    container's own network, or behind an address that is another machine's or container's.
    """
    if not reach.relayed or (reach.taken_inside and reach.routers is not None):
        return True
    redirects = [each for each in seen_obstacles(facts) if each.kind == "redirect" and not is_of_arriving(each)]
    if any(is_in(each, container, facts) for each in redirects):
        return True
    return any(each.container_id is None and not _is_to_itself(each) for each in redirects)


def seen_obstacles(facts: Facts) -> tuple[PathObstacle, ...]:
    """The obstacles, none where a stored report lacks them: the rule on obstacles says so."""
    try:
        return facts[Obstacles].obstacles
    except NotInReport:
        return ()


def is_of_arriving(obstacle: PathObstacle) -> bool:
    """Whether it redirects only what arrives in a container's network from elsewhere, as the sidecar of a mesh has it for requests
    to its pod. What is asked for in that network itself does not meet it.
    """
    return obstacle.kind == "redirect" and obstacle.container_id is not None and obstacle.applies_to == "prerouting"


def _is_to_itself(redirect: PathObstacle) -> bool:
    """Whether a redirect leads to a port of the system that it is in."""
    return (redirect.target or "").rpartition(":")[0] in _ITSELF


def is_in(obstacle: PathObstacle, container: Container, facts: Facts) -> bool:
    """Whether something stands in the network of a container, which others may share."""
    there = facts[Containers].by_identity(obstacle.container_id) if obstacle.container_id else None
    return there is not None and (there.identity == container.identity or there.netns == container.netns is not None)


def quoted(members: Iterable[Container], facts: Facts) -> tuple[str, ...]:
    """The rules and proxies that redirect requests or write TTLs, in the networks of containers and on the host."""
    members = tuple(members)
    lines = [
        f"{'on the host' if each.container_id is None else f'in {each.namespace}'}, {each.where}: {each.quote}"
        for each in seen_obstacles(facts)
        if each.kind in ("redirect", "ttl-change", "proxy")
        and not is_of_arriving(each)
        and (each.container_id is None or any(is_in(each, member, facts) for member in members))
    ]
    return tuple(dict.fromkeys(lines))


def lowered_by(reach: Reach, container: Container, facts: Facts) -> int:
    """By how much rules on the host lower what comes in for containers from one address, and with them the host: distances do not
    show that.
    """
    if container.network == "host":
        return 0
    return sum(
        int(each.target[1:])
        for each in seen_obstacles(facts)
        if each.kind == "ttl-change"
        and each.certain
        and each.family in (reach.family, "both")
        and each.applies_to == "prerouting"
        and each.container_id is None
        and each.namespace == "host"
        and _LOWERING.fullmatch(each.target or "")
        and each.target
    )


def lower_is_known_to_do(facts: Facts) -> bool:
    """Whether every distance here was measured and is borne out by links and routes: only then may a lower hop limit be said
    to suffice.
    """
    if any(each.kind in ("redirect", "ttl-change", "proxy") for each in seen_obstacles(facts)):
        return False
    return all(_is_borne_out(reach, each) for each in facts[Containers].seen for reach in each.reach)


def _is_borne_out(reach: Reach, container: Container) -> bool:
    if hides_distance(reach) or reach.token == "error":
        return False
    return reach.distance is None or container.network == "host" or reach.routers == reach.distance
