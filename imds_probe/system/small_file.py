"""Reading small files that somebody else may have prepared: never blocking, never more than asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from imds_probe.system import rootfs
from imds_probe.system.local_files import head

CGROUP_BYTES = 64 * 1024


def read_head(path: Path | str, limit_bytes: int, *, dir_fd: int | None = None) -> bytes:
    """The first `limit_bytes` of a regular file; a FIFO or device, which could block for ever, is an OSError. `dir_fd` is the
    directory to begin at, for who has it open.
    """
    if dir_fd is not None:
        return head(path, limit_bytes, dir_fd)
    return rootfs.files().head(Path(path), limit_bytes)


def read_pieces(path: Path, limit_bytes: int) -> bytes:
    """At most so much of a file of /proc that the kernel hands out a page at a time. Raises OSError."""
    return rootfs.files().pieces(path, limit_bytes)


def read_link(path: Path) -> str:
    """Where a link leads, by its text alone. Raises OSError."""
    return rootfs.files().link(path)


def read_several(
    directory: Path, files: Sequence[tuple[str, int]], links: Sequence[str] = ()
) -> tuple[bytes | OSError, ...]:
    """Files of one directory of /proc with as many bytes as are read of each, and then the texts of links there: each of them,
    or why it cannot be had. What does not answer costs all of the directory.
    """
    return rootfs.files().several(directory, files, links)


def control_groups(proc: Path, pid: int) -> str:
    """The text of a process's control groups, empty where it has ended."""
    (content,) = read_several(proc / str(pid), (("cgroup", CGROUP_BYTES),))
    return content.decode(errors="replace") if isinstance(content, bytes) else ""


def read_links(directory: Path, most: int) -> tuple[str, ...]:
    """Where the links in a directory of /proc lead, by their texts; at most so many. Raises OSError."""
    return rootfs.files().links(directory, most)


def needed(content: bytes | OSError) -> bytes:
    """One of `read_several`, where it is needed. Raises the OSError."""
    if isinstance(content, OSError):
        raise content
    return content
