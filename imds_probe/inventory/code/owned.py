"""What is found of who owns a file: see owning.py."""

from __future__ import annotations

from imds_probe.dataclass import dataclass


@dataclass(frozen=True)
class Owned:
    """The package that owns a file: `manager` is the id of a package manager or of a language's ecosystem. `copied`: it lies in
    some project's own directory, without a record.
    """

    path: str
    manager: str
    name: str
    version: str = ""
    copied: bool = False

    @property
    def said(self) -> str:
        """In words: restic 0.11.0-1 (dpkg)."""
        return f"{self.name} {self.version} ({self.manager})" if self.version else f"{self.name} ({self.manager})"
