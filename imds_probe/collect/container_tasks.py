"""What the parser is asked about containers and packages; container_reading.py has how it finds that."""

from __future__ import annotations

from collections.abc import Mapping

from imds_probe.dataclass import dataclass
from imds_probe.facts.host import OsRelease
from imds_probe.inventory.packages.contents import Contents, Identity
from imds_probe.reading.task import Task


@dataclass(frozen=True)
class Inside:
    """A container's root, and the packages that matter there by their managers. `deadline` is a time.monotonic."""

    root: str
    names: Mapping[str, tuple[str, ...]]
    deadline: float


@dataclass(frozen=True)
class Part:
    """One thing that was read of an image: its system, a manager's packages, or why something could not be read."""

    os: OsRelease | None = None
    contents: Contents | None = None
    trouble: str = ""


_READING = "imds_probe.collect.container_reading"
IDENTITY: Task[str, Identity] = Task("identity of an image", Identity, f"{_READING}:read_identity")
DATABASES: Task[Inside, Contents] = Task("packages below a root", Contents, f"{_READING}:read_databases")
IMAGE: Task[Inside, Part] = Task("packages of an image", Part, f"{_READING}:read_image")
