"""A container that is rehearsed as it runs: by rules in its own network namespace, for its own control group. A start makes both
anew. Where control groups are of version 1, the rules are for all of the network namespace, if nobody shares it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from imds_probe.errors import ProbeError
from imds_probe.facts.imds import Family
from imds_probe.inventory.containers.discovered import DiscoveredContainer
from imds_probe.inventory.containers.discovery import discover
from imds_probe.rehearsal.alone import ByNetwork
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.classes import ByClass, usable
from imds_probe.rehearsal.group import Hierarchy, hierarchies_of_version_1, members, path_of, version_2
from imds_probe.rehearsal.rules import Group
from imds_probe.rehearsal.telling import ByGroup, Told
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
    """`ways` says how many hops away the service is from it, for each family in which that was measured. `silent` are ids of
    containers that ask nobody, as those that hold the network of a pod.

    Raises CannotRehearse where it cannot be told from others.
    """

    def __init__(
        self, found: DiscoveredContainer, ways: Mapping[Family, int], proc: Path = PROC, silent: Collection[str] = ()
    ) -> None:
        self.name, self.ways, self.identity = found.title, ways, found.identity
        self._id, self._proc = found.id, proc
        self._own_network = found.network == "own"
        self.told = self._found(found.pid, silent)
        if self.group() is None:
            raise CannotRehearse(f"{self.name} is not running", "Start it, and try again.")

    @property
    def directory(self) -> Path:
        return self.told.directory

    def group(self) -> Group | None:
        """Its control group as it is now; None while nothing of it runs, or its network is not made yet."""
        there = self.told.group()
        return there if there is not None and self._inside(self.members()) is not None else None

    def members(self) -> list[int]:
        """Process ids."""
        return self.told.members()

    def is_replaced(self) -> bool:
        """Whether a new container has its name, as after an upgrade of its image: that one is not rehearsed."""
        return any(
            each.title == self.name and each.id != self._id and not each.sandbox for each in discover().containers
        )

    def netns(self) -> Path | None:
        """The way into its network namespace; None where it uses the host's, or has ended."""
        return self._way_in(self.directory) if self._own_network else None

    def _way_in(self, directory: Path) -> Path | None:
        pid = self._inside(members(directory))
        return None if pid is None else self._proc / str(pid) / "ns/net"

    def _inside(self, pids: Iterable[int]) -> int | None:
        """A process that is in its network. The first of a container that starts is in the host's for a moment."""
        here = read_link(self._proc / "thread-self/ns/net")
        for pid in pids:
            with contextlib.suppress(OSError):
                if not self._own_network or read_link(self._proc / str(pid) / "ns/net") != here:
                    return pid
        return None

    def _found(self, pid: int, silent: Collection[str]) -> Told:
        """By the group of version 2 that its runtime made for it, if there is one. What is in it may have divided that."""
        unified = version_2(self._proc)
        own = self._own_group(pid, unified) if unified is not None else None
        if unified is not None and own is not None:
            return ByGroup(own, unified)
        of_version_1 = hierarchies_of_version_1(self._proc)
        found = [(each, own) for each in of_version_1 if (own := self._own_group(pid, each)) is not None]
        if found:
            return self._by_version_1(found, silent)
        whole = Path(path_of(self._proc, str(pid), "")) if unified is not None else Path("/")
        if unified is None or len(whole.parts) == 1 or ".." in whole.parts:
            raise CannotRehearse(f"{self.name} is in no control group of its own", "Rehearse the host: --host")
        return ByGroup(unified.mount.joinpath(*whole.parts[1:]), unified)

    def _by_version_1(self, found: Sequence[tuple[Hierarchy, Path]], silent: Collection[str]) -> Told:
        shares = "the host's network"
        if self._own_network:
            whose = (self._id, *silent)
            alone = ByNetwork(self.name, found[0][1], lambda: self._way_in(found[0][1]), whose, self._proc)
            shares = alone.shared_with()
            if not shares:
                return alone
            shares = f"its network namespace with {shares}"
        there = usable(self._proc)
        own = next((directory for hierarchy, directory in found if hierarchy.controller == there.controller), None)
        if own is None:
            raise CannotRehearse(
                f"{self.name} shares {shares}, and its runtime made no control group of net_cls for it that would tell its "
                "connections",
                "Rehearse the host: --host",
            )
        return ByClass(self.name, own, there)

    def _own_group(self, pid: int, hierarchy: Hierarchy) -> Path | None:
        """That whose name has its id."""
        try:
            parts = Path(path_of(self._proc, str(pid), hierarchy.controller)).parts[1:]
        except (ProbeError, OSError):
            return None
        named = next((at for at, part in enumerate(parts, 1) if self._id and self._id in part), 0)
        own = hierarchy.mount.joinpath(*parts[:named])
        return own if named and ".." not in parts and own.is_dir() else None
