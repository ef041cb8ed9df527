"""Calls counted by who made them, those by IMDSv1 first."""

from __future__ import annotations

from collections import Counter
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.watch.seen_call import SeenCall

CALLERS_MAX = 2000
PATHS_MAX = 50


@dataclass
class Tally:
    """What one caller did. Times are in seconds since the epoch. `refused` were answered with 401."""

    version: str
    who: str
    unit: str | None
    container: str | None
    container_id: str | None
    pids: set[int] = field(default_factory=set)
    count: int = 0
    refused: int = 0
    first: float = 0.0
    last: float = 0.0
    paths: Counter[str] = field(default_factory=Counter)
    user_agent: str = ""


class Summary:
    """All calls since the beginning. Bounded: what comes after CALLERS_MAX different callers is counted together."""

    def __init__(self) -> None:
        self.tallies: dict[tuple[str, str, str | None, str | None, str | None], Tally] = {}
        self.counts: Counter[str] = Counter()

    def add(self, seen: SeenCall, container: str | None) -> None:
        """Count one call; `container` is what its container is called."""
        caller = seen.caller
        who = seen.program if caller or seen.relayed else f"unknown process ({seen.client})"
        unit, container_id = (caller.unit, caller.container) if caller else (None, None)
        key = (seen.version, who, unit, container, container_id)
        tally = self.tallies.get(key)
        if tally is None:
            if len(self.tallies) >= CALLERS_MAX:
                key = (seen.version, "others", None, None, None)
            tally = self.tallies.setdefault(key, Tally(*key, first=seen.at))
        tally.count += 1
        tally.refused += seen.status == 401
        tally.last = max(tally.last, seen.at)
        tally.user_agent = tally.user_agent or seen.user_agent
        if caller and len(tally.pids) < 1000:
            tally.pids.add(caller.pid)
        if seen.path in tally.paths or len(tally.paths) < PATHS_MAX:
            tally.paths[seen.path] += 1
        self.counts[seen.version] += 1

    def ordered(self) -> list[Tally]:
        """Those by IMDSv1 first, then by how often."""
        return sorted(self.tallies.values(), key=lambda tally: (tally.version, -tally.count, tally.who))
