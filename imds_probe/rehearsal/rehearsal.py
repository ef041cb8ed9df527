"""One rehearsal: made ready, tried, kept up by heartbeats, and taken back. Whatever ends its process ends it, too."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from imds_probe.inventory.containers.processes import start_ticks
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.claims import Claims
from imds_probe.rehearsal.connection import Service
from imds_probe.rehearsal.group import PREFIX, OwnGroup
from imds_probe.rehearsal.leading import End, Leading
from imds_probe.rehearsal.leavers import Leavers
from imds_probe.rehearsal.rules import Group
from imds_probe.rehearsal.unit import Unit

BEAT_EVERY_S = 1.0
PROC = Path("/proc")

Change = Literal["", "ended", "restarted"]


class Rehearsal:
    """Of what is started in a control group of its own, or of a unit that runs. `ready` makes all of it or nothing.

    Rules are tried with the rehearsal's own group in either case: the probe stays out of a unit, which may be ended any time.
    """

    def __init__(self, service: Service, hop_limit: int, target: Unit | None = None) -> None:
        self.name = own_name()
        self.target = target
        self.group: OwnGroup | None = None
        self.leavers = Leavers(PROC)
        # A caller on the host gets what the service sends as the service sends it.
        self.leading = Leading(self.name, service, hop_limit, self.members)
        self.callers = self.leading.callers
        self._claims = Claims()
        self._followed: Group | None = None

    def members(self) -> list[int]:
        """The processes of its target."""
        if self.target is not None:
            return self.target.members()
        return self.group.members() if self.group is not None else []

    def ready(self) -> None:
        """Raises CannotRehearse where the promise cannot be kept; everything is as before then."""
        try:
            self.group = OwnGroup(self.name)
            self.leading.ready(self.group)
            if self.target is not None:
                self.group.remove()
                self.follow()
                if self._followed is None:
                    raise CannotRehearse(f"{self.target.name} has ended", "Start it, and try again.")
        except BaseException:
            self.end(drained_within_s=0.0)
            raise

    def follow(self) -> Change:
        """Have the rules name the target as it is now; whether it ended since, or began anew. Raises CannotRehearse where the rules
        are gone, or where another rehearsal has it.
        """
        now = self.target.group() if self.target is not None else None
        if self.target is None or now == self._followed:
            return ""
        before, self._followed = self._followed, now
        if now is None:
            return "ended"
        self._claims.take(self.target.name, self.target.directory)
        self.leading.follow(now)
        return "restarted" if before is None or before != now else ""

    @property
    def target_is_there(self) -> bool:
        """Whether a unit was running when it was looked for last."""
        return self.target is None or self._followed is not None

    def beat(self) -> None:
        """Renew the lease. Raises CannotRehearse where the rules are gone."""
        self.leading.beat()

    @property
    def lapsed_s(self) -> float:
        """For so long, in all, callers were not led to the relay."""
        return self.leading.lapsed_s

    def end(self, *, drained_within_s: float) -> End:
        """Take it back: new connections go direct at once, running ones are waited for, and only then the rules go."""
        end = self.leading.end(drained_within_s=drained_within_s)
        self._claims.give_back()
        if self.group is not None and not self.group.remove():
            return End((*end.left, f"the control group {self.group.directory}"), end.unfinished)
        return end


def own_name() -> str:
    """Of the control group and the tables: by it, whoever finds them sees whether their owner lives."""
    return f"{PREFIX}{os.getpid()}-{start_ticks(PROC, os.getpid()) or 0}"
