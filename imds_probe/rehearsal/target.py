"""What runs already, and is rehearsed as it is: a unit or a container."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from imds_probe.facts.imds import Family
from imds_probe.rehearsal.rules import Group
from imds_probe.rehearsal.telling import Told


class Target(Protocol):
    """`ways` says by family how many hops away the service is, where the target has a network of its own."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def ways(self) -> Mapping[Family, int]: ...

    @property
    def told(self) -> Told:
        """By what its connections are told from others'."""

    @property
    def directory(self) -> Path:
        """That of its control group, whether or not it is there."""

    def group(self) -> Group | None:
        """Its control group as it is now; None while nothing of it runs."""

    def members(self) -> list[int]:
        """Process ids."""

    def is_replaced(self) -> bool:
        """Whether something else has its name now; asked while nothing of it runs."""

    def netns(self) -> Path | None:
        """The way into its network namespace, None for the host's."""
