"""By what a file is known again that has not changed since, and of whose files that can be said."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a walk, which the door knows of, has statuses of its own
    import os

    from imds_probe.system.door import FileStatus

ROOT, WRITTEN_BY_OTHERS = 0, 0o022
SETTLED_NS = 2_000_000_000  # a change so shortly after another may leave the same time
Identity = tuple[int, int, int, int, int]


def identity_of(status: FileStatus) -> Identity:
    """The same for as long as nobody changes the file; see is_of_root."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def is_of_root(status: FileStatus | os.stat_result) -> bool:
    """Whether root alone can change a file: what another user has mapped he can change without a trace."""
    return status.st_uid == ROOT and not status.st_mode & WRITTEN_BY_OTHERS


def is_settled(status: FileStatus | os.stat_result, before_ns: int) -> bool:
    """Whether a file did not change since then, a time.time_ns."""
    return max(status.st_ctime_ns, status.st_mtime_ns) < before_ns
