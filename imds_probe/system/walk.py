"""Walk directories below a root that somebody hostile may own, within a budget of time and entries.

Only what has a name that is sought is handed on; nothing is opened but directories. One file system at a time: what is
mounted below (network shares, other disks, /proc) is not even touched, as a dead share would hold us.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.system.confined import FileUnreadable
from imds_probe.system.filesystem import magic
from imds_probe.system.sought import Sought
from imds_probe.system.walk_memory import KINDS, NAMES_MAX, Held, WalkMemory

NEED_EVERY_S = 1.0
TIME_OVER, TOO_MANY_FILES = "the time limit was reached", "the file limit was reached"
DEPTH_MAX = 24  # below where it starts; a node_modules of a node_modules takes two
AT_A_TIME = 100  # entries of one directory
WAITING_MAX = 150_000  # directories that are known and not yet gone into
SEEN_MAX = 100_000  # directories that are known again where two ways lead to them
UNREADABLE_MAX = 100
PART_S, PART_ENTRIES = 0.2, 5000
PRUNED = frozenset({".git", ".hg", ".svn"})
OF_KERNEL = frozenset({"proc", "sys", "dev"})  # right below a system's root; elsewhere they are called so by chance


@dataclass
class Budget:
    """What a walk may cost at most. `deadline` is a time.monotonic; `left` counts directory entries. `need` says why the host
    cannot bear a search at present, and nothing where it can: it is asked now and then.
    """

    deadline: float
    left: int
    need: Callable[[], str] = lambda: ""
    cut_short: str = ""  # why, once it is spent
    _need_at: float = float("-inf")

    def take(self, entries: int) -> bool:
        """Whether there is room for so many more."""
        now = time.monotonic()
        if now >= self._need_at:
            self._need_at = now + NEED_EVERY_S
            self.cut_short = self.cut_short or self.need()
        if self.cut_short:
            return False
        if now > self.deadline:
            self.cut_short = TIME_OVER
        elif self.left < entries:
            self.cut_short = TOO_MANY_FILES
        else:
            self.left -= entries
            return True
        return False

    def in_part(self) -> str:
        """A sentence for who was cut short, empty for who was not."""
        return in_part(self.cut_short)


def in_part(why: str) -> str:
    """What is said of a search that was cut short, empty where there is no reason."""
    return f"only a part of the disk was searched for SDKs: {why}" if why else ""


@dataclass(frozen=True)
class Part:
    """A part of a walk: what was found, of how many entries, what could not be looked at, as sentences, and what is remembered
    of it: see WalkMemory.
    """

    paths: tuple[str, ...] = ()
    entries: int = 0
    unreadable: tuple[str, ...] = ()
    learnt: tuple[bytes, ...] = ()


@dataclass
class _Sorted:
    """The entries of one directory that matter, as of Held. `whole`: these are all."""

    directories: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    weighed: list[str] = field(default_factory=list)
    whole: bool = True

    def hold(self, names: list[str], name: str) -> None:
        """Put a name to others, where there are not too many to remember."""
        if len(self.found) + len(self.weighed) < NAMES_MAX:
            names.append(name)
        else:
            self.whole = False


def _is_the_kernels(fd: int) -> bool:
    """Whether a directory is of a file system whose times can be trusted. What somebody's program serves need not say its kind."""
    try:
        return magic(fd) in KINDS
    except OSError:
        return False


def _anywhere(path: str) -> None:
    """What a walk calls before it touches a directory, where nobody wants to know of it."""


