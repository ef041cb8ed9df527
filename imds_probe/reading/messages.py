"""What a run and its workers say to each other. Paths and names are bytes: they need not be text."""

from __future__ import annotations

import msgspec

from imds_probe.system.door import FileStatus, Identity
from imds_probe.system.filesystem import FileSystem
from imds_probe.system.sought import Sought


class Message(msgspec.Struct, array_like=True, frozen=True, tag=True, gc=False):
    """A message is known by the name of its type."""


# To the opener, from the parser. Each but Close has one answer.
class Open(Message, frozen=True):
    """A regular file, and its first `head_bytes`. `program`: the path is that of a process in /proc, and its program is
    meant.
    """

    root: bytes
    path: bytes
    head_bytes: int
    program: bool = False


class Together(Message, frozen=True):
    """Regular files that are shorter than `head_bytes`, each whole."""

    root: bytes
    paths: list[bytes]
    head_bytes: int


class Piece(Message, frozen=True):
    """So much of an open file from there on."""

    handle: int
    at: int
    length: int


class Data(Message, frozen=True):
    """Where there is something in an open file, from there on: lseek(2), SEEK_DATA."""

    handle: int
    at: int


class Close(Message, frozen=True):
    """An open file is not needed any more."""

    handle: int


class Names(Message, frozen=True):
    """What a directory holds."""

    root: bytes
    path: bytes


class AllNames(Message, frozen=True):
    """The same of several directories."""

    root: bytes
    paths: list[bytes]


class Status(Message, frozen=True):
    """What fstat(2) says of a path."""

    root: bytes
    path: bytes


class OnFileSystem(Message, frozen=True):
    """What statfs(2) says of a path."""

    root: bytes
    path: bytes


class Statuses(Message, frozen=True):
    """The same of several paths, as far as they can be looked up."""

    root: bytes
    paths: list[bytes]


class RealPath(Message, frozen=True):
    """A path without links."""

    root: bytes
    path: bytes


class Head(Message, frozen=True):
    """The first bytes of a small file that is there, of /proc mostly."""

    root: bytes
    path: bytes
    limit_bytes: int


class Link(Message, frozen=True):
    """Where a link leads, by its text."""

    root: bytes
    path: bytes


class Heads(Message, frozen=True):
    """The first bytes of several, each as far as it can be read."""

    root: bytes
    paths: list[bytes]
    limit_bytes: int


class Several(Message, frozen=True):
    """Files of one directory, with as many bytes as are read of each, and texts of links there."""

    root: bytes
    directory: bytes
    files: list[tuple[bytes, int]]
    links: list[bytes]


class Links(Message, frozen=True):
    """Where the links in a directory lead, by their texts; at most so many."""

    root: bytes
    directory: bytes
    most: int


class Roots(Message, frozen=True):
    """Which root directories processes have."""

    proc: bytes
    pids: list[int]


class Walk(Message, frozen=True):
    """The first part of a walk, in the place of any that there is: see rootfs.walk. It takes `entries` of directories at most,
    until `deadline`. `known` and `before_ns` as of WalkMemory.
    """

    root: bytes
    starts: list[bytes]
    sought: Sought
    left_out: list[bytes]
    entries: int
    deadline: float
    known: list[bytes] = []
    before_ns: int | None = None


class WalkOn(Message, frozen=True):
    """The next part."""


Request = (
    Open
    | Together
    | Piece
    | Data
    | Close
    | Names
    | AllNames
    | Status
    | OnFileSystem
    | Statuses
    | RealPath
    | Head
    | Heads
    | Link
    | Several
    | Links
    | Roots
    | Walk
    | WalkOn
)


# From the opener, to the parser.
class Opened(Message, frozen=True):
    """`handle` is None where `head` is the whole file, and nothing has to be closed. `real` is its path without links, None where
    that was not found on the way.
    """

    handle: int | None
    status: FileStatus
    head: bytes
    real: bytes | None = None


class Content(Message, frozen=True):
    """Bytes that were asked for, or a path."""

    content: bytes


class Contents(Message, frozen=True):
    """The same of several: errno where one cannot be read."""

    contents: list[bytes | int]


class Place(Message, frozen=True):
    """A place in a file."""

    at: int


class Listed(Message, frozen=True):
    """Names, sorted."""

    names: list[bytes]


class AllListed(Message, frozen=True):
    """The same of several directories; None where one has to be asked for by itself."""

    names: list[list[bytes] | None]


class Stated(Message, frozen=True):
    """What fstat(2) says."""

    status: FileStatus


