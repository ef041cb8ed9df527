"""What the parser is asked about code; code_reading.py and schedule_reading.py have how it finds that."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field

from imds_probe.collect.own_software import OwnPackage
from imds_probe.collect.sdk_tasks import Processes
from imds_probe.dataclass import dataclass
from imds_probe.facts.code import Runs
from imds_probe.inventory.code.following.known import Kept
from imds_probe.inventory.code.following.trail import Trail
from imds_probe.inventory.code.owned import Owned
from imds_probe.inventory.code.spoken import Spoken
from imds_probe.inventory.containers.checks import Check
from imds_probe.inventory.containers.description import Begins
from imds_probe.inventory.schedules.commands.in_container import InContainer
from imds_probe.inventory.schedules.starters import Starter
from imds_probe.reading.task import Task

# By library, as Following has it, the processes that use it; none of what only lies on disk.
Left = tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True)
class Reading:
    """A system to read code in, below its root: until `deadline`, a time.monotonic, and for at most so many bytes. `left` are
    libraries that are left to their recognisers, each with the processes that use it, `own` is the probe's own package. `kept`
    and `trails` are what an earlier run has left; `before_ns` as of Ground. `image` is the same for containers of one image.
    `names` are the packages, by ecosystem, that are looked for in archives.
    """

    root: str
    left: Left
    own: OwnPackage | None
    image: str
    deadline: float
    bytes: int
    kept: Mapping[str, Kept] = field(default_factory=dict)
    trails: Mapping[str, Trail] = field(default_factory=dict)
    before_ns: int | None = None
    names: Mapping[str, Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Program:
    """One program that runs, or will run and has no `pids`. `roots` are the wholes that it has loaded and that name the service,
    `loaded` all packages that it has from its `environments`. `why` says why not all that it loads was read, one of
    unread.REASONS; `by_name`: it loads something by a name that only running tells. `parts` are the files and packages that it
    has loaded from where no distribution puts its libraries. `runner_uid` is the user on whose own account it would run, of what
    could not be looked at.
    """

    name: str
    pids: tuple[int, ...]
    roots: tuple[str, ...] = ()
    why: str = ""
    by_name: bool = False
    environments: tuple[str, ...] = ()
    loaded: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    cgroups: tuple[str, ...] = ()  # the texts of its processes' control groups, where it matters whose they are
    runner_uid: int | None = None


@dataclass(frozen=True)
class Piece:
    """A part of what was found. `begun` are the processes that are worked on from here on, `ended` those that are none: they
    ended, or are the kernel's or the probe's own. `learnt` and `trails` are for a later run; of what an earlier one has left and
    what still holds, the keys say enough.
    """

    begun: tuple[int, ...] = ()
    ended: tuple[int, ...] = ()
    program: Program | None = None
    spoken: tuple[Spoken, ...] = ()
    learnt: tuple[tuple[str, Kept], ...] = ()
    trails: tuple[tuple[str, Trail], ...] = ()
    files_held: tuple[str, ...] = ()
    trails_held: tuple[str, ...] = ()
    searched: int = 0
    left_out: str = ""


@dataclass(frozen=True)
class Running:
    """The processes of a system that are read."""

    reading: Reading
    processes: Processes


@dataclass(frozen=True)
class Lying:
    """Directories of libraries to be read, without the packages that were loaded."""

    reading: Reading
    environments: tuple[str, ...]
    loaded: tuple[str, ...]


@dataclass(frozen=True)
class Due:
    """A part of what was found. What was `spoken` runs as `runs` says, and `started_by` starts it: "/etc/cron.d/backup, daily".
    `roots` are the wholes that the command itself or its program has. `every_s` and `standing_s` are as in CodeSeen. `inside` is
    the other root that it runs in, as CodeSeen has it, empty for the system itself; then `owned` are the packages of the files that
    say something. `passes_over`: some starts come to nothing. `kept` is for a later run: see schedules_kept.py. `starter_uid`,
    `own_network` and `kept_off` as in CodeSeen. `asked` is what runs in a container, and the piece's program stands for
    it where no such container runs. `uid` is the user as whom it is started, None where that is not known.
    """

    piece: Piece = field(default_factory=Piece)
    runs: Runs = "lies"
    started_by: str = ""
    every_s: float | None = None
    standing_s: float | None = None
    roots: tuple[str, ...] = ()
    trouble: str = ""
    inside: str = ""
    owned: tuple[Owned, ...] = ()
    kept: bytes = field(default=b"", repr=False)
    passes_over: bool = False
    starter_uid: int | None = None
    own_network: bool = False
    kept_off: bool = False
    uid: int | None = None
    asked: InContainer | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Begun:
    """A container, as what starts there is read. It `begins` with what its record says, None where there is none; then its first
    process says it, and the usual files. `asked` is what schedules of the host run in it, with when. `runs` are the programs that
    run there, by their paths, and `checks` what its engine runs in it to see whether it is well.
    """

    processes: Processes
    begins: Begins | None = None
    asked: tuple[Due, ...] = ()
    runs: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class Schedules:
    """A system whose schedules are read, and who starts something there. `user_data` is what the service has of it. Of an
    `image`, what runs once on each new instance is still to run. `kept` is what an earlier run has left. `begun` is None of what is
    no container.
    """

    reading: Reading
    by: tuple[Starter, ...]
    user_data: bytes = field(default=b"", repr=False)
    image: bool = False
    kept: bytes = field(default=b"", repr=False)
    begun: Begun | None = None


@dataclass(frozen=True)
class Owning:
    """Files of a system whose packages are asked for; `copied` as of owning.owners."""

    root: str
    paths: tuple[str, ...]
    deadline: float
    copied: tuple[str, ...] = ()


_CODE, _SCHEDULES = "imds_probe.collect.code_reading", "imds_probe.collect.schedule_reading"
RUNNING: Task[Running, Piece] = Task("code that runs", Piece, f"{_CODE}:read_running")
SCHEDULES: Task[Schedules, tuple[Due, ...]] = Task("code that will run", tuple[Due, ...], f"{_SCHEDULES}:read_due")
LYING: Task[Lying, Piece] = Task("code that lies with it", Piece, f"{_CODE}:read_lying")
OWNERS: Task[Owning, Owned] = Task("owners of files", Owned, f"{_CODE}:read_owned")
