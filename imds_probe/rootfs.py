"""Read files below a root that somebody hostile may own: bounded, never led out of it, never blocked."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from imds_probe.errors import ProbeError

LIMIT_BYTES = 1024 * 1024
ENTRIES_MAX = 20_000
LINKS_MAX = 40  # what Linux itself follows in one look-up: path_resolution(7)
DEPTH_MAX = 128
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ESRCH)


class FileUnreadable(ProbeError):
    """There is a file, but it cannot be read or makes no sense."""


@contextlib.contextmanager
def opened(root: Path, path: str) -> Iterator[BinaryIO | None]:
    """A regular file below `root`, open for reading and seeking, unbuffered; None where there is none.

    Links are followed as a process chrooted to `root` would follow them. Raises FileUnreadable, also for trouble with
    reading from it.
    """
    pinned = _pin(root, path)
    if pinned is None:
        yield None
        return
    try:
        if not stat.S_ISREG(os.fstat(pinned).st_mode):
            raise FileUnreadable(f"{path} is not a regular file")
        # Only now is it opened for reading: the very file that was looked at, whatever its name leads to meanwhile.
        with open(f"/proc/thread-self/fd/{pinned}", "rb", buffering=0, opener=_open_at_once) as file:
            yield file
    except OSError as error:
        raise FileUnreadable(f"{path} cannot be read: {error.strerror}", "Run as root.") from None
    finally:
        os.close(pinned)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def read(root: Path, path: str, limit_bytes: int = LIMIT_BYTES) -> bytes | None:
    """The content of a regular file below `root`, None where there is none; see `opened`."""
    with opened(root, path) as file:
        if file is None:
            return None
        content = bytearray()
        while len(content) <= limit_bytes and (chunk := file.read(limit_bytes + 1 - len(content))):
            content += chunk
    if len(content) > limit_bytes:
        raise FileUnreadable(f"{path} has more than {limit_bytes} bytes")
    return bytes(content)


def status(root: Path, path: str) -> os.stat_result | None:
    """What fstat(2) says of a path below `root`, links followed; None where there is nothing. Raises FileUnreadable."""
    pinned = _pin(root, path)
    if pinned is None:
        return None
    try:
        return os.fstat(pinned)
    finally:
        os.close(pinned)


def read_json(root: Path, path: str, limit_bytes: int = LIMIT_BYTES) -> object:
    """The JSON value in a file below `root`, None where there is no file. Raises FileUnreadable."""
    content = read(root, path, limit_bytes)
    if content is None:
        return None
    try:
        value: object = json.loads(content)
    except (ValueError, RecursionError):  # nesting without end is as malformed as a missing bracket
        raise FileUnreadable(f"{path} is not JSON") from None
    return value


def names(root: Path, path: str) -> tuple[str, ...]:
    """What a directory below `root` holds, sorted; empty where there is none. Raises FileUnreadable."""
    pinned = _pin(root, path)
    if pinned is None:
        return ()
    try:
        if not stat.S_ISDIR(os.fstat(pinned).st_mode):
            return ()
        found = []
        with os.scandir(f"/proc/thread-self/fd/{pinned}") as entries:
            for entry in entries:
                found.append(entry.name)
                if len(found) >= ENTRIES_MAX:
                    break
    except OSError as error:
        raise FileUnreadable(f"{path} cannot be listed: {error.strerror}", "Run as root.") from None
    finally:
        os.close(pinned)
    return tuple(sorted(found))


def _pin(root: Path, path: str) -> int | None:
    """An O_PATH descriptor of `path` below `root`, found step by step: each step starts from a directory held open."""
    held: list[int] = []
    ahead = [part for part in reversed(path.split("/")) if part]
    links = 0
    try:
        held.append(os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
        while ahead:
            part = ahead.pop()
            target = _step(held, part)
            if target is not None:
                links += 1
                if target.startswith("/"):
                    while len(held) > 1:
                        os.close(held.pop())
                ahead.extend(part for part in reversed(target.split("/")) if part)
            if links > LINKS_MAX or len(held) > DEPTH_MAX:
                raise FileUnreadable(f"{path} has too many links or is too deep")
        return held.pop()
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise FileUnreadable(f"{path} cannot be looked up: {error.strerror}", "Run as root.") from None
    except ValueError:  # a NUL byte in a configured path
        raise FileUnreadable("a path with a NUL byte is nowhere") from None
    finally:
        for fd in held:
            os.close(fd)


def _step(held: list[int], part: str) -> str | None:
    """Go one name further from the last directory of `held`; for a link stay there and return where it leads."""
    if part == ".":
        return None
    if part == "..":
        if len(held) > 1:  # /.. is / at the root
            os.close(held.pop())
        return None
    fd = os.open(part, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=held[-1])
    held.append(fd)
    if not stat.S_ISLNK(os.fstat(fd).st_mode):
        return None
    target = os.readlink("", dir_fd=fd)
    os.close(held.pop())
    return target
