"""Where rules and routes keep programs from the metadata service: whether they keep all of them, or only root, who asked."""

from __future__ import annotations

import re
from collections.abc import Sequence

from imds_probe.dataclass import dataclass
from imds_probe.facts.callers import Callers
from imds_probe.facts.containers import Container
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds
from imds_probe.facts.obstacles import PathObstacle
from imds_probe.facts.sdk_settings import PROXY
from imds_probe.rules.metadata_need import Need
from imds_probe.rules.relays import is_in, seen_obstacles

_CUTTING = ("drop", "reject", "route")
_TURNING = ("redirect", "local-address")
_NOT_CONNECTED = ("refused", "unreachable", "disabled")
_OWNERS = frozenset({"uid", "gid"})
_USERS = re.compile(r"(not )?uid (\d{1,10})(?:-(\d{1,10}))?")
BY_PROXY = "its environment has HTTP_PROXY, and the server there may ask for it"


@dataclass(frozen=True)
class Doubt:
    """Why it is not known that nobody is served, a clause. `passes`: a later run may find another state. `is_guess`: nothing that
    was seen says so.
    """

    why: str
    passes: bool = False
    is_guess: bool = False


def is_cut_off(container: Container, facts: Facts, *, heeds_proxies: bool = True) -> bool:
    """Whether no metadata reaches any program of a container, or none of those that heed no HTTP_PROXY."""
    return is_not_reached(container, facts) and doubt(container, facts, heeds_proxies=heeds_proxies) is None


def is_not_reached(container: Container, facts: Facts) -> bool:
    """Whether root cannot connect to the service from there. Where the host itself cannot, nobody tried: its rules and routes say
    whether they hold there too.
    """
    if container.reach:
        return all(reach.token in _NOT_CONNECTED for reach in container.reach)
    return is_unreachable(facts) and is_kept_from_all(container, facts)


def is_kept_from_all(container: Container, facts: Facts) -> bool:
    """Whether rules and routes on its way hold for all programs of a container. A redirect comes before a filter: what it leads to
    may be what refused.
    """
    way = _on_way(container, facts)
    if _is_refused(container) and any(each.kind in _TURNING for each in way):
        return False
    return _keep_from_all(way)


def doubt(container: Container, facts: Facts, *, heeds_proxies: bool = True) -> Doubt | None:
    """Why programs of a container may be served although root's connection was not made; None where nothing says so.

    A connection that was refused is not always a filter's work: a server that a rule redirects to may be restarted just now.
    """
    if heeds_proxies and asks_by_proxy(container):
        return Doubt(BY_PROXY, is_guess=True)
    if is_kept_from_all(container, facts):
        return None
    if container.own_stack:
        return Doubt(container.own_stack)
    way = _on_way(container, facts)
    if apart := next((each for each in way if each.kind in _CUTTING and _may_spare_some(each)), None):
        return Doubt(f"a rule keeps root away, and may let other users through: {apart.quote}")
    if turning := next((each for each in way if each.kind in _TURNING), None):
        return Doubt(f"a rule redirects requests, and nothing answers there just now: {turning.quote}", passes=True)
    if _was_served(container, facts):
        return Doubt("the watch saw metadata served there")
    if _is_refused(container) and not any(each.kind in _CUTTING for each in way) and not _were_rules_read(facts):
        return Doubt(
            "the connection was refused, and rules that may redirect it were not read", passes=True, is_guess=True
        )
    return None


def may_be_served(container: Container, need: Need, facts: Facts) -> bool:
    """Whether programs may be served that need metadata, or may. A guess counts only where something says that they need it."""
    found = doubt(container, facts) if is_not_reached(container, facts) else None
    if found is None or need.state == "unlikely":
        return False
    return not found.is_guess or need.state in ("likely", "observed")


def is_unreachable(facts: Facts) -> bool:
    """Whether the host itself cannot connect to the service's own addresses."""
    imds = facts.get(Imds)
    return imds is not None and imds.endpoint == "unreachable" and not any(each.is_named for each in imds.endpoints)


def keeping_host(facts: Facts) -> tuple[PathObstacle, ...]:
    """The rules, routes and settings that explain why the host cannot connect, or may."""
    if not is_unreachable(facts):
        return ()
    whole = (
        each for each in seen_obstacles(facts) if each.kind in _CUTTING or (each.kind == "setting" and not each.scope)
    )
    return tuple(each for each in whole if _is_on_hosts_own_way(each))


