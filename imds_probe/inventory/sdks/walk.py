"""Walk directories below a root that somebody hostile may own, within a budget of time and entries.

Only what has a name that a recogniser looks for is handed on; nothing is opened but directories. One file system at a
time: what is mounted below (network shares, other disks, /proc) is left out, and said where it is a place of its own.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imds_probe.confined import FileUnreadable, pin

DEPTH_MAX = 24  # below where it starts; a node_modules of a node_modules takes two
PRUNED = frozenset({".git", ".hg", ".svn", "proc", "sys", "dev"})


@dataclass
class Budget:
    """What a walk may cost at most. `deadline` is a time.monotonic; `left` counts directory entries."""

    deadline: float
    left: int
    cut_short: str = ""  # why, once it is spent

    def take(self, entries: int) -> bool:
        """Whether there is room for so many more."""
        if time.monotonic() > self.deadline:
            self.cut_short = self.cut_short or "the time for it was over"
        elif self.left < entries:
            self.cut_short = self.cut_short or "there were too many files"
        else:
            self.left -= entries
            return True
        return False


@dataclass
class Walk:
    """One root. `wanted` says of a name whether it is worth handing on, `is_directory` with it."""

    root: Path
    wanted: Callable[[str, bool], bool]
    budget: Budget
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
                yield from self._directory(fd, start.rstrip("/"), status.st_dev, 0)
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
            entries = os.scandir(f"/proc/thread-self/fd/{fd}")
        except OSError as error:
            self.unreadable.append(f"{path or '/'}: {error.strerror}")
            return (), ()
        with entries:
            for entry in entries:
                if not self.budget.take(1):
                    break
                is_directory = entry.is_dir(follow_symlinks=False)
                if self.wanted(entry.name, is_directory) and (is_directory or entry.is_file(follow_symlinks=False)):
                    found.append(f"{path}/{entry.name}")
                if is_directory and entry.name not in PRUNED:
                    directories.append(entry.name)
        return sorted(directories), sorted(found)
