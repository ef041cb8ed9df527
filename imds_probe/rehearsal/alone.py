"""A container that has its network namespace for itself: all connections in there are its own, whatever control groups are."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path

from imds_probe.inventory.settings.programs import running
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.group import members
from imds_probe.rehearsal.rules import Group
from imds_probe.system.called import process_name
from imds_probe.system.small_file import read_head, read_link
from imds_probe.watch.caller import cgroup_of

COMM_BYTES = 64
EVERY_S = 1.0
PAUSE_S = 0.2  # whoever only looks in, as runtimes do, is gone after that


class ByNetwork:
    """By the network namespace that `way` leads to, which is None while nothing of the container is in it. `whose` are words of
    which each control group of its own processes has one, and of those that never ask, as what only holds the namespace.
    """

    hierarchy = None

    def __init__(
        self, name: str, directory: Path, way: Callable[[], Path | None], whose: Collection[str], proc: Path
    ) -> None:
        self._name, self.directory, self._way, self._whose, self._proc = name, directory, way, whose, proc
        self._next_at = 0.0
        self._before: set[int] = set()

    def group(self) -> Group | None:
        """Whoever starts again is another one, though all of the namespace is meant again."""
        if not self.members():
            return None
        try:
            return Group(self.directory.stat().st_ino, whole=True)
        except OSError:
            return None

    def members(self) -> list[int]:
        return members(self.directory)

    def keep(self) -> None:
        """Raises CannotRehearse where somebody else is in there at two looks that follow each other."""
        now = time.monotonic()
        if now < self._next_at:
            return
        self._next_at = now + EVERY_S
        there = self._others()
        stayed = there & self._before
        self._before = there
        if stayed:
            raise CannotRehearse(
                f"{self._said(stayed)} shares the network namespace of {self._name} now, and would be rehearsed with it",
                "Run the rehearsal again: it tells them apart by control groups where it can.",
            )

    def give_back(self) -> list[str]:
        return []

    def shared_with(self) -> str:
        """Who else is in there, in words; empty where nobody is."""
        there = self._others()
        if there:
            time.sleep(PAUSE_S)
            there &= self._others()
        return self._said(there) if there else ""

    def _others(self) -> set[int]:
        way = self._way()
        try:
            inside = read_link(way) if way is not None else None
        except OSError:
            return set()  # it has just ended
        if inside is None:
            return set()
        found = set()
        for pid in running(self._proc):
            try:
                is_inside = read_link(self._proc / str(pid) / "ns/net") == inside
            except OSError:
                continue
            groups = cgroup_of(self._proc, pid) if is_inside else ""
            if groups and not any(word in groups for word in self._whose):
                found.add(pid)
        return found

    def _said(self, pids: set[int]) -> str:
        at = self._proc / str(min(pids))
        try:
            comm = read_head(at / "comm", COMM_BYTES).decode(errors="replace").rstrip("\n")
        except OSError:
            comm = "a process that has ended"
        return f"{process_name(at, comm)} (process {at.name})"