def host_is_cut_off(facts: Facts) -> bool:
    """Whether rules or routes keep all programs of the host from the service."""
    keeping = keeping_host(facts)
    certain = [each for each in keeping if each.kind in _CUTTING and each.certain and not each.scope]
    return _keep_from_all([*certain, *(each for each in keeping if _tells_owners(each))])


def user_is_cut_off(uid: int, facts: Facts) -> bool:
    """Whether rules or routes keep all programs of the host from the service that run as this user. A redirect may lead them to
    who asks for them.
    """
    way = [each for each in seen_obstacles(facts) if _is_on_hosts_own_way(each)]
    keeping = {each.family for each in way if each.kind in _CUTTING and each.certain and _holds_for(uid, each)}
    imds = facts.get(Imds)
    asked = {"ipv4", *(each.family for each in (imds.endpoints if imds else ()) if each.state != "unreachable")}
    return not any(each.kind in _TURNING for each in way) and ("both" in keeping or asked <= keeping)


def _holds_for(uid: int, obstacle: PathObstacle) -> bool:
    """Whether a rule tells programs apart by their user alone, and is for this one."""
    users = _USERS.fullmatch(obstacle.scope or "")
    if users is None:
        return False
    spared, first, last = users.groups()
    return (int(first) <= uid <= int(last or first)) != bool(spared)


def _keep_from_all(way: Sequence[PathObstacle]) -> bool:
    """Whether rules and routes on one way keep all programs from the address that SDKs use, and spare nobody at the other one, at
    which the service listens only where it is told to.
    """
    certain = {each.family for each in way if _cuts_all_off(each)}
    apart = {each.family for each in way if each.kind in _CUTTING and _may_spare_some(each)}
    return not certain.isdisjoint(("ipv4", "both")) and ("both" in certain or "ipv6" not in apart - certain)


def _is_refused(container: Container) -> bool:
    return any(reach.token == "refused" for reach in container.reach)


def _on_way(container: Container, facts: Facts) -> tuple[PathObstacle, ...]:
    return tuple(each for each in seen_obstacles(facts) if _is_on_way(each, container, facts))


def _is_on_way(obstacle: PathObstacle, container: Container, facts: Facts) -> bool:
    if is_in(obstacle, container, facts):
        # What has a network of its own there neither sends from that network nor takes its routes.
        return not container.own_stack and obstacle.applies_to in ("output", "any")
    if container.own_stack and obstacle.scope:
        return False  # nothing was tried that would show whether the rule is about it
    if container.network == "host":
        return _is_on_hosts_own_way(obstacle)
    return _is_of_host(obstacle) and obstacle.applies_to != "output"


def _is_of_host(obstacle: PathObstacle) -> bool:
    # A container may be called "host".
    return obstacle.container_id is None and obstacle.namespace == "host"


def _is_on_hosts_own_way(obstacle: PathObstacle) -> bool:
    return _is_of_host(obstacle) and obstacle.applies_to in ("output", "any")


def _cuts_all_off(obstacle: PathObstacle) -> bool:
    return obstacle.kind in _CUTTING and obstacle.certain and not _tells_owners(obstacle)


def _may_spare_some(obstacle: PathObstacle) -> bool:
    """Whether a rule tells programs of one network apart, or may: by their user, or by what could not be judged from here."""
    return _tells_owners(obstacle) or (obstacle.applies_to == "output" and not obstacle.certain)


def _tells_owners(obstacle: PathObstacle) -> bool:
    return not _OWNERS.isdisjoint((obstacle.scope or "").replace(",", " ").split())


def asks_by_proxy(container: Container) -> bool:
    """Whether its environment sends requests for the metadata address to an HTTP proxy, which a filter does not keep from it."""
    return any(each.effective.get(PROXY) == "elsewhere" for each in container.told or ())


def _were_rules_read(facts: Facts) -> bool:
    runs = [facts.collector(name) for name in ("obstacles", "container-obstacles")]
    return all(run is not None and run.status in ("ok", "nothing") for run in runs)


def _was_served(container: Container, facts: Facts) -> bool:
    callers = facts.get(Callers)
    if callers is None:
        return False
    own = (each for each in callers.by if each.container_id == container.identity and not each.probe)
    return any((each.count - each.refused if each.served is None else each.served) > 0 for each in own)
