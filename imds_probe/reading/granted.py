"""Files below the roots that the run granted, and nowhere else; each step is said before it is made."""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import field
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.reading.whereabouts import Whereabouts
from imds_probe.system import confined
from imds_probe.system.door import Identity
from imds_probe.system.local_files import LocalFile, LocalFiles, all_of, links_in, open_at_once, several_in
from imds_probe.system.same_file import identity
from imds_probe.system.sought import Sought
from imds_probe.system.walk import Budget, Part, Walk
from imds_probe.system.walk_memory import WalkMemory

HELD_MAX = 8  # directories: who follows imports goes to and fro between some
DEAD = errno.EHOSTDOWN  # what is known not to answer is not touched


@dataclass(frozen=True)
class _Directory:
    """One that is held open, with the names that lead to it."""

    fd: int
    names: Sequence[str]


@dataclass
class _Root:
    """A granted root by its name: `refused` and `given_up` are paths within it, `fd` is of its directory once somebody has asked
    below it, `directories` those where what was looked up lately lies, by the paths asked for, the last one last.
    """

    name: bytes
    refused: frozenset[bytes]
    given_up: frozenset[bytes]
    fd: int | None = None
    directories: dict[str, _Directory] = field(default_factory=dict)

    def hold(self, path: str, directory: _Directory) -> None:
        """Hold a directory, in the place of the one that was not asked for the longest."""
        self.directories[path] = directory
        if len(self.directories) > HELD_MAX:
            self.let_go(next(iter(self.directories)))

    def let_go(self, path: str) -> None:
        """Hold this directory no longer."""
        os.close(self.directories.pop(path).fd)

    def leave(self) -> None:
        """Hold no directory below it."""
        for path in list(self.directories):
            self.let_go(path)


