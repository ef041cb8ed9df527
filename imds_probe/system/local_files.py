"""Files as this process itself opens them."""

from __future__ import annotations

import contextlib
import errno
import io
import itertools
import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from imds_probe.system import confined
from imds_probe.system.confined import FileFailed, FileUnreadable
from imds_probe.system.door import ENTRIES_MAX, File, FileStatus, Identity
from imds_probe.system.filesystem import FileSystem
from imds_probe.system.same_file import identity
from imds_probe.system.sought import Sought
from imds_probe.system.walk import Budget, Part, Walk
from imds_probe.system.walk_memory import WalkMemory

PIECE_BYTES = 65536


class LocalFile(io.FileIO, File):
    """A file that this process has open."""

    def status(self) -> FileStatus:
        return FileStatus.of(self.fileno())


class LocalFiles:
    """See door.Files. All of it goes by `pin`, which finds a path."""

    entries_max = ENTRIES_MAX

    def pin(self, root: Path, path: str) -> int | None:
        """See confined.pin."""
        return confined.pin(root, path)

    @contextlib.contextmanager
    def opened(self, root: Path, path: str) -> Iterator[LocalFile | None]:
        pinned = self.pin(root, path)
        if pinned is None:
            yield None
            return
        try:
            if not stat.S_ISREG(os.fstat(pinned).st_mode):
                raise FileUnreadable(f"{path} is not a regular file")
            # Only now is it opened for reading: the very file that was looked at, whatever its name leads to meanwhile.
            with LocalFile(open_at_once(f"/proc/thread-self/fd/{pinned}")) as file:
                yield file
        except OSError as error:
            raise FileFailed(f"{path} cannot be read: {error.strerror}", "Run as root.") from None
        finally:
            os.close(pinned)

    def contents(self, root: Path, paths: Sequence[str]) -> Mapping[str, tuple[bytes, FileStatus] | None]:
        del root, paths
        return {}

    def names(self, root: Path, path: str) -> tuple[str, ...]:
        pinned = self.pin(root, path)
        if pinned is None:
            return ()
        try:
            if not stat.S_ISDIR(os.fstat(pinned).st_mode):
                return ()
            found = []
            with os.scandir(f"/proc/thread-self/fd/{pinned}") as entries:
                for entry in entries:
                    found.append(entry.name)
                    if len(found) >= self.entries_max:
                        break
        except OSError as error:
            raise FileFailed(f"{path} cannot be listed: {error.strerror}", "Run as root.") from None
        finally:
            os.close(pinned)
        return tuple(sorted(found))

    def names_of(self, root: Path, paths: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        del root, paths
        return {}

    def status(self, root: Path, path: str) -> FileStatus | None:
        pinned = self.pin(root, path)
        if pinned is None:
            return None
        try:
            return FileStatus.of(pinned)
        finally:
            os.close(pinned)

    def file_system(self, root: Path, path: str) -> FileSystem | None:
        pinned = self.pin(root, path)
        if pinned is None:
            return None
        try:
            return FileSystem.of(pinned)
        except OSError as error:
            raise FileUnreadable(f"the file system of {path} says nothing of itself: {error.strerror}") from None
        finally:
            os.close(pinned)

    def looked_up(self, root: Path, paths: Sequence[str]) -> tuple[FileStatus | FileUnreadable | None, ...]:
        if len(paths) == 1:
            return (self._status_or_trouble(root, paths[0]),)
        by_directory: dict[str, dict[str, str]] = {}
        for path in paths:
            directory, _, name = path.rpartition("/")
            by_directory.setdefault(directory, {})[path] = name
        found: dict[str, FileStatus | FileUnreadable | None] = {}
        for directory, there in by_directory.items():
            found.update(self._statuses_in(root, directory or "/", there))
        return tuple(map(found.__getitem__, paths))

    def _statuses_in(
        self, root: Path, directory: str, there: Mapping[str, str]
    ) -> Iterator[tuple[str, FileStatus | FileUnreadable | None]]:
        """Of several paths in one directory, which is looked up once for all of them, by their names in it."""
        try:
            pinned = self.pin(root, directory)
        except FileUnreadable as trouble:
            yield from ((path, trouble) for path in there)
            return
        if pinned is None:
            yield from ((path, None) for path in there)
            return
        try:
            for path, name in there.items():
                yield path, self._status_in(root, pinned, path, name)
        finally:
            os.close(pinned)

    def _status_in(self, root: Path, pinned: int, path: str, name: str) -> FileStatus | FileUnreadable | None:
        # What leads elsewhere is looked up as a whole: links, and names that are none.
        if name in ("", ".", "..") or "\0" in name:
            return self._status_or_trouble(root, path)
        try:
            self.stepping(root, path)
            status = os.stat(name, dir_fd=pinned, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            return self._status_or_trouble(root, path)
        return self._status_or_trouble(root, path) if stat.S_ISLNK(status.st_mode) else FileStatus.made(status)

    def stepping(self, root: Path, path: str) -> None:
        """Called before a path is touched whose directory is held. Raises OSError where it must not be."""

    def _status_or_trouble(self, root: Path, path: str) -> FileStatus | FileUnreadable | None:
        try:
            return self.status(root, path)
        except FileUnreadable as trouble:
            return trouble

    def real_path(self, root: Path, path: str) -> str | None:
        return confined.real_path(root, path)

    @contextlib.contextmanager
    def program(self, proc: Path, pid: int) -> Iterator[LocalFile]:
        with LocalFile(open_at_once(proc / str(pid) / "exe")) as file:
            yield file

    def head(self, path: Path, limit_bytes: int) -> bytes:
        return head(path, limit_bytes)

    def pieces(self, path: Path, limit_bytes: int) -> bytes:
        with _at_once(path) as descriptor:
            return all_of(descriptor, limit_bytes)

    def link(self, path: Path) -> str:
        return os.readlink(path)

    def several(
        self, directory: Path, files: Sequence[tuple[str, int]], links: Sequence[str]
    ) -> tuple[bytes | OSError, ...]:
        try:
            held = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            return (error,) * (len(files) + len(links))
        try:
            return several_in(held, files, links)
        finally:
            os.close(held)

    def links(self, directory: Path, most: int) -> tuple[str, ...]:
        held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return links_in(held, most)
        finally:
            os.close(held)

    def roots_of(self, proc: Path, pids: Sequence[int]) -> tuple[Identity | None, ...]:
        return tuple(identity(f"{proc}/{pid}/root") for pid in pids)

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
        return Walk(lambda path: self.pin(root, path), sought, budget, left_out, memory=memory).parts(starts)


def all_of(descriptor: int, limit_bytes: int) -> bytes:
    """What is read from there to the end, which a file of /proc hands out a page at a time, or to the limit."""
    content = bytearray()
    while (left := limit_bytes - len(content)) and (chunk := os.read(descriptor, min(left, PIECE_BYTES))):
        content += chunk
    return bytes(content)


def several_in(directory: int, files: Sequence[tuple[str, int]], links: Sequence[str]) -> tuple[bytes | OSError, ...]:
    """See small_file.read_several; `directory` is held open. Nothing that lies elsewhere is read, by whatever name."""
    found: list[bytes | OSError] = []
    for name, limit_bytes in files:
        try:
            with _at_once(_of_one(name), directory, os.O_NOFOLLOW) as descriptor:
                found.append(all_of(descriptor, limit_bytes))
        except OSError as error:
            found.append(error)
    for name in links:
        try:
            found.append(os.fsencode(os.readlink(_of_one(name), dir_fd=directory)))
        except OSError as error:
            found.append(error)
    return tuple(found)


def _of_one(name: str) -> str:
    """A name that stands for something in the directory itself. Raises OSError for any other."""
    if "/" in name:
        raise OSError(errno.EINVAL, "not the name of one file", name)
    return name


def links_in(directory: int, most: int) -> tuple[str, ...]:
    """See small_file.read_links; `directory` is held open."""
    found = []
    with os.scandir(f"/proc/thread-self/fd/{directory}") as entries:
        for entry in itertools.islice(entries, most):
            with contextlib.suppress(OSError):
                found.append(os.readlink(entry.name, dir_fd=directory))
    return tuple(found)


def head(path: Path | str, limit_bytes: int, directory: int | None = None) -> bytes:
    """See small_file.read_head."""
    with _at_once(path, directory) as descriptor:
        return os.read(descriptor, limit_bytes)


@contextlib.contextmanager
def _at_once(path: Path | str, directory: int | None = None, flags: int = 0) -> Iterator[int]:
    """A regular file. A FIFO or device, which could block for ever, is an OSError."""
    descriptor = open_at_once(path, directory, flags)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        yield descriptor
    finally:
        os.close(descriptor)


def open_at_once(path: str | Path, directory: int | None = None, flags: int = 0) -> int:
    """A descriptor for reading, without waiting for whoever would write to a FIFO. Raises OSError."""
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | flags, dir_fd=directory)
