"""Rules, routes, settings and proxies on the way to the metadata service."""

from __future__ import annotations

from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.facts.section import NEEDED, Section


@dataclass(frozen=True)
class PathObstacle:
    """A rule, route, setting or proxy on the way to the service, seen from one namespace; see net.obstacles.

    `spares_root` is False in reports of releases that did not look.
    """

    namespace: str  # "host", or what the container is called
    kind: str
    family: str
    where: str
    quote: str
    target: str | None
    certain: bool
    scope: str | None
    applies_to: str
    pid: int | None = None  # of a proxy's process
    image: str | None = None  # of the container that it runs in
    container_id: str | None = None  # its identity, where `namespace` or the proxy's process is a container's
    spares_root: bool = False  # a rule on processes that are not root's: what root tries does not meet it


@dataclass(frozen=True)
class Obstacles(Section):
    """All that were found, those of the host first."""

    obstacles: tuple[PathObstacle, ...] = field(default=(), metadata=NEEDED)

    @classmethod
    def absent(cls) -> Obstacles:
        return cls()