class SaidOfFileSystem(Message, frozen=True):
    """What statfs(2) says."""

    file_system: FileSystem


class Unreadable(Message, frozen=True):
    """FileUnreadable; `failed` where it is a FileFailed, and `unanswered` a FileUnanswered."""

    problem: str
    remedy: str
    unanswered: bool = False
    failed: bool = False


class AllStated(Message, frozen=True):
    """The same of several paths, None where there is nothing. `real` as of Opened, where it was one path."""

    statuses: list[FileStatus | Unreadable | None]
    real: bytes | None = None


class Absent(Message, frozen=True):
    """There is nothing there."""


class Failed(Message, frozen=True):
    """OSError."""

    number: int


class AllOpened(Message, frozen=True):
    """The same of several files, none of which has a handle; Failed where one has to be asked for by itself."""

    opened: list[Opened | Absent | Failed]


class Identities(Message, frozen=True):
    """Of files, None for each that is not to be known."""

    identities: list[Identity | None]


class Walked(Message, frozen=True):
    """A part of a walk. `unreadable` are sentences, `cut_short` says why the walk ends early; `done`: nothing comes after it;
    `learnt` as of WalkMemory.
    """

    paths: list[bytes]
    entries: int
    unreadable: list[bytes]
    cut_short: str
    done: bool
    learnt: list[bytes] = []


Reply = (
    Opened
    | AllOpened
    | Content
    | Place
    | Listed
    | AllListed
    | Stated
    | SaidOfFileSystem
    | AllStated
    | Absent
    | Unreadable
    | Failed
    | Contents
    | Identities
    | Walked
)


# To the opener, from the run.
class Grant(Message, frozen=True):
    """From now on paths may be looked up below this root, but not at or below `refused`: paths within the root that lead
    to what did not answer before; nor are files read at `given_up`, which no parser could bear.
    """

    root: bytes
    refused: list[bytes]
    given_up: list[bytes]


class Revoke(Message, frozen=True):
    """From now on there is no root."""


Order = Grant | Revoke


# To the parser, from the run.
class Ask(Message, frozen=True):
    """A task by its id, with its arguments as encoded by msgspec. `roots` are those that were granted."""

    task: str
    arguments: bytes
    roots: list[bytes]


class NewDoor(Message, frozen=True):
    """The socket to another opener comes with this message."""


class GoOn(Message, frozen=True):
    """There is no other opener: the files of this task stay closed."""


Command = Ask | NewDoor | GoOn


# From the parser, to the run.
class Result(Message, frozen=True):
    """One piece of what a task gives, as encoded by msgspec."""

    encoded: bytes


class Done(Message, frozen=True):
    """The task is at its end."""


class Trouble(Message, frozen=True):
    """The task ended early: with trouble that was to be expected, or by a bug, which `traceback` is of."""

    reason: str
    traceback: str


class OutOfMemory(Message, frozen=True):
    """The task took more memory than it may have. The worker that says so is not asked again."""


class DoorLost(Message, frozen=True):
    """The opener did not answer in time, where `hangs`, or is gone."""

    hangs: bool


Word = Result | Done | Trouble | OutOfMemory | DoorLost


# To the fork server, from the run. The worker's ends of its sockets come with Spawn.
class Terms(Message, frozen=True):
    """What holds for all workers. A parser may take so much memory, and waits so long for an answer of its opener's. No worker
    may use more of a CPU than there is until `deadline`, a time.monotonic. `functions` are those that parsers work on tasks
    with, by the ids of the tasks, as task.Task has them; their modules and `modules` are there before the first parser.
    """

    memory_mib: int
    reply_s: float
    deadline: float | None
    functions: dict[str, str]
    modules: list[str]


class Spawn(Message, frozen=True):
    """Fork a worker of this role: "opener" or "parser"."""

    role: str


class Import(Message, frozen=True):
    """Import these modules, for the workers that are forked from now on."""

    modules: list[str]


class End(Message, frozen=True):
    """Kill this worker, and reap it if it goes within this time."""

    pid: int
    within_s: float


Errand = Terms | Spawn | Import | End


# From the fork server, to the run.
class Imported(Message, frozen=True):
    """It is done, as far as there are such modules."""


class Spawned(Message, frozen=True):
    """The worker's process."""

    pid: int


class Ended(Message, frozen=True):
    """Whether it has ended: what hangs in the kernel does so only when that lets it go. `seconds` of CPU that it took, and
    the `resident_bytes` that it had at most, with those that it shared.
    """

    gone: bool
    seconds: float
    resident_bytes: int


Account = Spawned | Imported | Ended
