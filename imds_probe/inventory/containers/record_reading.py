"""Records of containers as the parser reads them: those of root in one go, those of each user and each container for itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.inventory.containers.cgroups import ContainerId
from imds_probe.inventory.containers.describing import Records
from imds_probe.inventory.containers.description import Description
from imds_probe.reading.here import Asks
from imds_probe.reading.reader import share_of
from imds_probe.reading.task import Task

PLACE_S = 5.0  # for what one owner has; it takes milliseconds


@dataclass(frozen=True)
class RecordsAt:
    """Where records are, below a root. `of_a_container` as for Records; `commands` are those of root's dockerd."""

    root: str
    of_a_container: bool = False
    commands: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Wanted:
    """The containers of one owner (None: root's) that records are read of until `deadline`, a time.monotonic."""

    at: RecordsAt
    owner_uid: int | None
    ids: tuple[ContainerId, ...]
    deadline: float


@dataclass(frozen=True)
class Told:
    """What is on record of one container, or what could not be read."""

    id: ContainerId | None = None
    description: Description | None = None
    notes: tuple[str, ...] = ()
    unanswered: str = ""


@dataclass(frozen=True)
class Bundles:
    """The containers that containerd runs, with their namespaces (of containerd's own kind)."""

    ids: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def read_bundles(at: RecordsAt) -> Iterator[Bundles]:
    """What containerd runs."""
    records = Records(Path(at.root), of_a_container=at.of_a_container)
    yield Bundles(tuple(records.bundled()), tuple(records.notes))


def read_records(wanted: Wanted) -> Iterator[Told]:
    """What is on record, one container after the other, and at last what could not be read."""
    at = wanted.at
    records = Records(Path(at.root), at.commands, deadline=wanted.deadline, of_a_container=at.of_a_container)
    for each in wanted.ids:
        yield Told(each, records.describe(each, wanted.owner_uid))
    yield Told(notes=tuple(dict.fromkeys(records.notes)), unanswered=next(iter(records.unanswered), ""))


BUNDLES: Task[RecordsAt, Bundles] = Task("bundles of containerd", Bundles, f"{__name__}:read_bundles")
RECORDS: Task[Wanted, Told] = Task("records of containers", Told, f"{__name__}:read_records")


def bundles(reader: Asks, root: Path, deadline: float, notes: list[str]) -> tuple[Collection[tuple[str, str]], str]:
    """Those below a root, and why they could not be read. What is not worth more than a note goes to `notes`."""
    answer = reader.ask(BUNDLES, RecordsAt(str(root)), [root], share_of(deadline, PLACE_S))
    for each in answer.found:
        notes += each.notes
    return frozenset(pair for each in answer.found for pair in each.ids), answer.failed


def described(
    reader: Asks,
    at: RecordsAt,
    owner_uid: int | None,
    ids: Sequence[ContainerId],
    *,
    deadline: float,
    notes: list[str],
) -> tuple[Mapping[ContainerId, Description], str]:
    """What is on record of these, as `bundles` gives it."""
    ends = share_of(deadline, PLACE_S)
    answer = reader.ask(RECORDS, Wanted(at, owner_uid, tuple(ids), ends), [Path(at.root)], ends)
    for each in answer.found:
        notes += each.notes
    failed = answer.failed or next((each.unanswered for each in answer.found if each.unanswered), "")
    return {each.id: each.description for each in answer.found if each.id and each.description}, failed
