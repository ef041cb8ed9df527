"""What is known of one file, what of it is kept for a later run, and by what a file is known again."""

from __future__ import annotations

import time

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.following.loads import NOTHING, Asked
from imds_probe.inventory.code.speaks import Said
from imds_probe.system.door import FileStatus
from imds_probe.system.unchanged import ROOT, Identity


@dataclass(frozen=True)
class Known:
    """What one file says, and what it asks for. `unread` is one of the reasons of unread.py where it was not searched whole;
    `searched` are the bytes that were searched now.
    """

    said: Said | None
    asked: Asked = NOTHING
    unread: str = ""
    searched: int = 0
    owner_uid: int | None = None


@dataclass(frozen=True)
class Kept:
    """The same as it is kept until a later run. `language` is what it was read as."""

    identity: Identity
    language: str
    said: Said
    asked: Asked


@dataclass
class Limits:
    """What reading may cost. `deadline` is a time.monotonic, `bytes` what may be searched."""

    deadline: float = float("inf")
    bytes: int = 1024 * 1024 * 1024

    @property
    def spent(self) -> bool:
        return self.bytes <= 0 or time.monotonic() > self.deadline


def owner_of(status: FileStatus) -> int | None:
    """The user who can write the file, None where root alone can. Of a file of root's that others can write, nobody knows who."""
    return None if status.st_uid == ROOT else status.st_uid


def known_of(kept: Kept, status: FileStatus) -> Known:
    return Known(kept.said, kept.asked, kept.said.unread, owner_uid=owner_of(status))
