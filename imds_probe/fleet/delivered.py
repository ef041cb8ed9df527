"""What CloudTrail says of credentials that IMDSv1 delivered, as a part of the picture."""

from __future__ import annotations

from imds_probe.dataclass import dataclass
from imds_probe.fleet.bounded import Ids


@dataclass(frozen=True)
class Delivered:
    """A role whose credentials IMDSv1 delivered: so many instances used them, in so many calls. `actions` are the most frequent."""

    role: str
    instances: int
    calls: int
    actions: tuple[str, ...]


@dataclass(frozen=True)
class DeliveredTo:
    """An instance that used such credentials, beside its report: `verdict` is None where it has none, and `callers` are programs
    that the report saw call IMDSv1.
    """

    instance_id: str
    role: str
    calls: int
    last_seen: str | None
    verdict: str | None
    owner: str
    callers: tuple[str, ...]


@dataclass(frozen=True)
class Trail:
    """What CloudTrail says of credentials that were delivered by IMDSv1. `to` are the instances with the most calls,
    `unreported` those without a report, and `ready` those whose report says that they may be switched, although they did so lately.
    """

    instances: int
    calls: int
    roles: tuple[Delivered, ...]
    roles_left_out: int
    to: tuple[DeliveredTo, ...]
    unreported: Ids
    ready: Ids
    rows_not_read: int
