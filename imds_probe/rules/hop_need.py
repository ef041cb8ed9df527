"""Which hop limit the containers of a host need, and which of them need it."""

from __future__ import annotations

from collections.abc import Iterable

from imds_probe.facts import Container, Facts
from imds_probe.rules.metadata_need import metadata_need

NAMES_MAX = 3
NO_CONTAINERS = ("netns", "unit", "process")  # other network namespaces: see facts.Container


def needing(facts: Facts) -> tuple[Container, ...]:
    """The containers that need metadata, or may: what is not known to do without is served, as a guess could break it.

    Those are left out to which no hop limit brings a token: nothing reaches them, or a proxy answers.
    """
    return tuple(
        container
        for container in facts.containers or ()
        if container.needs_hop_limit
        and any(reach.token in ("ok", "lost") for reach in container.reach)
        and metadata_need(container).state != "unlikely"
    )


def needed_hop_limit(facts: Facts) -> int:
    """The smallest hop limit that serves the host itself and every container that needs metadata, or may."""
    return max((container.needs_hop_limit or 1 for container in needing(facts)), default=1)


def title(container: Container) -> str:
    """What people call it: its pod and name, its name, or the short form of its id. May be hostile text."""
    name = container.name or container.id[:12]
    if container.runtime in NO_CONTAINERS:
        return f"{container.runtime} {name}"
    return f"{container.pod}/{name}" if container.pod and container.pod != name else name


def titles(containers: Iterable[Container]) -> str:
    """A bounded list for one sentence."""
    names = [title(container) for container in containers]
    rest = f" and {len(names) - NAMES_MAX} more" if len(names) > NAMES_MAX else ""
    return ", ".join(names[:NAMES_MAX]) + rest
