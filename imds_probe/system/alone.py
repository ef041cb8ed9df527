"""One writer of a record at a time, where several runs may end at once.

The lock is on a file that only its owner can open: who may read a directory can hold a lock on the directory itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from imds_probe.errors import HeldError

LOCK = "records.lock"
WAITS_S, TRIES_EACH_S = 2.0, 0.05  # a record is written in milliseconds


@contextlib.contextmanager
def alone(directory: Path, *, waits_s: float = WAITS_S) -> Iterator[None]:
    """Hold the lock of the records in a directory. Raises HeldError where another process holds it for `waits_s` seconds, OSError
    where the file cannot be made or opened.
    """
    path = directory / LOCK
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise HeldError(f"{path} is not a file", "Move it away.")
        os.fchmod(descriptor, 0o600)  # also where somebody has opened it to others
        _taken(descriptor, path, time.monotonic() + waits_s)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int, path: Path, until: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= until:
                raise HeldError(f"another process holds {path}", "Run again once that process has ended.") from None
            time.sleep(TRIES_EACH_S)
