"""Who is not rehearsed though the command started it: it was moved to another control group, as systemd-run and logins are, or
it is in another network namespace.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from imds_probe.inventory.settings.programs import running
from imds_probe.system.called import process_name
from imds_probe.system.small_file import read_head, read_link

STAT_BYTES = 4096
LEFT_MAX = 1_000
MOVED, ELSEWHERE = "is in another control group", "is in another network namespace"


class Left(NamedTuple):
    """One process, or a network, that is not led to the relay, and why not."""

    pid: int | None
    name: str
    why: str
    so: str = "its requests are not rehearsed"


class _Born(NamedTuple):
    """Of a process: its name as the kernel has it, its parent, and when it began, in ticks since boot."""

    comm: str
    parent: int
    began: int


class Leavers:
    """Looks now and then. One that comes and goes between two looks is not seen."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self.rehearsed = ""  # the network namespace as the kernel writes it; empty for the one that this process is in
        self._known: dict[int, int] = {}  # processes that are of the command, by when they began
        self._told: dict[tuple[int, int, str], Left] = {}

    def look(self, members: Iterable[int]) -> list[Left]:
        """Those that were not seen to have left before."""
        here = set(members)
        born = {pid: each for pid in running(self._proc) if (each := self._born(pid)) is not None}
        known = {pid: began for pid, began in self._known.items() if pid in born and born[pid].began == began}
        known |= {pid: born[pid].began for pid in here if pid in born}
        # Children of whoever is of the command are, too. Parents have lower numbers but where numbers began anew.
        found = True
        while found:
            more = {pid: each.began for pid, each in born.items() if pid not in known and each.parent in known}
            known |= more
            found = bool(more)
        self._known = known
        fresh = []
        for pid in sorted(known):
            why = MOVED if pid not in here else ELSEWHERE if self._is_elsewhere(pid) else ""
            key = pid, known[pid], why
            if why and key not in self._told and len(self._told) < LEFT_MAX:
                self._told[key] = Left(pid, process_name(self._proc / str(pid), born[pid].comm), why)
                fresh.append(self._told[key])
        return fresh

    def all(self) -> list[Left]:
        """Those that have left so far."""
        return list(self._told.values())

    def _born(self, pid: int) -> _Born | None:
        """None where it has ended, or is about to be waited for."""
        try:
            stat = read_head(self._proc / str(pid) / "stat", STAT_BYTES)
        except OSError:
            return None
        before, _, after = stat.rpartition(b")")
        fields = after.split()
        if len(fields) < 20 or fields[0] in (b"Z", b"X"):
            return None
        return _Born(before.partition(b"(")[2].decode(errors="replace"), int(fields[1]), int(fields[19]))

    def _is_elsewhere(self, pid: int) -> bool:
        try:
            return read_link(self._proc / str(pid) / "ns/net") != (
                self.rehearsed or read_link(self._proc / "self/ns/net")
            )
        except OSError:
            return False  # it has ended
