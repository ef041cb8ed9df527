"""Which hop limit the containers of a host need, and which of them need it.

Networks that users made have no say in it: there they can have anything answer, from any distance. Nor has a distance that
nothing explains, as a hop limit above 3 opens more than most hosts have. Nor have containers that receive no token now, and of
which the configuration accepts that they receive none after the switch.
"""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.callers import Callers, CallerSeen
from imds_probe.facts.containers import FAR, USERS, Container, Containers, Reach
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds
from imds_probe.rules.acceptance import accepted_in_force, is_named
from imds_probe.rules.containers_kinds import HOP_LIMIT_TOO_LOW
from imds_probe.rules.metadata_need import metadata_need
from imds_probe.rules.relays import limit_to_try, lowered_by
from imds_probe.rules.token_outcome import LOST, outcome_of

AT_LEAST = 2  # that a network of its own needs


def is_users(container: Container) -> bool:
    """Whether the container is in a network that a user made."""
    return container.netns_owner_uid is not None


def limit_for(container: Container, facts: Facts) -> int | None:
    """The hop limit that brings the token to a container, as far as its distance counts and can be explained; where no
    distance was measured, the one to try.
    """
    if is_users(container):
        return None
    limits = [limit_at(each, container, facts) for each in container.reach]
    return max((limit for limit in limits if limit), default=None)


def limit_at(reach: Reach, container: Container, facts: Facts) -> int | None:
    """The same of one address of the service, whoever made the network."""
    imds = facts.get(Imds)
    if reach.needs_hop_limit is None:
        return limit_to_try(reach, container, facts)
    if not reach.explained:
        return None
    if reach.token == "lost" and (lowered := lowered_by(reach, container, facts)):
        limit = reach.needs_hop_limit + lowered
        return limit if limit <= FAR else None
    if reach.token == "ok" and imds is not None and imds.hop_limit is not None:
        return min(reach.needs_hop_limit, imds.hop_limit)  # it arrives as it is, whatever was measured
    return reach.needs_hop_limit


def cures(container: Container, facts: Facts) -> str:
    """What is known of the hop limit that brings the token to a container, a clause; empty where nothing is."""
    limit = limit_for(container, facts)
    if limit is None:
        return ""
    if any(limit_to_try(each, container, facts) == limit for each in container.reach):
        return f"a higher hop limit is needed: try {limit}, as the distance could not be measured"
    return f"hop limit {limit} cures that"


def unexplained(facts: Facts) -> tuple[Container, ...]:
    """The containers that are too far away for a hop limit to be raised without knowing the way there."""
    return tuple(
        container
        for container in facts[Containers].seen
        if not is_users(container) and not all(reach.explained for reach in container.reach)
    )


def needing(facts: Facts, catalog: Catalog) -> tuple[Container, ...]:
    """The containers that need metadata, or may: a container counts unless something says that it needs none, as a guess
    could break it.

    Those are left out to which no hop limit brings a token: nothing reaches them, or a proxy answers; and those of which somebody
    has accepted that they receive none.
    """
    accepted = accepted_in_force(HOP_LIMIT_TOO_LOW, facts)
    return tuple(
        container
        for container in facts[Containers].seen
        if not (is_named(container.title, accepted) and receives_none_now(container))
        and limit_for(container, facts)
        and any(reach.token in ("ok", "lost") for reach in container.reach)
        and metadata_need(container, facts, catalog).state != "unlikely"
    )


def receives_none_now(container: Container) -> bool:
    """Whether a token request was lost: what arrives today is not given up."""
    return any(reach.token == "lost" for reach in container.reach)


def needed_hop_limit(facts: Facts, catalog: Catalog) -> int:
    """The smallest hop limit that serves the host itself and every container that needs metadata, or may, and those that were
    seen to lose the token and have ended since: what started them may start the next.
    """
    running = max((limit_for(container, facts) or 1 for container in needing(facts, catalog)), default=1)
    ended = ended_without_token(facts)
    return max(running, *(ended_limit(each) or ended_limit_to_try(each) or 1 for each in ended), 1)


