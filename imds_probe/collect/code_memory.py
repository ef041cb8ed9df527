"""What one run leaves of the host's code for the next, in the state directory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from imds_probe.collect.code_search import Memory
from imds_probe.collect.own_software import own_package
from imds_probe.inventory.code.following.known import Kept
from imds_probe.inventory.code.following.trail import Trail
from imds_probe.inventory.version import version
from imds_probe.system.remembered import Remembered, is_safe

NOTHING = Memory({}, {})
ALL = "all"  # schedules share what they stand on, and are remembered together


class CodeMemory:
    """Kept in `state`, nowhere where that is None. `damaged` says which files made no sense, as sentences."""

    def __init__(self, root: Path, state: Path | None, names: Mapping[str, Collection[str]]) -> None:
        self._files: Remembered[Kept] | None = None
        self._trails: Remembered[Trail] | None = None
        self._lying: Remembered[Kept] | None = None
        self._schedules: Remembered[bytes] | None = None
        self._loaded = NOTHING
        self.damaged: tuple[str, ...] = ()
        if state is not None and is_safe(root, state):
            read_by = version("imds_probe.inventory.code", ())
            self._files = Remembered(state, "code", Kept, read_by)
            self._trails = Remembered(state, "programs", Trail, read_by)
            self._lying = Remembered(state, "code_on_disk", Kept, read_by)
            recognised_by = version(
                "imds_probe.inventory.sdks", (f"{key} {sorted(names[key])}" for key in sorted(names))
            )
            followed_by = version("imds_probe.inventory.schedules", (read_by, recognised_by, repr(own_package())))
            self._schedules = Remembered(state, "schedules", bytes, followed_by)

    def load(self) -> Memory:
        """What an earlier run has left."""
        if (
            self._files is not None
            and self._trails is not None
            and self._lying is not None
            and self._schedules is not None
        ):
            schedules = self._schedules.load().get(ALL)
            self._loaded = Memory(self._files.load(), self._trails.load(), self._lying.load(), schedules)
            stores = (self._files, self._trails, self._lying, self._schedules)
            self.damaged = tuple(each.damaged for each in stores if each.damaged)
        return self._loaded

    def save(self, learnt: Memory) -> None:
        """Leave this, and nothing else; what is there already is not written again."""
        if self._files is not None and learnt.files != self._loaded.files:
            self._files.save(learnt.files)
        if self._trails is not None and learnt.trails != self._loaded.trails:
            self._trails.save(learnt.trails)
        if self._lying is not None and learnt.lying is not None and learnt.lying != self._loaded.lying:
            self._lying.save(learnt.lying)
        if self._schedules is not None and learnt.schedules != self._loaded.schedules:
            self._schedules.save({ALL: learnt.schedules} if learnt.schedules is not None else {})
