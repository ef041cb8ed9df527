"""Writing a file whole: beside its place, then renamed. Nobody reads half a file, and a link that was planted under its name
is replaced, never followed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUFFIX = ".new"  # of the temporary name: what reads whole directories takes .json or .prom
LEFT_OVER_AFTER_S = 3600.0


def replace(path: Path, content: bytes, mode: int | None = None) -> None:
    """Write a file in whichever directory, with `mode`, or that of any new file (0644 less the umask).

    Raises OSError; then what was there before is there still, and nothing else.
    """
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        replace_in(directory, path.name, content, mode)
    finally:
        os.close(directory)


def replace_in(directory: int, name: str, content: bytes, mode: int | None = None) -> None:
    """The same below an open directory. `mode` is kept to whatever the umask. Raises OSError."""
    check_replaceable(directory, name)
    with written_beside(directory, name, content, mode) as temporary:
        os.replace(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)


def check_replaceable(directory: int, name: str) -> None:
    """Raises OSError where a directory, a device or a FIFO has the name: root would replace /dev/null as well."""
    with contextlib.suppress(FileNotFoundError):
        found = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
        if not stat.S_ISREG(found) and not stat.S_ISLNK(found):
            raise OSError(errno.EEXIST, "what is there is no file", name)


@contextmanager
def written_beside(directory: int, name: str, content: bytes, mode: int | None = None) -> Iterator[str]:
    """Write and sync a file that is then to be renamed to `name`; gives its temporary name. Raises OSError.

    What was not renamed by the end is removed.
    """
    remove_left_over(directory, f".{name}.")
    temporary = f".{name}.{secrets.token_hex(4)}{SUFFIX}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o644 if mode is None else mode, dir_fd=directory)
    try:
        with open(descriptor, "wb") as file:
            if mode is not None:
                os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        yield temporary
    finally:
        _remove(directory, temporary)


def remove_left_over(directory: int, prefix: str) -> None:
    """What writers left that were killed, under temporary names that begin so. A directory that may be written but not read
    keeps it. Raises OSError.
    """
    with contextlib.suppress(PermissionError):
        readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
        try:
            for found in os.listdir(readable):
                if found.startswith(prefix) and found.endswith(SUFFIX) and _is_left_over(readable, found):
                    _remove(readable, found)
        finally:
            os.close(readable)


def _is_left_over(directory: int, name: str) -> bool:
    with contextlib.suppress(FileNotFoundError):
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
        return ours and time.time() - found.st_mtime > LEFT_OVER_AFTER_S
    return False


def _remove(directory: int, name: str) -> None:
    with contextlib.suppress(OSError):  # it is gone, or the error that led here says more
        os.unlink(name, dir_fd=directory)
