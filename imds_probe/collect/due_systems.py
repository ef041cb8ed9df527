"""One system whose schedules are read, and what was read of it so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from pathlib import Path

from imds_probe.collect.code_tasks import Due, Program, Reading
from imds_probe.collect.root_views import RootViews
from imds_probe.collect.schedule_memory import ScheduleMemory
from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.program import Following
from imds_probe.inventory.code.owning import OWN, owners
from imds_probe.inventory.code.spoken import Spoken
from imds_probe.inventory.code.units import Wholes
from imds_probe.inventory.schedules.accounts import Account
from imds_probe.inventory.schedules.commands.following import Following as Commands
from imds_probe.inventory.schedules.commands.settings_named import NamedSettings
from imds_probe.inventory.schedules.scheduled import Scheduled
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.start import Start

OF_DISTRIBUTION = ("/usr/", "/lib/", "/bin/", "/sbin/")


@dataclass
class Came:
    """What a program came to, and the paths that this stood on."""

    program: Program | None
    spoken: tuple[Spoken, ...]
    stood_on: frozenset[str]


@dataclass
class DueSystem:
    """What was read so far. `trail` are the paths that the schedule stands on which is worked on; `remembers`: these are all. Of
    other roots, where links lead elsewhere, nothing is remembered.
    """

    reading: Reading
    ground: Ground
    following: Following
    commands: Commands
    memory: ScheduleMemory
    image: bool
    wholes: Wholes = field(default_factory=Wholes)
    programs: dict[object, Came] = field(default_factory=dict)
    learnt: int = 0
    done: dict[str, tuple[Due, ...]] = field(default_factory=dict)
    accounts: Mapping[str, Account] = field(default_factory=dict)
    trail: set[str] = field(default_factory=set)
    remembers: bool = True
    views: RootViews | None = None  # none of what is another root itself
    runs: Callable[[Start], bool] | None = None  # whether it was read, as a process runs it
    at_start: Callable[[Scheduled], tuple[Due, ...]] | None = None  # what comes of what a container does at each start
    named: dict[tuple[int | None, NamedSettings], None] = field(
        default_factory=dict
    )  # by command lines, and whose these are
    others: dict[Path, DueSystem] = field(default_factory=dict)
    archives: dict[str, tuple[Library, ...]] = field(default_factory=dict)  # what was recognised in each
    distributed: dict[str, bool] = field(default_factory=dict)

    def own_of(self, scripts: Iterable[str]) -> list[str]:
        """Those that did not come with the distribution: by their places or, below /etc, by a package of the system's manager."""
        real = {script: self.commands.files.real_path(script) or script for script in scripts}
        own = {at for at in real.values() if not at.startswith(OF_DISTRIBUTION) or at.startswith(OWN)}
        if asked := [at for at in sorted(own) if at.startswith("/etc/") and at not in self.distributed]:
            owned = owners(self.ground.root, asked, self.ground.limits.deadline)
            shipped = {each.path for each in owned if each.manager in ("dpkg", "rpm")}
            self.distributed.update((at, at in shipped) for at in asked)
        return [script for script, at in real.items() if at in own and not self.distributed.get(at, False)]

    def is_late(self) -> bool:
        """Whether its time is over."""
        return time.monotonic() > self.reading.deadline
