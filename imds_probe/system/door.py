"""The one door to files that strangers may own, and who stands behind it: this process itself, or one that opens for it."""

from __future__ import annotations

import abc
import contextlib
import io
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from imds_probe.system.confined import FileUnreadable
from imds_probe.system.filesystem import FileSystem
from imds_probe.system.sought import Sought
from imds_probe.system.walk import Budget, Part
from imds_probe.system.walk_memory import WalkMemory

BUFFER_BYTES = 64 * 1024
ENTRIES_MAX = 20_000
Identity = tuple[int, int, int]  # of a file: the two numbers of its device, and its inode


class FileStatus(msgspec.Struct, array_like=True, frozen=True, tag="status", gc=False):
    """Of what stat(2) says of a file, the fields that anybody asks for, under the names that os.stat_result has. Thousands of
    them go from one process to another.
    """

    st_mode: int
    st_dev: int
    st_ino: int
    st_size: int
    st_mtime_ns: int
    st_ctime_ns: int  # which, unlike all others, nobody can set
    st_uid: int

    @staticmethod
    def of(descriptor: int) -> FileStatus:
        """What fstat(2) says. Raises OSError."""
        return FileStatus.made(os.fstat(descriptor))

    @staticmethod
    def made(status: os.stat_result) -> FileStatus:
        """Of all that stat(2) says."""
        return FileStatus(
            status.st_mode,
            status.st_dev,
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
            status.st_uid,
        )


class File(io.RawIOBase):
    """A regular file, open for reading and seeking, unbuffered; os.SEEK_DATA is known to it where the file system knows
    where nothing was ever written.
    """

    @abc.abstractmethod
    def status(self) -> FileStatus:
        """What fstat(2) says of it."""


class Files(Protocol):
    """The ways in. A root is a directory that somebody hostile may own: nothing leads out of it, and nothing blocks."""

    def opened(self, root: Path, path: str) -> AbstractContextManager[File | None]:
        """See rootfs.opened."""

    def contents(self, root: Path, paths: Sequence[str]) -> Mapping[str, tuple[bytes, FileStatus] | None]:
        """Regular files that are small, with all their bytes; None for what there is not. What else is to be said of a path is
        said to who opens it, and so is everything where opening one costs no more than asking for many.
        """

    def names(self, root: Path, path: str) -> tuple[str, ...]:
        """See rootfs.names."""

    def names_of(self, root: Path, paths: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """What directories hold; not of those of which there is more to be said, nor of any where asking for many saves nothing."""

    def status(self, root: Path, path: str) -> FileStatus | None:
        """See rootfs.status."""

    def file_system(self, root: Path, path: str) -> FileSystem | None:
        """See rootfs.file_system."""

    def looked_up(self, root: Path, paths: Sequence[str]) -> tuple[FileStatus | FileUnreadable | None, ...]:
        """See rootfs.looked_up."""

    def real_path(self, root: Path, path: str) -> str | None:
        """See rootfs.real_path."""

    def program(self, proc: Path, pid: int) -> AbstractContextManager[File]:
        """See rootfs.program."""

    def head(self, path: Path, limit_bytes: int) -> bytes:
        """See small_file.read_head."""

    def pieces(self, path: Path, limit_bytes: int) -> bytes:
        """See small_file.read_pieces."""

    def link(self, path: Path) -> str:
        """See small_file.read_link."""

    def several(
        self, directory: Path, files: Sequence[tuple[str, int]], links: Sequence[str]
    ) -> tuple[bytes | OSError, ...]:
        """See small_file.read_several."""

    def links(self, directory: Path, most: int) -> tuple[str, ...]:
        """See small_file.read_links."""

    def roots_of(self, proc: Path, pids: Sequence[int]) -> tuple[Identity | None, ...]:
        """See rootfs.roots_of."""

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
        """See rootfs.walk."""


@contextlib.contextmanager
def buffered(file: File) -> Iterator[BinaryIO]:
    """The same file for many small reads. It is still open afterwards."""
    reader = io.BufferedReader(file, BUFFER_BYTES)
    try:
        yield reader
    finally:
        reader.detach()
