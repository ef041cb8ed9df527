"""Read files below a root that somebody hostile may own: bounded, never led out of it, never blocked.

Whoever reads need not be who opens: `behind` puts another process's files behind these functions.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from imds_probe.system.confined import FileUnreadable
from imds_probe.system.door import File, Files, FileStatus, Identity, buffered
from imds_probe.system.filesystem import FileSystem
from imds_probe.system.local_files import LocalFiles
from imds_probe.system.sought import Sought
from imds_probe.system.walk import Budget, Part
from imds_probe.system.walk_memory import WalkMemory

__all__ = [
    "FileUnreadable",
    "ahead",
    "behind",
    "buffered",
    "file_system",
    "files",
    "looked_up",
    "names",
    "names_ahead",
    "opened",
    "program",
    "read",
    "read_json",
]
__all__ += ["read_by", "real_path", "roots_of", "status", "statuses", "walk"]
LIMIT_BYTES = 1024 * 1024
PIECE_BYTES = 1024 * 1024  # room is made for as much as is asked for, however short the file
_files: Files = LocalFiles()


def behind(files: Files) -> None:
    """From now on, all that this process reads by these functions and by small_file's comes from `files`."""
    global _files  # noqa: PLW0603 - one door in a process, and it is changed once in a process's life
    _files = files


@contextlib.contextmanager
def read_by(files: Files) -> Iterator[None]:
    """The same for as long as the `with` block lasts."""
    before = _files
    behind(files)
    try:
        yield
    finally:
        behind(before)


def files() -> Files:
    """What stands behind these functions."""
    return _files


def opened(root: Path, path: str) -> AbstractContextManager[File | None]:
    """A regular file below `root`, open for reading and seeking, unbuffered; None where there is none.

    Links are followed as a process chrooted to `root` would follow them. Raises FileUnreadable, also for trouble with
    reading from it.
    """
    return _files.opened(root, path)


def ahead(root: Path, paths: Sequence[str]) -> Mapping[str, bytes]:
    """These files are opened next: where another process opens them, and what it says is held, all come with one answer. The
    contents of those that came.
    """
    return {path: held[0] for path, held in _files.contents(root, paths).items() if held is not None}


def names_ahead(root: Path, directories: Sequence[str]) -> None:
    """The same of directories that are listed next."""
    _files.names_of(root, directories)


def read(
    root: Path, path: str, limit_bytes: int = LIMIT_BYTES, *, owners: Collection[int] | None = None
) -> bytes | None:
    """The content of a regular file below `root`, None where there is none; see `opened`. `owners` as for read_json."""
    with opened(root, path) as file:
        if file is None:
            return None
        owner = file.status().st_uid
        if owners is not None and owner not in owners:
            raise FileUnreadable(f"{path} belongs to user {owner} and is ignored")
        chunks, left = [], limit_bytes + 1
        while left and (chunk := file.read(min(left, PIECE_BYTES))):
            chunks.append(chunk)
            left -= len(chunk)
    if not left:
        raise FileUnreadable(f"{path} has more than {limit_bytes} bytes")
    return b"".join(chunks)


def status(root: Path, path: str) -> FileStatus | None:
    """What fstat(2) says of a path below `root`, links followed; None where there is nothing. Raises FileUnreadable."""
    return _files.status(root, path)


def file_system(root: Path, path: str) -> FileSystem | None:
    """The file system that a path below `root` is on, links followed; None where there is nothing. Raises FileUnreadable."""
    return _files.file_system(root, path)


def statuses(root: Path, paths: Sequence[str]) -> tuple[FileStatus | None, ...]:
    """The same of several paths in one go; None also for what cannot be looked up."""
    return tuple(each if isinstance(each, FileStatus) else None for each in looked_up(root, paths))


def looked_up(root: Path, paths: Sequence[str]) -> tuple[FileStatus | FileUnreadable | None, ...]:
    """The same of several paths in one go, with what keeps us from those that cannot be looked up."""
    return _files.looked_up(root, paths)


def read_json(
    root: Path, path: str, limit_bytes: int = LIMIT_BYTES, *, owners: Collection[int] | None = None
) -> object:
    """The JSON value in a file below `root`, None where there is no file. Raises FileUnreadable, also for a file of another
    user than `owners`, where any are given.
    """
    content = read(root, path, limit_bytes, owners=owners)
    if content is None:
        return None
    try:
        value: object = json.loads(content)
    except (ValueError, RecursionError):  # nesting without end is as malformed as a missing bracket
        raise FileUnreadable(f"{path} is not JSON") from None
    return value


def names(root: Path, path: str) -> tuple[str, ...]:
    """What a directory below `root` holds, sorted; empty where there is none. Raises FileUnreadable."""
    return _files.names(root, path)


def real_path(root: Path, path: str) -> str | None:
    """`path` below `root` without links, as a process chrooted there would see it; None where there is nothing to see."""
    return _files.real_path(root, path)


def program(proc: Path, pid: int) -> AbstractContextManager[File]:
    """The file that a process runs, whatever stands under its name by now. Raises OSError."""
    return _files.program(proc, pid)


def roots_of(proc: Path, pids: Sequence[int]) -> tuple[Identity | None, ...]:
    """Which root directory each process has, by what the kernel knows of it; None where it hides that, or has ended.

    Raises OSError where nothing can be looked up.
    """
    return _files.roots_of(proc, pids)


def walk(
    root: Path,
    starts: Sequence[str],
    sought: Sought,
    budget: Budget,
    left_out: Collection[str] = (),
    *,
    memory: WalkMemory | None = None,
) -> Iterator[Part]:
    """What is sought below these directories, one file system at a time, until the budget is spent; see walk.Walk. There may
    be a pause between two parts. `memory` is what an earlier walk has left for this one.
    """
    return _files.walk(root, starts, sought, budget, left_out, memory=memory or WalkMemory())
