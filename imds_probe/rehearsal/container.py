"""A container that is rehearsed as it runs: by rules in its own network namespace, for its own control group. A start makes both
anew.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from imds_probe.facts.imds import Family
from imds_probe.inventory.containers.discovered import DiscoveredContainer
from imds_probe.inventory.containers.discovery import discover
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.group import group_at, hierarchy_of, members, path_of
from imds_probe.rehearsal.rules import Group
from imds_probe.system.small_file import read_link

PROC = Path("/proc")
ID_MIN = 4  # characters of an id that are enough, where they are one container's


def wanted(name: str, running: Sequence[DiscoveredContainer]) -> DiscoveredContainer:
    """The one container that is called so, or whose id begins so. Raises CannotRehearse where there is none, or more than one."""
    found = [each for each in running if not each.sandbox and name in (each.name, each.id, each.title)]
    found = found or [each for each in running if not each.sandbox and len(name) >= ID_MIN and each.id.startswith(name)]
    if not found:
        raise CannotRehearse(f"no running container is called {name}", "Give its name, or the beginning of its id.")
    if len(found) > 1:
        raise CannotRehearse(f"{len(found)} containers are called {name}", "Give the whole id of one of them.")
    return found[0]


class Container:
    """`ways` says how many hops away the service is from it, for each family in which that was measured.

    Raises CannotRehearse where it cannot be told from others.
    """

    def __init__(self, found: DiscoveredContainer, ways: Mapping[Family, int], proc: Path = PROC) -> None:
        self.name, self.ways, self.identity = found.title, ways, found.identity
        self._id, self._proc = found.id, proc
        there = hierarchy_of(proc)
        if there.controller:
            raise CannotRehearse(
                "containers cannot be told apart by control groups of version 1",
                "Boot with systemd.unified_cgroup_hierarchy=1.",
            )
        self._mount, self._pid = there.mount, found.pid
        self._own_network = found.network == "own"
        self._directory = self._found(found.pid)
        if self.group() is None:
            raise CannotRehearse(f"{self.name} is not running", "Start it, and try again.")

    @property
    def directory(self) -> Path:
        return self._directory

    def group(self) -> Group | None:
        """Its control group as it is now; None while nothing of it runs, or its network is not made yet."""
        there = group_at(self._directory, self._mount)
        return there if there is not None and self._inside() is not None else None

    def members(self) -> list[int]:
        """Process ids."""
        return members(self._directory)

    def is_replaced(self) -> bool:
        """Whether a new container has its name, as after an upgrade of its image: that one is not rehearsed."""
        return any(
            each.title == self.name and each.id != self._id and not each.sandbox for each in discover().containers
        )

    def netns(self) -> Path | None:
        """The way into its network namespace; None where it uses the host's, or has ended."""
        pid = self._inside() if self._own_network else None
        return None if pid is None else self._proc / str(pid) / "ns/net"

    def _inside(self) -> int | None:
        """A process that is in its network. The first of a container that starts is in the host's for a moment."""
        here = read_link(self._proc / "thread-self/ns/net")
        for pid in self.members():
            with contextlib.suppress(OSError):
                if not self._own_network or read_link(self._proc / str(pid) / "ns/net") != here:
                    return pid
        return None

    def _found(self, pid: int) -> Path:
        """The group that its runtime made for it: what is in it may have divided that."""
        path = Path(path_of(self._proc, str(pid), ""))
        parts = path.parts[1:]
        named = next((at for at, part in enumerate(parts, 1) if self._id and self._id in part), len(parts))
        if not named or ".." in parts:
            raise CannotRehearse(f"{self.name} is in no control group of its own", "Rehearse the host: --host")
        return self._mount.joinpath(*(os.fspath(part) for part in parts[:named]))