def ended_limit(caller: CallerSeen) -> int | None:
    """The hop limit that would have brought the token to what has ended, by what was captured of it; None where that is not
    known. It may have begun with any TTL: no further away is believed than a hop limit needs no explanation for, and of a
    process that nobody knows no further than any network of its own is.
    """
    unknown = caller.container_id is None and caller.container is None and caller.uid is None
    if not caller.distance or caller.distance >= (AT_LEAST if unknown else FAR):
        return None
    return caller.distance + 1


def ended_limit_to_try(caller: CallerSeen) -> int | None:
    """The hop limit to try for what has ended where its distance is not known: above the one at which it lost the token. None where
    that takes one above FAR.
    """
    limit = max(AT_LEAST, (caller.token_ttl or 0) + 1)
    return limit if limit <= FAR else None


def ended_without_token(facts: Facts) -> tuple[CallerSeen, ...]:
    """Callers that lost the token on its way to a network that is there no more, and asked without one. Those are left out of whose
    container somebody has accepted that it receives none.
    """
    callers, accepted = facts.get(Callers), accepted_in_force(HOP_LIMIT_TOO_LOW, facts)
    if callers is None:
        return ()
    return tuple(
        each
        for each in _of_unmeasured(callers, facts)
        if each.version == "v1"
        and outcome_of(each, callers) in LOST
        and each.distance
        and (each.token_ttl or 0) <= each.distance
        and not is_of_user(each)
        and not (each.container_id is not None and is_named(each.container or "", accepted))
    )


def asked_with_token_from(facts: Facts) -> int:
    """The hop limit that serves all who were seen asking with a token and are no container that runs now: containers that have
    ended, virtual machines, other hosts. At least 1, and never more than there is: with that, they received their tokens.
    """
    callers, imds = facts.get(Callers), facts.get(Imds)
    present = (imds.hop_limit if imds is not None else None) or 1
    there = _of_unmeasured(callers, facts) if callers is not None else ()
    distances = (each.distance or 0 for each in there if each.version == "v2" and each.token in (None, "answered"))
    return min(present, max(distances, default=0) + 1)


def _of_unmeasured(callers: Callers, facts: Facts) -> Iterator[CallerSeen]:
    """Who called from somewhere else than the containers and networks that run now."""
    known = {each.identity for each in facts[Containers].seen}
    networks = {each.netns for each in facts[Containers].seen} - {None}
    for each in callers.by:
        runs = each.container_id in known or (each.container_id is None and each.netns in networks)
        if not each.probe and not runs:
            yield each


def is_of_user(caller: CallerSeen) -> bool:
    """Whether a user made the network that somebody called from, or may have."""
    return caller.container_id.startswith(USERS) if caller.container_id is not None else bool(caller.uid)


def users_without_token(facts: Facts, catalog: Catalog) -> tuple[Container, ...]:
    """The containers in networks that users made to which no token comes, and which may need one."""
    return tuple(
        container
        for container in facts[Containers].seen
        if is_users(container)
        and _receives_none(container)
        and metadata_need(container, facts, catalog).state != "unlikely"
    )


def _receives_none(container: Container) -> bool:
    return not container.sandbox and (
        not container.reach or any(reach.token not in ("ok", "refused", "unreachable") for reach in container.reach)
    )


def drawn_ways(facts: Facts, hop_limit: int, catalog: Catalog) -> tuple[str, ...]:
    """The ways that need this hop limit, hop by hop."""
    far = [container for container in needing(facts, catalog) if limit_for(container, facts) == hop_limit]
    return tuple(way for container in far for way in ways_of(container))


def ways_of(container: Container) -> tuple[str, ...]:
    """The ways of a container's requests that were drawn, each in one line and once."""
    ways = {}
    for reach in container.reach:
        if reach.way:
            begin, *beyond = reach.way
            hops = [f"{hop.place} ({hop.incoming}, {hop.outgoing})" for hop in beyond]
            ways[" -> ".join([f"{container.title} ({begin.outgoing})", *hops])] = True
    return tuple(ways)
