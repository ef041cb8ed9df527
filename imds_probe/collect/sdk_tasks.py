"""What the parser is asked for the search for SDKs; sdk_reading.py has how it finds that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from imds_probe.collect.own_software import OwnPackage
from imds_probe.dataclass import dataclass
from imds_probe.facts.sdk_settings import SdkSettings
from imds_probe.inventory.sdks.known_files import Kept
from imds_probe.inventory.sdks.recogniser import Located
from imds_probe.reading.task import Task
from imds_probe.system.door import Identity

USERS_SHOWN = 10  # processes that a report names of one library


@dataclass(frozen=True)
class Processes:
    """Processes by their numbers in a /proc."""

    proc: str
    pids: tuple[int, ...]


@dataclass(frozen=True)
class Rooted:
    """Which root directory a process has; None where that is not to be known. `outside`: its program is not below it. Daemons go
    to an empty directory once they have loaded all that they need. `program` is the path of what it runs, empty where the
    root is a directory of the mount namespace that this is read in.
    """

    pid: int
    root: Identity | None
    outside: bool = False
    program: str = ""


@dataclass(frozen=True)
class Using:
    """Processes of one system, below its root. `names` are the packages that matter, by ecosystem; `image` is the same for
    containers of one image. Processes that run the probe, the `own` package, are passed over.
    """

    root: str
    processes: Processes
    names: Mapping[str, tuple[str, ...]]
    image: str
    own: OwnPackage | None = None


@dataclass(frozen=True)
class User:
    """What a process is called, and the text of its control groups."""

    name: str
    cgroup: str


@dataclass(frozen=True)
class Used:
    """A library that a process uses; or, where it is `done`, what else there is to say of the process: what steers its SDKs
    (`settings`, None: that is hidden), and what could not be read for it, as sentences: `troubles`, and `unseen`, behind which
    more may be.
    """

    pid: int
    located: Located | None = None
    done: bool = False
    hidden: bool = False
    unanswered: bool = False  # looking at it took too long
    user: User | None = None
    settings: SdkSettings | None = None
    troubles: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True)
class Disk:
    """Directories of a system to search, until `deadline`, a time.monotonic, and for at most so many entries. `kept` and
    `before_ns` as of KnownFiles; `walked` is what an earlier walk has left, as of WalkMemory.
    """

    root: str
    starts: tuple[str, ...]
    left_out: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]
    image: str
    entries: int
    deadline: float
    kept: Mapping[str, Kept] = field(default_factory=dict)
    before_ns: int | None = None
    walked: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Lying:
    """What part of a search came to. `entries` were met, `cut_short` says why the search ends early; `troubles` and `unseen` as
    of Used, `learnt` as of KnownFiles, `walked` as of WalkMemory.
    """

    located: tuple[Located, ...] = ()
    entries: int = 0
    cut_short: str = ""
    troubles: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    learnt: tuple[tuple[str, Kept], ...] = ()
    walked: tuple[bytes, ...] = ()


_READING = "imds_probe.collect.sdk_reading"
ROOTS: Task[Processes, Rooted] = Task("roots of processes", Rooted, f"{_READING}:read_roots")
IN_USE: Task[Using, Used] = Task("SDKs in use", Used, f"{_READING}:read_in_use")
ON_DISK: Task[Disk, Lying] = Task("SDKs on a disk", Lying, f"{_READING}:read_on_disk")
