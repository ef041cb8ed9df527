"""What files on a disk were found to hold, from one run to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.system.door import FileStatus
from imds_probe.system.unchanged import Identity, identity_of, is_of_root, is_settled

LIBRARIES_MAX = 100  # in one file; one that has more is read each time


@dataclass(frozen=True)
class Kept:
    """One file, and the libraries in it."""

    identity: Identity
    libraries: tuple[Library, ...]


@dataclass
class KnownFiles:
    """By their paths: `kept` by an earlier run, `learnt` those that a later one can have: of files that root alone can write, and
    that did not change since `before_ns`, a time.time_ns; none where that is None.
    """

    kept: Mapping[str, Kept] = field(default_factory=dict)
    before_ns: int | None = None
    learnt: dict[str, Kept] = field(default_factory=dict)

    def libraries(self, path: str, status: FileStatus) -> tuple[Library, ...] | None:
        """What is known of a file that is this now; None where nothing is."""
        kept = self.kept.get(path)
        if kept is None or kept.identity != identity_of(status) or not is_of_root(status):
            return None
        self.learnt[path] = kept
        return kept.libraries

    def learn(self, path: str, status: FileStatus, libraries: tuple[Library, ...]) -> None:
        """What was read in a file that was this before it was read."""
        settled = self.before_ns is not None and is_settled(status, self.before_ns)
        if settled and is_of_root(status) and len(libraries) <= LIBRARIES_MAX:
            self.learnt[path] = Kept(identity_of(status), libraries)
