"""What every ecosystem's recogniser of installed libraries takes and returns."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from imds_probe.inventory.sdks.found import Library


@dataclass(frozen=True)
class Located:
    """A library and the path, below the root that was looked at, by which it was recognised."""

    found: Library
    path: str


class Recogniser(Protocol):
    """One ecosystem. Stateless."""

    @property
    def ecosystem(self) -> str:
        """Its key in the catalog's `packages`."""

    @property
    def directories(self) -> frozenset[str]:
        """Names of directories worth looking into: what a walk over a disk goes by."""

    @property
    def files(self) -> tuple[str, ...]:
        """How the names of files end by which a directory worth looking into is known."""

    def libraries_in(self, root: Path, path: str, names: Collection[str]) -> list[Located]:
        """The libraries among `names` in a directory of such a name, in that of such a file, or in one that a process looks into.

        Empty where there is nothing of the kind. Raises FileUnreadable where the place itself may not be looked at; what
        makes no sense within it is passed over.
        """
