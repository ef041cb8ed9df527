"""What every package manager's module takes and returns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError

# "installed" is the only one whose files can be relied on to be there, whole and set up.
PackageStatus = Literal["installed", "unpacked", "half-installed", "half-configured", "reinstall-required"]


@dataclass(frozen=True)
class Package:
    """One installed package. `version` is as the manager prints it, with epoch and revision where there are any."""

    manager: str
    name: str
    version: str
    arch: str
    status: PackageStatus


class PackageError(ProbeError):
    """A package database is there but could not be read to its end. Nothing may be concluded from what is missing."""

    def __init__(self, manager: str, problem: str, remedy: str = "") -> None:
        super().__init__(f"{manager}: {printable(problem)}", remedy)
        self.manager = manager


class PackageManager(Protocol):
    """One package manager. Stateless: every call looks at the system anew."""

    @property
    def id(self) -> str:
        """The manager's name in the catalog."""

    def present(self, root: Path) -> bool:
        """Whether the system at `root` has this manager's database. Raises PackageError where that cannot be told."""

    def query(self, root: Path, names: Sequence[str], timeout_s: float) -> list[Package]:
        """The packages of these names that are installed on the system at `root`.

        An empty list means that the database was read and has none of them. Raises PackageError otherwise.
        """


def printable(text: str, limit: int = 300) -> str:
    """Text of unknown origin as one line without control characters, cut to `limit` characters."""
    escaped = text.strip()
    if not escaped.isprintable():
        escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in escaped)
    return escaped if len(escaped) <= limit else f"{escaped[: limit - 3]}..."


def field_text(manager: str, raw: bytes) -> str:
    """One field of a manager's output. PackageError where it holds what no package's name or version can hold."""
    text = raw.decode(errors="backslashreplace")
    if not text.isprintable() or " " in text or len(text) > 1000:
        raise PackageError(manager, f"its database has a field that cannot be right, {len(raw)} bytes long", DAMAGED)
    return text


DAMAGED = "Check the package database with the manager's own tools and run again"
