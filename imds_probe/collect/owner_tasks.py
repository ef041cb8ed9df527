"""What the parser is asked about who owns this instance, and what it answers."""

from __future__ import annotations

from imds_probe.dataclass import dataclass
from imds_probe.facts.owner import LaunchedFrom, Owner
from imds_probe.reading.task import Task


@dataclass(frozen=True)
class OwnersLooked:
    """The host's root, its /proc, and the processes that run in no container and are no user's."""

    root: str
    proc: str
    pids: tuple[int, ...]


@dataclass(frozen=True)
class OwnersSeen:
    """Each owner that something of the host names, and what could not be read, in clauses."""

    owners: tuple[Owner, ...] = ()
    launched_from: LaunchedFrom | None = None
    troubles: tuple[str, ...] = ()


OWNERS: Task[OwnersLooked, OwnersSeen] = Task(
    "owner of the instance", OwnersSeen, "imds_probe.collect.owner_reading:read_owners"
)
