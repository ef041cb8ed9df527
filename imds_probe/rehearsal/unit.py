"""A unit of systemd that is rehearsed as it runs. Each start makes its control group anew, under the same name."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from imds_probe.errors import UsageError
from imds_probe.facts.imds import Family
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.classes import ByOwnGroups, usable
from imds_probe.rehearsal.group import Hierarchy, hierarchies_of_version_1, version_2
from imds_probe.rehearsal.rules import Group
from imds_probe.rehearsal.telling import ByGroup, Told

_UNIT_NAME = re.compile(r"[A-Za-z0-9:_\\@][A-Za-z0-9:_.\\@-]{0,254}")
SYSTEMD = "systemd"
KINDS = (".service", ".scope", ".slice")
SLICES_MAX = 5_000
PROC = Path("/proc")


class Unit:
    """The unit of this name, `.service` where it says no kind. `top` is where control groups of systemd are mounted.

    Raises UsageError for a name that is none, CannotRehearse where it does not run or cannot be told from others.
    """

    def __init__(self, name: str, top: Path | None = None, proc: Path = PROC) -> None:
        if not _UNIT_NAME.fullmatch(name):
            raise UsageError(f"{name!r} is no name of a unit", "Write it as systemctl does: web.service")
        self.name = name if name.endswith(KINDS) else f"{name}.service"
        self.ways: Mapping[Family, int] = {}
        self.told = self._found(_of_systemd(proc), top, proc)
        if self.group() is None:
            raise CannotRehearse(f"{self.name} is not running", f"Start it: systemctl start {shlex.quote(self.name)}")
        if os.getpid() in self.members():
            raise CannotRehearse(
                f"imds-probe itself runs in {self.name}, and would not reach the metadata service any more",
                f"Run it in a unit of its own: systemd-run --pty imds-probe rehearse --unit {shlex.quote(self.name)}",
            )

    def group(self) -> Group | None:
        """Its control group as it is now; None while nothing of it runs."""
        return self.told.group()

    def is_replaced(self) -> bool:
        """A unit that is started again is the same."""
        return False

    def netns(self) -> None:
        """A unit's processes are taken for the host's; those elsewhere are said to be."""
        return None

    def members(self) -> list[int]:
        """Process ids."""
        return self.told.members()

    @property
    def directory(self) -> Path:
        return self.told.directory

    def _found(self, hierarchies: Sequence[Hierarchy], top: Path | None, proc: Path) -> Told:
        """By the first of these that has it: somebody else than systemd may have mounted version 2, and has no units there."""
        for there in hierarchies:
            directory = self._directory_in(top or there.mount)
            if directory is not None and there.controller:
                return ByOwnGroups(self.name, directory, usable(proc), proc)
            if directory is not None:
                return ByGroup(directory, there)
        raise CannotRehearse(
            f"no running unit of the system is called {self.name}", "List those that run with `systemctl list-units`."
        )

    def _directory_in(self, top: Path) -> Path | None:
        """Only slices contain units. Whoever is given a group to divide, such as a container or a user's own manager, may call
        what is in it by any name: nothing below a service or a scope is looked at.
        """
        waiting, seen = [top], 0
        while waiting and seen < SLICES_MAX:
            here = waiting.pop()
            seen += 1
            with contextlib.suppress(OSError), os.scandir(here) as entries:
                inner = sorted(each.name for each in entries if each.is_dir(follow_symlinks=False))
                if self.name in inner:
                    return here / self.name
                waiting += [here / name for name in inner if name.endswith(".slice")]
        return None


def _of_systemd(proc: Path) -> list[Hierarchy]:
    """Where systemd may have a control group for each unit: in version 2, or in the one of version 1 that is its own."""
    found = [each for each in hierarchies_of_version_1(proc) if each.controller == SYSTEMD]
    if (unified := version_2(proc)) is not None:
        found.insert(0, unified)
    if not found:
        raise CannotRehearse(
            "the control groups of systemd, which tell units apart, are not mounted",
            "Rehearse with a command instead: `imds-probe rehearse -- COMMAND`.",
        )
    return found
