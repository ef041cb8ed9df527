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

    library: Library
    path: str


class Recogniser(Protocol):
    """One ecosystem. Stateless."""

    @property
    def ecosystem(self) -> str:
        """Its key in the catalog's `packages`."""

    def wanted(self, name: str, is_directory: bool) -> bool:
        """Whether a file or directory of this name is worth looking into: what a walk over a disk goes by."""

    def libraries_in(self, root: Path, path: str, names: Collection[str]) -> list[Located]:
        """The libraries among `names` in a place that `wanted` let through, or that a process looks into.

        Empty where there is nothing of the kind. Raises FileUnreadable where the place itself may not be looked at; what
        makes no sense within it is passed over.
        """
