"""What records say of a container's first process: its number, and a time by which it had begun."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from imds_probe.inventory.containers.description import Started
from imds_probe.inventory.containers.processes import Process
from imds_probe.system.rootfs import FileUnreadable, opened
from imds_probe.system.small_file import read_head
from imds_probe.timestamp import seconds_of

TICKS_PER_S = 100  # USER_HZ: proc(5)
ROUNDED_S = 2.0  # the kernel gives the time of its start in whole seconds, and clocks are corrected
_PID = re.compile(rb"([1-9]\d{0,9})\s*")
_BOOTED = re.compile(rb"^btime (\d{1,12})$", re.MULTILINE)
STAT_LIMIT_BYTES = 4 * 1024 * 1024  # /proc/stat grows with the number of CPUs and interrupts


def by_pid_file(root: Path, path: str, owners: Collection[int]) -> Started | None:
    """A file of a runtime that holds nothing but a number, written when the process had begun; None where there is none, or
    where it is not one of `owners`'.
    """
    try:
        with opened(root, path) as file:
            if file is None:
                return None
            found, status = _PID.fullmatch(file.read(32)), file.status()
    except FileUnreadable:
        return None
    return Started(int(found[1]), status.st_mtime_ns / 1e9) if found and status.st_uid in owners else None


def by_words(pid: object, at: object) -> Started | None:
    """A number and a time as RFC 3339 writes it, as far as they are that."""
    if not isinstance(pid, int) or isinstance(pid, bool) or pid <= 0 or not isinstance(at, str):
        return None
    try:
        # The first 19 characters: ten digits behind the point are more than Python takes.
        return Started(pid, seconds_of(f"{at[:19]}Z")) if at.endswith("Z") else None
    except ValueError:
        return None


def booted_at(proc: Path) -> float | None:
    """When the system was started, in seconds since the epoch; None where /proc does not say."""
    try:
        found = _BOOTED.search(read_head(proc / "stat", STAT_LIMIT_BYTES))
    except OSError:
        return None
    return float(found[1]) if found else None


def is_first(process: Process, started: Started, booted: float | None) -> bool:
    """Whether a record means this process: one that got the same number later began later."""
    if booted is None or process.pid != started.pid:
        return False
    return booted + process.start_ticks / TICKS_PER_S <= started.at + ROUNDED_S
