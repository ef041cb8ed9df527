"""By what the kernel tells the connections of what is rehearsed from those of others."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from imds_probe.rehearsal.group import Hierarchy, group_at, members
from imds_probe.rehearsal.rules import Group


class Told(Protocol):
    """Of one target. `keep` and `give_back` belong to its rehearsal: before, nothing is touched."""

    @property
    def hierarchy(self) -> Hierarchy | None:
        """Where a group is made to try the rules with; None where they match all of a network namespace."""

    @property
    def directory(self) -> Path:
        """That of the target's control group, whether or not it is there."""

    def group(self) -> Group | None:
        """What the kernel knows its connections by now; None while nothing of it runs."""

    def members(self) -> list[int]:
        """Process ids."""

    def keep(self) -> None:
        """See that it is so, also of processes that came since. Raises CannotRehearse where it cannot be so any more."""

    def give_back(self) -> list[str]:
        """Have all as before; what is still there, in words."""


class ByGroup:
    """By its own control group of version 2: nothing has to be done for that."""

    def __init__(self, directory: Path, hierarchy: Hierarchy) -> None:
        self.directory, self.hierarchy = directory, hierarchy

    def group(self) -> Group | None:
        return group_at(self.directory, self.hierarchy.mount)

    def members(self) -> list[int]:
        return members(self.directory)

    def keep(self) -> None: ...

    def give_back(self) -> list[str]:
        return []
