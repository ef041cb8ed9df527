"""Read files below a root that somebody hostile may own: bounded, never led out of it, never blocked."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from imds_probe.system.confined import FileUnreadable, pin

__all__ = ["FileUnreadable", "names", "opened", "read", "read_json", "status"]
LIMIT_BYTES = 1024 * 1024
ENTRIES_MAX = 20_000


@contextlib.contextmanager
def opened(root: Path, path: str) -> Iterator[BinaryIO | None]:
    """A regular file below `root`, open for reading and seeking, unbuffered; None where there is none.

    Links are followed as a process chrooted to `root` would follow them. Raises FileUnreadable, also for trouble with
    reading from it.
    """
    pinned = pin(root, path)
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


def read(
    root: Path, path: str, limit_bytes: int = LIMIT_BYTES, *, owners: Collection[int] | None = None
) -> bytes | None:
    """The content of a regular file below `root`, None where there is none; see `opened`. `owners` as for read_json."""
    with opened(root, path) as file:
        if file is None:
            return None
        owner = os.fstat(file.fileno()).st_uid
        if owners is not None and owner not in owners:
            raise FileUnreadable(f"{path} belongs to user {owner} and does not count")
        content = bytearray()
        while len(content) <= limit_bytes and (chunk := file.read(limit_bytes + 1 - len(content))):
            content += chunk
    if len(content) > limit_bytes:
        raise FileUnreadable(f"{path} has more than {limit_bytes} bytes")
    return bytes(content)


def status(root: Path, path: str) -> os.stat_result | None:
    """What fstat(2) says of a path below `root`, links followed; None where there is nothing. Raises FileUnreadable."""
    pinned = pin(root, path)
    if pinned is None:
        return None
    try:
        return os.fstat(pinned)
    finally:
        os.close(pinned)


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
    pinned = pin(root, path)
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
