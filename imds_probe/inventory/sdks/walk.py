"""Walk directories below a root that somebody hostile may own, within a budget of time and entries.

Only what has a name that a recogniser looks for is handed on; nothing is opened but directories. One file system at a
time: what is mounted below (network shares, other disks, /proc) is not even touched, as a dead share would hold us.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imds_probe.system.confined import FileUnreadable, pin

NEED_EVERY_S = 1.0
DEPTH_MAX = 24  # below where it starts; a node_modules of a node_modules takes two
PRUNED = frozenset({".git", ".hg", ".svn", "proc", "sys", "dev"})


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
            self.cut_short = "the time limit was reached"
        elif self.left < entries:
            self.cut_short = "the file limit was reached"
        else:
            self.left -= entries
            return True
        return False

    def in_part(self) -> str:
        """A sentence for who was cut short, empty for who was not."""
        return f"only a part of the disk was searched for SDKs: {self.cut_short}" if self.cut_short else ""


@dataclass
class Walk:
    """One root. `wanted` says of an entry, the path of its directory, and whether it is a directory, whether it is worth
    handing on; what is neither file nor directory, as a link is, is not.

    `left_out` are paths that are not gone into, as mount points are. `unreadable` says what may not be listed.
    """

    root: Path
    wanted: Callable[[os.DirEntry[str], str, bool], bool]
    budget: Budget
    left_out: Collection[str] = ()
    unreadable: list[str] = field(default_factory=list)
    _seen: set[tuple[int, int]] = field(default_factory=set)

    def below(self, start: str) -> Iterator[str]:
        """Paths of what is wanted below one directory, absolute within the root; directories are still gone into."""
        try:
            fd = pin(self.root, start)
        except FileUnreadable as trouble:
            self.unreadable.append(trouble.problem)
            return
        if fd is None:
            return
        try:
            status = os.fstat(fd)
            if stat.S_ISDIR(status.st_mode):
                yield from self._directory(fd, f"/{start.strip('/')}".rstrip("/"), status.st_dev, 0)
        finally:
            os.close(fd)

    def _directory(self, fd: int, path: str, device: int, depth: int) -> Iterator[str]:
        status = os.fstat(fd)
        # A directory can be reached by two starts; the same walk does not go into it twice.
        if status.st_dev != device or (status.st_dev, status.st_ino) in self._seen or depth > DEPTH_MAX:
            return
        self._seen.add((status.st_dev, status.st_ino))
        directories, found = self._listed(fd, path)
        yield from found
        for name in directories:
            if self.budget.cut_short:
                return
            if f"{path}/{name}" in self.left_out:
                continue
            try:
                inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
            except OSError as error:
                if error.errno in (errno.EACCES, errno.EPERM):
                    self.unreadable.append(f"{path}/{name}: {error.strerror}")
                continue  # it became a link, or is gone
            try:
                yield from self._directory(inner, f"{path}/{name}", device, depth + 1)
            finally:
                os.close(inner)

    def _listed(self, fd: int, path: str) -> tuple[Sequence[str], Sequence[str]]:
        """The directories to go into, and the paths of what is wanted. Links count as what they are: neither."""
        directories, found = [], []
        try:
            with os.scandir(f"/proc/thread-self/fd/{fd}") as entries:
                # One more than there is room for tells a directory that fits from one that does not.
                listed = list(itertools.islice(entries, self.budget.left + 1))
        except OSError as error:
            self.unreadable.append(f"{path or '/'}: {error.strerror}")
            return (), ()
        if not self.budget.take(len(listed)):
            return (), ()
        for entry in listed:
            is_directory = entry.is_dir(follow_symlinks=False)
            if is_directory and entry.name not in PRUNED:
                directories.append(entry.name)
            if self.wanted(entry, path, is_directory) and (is_directory or entry.is_file(follow_symlinks=False)):
                found.append(f"{path}/{entry.name}")
        return sorted(directories), sorted(found)
