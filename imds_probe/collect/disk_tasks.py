"""What the parser is asked about code on the disk; disk_reading.py has how it finds that."""

from __future__ import annotations

from collections.abc import Iterable

from imds_probe.collect.code_tasks import Piece, Reading
from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.following.loads import below
from imds_probe.reading.task import Task

# The host's own places, and others by what runs there: not those where a distribution or something of the system keeps its own.
PLACES = ("/etc", "/usr/local", "/opt", "/srv", "/root", "/home", "/var/www")
ELSEWHERE_MAX = 20
_NOT_THERE = (
    *(
        "/usr",
        "/bin",
        "/sbin",
        "/lib",
        "/lib32",
        "/lib64",
        "/libx32",
        "/boot",
        "/proc",
        "/sys",
        "/dev",
        "/run",
        "/snap",
        "/nix",
    ),
    *("/tmp", "/var/tmp", "/var/run", "/var/lib", "/var/spool", "/var/cache", "/memfd:"),  # noqa: S108 - paths to pass over
)


@dataclass(frozen=True)
class Disk:
    """Directories to be searched, without what was read elsewhere: files and packages that are `loaded`, and all below the
    directories `left_out`.
    """

    reading: Reading
    starts: tuple[str, ...]
    loaded: tuple[str, ...]
    left_out: tuple[str, ...]


def places(programs: Iterable[str]) -> tuple[str, ...]:
    """Where code may lie on the host, `programs` being the paths of what runs there or is started."""
    found: dict[str, None] = {}
    for path in programs:
        directory = path.rpartition("/")[0]
        if directory.startswith("/") and not below(path, (*PLACES, *_NOT_THERE)) and len(found) < ELSEWHERE_MAX:
            found[directory] = None
    return (*PLACES, *found)


ON_DISK: Task[Disk, Piece] = Task("code on disk", Piece, "imds_probe.collect.disk_reading:read_disk")
