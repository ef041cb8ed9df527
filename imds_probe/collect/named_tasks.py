"""What the parser is asked about settings that name code which nothing is known to start; see named_reading.py."""

from __future__ import annotations

from imds_probe.dataclass import dataclass
from imds_probe.reading.task import Task


@dataclass(frozen=True)
class NamedIn:
    """The host's root, and the paths of the files that are looked for. `deadline` is a time.monotonic."""

    root: str
    paths: tuple[str, ...]
    deadline: float


@dataclass(frozen=True)
class Naming:
    """One of these paths, and the file that names it. Without a path: why not all settings were read."""

    path: str = ""
    place: str = ""
    cut_short: str = ""


NAMED: Task[NamedIn, Naming] = Task("settings that name code", Naming, "imds_probe.collect.named_reading:read_named")
