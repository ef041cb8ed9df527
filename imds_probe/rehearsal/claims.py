"""One rehearsal at a time for one target: by locks on the directories of control groups, which go with their process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from imds_probe.rehearsal.asking import CannotRehearse


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
        key = os.fstat(opened).st_ino
        if key in self._held:
            os.close(opened)
            return
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(opened)
            raise CannotRehearse(f"another rehearsal of {name} is running", "Wait for its end.") from None
        self._held[key] = opened

    def give_back(self) -> None:
        """All of them."""
        while self._held:
            os.close(self._held.popitem()[1])
