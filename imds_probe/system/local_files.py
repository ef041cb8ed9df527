"""Files as this process itself opens them."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from imds_probe.system import confined
from imds_probe.system.confined import FileUnreadable
from imds_probe.system.door import ENTRIES_MAX, File, FileStatus

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
            raise FileUnreadable(f"{path} cannot be read: {error.strerror}", "Run as root.") from None
        finally:
            os.close(pinned)

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
            raise FileUnreadable(f"{path} cannot be listed: {error.strerror}", "Run as root.") from None
        finally:
            os.close(pinned)
        return tuple(sorted(found))

    def status(self, root: Path, path: str) -> FileStatus | None:
        pinned = self.pin(root, path)
        if pinned is None:
            return None
        try:
            return FileStatus.of(pinned)
        finally:
            os.close(pinned)

    def statuses(self, root: Path, paths: Sequence[str]) -> tuple[FileStatus | None, ...]:
        return tuple(self._status_or_none(root, path) for path in paths)

    def _status_or_none(self, root: Path, path: str) -> FileStatus | None:
        try:
            return self.status(root, path)
        except FileUnreadable:
            return None

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


def all_of(descriptor: int, limit_bytes: int) -> bytes:
    """What is read from there to the end, which a file of /proc hands out a page at a time, or to the limit."""
    content = bytearray()
    while (left := limit_bytes - len(content)) and (chunk := os.read(descriptor, min(left, PIECE_BYTES))):
        content += chunk
    return bytes(content)


def head(path: Path | str, limit_bytes: int, directory: int | None = None) -> bytes:
    """See small_file.read_head."""
    with _at_once(path, directory) as descriptor:
        return os.read(descriptor, limit_bytes)


@contextlib.contextmanager
def _at_once(path: Path | str, directory: int | None = None) -> Iterator[int]:
    """A regular file. A FIFO or device, which could block for ever, is an OSError."""
    descriptor = open_at_once(path, directory)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        yield descriptor
    finally:
        os.close(descriptor)


def open_at_once(path: str | Path, directory: int | None = None) -> int:
    """A descriptor for reading, without waiting for whoever would write to a FIFO. Raises OSError."""
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=directory)
