"""Reading small files that somebody else may have prepared: never blocking, never more than asked for."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_head(path: Path | str, limit_bytes: int, *, dir_fd: int | None = None) -> bytes:
    """The first `limit_bytes` of a regular file; a FIFO or device, which could block for ever, is an OSError. `dir_fd` is the
    directory to begin at.
    """
    # O_NONBLOCK: opening a FIFO for reading waits for a writer otherwise.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return os.read(descriptor, limit_bytes)
    finally:
        os.close(descriptor)


def read_pieces(path: Path, limit_bytes: int) -> bytes:
    """At most so much of a file of /proc that the kernel hands out a page at a time."""
    content = bytearray()
    with open(path, "rb", buffering=0) as file:
        while len(content) < limit_bytes and (chunk := file.read(65536)):
            content += chunk
    return bytes(content[:limit_bytes])
