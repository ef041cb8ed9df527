"""Where a caller runs, as far as it runs still, and whether a token arrives there."""

from __future__ import annotations

from imds_probe.facts.callers import CallerSeen
from imds_probe.facts.containers import NO_CONTAINERS, Container, Containers
from imds_probe.facts.facts import Facts
from imds_probe.rules.relays import lowered_by


def whose(caller: CallerSeen, facts: Facts) -> Container | None:
    """The container that calls, or the network namespace of what runs in none, as far as it runs still."""
    if caller.container_id is not None:
        return facts[Containers].by_identity(caller.container_id)
    if caller.netns is None or caller.container is not None:
        return None
    spaces = (each for each in facts[Containers].seen if each.runtime in NO_CONTAINERS)
    return next((each for each in spaces if each.netns == caller.netns), None)


def is_over(caller: CallerSeen, facts: Facts) -> bool:
    """Whether the process that called has ended for sure, as its container or its network has."""
    there = facts[Containers]
    all_seen = there.containers is not None and not there.containers_unseen
    is_elsewhere = caller.container_id is not None or (caller.netns is not None and caller.pid is not None)
    return is_elsewhere and all_seen and whose(caller, facts) is None


def is_relayed(caller: CallerSeen, facts: Facts) -> bool:
    """Whether a relay in the caller's own network makes its calls, and those of others."""
    container = whose(caller, facts)
    return container is not None and container.main is not None and container.main.relayed


def token_is_lost(container: Container) -> bool:
    """Whether a token was tried to be had there, and none arrived."""
    main = container.main
    return main is not None and main.token == "lost" and not main.disagrees


def is_lost_to_a_rule(container: Container, facts: Facts) -> bool:
    """Whether no token arrives though the hop limit allows for the distance, as a rule lowers TTLs."""
    main = container.main
    return main is not None and main.token == "lost" and lowered_by(main, container, facts) > 0