class Granted(LocalFiles):
    """Roots are known by the paths that the run calls them by. Links of /proc that lead anywhere are taken as texts."""

    def __init__(self, whereabouts: Whereabouts) -> None:
        self._whereabouts = whereabouts
        self._roots: dict[str, _Root] = {}
        self._pinned: Sequence[str] | None = None  # the names that lead, without links, to what was found last

    def grant(self, root: str, refused: Sequence[bytes], given_up: Sequence[bytes]) -> None:
        """See worker_messages.Grant."""
        self._forget(root)
        self._roots[root] = _Root(os.fsencode(root), frozenset(refused), frozenset(given_up))

    def revoke(self) -> None:
        """See worker_messages.Revoke."""
        for root in list(self._roots):
            self._forget(root)

    @property
    def real(self) -> bytes | None:
        """The path without links of what was looked up last; None where there was nothing."""
        return None if self._pinned is None else os.fsencode(f"/{'/'.join(self._pinned)}")

    def pin(self, root: Path, path: str) -> int | None:
        self._pinned = None
        try:
            held, stepping = self._below(root)
        except OSError as error:
            confined.nothing_at(error, path)
            return None
        granted = self._granted(root)

        def look_up(fd: int, at: str) -> int:
            found, names = _beside_others(granted, fd, at, stepping)
            self._pinned = names
            return found

        return confined.pin_below(held, path, look_up)

    @property
    def holds(self) -> bool:
        """Whether there is a directory that is only held because the next path may lie there, too."""
        return any(granted.directories for granted in self._roots.values())

    def leave(self) -> None:
        """Hold none: what is held cannot be unmounted."""
        for granted in self._roots.values():
            granted.leave()

    def stepping(self, root: Path, path: str) -> None:
        granted = self._granted(root)
        if granted.refused or granted.given_up:
            # These are known by names without links, which only a look-up of the whole path comes by.
            raise OSError(DEAD, "it is looked up as a whole", path)
        self._step(granted, path.lstrip("/"))

    def real_path(self, root: Path, path: str) -> str | None:
        try:
            held, stepping = self._below(root)
        except OSError:
            return None
        return confined.real_path_below(held, path, stepping)

    def head_below(self, root: Path, path: str, limit_bytes: int) -> bytes:
        """See small_file.read_pieces: to its end, if that comes before the limit."""
        with self._held(root, path) as pinned:
            if not stat.S_ISREG(os.fstat(pinned).st_mode):
                raise OSError(errno.EINVAL, "not a regular file", path)
            with LocalFile(open_at_once(f"/proc/thread-self/fd/{pinned}")) as file:
                return all_of(file.fileno(), limit_bytes)

    def link_below(self, root: Path, path: str) -> str:
        """See small_file.read_link."""
        directory, name = posixpath.split(path)
        with self._held(root, directory) as pinned:
            self._step(self._granted(root), path.lstrip("/"))
            return os.readlink(name, dir_fd=pinned)

    @contextlib.contextmanager
    def program(self, proc: Path, pid: int) -> Iterator[LocalFile]:
        with self._held(proc, str(pid)) as pinned:
            self._step(self._granted(proc), f"{pid}/exe")
            with LocalFile(open_at_once("exe", pinned)) as file:
                yield file

    def several_below(
        self, root: Path, directory: str, files: Sequence[tuple[str, int]], links: Sequence[str]
    ) -> tuple[bytes | OSError, ...]:
        """See small_file.read_several. Raises OSError where there is no such directory."""
        with self._held(root, directory) as pinned:
            found: list[bytes | OSError] = []
            for file in files:
                self._step(self._granted(root), f"{directory.lstrip('/')}/{file[0]}")
                found += several_in(pinned, (file,), ())
            for link in links:
                self._step(self._granted(root), f"{directory.lstrip('/')}/{link}")
                found += several_in(pinned, (), (link,))
            return tuple(found)

    def links_below(self, root: Path, directory: str, most: int) -> tuple[str, ...]:
        """See small_file.read_links."""
        with self._held(root, directory) as pinned:
            opened = os.open(f"/proc/thread-self/fd/{pinned}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                return links_in(opened, most)
            finally:
                os.close(opened)

    def roots_of(self, proc: Path, pids: Sequence[int]) -> tuple[Identity | None, ...]:
        held, _ = self._below(proc)
        return tuple(self._root_of(proc, held, pid) for pid in pids)

    def _root_of(self, proc: Path, held: int, pid: int) -> Identity | None:
        try:
            self._step(self._granted(proc), f"{pid}/root")
        except OSError:
            return None
        return identity(f"{pid}/root", held)

    def walk(
        self,
        root: Path,
        starts: Sequence[str],
        sought: Sought,
        budget: Budget,
        left_out: Collection[str],
        *,
        memory: WalkMemory,
    ) -> Iterator[Part]:
        granted = self._granted(root)

        def stepping(path: str) -> None:
            self._step(granted, path.lstrip("/"))

        return Walk(lambda path: self.pin(root, path), sought, budget, left_out, stepping, memory).parts(starts)

    @contextlib.contextmanager
    def _held(self, root: Path, path: str) -> Iterator[int]:
        """A descriptor of what is there. Raises OSError."""
        held, stepping = self._below(root)
        pinned = confined.by_steps(held, path, stepping)
        try:
            yield pinned
        finally:
            os.close(pinned)

    def _below(self, root: Path) -> tuple[int, Callable[[Sequence[str], str], None]]:
        granted = self._granted(root)
        if granted.fd is None:
            self._step(granted, "")
            granted.fd = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

        def stepping(names: Sequence[str], part: str) -> None:
            self._step(granted, f"{'/'.join(names)}/{part}" if names else part)

        return granted.fd, stepping

    def _granted(self, root: Path) -> _Root:
        granted = self._roots.get(str(root))
        if granted is None:
            raise OSError(errno.EPERM, "it was not granted", str(root))
        return granted

    def _step(self, granted: _Root, path: str) -> None:
        where = f"/{path}".encode("utf-8", "surrogateescape")
        self._whereabouts.put(granted.name, where)
        if where in granted.refused:
            raise OSError(DEAD, "it did not answer before", path)
        if where in granted.given_up:
            raise OSError(confined.GIVEN_UP, "it was given up", path)

    def _forget(self, root: str) -> None:
        gone = self._roots.pop(root, None)
        if gone is not None:
            gone.leave()
        if gone is not None and gone.fd is not None:
            os.close(gone.fd)


def _beside_others(
    granted: _Root, root_fd: int, path: str, stepping: Callable[[Sequence[str], str], None]
) -> tuple[int, Sequence[str]]:
    """See confined.walked. Files are asked for directory by directory, and each is looked up once for all that lie there."""
    directory, _, name = path.rpartition("/")
    if name in ("", ".", ".."):
        return confined.walked(root_fd, path, stepping)
    held = granted.directories.pop(directory, None)
    known = held is not None
    if held is None:
        held = _Directory(*confined.walked(root_fd, directory, stepping))
    granted.hold(directory, held)
    stepping(held.names, name)
    try:
        found = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=held.fd)
    except OSError:
        if not known:
            raise
        granted.let_go(directory)  # there may be another directory of that name by now
        return confined.walked(root_fd, path, stepping)
    if not stat.S_ISLNK(os.fstat(found).st_mode):
        return found, (*held.names, name)
    os.close(found)
    return confined.walked(root_fd, path, stepping)
