"""One rehearsal at a time for one target, and none beside that of the host: by locks on the directories of control groups and on
the host's network namespace, which go with their process.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from imds_probe.net.namespaces import CURRENT
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.group import PROC
from imds_probe.rehearsal.lock_holders import strangers


class Claims:
    """What one rehearsal has claimed."""

    def __init__(self) -> None:
        self._held: dict[int, int] = {}  # descriptors, by the inode of what is claimed

    def take(self, name: str, directory: Path) -> None:
        """Claim a control group for as long as this process lives, or until it is given back. Raises CannotRehearse where another
        rehearsal has it. Of a group that is gone there is nothing to claim.
        """
        try:
            opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return
        self._take(opened, fcntl.LOCK_EX, f"another rehearsal of {name} is running")

    def take_host(self, *, whole: bool) -> None:
        """Claim the host, as its programs share one network namespace: all of it, or a part beside other parts. Raises
        CannotRehearse.
        """
        opened = os.open(CURRENT, os.O_RDONLY | os.O_CLOEXEC)
        if whole:
            self._take(opened, fcntl.LOCK_EX, "another rehearsal is running on this host")
        else:
            self._take(opened, fcntl.LOCK_SH, "a rehearsal of this host is running")

    def _take(self, opened: int, how: int, refused: str) -> None:
        key = os.fstat(opened).st_ino
        if key in self._held:
            os.close(opened)
            return
        try:
            fcntl.flock(opened, how | fcntl.LOCK_NB)
        except BlockingIOError:
            others = strangers(opened, PROC)
            os.close(opened)
            if others:
                pids = ", ".join(str(each.pid) for each in others)
                raise CannotRehearse(
                    f"no rehearsal is running, but a user's process holds its lock: {pids}",
                    f"End that process: kill {pids}.",
                ) from None
            raise CannotRehearse(refused, "Wait for its end.") from None
        self._held[key] = opened

    def give_back(self) -> None:
        """All of them."""
        while self._held:
            os.close(self._held.popitem()[1])
