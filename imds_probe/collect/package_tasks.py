"""What the parser is asked about packages that no version decides about; package_reading.py has how it finds that."""

from __future__ import annotations

from dataclasses import field

from imds_probe.collect.code_tasks import Piece, Reading
from imds_probe.dataclass import dataclass
from imds_probe.inventory.packages.wanted import Mention, Wanted
from imds_probe.reading.task import Task


@dataclass(frozen=True)
class OfCatalog:
    """A package of which the catalog has no figure that decides: its row, and the ends of the paths of the files that count."""

    component: str
    wanted: Wanted
    ends: tuple[str, ...] = ()


@dataclass(frozen=True)
class Undecided:
    """A system's packages that are read. `started` is what runs there, or will."""

    reading: Reading
    packages: tuple[OfCatalog, ...]
    started: tuple[str, ...] = ()


@dataclass(frozen=True)
class OfPackage:
    """A part of what was found. `package` is the one that it is about: begun, or with its `files` searched, not all of them where
    `why` says why, and the wholes of it that name the service in `piece`. `mention` is what its changelog says, `started` whether
    one of its files runs or will.
    """

    piece: Piece = field(default_factory=Piece)
    package: Wanted | None = None
    ended: bool = False
    files: int = 0
    why: str = ""
    mention: Mention | None = None
    started: bool | None = None


PACKAGES: Task[Undecided, OfPackage] = Task(
    "code of packages", OfPackage, "imds_probe.collect.package_reading:read_packages"
)
