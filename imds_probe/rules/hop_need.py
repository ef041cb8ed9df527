"""Which hop limit the containers of a host need, and which of them need it."""

from __future__ import annotations

from imds_probe.facts.containers import Container, Containers
from imds_probe.facts.facts import Facts
from imds_probe.rules.metadata_need import metadata_need


def needing(facts: Facts) -> tuple[Container, ...]:
    """The containers that need metadata, or may: a container counts unless something says that it needs none, as a guess
    could break it.

    Those are left out to which no hop limit brings a token: nothing reaches them, or a proxy answers.
    """
    return tuple(
        container
        for container in facts[Containers].seen
        if container.needs_hop_limit
        and any(reach.token in ("ok", "lost") for reach in container.reach)
        and metadata_need(container).state != "unlikely"
    )


def needed_hop_limit(facts: Facts) -> int:
    """The smallest hop limit that serves the host itself and every container that needs metadata, or may."""
    return max((container.needs_hop_limit or 1 for container in needing(facts)), default=1)
