"""Find a path below a root that somebody hostile may own, without ever being led out of it.

The kernel does it in one call where it has openat2(2), from 5.6 on; elsewhere, or where a filter of system calls keeps
it from us, each step starts from a directory that is held open.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

from imds_probe.errors import ProbeError

LINKS_MAX = 40  # what Linux itself follows in one look-up: path_resolution(7)
DEPTH_MAX = 128
SYS_OPENAT2 = 437  # the same on every architecture: <asm-generic/unistd.h>
RESOLVE_NO_XDEV, RESOLVE_NO_MAGICLINKS, RESOLVE_IN_ROOT = 0x01, 0x02, 0x10  # <linux/openat2.h>
# EAGAIN: something was renamed or mounted meanwhile, wherever on the machine; openat2(2). Those who do nothing else but
# that make us go by steps, which none of it can mislead.
TRIES = 8
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ESRCH)
UNANSWERED = (errno.EHOSTDOWN, errno.ETIMEDOUT)  # a share whose server is gone
GIVEN_UP = errno.ECANCELED  # a file that took whoever parsed it more time or memory than there is
_UNAVAILABLE = (errno.ENOSYS, errno.EPERM, errno.EINVAL, errno.E2BIG)
_LIBC = ctypes.CDLL(None, use_errno=True)


class FileUnreadable(ProbeError):
    """There is a file, but it cannot be read or makes no sense."""


class FileFailed(FileUnreadable):
    """Something keeps us from a file, as an error of the disk or missing rights: nobody knows what it says."""


class FileUnanswered(FileFailed):
    """What a file lies on does not answer, or reading it was given up: nobody knows what it says."""


def pin(root: Path, path: str) -> int | None:
    """An O_PATH descriptor of `path` below `root`, links followed as a process chrooted there would follow them.

    None where there is nothing. Raises FileUnreadable.
    """
    try:
        held = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        nothing_at(error, path)
        return None
    try:
        return pin_below(held, path, _either_way)
    finally:
        os.close(held)


def pin_below(root_fd: int, path: str, look_up: Callable[[int, str], int]) -> int | None:
    """The same below a directory that is held open. `look_up` is `by_steps`, or one like it."""
    if "\0" in path:
        raise FileUnreadable("a path with a NUL byte is nowhere")
    if not _encodable(path):
        raise FileUnreadable("a path is not valid text")
    if path.count("/") > DEPTH_MAX:
        raise FileUnreadable(f"{path[:200]} has too many symbolic links or is too deep")
    try:
        return look_up(root_fd, path)
    except OSError as error:
        nothing_at(error, path)
        return None


def given_up(path: str) -> str:
    """What is said of a file that was given up."""
    return f"{path[:200]} was not read: it takes more time or memory than there is for one file"


def nothing_at(error: OSError, path: str) -> None:
    """Return where there is nothing at a path; raise FileUnreadable where something keeps us from it."""
    if error.errno in _ABSENT:
        return
    if error.errno == errno.ELOOP:
        raise FileUnreadable(f"{path[:200]} has too many symbolic links or is too deep") from None
    if error.errno in UNANSWERED:
        raise FileUnanswered(f"{path[:200]} cannot be read: its file system does not answer") from None
    if error.errno == GIVEN_UP:
        raise FileUnanswered(given_up(path)) from None
    raise FileFailed(f"{path[:200]} cannot be looked up: {error.strerror}", "Run as root.") from None


def _either_way(root_fd: int, path: str) -> int:
    found = by_kernel(root_fd, path)
    return found if found is not None else by_steps(root_fd, path)


def by_kernel(root_fd: int, path: str) -> int | None:
    """With openat2; None where it is not to be had, or had no answer TRIES times. OSError as open(2)."""
    how = struct.pack("=QQQ", os.O_PATH | os.O_CLOEXEC, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    for _ in range(TRIES):
        fd = int(_LIBC.syscall(SYS_OPENAT2, root_fd, os.fsencode(path or "/"), how, len(how)))
        if fd >= 0:
            return fd
        number = ctypes.get_errno()
        if number in _UNAVAILABLE:
            return None
        if number != errno.EAGAIN:
            raise OSError(number, os.strerror(number), path)
    return None


def _everywhere(names: Sequence[str], part: str) -> None:
    """What `by_steps` calls before each step, where nobody wants to know of it."""


def by_steps(root_fd: int, path: str, stepping: Callable[[Sequence[str], str], None] = _everywhere) -> int:
    """Name by name, each from a directory that is held open. OSError as open(2).

    `stepping` is called before each step with the names that lead from the root to where it starts, free of links, and
    the name that comes next. What it raises ends the look-up.
    """
    return walked(root_fd, path, stepping)[0]


def real_path(root: Path, path: str) -> str | None:
    """`path` below `root` without links, as a process chrooted there would see it; None where there is nothing to see."""
    try:
        held = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError):  # ValueError: a NUL byte
        return None
    try:
        return real_path_below(held, path)
    finally:
        os.close(held)


def real_path_below(
    root_fd: int, path: str, stepping: Callable[[Sequence[str], str], None] = _everywhere
) -> str | None:
    """The same below a directory that is held open."""
    try:
        fd, names = walked(root_fd, path, stepping)
    except (OSError, ValueError):
        return None
    os.close(fd)
    return f"/{'/'.join(names)}"


def walked(root_fd: int, path: str, stepping: Callable[[Sequence[str], str], None]) -> tuple[int, list[str]]:
    """The same as by_steps, and the names that lead there from the root, free of links."""
    held = [os.dup(root_fd)]
    names: list[str] = []
    ahead = _parts(path)
    links = 0
    try:
        while ahead:
            part = ahead.pop()
            stepping(names, part)
            target = _step(held, part)
            if target is not None:
                links += 1
                if target.startswith("/"):
                    while len(held) > 1:
                        os.close(held.pop())
                ahead += _parts(target)
            elif len(held) > len(names) + 1:
                names.append(part)
            del names[len(held) - 1 :]
            if links > LINKS_MAX or len(held) > DEPTH_MAX:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        return held.pop(), names
    finally:
        for fd in held:
            os.close(fd)


def _encodable(path: str) -> bool:
    """JSON can spell halves of a pair of surrogates, which no name of a file has."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def _parts(path: str) -> list[str]:
    """Its names, the last first. A slash at the end asks for a directory, as a dot does."""
    parts = [part for part in path.split("/") if part]
    return [*(["."] if path.endswith("/") else []), *reversed(parts)]


def _step(held: list[int], part: str) -> str | None:
    """Go one name further from the last directory of `held`; for a link stay there and return where it leads."""
    if part in (".", ".."):
        if not stat.S_ISDIR(os.fstat(held[-1]).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), part)
        if part == ".." and len(held) > 1:  # /.. is / at the root
            os.close(held.pop())
        return None
    fd = os.open(part, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=held[-1])
    held.append(fd)
    if not stat.S_ISLNK(os.fstat(fd).st_mode):
        return None
    target = os.readlink("", dir_fd=fd)
    os.close(held.pop())
    return target