@dataclass
class Walk:
    """One root. `pin` finds a path below it: see confined.pin. `left_out` are paths that are not gone into, as mount points
    are. `stepping` is called with each directory before it is touched; what it raises keeps the walk from there. `memory` is of
    an earlier walk for the same, and for a later one.
    """

    pin: Callable[[str], int | None]
    sought: Sought
    budget: Budget
    left_out: Collection[str] = ()
    stepping: Callable[[str], None] = _anywhere
    memory: WalkMemory = field(default_factory=WalkMemory)
    _remembers: bool = False  # directories of the file system that is walked
    _seen: set[tuple[int, int]] = field(default_factory=set)
    _found: list[str] = field(default_factory=list)
    _unreadable: list[str] = field(default_factory=list)
    _until: float = 0.0  # when the part ends that is being made
    _entries: int = 0
    _waiting: int = 0

    def parts(self, starts: Sequence[str]) -> Iterator[Part]:
        """What is sought below these directories, by paths that are absolute within the root; what is neither file nor
        directory, as a link is, is not. In parts none of which takes long on a disk that answers.
        """
        self._until = time.monotonic() + PART_S
        for _ in itertools.chain.from_iterable(self._below(start) for start in starts):
            yield self._part()
            self._until = time.monotonic() + PART_S
        self.memory.end()
        if self._found or self.memory.learnt or self._entries or self._unreadable:
            yield self._part()

    def _part(self) -> Part:
        part = Part(tuple(self._found), self._entries, tuple(self._unreadable), self.memory.taken())
        self._found, self._entries, self._unreadable = [], 0, []
        return part

    def _below(self, start: str) -> Iterator[None]:
        try:
            pinned = self.pin(start)
        except FileUnreadable as trouble:
            self._cannot(trouble.problem)
            return
        if pinned is None:
            return
        try:
            status = os.fstat(pinned)
            if not stat.S_ISDIR(status.st_mode):
                return
            opened = os.open(f"/proc/thread-self/fd/{pinned}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            self._cannot(f"{start}: {error.strerror}")
            return
        finally:
            os.close(pinned)
        try:
            self._remembers = (bool(self.memory.kept) or self.memory.before_ns is not None) and _is_the_kernels(opened)
            yield from self._directory(opened, f"/{start.strip('/')}".rstrip("/"), status.st_dev, 0)
        finally:
            os.close(opened)

    def _directory(self, fd: int, path: str, device: int, depth: int) -> Iterator[None]:
        """Yields where a part is at its end: that goes through all directories that the place lies in."""
        status = os.fstat(fd)
        # A directory can be reached by two starts; the same walk does not go into it twice.
        if (status.st_dev, status.st_ino) in self._seen:
            return
        if status.st_dev != device:
            self._cannot(f"{path}: it is another file system")
            return
        if depth > DEPTH_MAX:
            self._cannot(f"{path}: it is too deep")
            return
        if len(self._seen) < SEEN_MAX:
            self._seen.add((status.st_dev, status.st_ino))
        directories: Sequence[str]
        held = self.memory.held(status) if self._remembers else None
        if held is not None:
            directories = self._recalled(fd, path, held)
            if self._entries >= PART_ENTRIES or time.monotonic() > self._until:
                yield
        else:
            directories = []
            yield from self._listed(fd, path, status, directories)
        for name in directories:
            self._waiting -= 1
            inner = None if self.budget.cut_short else self._opened(fd, f"{path}/{name}", name)
            if inner is not None:
                try:
                    yield from self._directory(inner, f"{path}/{name}", device, depth + 1)
                finally:
                    os.close(inner)

    def _opened(self, fd: int, path: str, name: str) -> int | None:
        if path in self.left_out:
            return None
        try:
            self.stepping(path)
            return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):  # it became a link, or is gone
                self._cannot(f"{path}: {error.strerror}")
            return None

    def _recalled(self, fd: int, path: str, held: Held) -> Sequence[str]:
        """What is sought in a directory that is as an earlier walk has left it; the directories to go into."""
        if not self.budget.take(1 + len(held.weighed)):
            return ()
        self._entries += 1 + len(held.weighed)
        self._found += [f"{path}/{name}" for name in held.found]
        for name in held.weighed:
            self._weigh(fd, path, name)
        here = _Sorted()
        for name in held.directories:
            self._meet(here, path, name)
        return here.directories

    def _listed(self, fd: int, path: str, status: os.stat_result, directories: list[str]) -> Iterator[None]:
        """Find what is sought in one directory, and those to go into for `directories`. Links count as what they are: neither."""
        here = _Sorted()
        try:
            # By its descriptor: so are its entries looked at, too.
            with os.scandir(fd) as entries:
                while (listed := list(itertools.islice(entries, AT_A_TIME))) and self.budget.take(len(listed)):
                    self._entries += len(listed)
                    for entry in listed:
                        self._sort(entry, fd, path, here)
                    if self._entries >= PART_ENTRIES or time.monotonic() > self._until:
                        yield
                here.whole = here.whole and not listed
        except OSError as error:
            here.whole = False
            self._cannot(f"{path or '/'}: {error.strerror}")
        here.directories.sort()
        if here.whole and self._remembers and self.memory.learns(status):
            self.memory.learn(status, here.directories, here.found, here.weighed)
        directories += here.directories

    def _sort(self, entry: os.DirEntry[str], fd: int, path: str, here: _Sorted) -> None:
        """Put an entry to those like it, and hand on what is sought."""
        name = entry.name
        if entry.is_dir(follow_symlinks=False):
            if name not in PRUNED:
                self._meet(here, path, name)
            takes: bool | None = name in self.sought.directories
        else:
            takes = self.sought.takes(name)
            if takes is False or not entry.is_file(follow_symlinks=False):
                return
        if takes:
            here.hold(here.found, name)
            self._found.append(f"{path}/{name}")
        elif takes is None:
            here.hold(here.weighed, name)
            self._weigh(fd, path, name)

    def _weigh(self, fd: int, path: str, name: str) -> None:
        """Hand a file on whose size decides, where it does."""
        try:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EACCES):
                self._cannot(f"{path or '/'}: {error.strerror}")
            return
        if self.sought.takes_sized(name, path, status) and stat.S_ISREG(status.st_mode):
            self._found.append(f"{path}/{name}")

    def _meet(self, here: _Sorted, path: str, name: str) -> None:
        """Go into a directory later, where there is room to remember it until then."""
        if not path and name in OF_KERNEL:
            return
        if self._waiting < WAITING_MAX:
            self._waiting += 1
            here.directories.append(name)
        else:
            here.whole = False
            self._cannot(f"{path or '/'}: there are too many directories")

    def _cannot(self, sentence: str) -> None:
        if len(self._unreadable) < UNREADABLE_MAX and sentence not in self._unreadable:
            self._unreadable.append(sentence)
