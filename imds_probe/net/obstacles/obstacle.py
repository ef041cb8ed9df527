"""The answer: what stands between this network namespace and the metadata service, and what could not be read."""

from __future__ import annotations

from typing import Literal

from imds_probe.dataclass import dataclass

Kind = Literal["redirect", "drop", "reject", "ttl-filter", "ttl-change", "route", "local-address", "setting", "proxy"]
Families = Literal["ipv4", "ipv6", "both"]
AppliesTo = Literal["output", "forward", "prerouting", "any"]

QUOTE_LIMIT = 300
ITEMS_LIMIT = 100


@dataclass(frozen=True)
class Obstacle:
    """One rule, route, setting or proxy that touches the way to 169.254.169.254 or fd00:ec2::254, TCP port 80.

    `certain` is False where a part of it could not be judged from here ("may"). `scope` says whom alone it concerns
    ("from 172.17.0.0/16", "uid 1000", "in via docker0"), None: everybody. `applies_to` is the path it lies on:
    "output" for this namespace's own processes (hooks output and input), "forward" for those routed through it,
    "prerouting" for all that arrives here, "any" where it is not bound to one of them. `target` is where a redirect leads, and
    what a "ttl-change" sets the TTL to ("64") or adds to it ("+1", "-1"). `spares_root`: it concerns processes of this
    namespace, and none of root's, as the probe is: what it tries does not meet the rule.
    """

    kind: Kind
    family: Families
    where: str
    quote: str
    target: str | None
    certain: bool
    scope: str | None
    applies_to: AppliesTo
    pid: int | None = None  # of a proxy's process
    spares_root: bool = False


@dataclass(frozen=True)
class Obstacles:
    """What was found, and in `unread` one line for each thing that could not be looked at, with the reason."""

    items: tuple[Obstacle, ...]
    unread: tuple[str, ...]


def shortened(text: str, limit: int = QUOTE_LIMIT) -> str:
    """One line of at most `limit` characters. Comments and names in rules are whatever their author wrote."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
