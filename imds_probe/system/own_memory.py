"""What stands in a process's own memory, where the kernel reads it: its arguments and its environment.

A process can keep whoever reads that waiting for ever, by pages that nobody brings (userfaultfd, FUSE). A run and a daemon
have it read by somebody else: see `read_by`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from imds_probe.system.small_file import read_head

Read = bytes | OSError


class Reads(Protocol):
    """Whoever reads it. `of` is whose the processes are: those of one cost those of others nothing."""

    def heads(self, proc: Path, paths: Sequence[str], limit_bytes: int, of: Hashable = None) -> Sequence[Read]:
        """See `heads`."""


class _Here:
    """This process itself."""

    def heads(self, proc: Path, paths: Sequence[str], limit_bytes: int, of: Hashable = None) -> Sequence[Read]:
        del of
        return [_head(proc / path, limit_bytes) for path in paths]


_reads: Reads = _Here()


@contextlib.contextmanager
def read_by(reads: Reads) -> Iterator[None]:
    """Have it read by somebody else, all over this process."""
    global _reads  # noqa: PLW0603 - one door in a process, as rootfs has
    before, _reads = _reads, reads
    try:
        yield
    finally:
        _reads = before


def heads(proc: Path, paths: Sequence[str], limit_bytes: int, of: Hashable = None) -> Sequence[Read]:
    """The first bytes of each of these files of `proc`, such as "7/cmdline"; in its place, why it cannot be read."""
    return _reads.heads(proc, paths, limit_bytes, of)


def head(proc: Path, path: str, limit_bytes: int, of: Hashable = None) -> bytes:
    """The same of one. Raises OSError."""
    (found,) = heads(proc, [path], limit_bytes, of)
    if isinstance(found, OSError):
        try:
            raise found
        finally:
            # Or it and the frames that it passed hold each other: a daemon has thousands of them until they are collected.
            del found
    return found


def _head(path: Path, limit_bytes: int) -> Read:
    try:
        return read_head(path, limit_bytes)
    except OSError as error:
        return error
