"""A control group of the rehearsal's own, below that of whoever runs it: what is started in it stays in it, with all that it
starts, and keeps the limits of the group around.

Only version 2 tells the sockets of a group; beside version 1 it is mounted too, as systemd's hybrid layout does.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from imds_probe.errors import ProbeError
from imds_probe.rehearsal.rules import Group
from imds_probe.system.mounts import mounts
from imds_probe.system.small_file import read_pieces

PREFIX = "imds-probe-rehearsal-"
NAME = re.compile(r"imds-probe-rehearsal-([0-9]{1,10})-([0-9]{1,20})")
FILE_BYTES = 4 * 1024 * 1024
DEPTH_MAX, DIRECTORIES_MAX = 16, 20_000
EMPTIED_WITHIN_S = 5.0
PAUSE_S = 0.02


class OwnGroup:
    """A control group that was made; `members` are in it and in those below it. Raises ProbeError where it cannot be made."""

    def __init__(self, name: str, proc: Path = Path("/proc")) -> None:
        self._parent = own_directory(proc)
        self.directory = self._parent / name
        try:
            self.directory.mkdir()
            inode = self.directory.stat().st_ino
        except OSError as error:
            raise ProbeError(
                f"a control group cannot be made in {self._parent}: {error.strerror}",
                "Run as root, outside of a container whose control groups are read-only.",
            ) from None
        self.kernels = Group(inode, len(Path(_own_path(proc)).parts))

    def members(self) -> list[int]:
        """Process ids."""
        return sorted(_members(self.directory))

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Have this process in the group for the length of a block: a socket is of the group that it was made in, for good."""
        (self.directory / "cgroup.procs").write_text("0")
        try:
            yield
        finally:
            (self._parent / "cgroup.procs").write_text("0")

    def launcher(self) -> list[str]:
        """What to put before a command so that it starts in the group."""
        return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self.directory / "cgroup.procs")]

    def remove(self) -> bool:
        """Move what is in it to the group around it, and remove it; whether it is gone."""
        return removed(self.directory)


def removed(directory: Path, within_s: float = EMPTIED_WITHIN_S) -> bool:
    """Move the processes of a group to the one around it and remove it; whether it is gone. What they start meanwhile is moved
    as well.
    """
    deadline = time.monotonic() + within_s
    while directory.exists():
        for pid in _members(directory):
            with contextlib.suppress(OSError):  # it ended, or is about to
                (directory.parent / "cgroup.procs").write_text(str(pid))
        for each in [*reversed(list(_below(directory))), directory]:
            with contextlib.suppress(OSError):
                each.rmdir()
        if directory.exists():
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE_S)
    return True


def left_behind(below: Path | None = None, proc: Path = Path("/proc")) -> list[Path]:
    """Groups of rehearsals, whether or not they still run: all of them, or those in one group. How deep and at how many is
    looked has an end.
    """
    try:
        top = below or _mounted(proc)
    except ProbeError:
        return []
    return [directory for directory in _below(top) if NAME.fullmatch(directory.name)]


def own_directory(proc: Path = Path("/proc")) -> Path:
    """The group that this process is in. Raises ProbeError where there is no version 2."""
    return _mounted(proc) / _own_path(proc).lstrip("/")


def _members(directory: Path) -> set[int]:
    found: set[int] = set()
    for each in (directory, *_below(directory)):
        with contextlib.suppress(OSError):
            found.update(int(word) for word in read_pieces(each / "cgroup.procs", FILE_BYTES).split())
    return found


def _below(directory: Path) -> Iterator[Path]:
    """The groups in a group, each before those in it."""
    waiting, seen = [(directory, 0)], 0
    while waiting:
        here, depth = waiting.pop()
        try:
            with os.scandir(here) as entries:
                inner = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue
        for each in inner:
            seen += 1
            if seen > DIRECTORIES_MAX:
                return
            yield each
            if depth < DEPTH_MAX:
                waiting.append((each, depth + 1))


def _mounted(proc: Path) -> Path:
    """Where control groups of version 2 are."""
    found = next((mount.point for mount in mounts(proc, "self") if mount.kind == "cgroup2"), None)
    if found is None:
        raise ProbeError(
            "control groups of version 2 are not mounted, and only they tell one program's connections from another's",
            "Boot with systemd.unified_cgroup_hierarchy=1.",
        )
    return Path(found)


def _own_path(proc: Path) -> str:
    for line in read_pieces(proc / "self/cgroup", FILE_BYTES).split(b"\n"):
        if line.startswith(b"0::"):
            return os.fsdecode(line[3:])
    raise ProbeError(
        "this process is in no control group of version 2", "Boot with systemd.unified_cgroup_hierarchy=1."
    )
