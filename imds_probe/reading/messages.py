"""What a parser and its opener say to each other. Paths and names are bytes: they need not be text."""

from __future__ import annotations

import msgspec

from imds_probe.system.door import FileStatus, Identity
from imds_probe.system.filesystem import FileSystem
from imds_probe.system.sought import Sought


class Message(msgspec.Struct, array_like=True, frozen=True, tag=True, gc=False):
    """A message is known by the name of its type."""


# To the opener. Each but Close has one answer.
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


# From the opener.
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
