"""The directory that a sink writes to: one where nobody else can steer what root writes; and what is said where it fails."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imds_probe.sinks.sink import SinkError


@contextmanager
def output_directory(file: Path, setting: str, *, create: int | None = None) -> Iterator[int]:
    """The directory of `file`, open. `create`: made with that mode where only itself is missing.

    Neither a link, which may have been turned elsewhere, nor one of another user than root and us, nor one that everybody
    may write without the sticky bit. Raises SinkError for that, and for each OSError of what is done with the directory: it
    names the file and `setting`, the key that says where it goes.
    """
    directory = file.parent
    with said(file, setting):
        if create is not None:
            with contextlib.suppress(FileExistsError):
                os.mkdir(directory, create)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            _check(os.fstat(descriptor), file, setting)
            yield descriptor
        finally:
            os.close(descriptor)


@contextmanager
def said(file: Path, setting: str) -> Iterator[None]:
    """Turns an OSError into a SinkError that says which file, why, and what to do."""
    try:
        yield
    except OSError as error:
        raise SinkError(f"{file} cannot be written: {error.strerror}", _remedy(error, file, setting)) from None


def _check(found: os.stat_result, file: Path, setting: str) -> None:
    if found.st_uid not in (0, os.geteuid()):
        raise SinkError(
            f"{file} is not written: {file.parent} has a wrong owner, user {found.st_uid}",
            f"Give the directory to root (chown root), or set {setting} to another.",
        )
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        raise SinkError(
            f"{file} is not written: everybody may write to {file.parent}",
            f"Take that right away (chmod o-w), or set {setting} to another directory.",
        )


def _remedy(error: OSError, file: Path, setting: str) -> str:
    otherwise = f"or set {setting} to another place"
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"Free space in {file.parent}, {otherwise}."
        case errno.EROFS:
            return f"Mount {file.parent} writable, {otherwise}."
        case errno.EACCES | errno.EPERM:
            return f"Run as root, {otherwise}."
        case errno.ENOENT:
            return f"Create the directory {file.parent}, {otherwise}."
        case errno.ENOTDIR | errno.ELOOP:
            return f"Set {setting} to a directory itself, not to a link or something below one."
        case errno.EEXIST:
            return f"Remove {file}, {otherwise}."
        case _:
            return f"Check {file.parent}, {otherwise}."
