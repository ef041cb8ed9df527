"""Who holds a lock by flock(2) that keeps a rehearsal out. Whoever may open a directory or a network namespace may lock it, but
only root rehearses.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.system.small_file import read_pieces

# "7: FLOCK  ADVISORY  WRITE 4711 00:1a:815 0 EOF"; of one that waits, "->" stands before the kind.
_FLOCK = re.compile(rb"^\d+: FLOCK +\w+ +\w+ +(\d{1,10}) ([0-9a-f]+):([0-9a-f]+):(\d+) ", re.MULTILINE)
_REAL_UID = re.compile(rb"^Uid:\t(\d{1,10})\t", re.MULTILINE)
_ALL_USERS = (b"0", b"0", b"4294967295")
LOCKS_BYTES, STATUS_BYTES = 4 * 1024 * 1024, 8192
ROOT = 0


@dataclass(frozen=True)
class Holder:
    """A process, and its real user; None where that is not seen."""

    pid: int
    uid: int | None

    @property
    def may_rehearse(self) -> bool:
        return self.uid in (None, ROOT, os.getuid())


def holders(opened: int, proc: Path) -> tuple[Holder, ...]:
    """Who holds a lock on what this descriptor is of; none where the kernel does not say, as of processes that this one does not
    see. Lists that are cut short say nothing.
    """
    status = os.fstat(opened)
    wanted = os.major(status.st_dev), os.minor(status.st_dev), status.st_ino
    try:
        listed = read_pieces(proc / "locks", LOCKS_BYTES)
    except OSError:
        return ()
    if len(listed) >= LOCKS_BYTES:
        return ()
    pids = {
        int(pid)
        for pid, major, minor, inode in _FLOCK.findall(listed)
        if (int(major, 16), int(minor, 16), int(inode)) == wanted
    }
    return tuple(Holder(pid, _real_uid(proc, pid)) for pid in sorted(pids))


def strangers(opened: int, proc: Path) -> tuple[Holder, ...]:
    """The holders, where none of them can be a rehearsal; none where one may be."""
    found = holders(opened, proc)
    return () if any(each.may_rehearse for each in found) else found


def _real_uid(proc: Path, pid: int) -> int | None:
    """The effective one may be root's by a program that anybody may start. Within a user namespace, all whom it has no number for
    look like one user.
    """
    with contextlib.suppress(OSError):
        if tuple(read_pieces(proc / "self/uid_map", STATUS_BYTES).split()) != _ALL_USERS:
            return None
        if found := _REAL_UID.search(read_pieces(proc / str(pid) / "status", STATUS_BYTES)):
            return int(found[1])
    return None
