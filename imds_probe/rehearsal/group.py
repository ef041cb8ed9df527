"""A control group of the rehearsal's own, below that of whoever runs it: what is started in it stays in it, with all that it
starts, and keeps the limits of the group around.

Version 2 tells the sockets of a group by itself. Where only version 1 is, as on RHEL 8, its net_cls does, by a class. It is left
alone beside version 2: before Linux 5.15, whoever uses net_cls takes from systemd what it knows of sockets.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.inventory.containers.processes import start_ticks
from imds_probe.rehearsal.rules import Group
from imds_probe.system.background import Background
from imds_probe.system.mounts import mounts
from imds_probe.system.small_file import read_head, read_pieces

PREFIX = "imds-probe-rehearsal-"
NAME = re.compile(r"imds-probe-rehearsal-([0-9]{1,10})-([0-9]{1,20})")
FILE_BYTES = 4 * 1024 * 1024
EVENTS_BYTES = 4096
DEPTH_MAX, DIRECTORIES_MAX = 16, 20_000
CLASSES, CLASS_FILE, CONTROLLER = 0x494D0000, "net_cls.classid", "net_cls"
EMPTIED_WITHIN_S = 5.0
PAUSE_S = 0.02
PROC = Path("/proc")
T = TypeVar("T")


@dataclass(frozen=True)
class Hierarchy:
    """Where it is mounted; `controller` is empty for version 2."""

    mount: Path
    controller: str


class OwnGroup:
    """A control group that was made; `members` are in it and in those below it. Raises ProbeError where it cannot be made."""

    def __init__(self, name: str, proc: Path = PROC, hierarchy: Hierarchy | None = None) -> None:
        hierarchy = hierarchy or hierarchy_of(proc)
        path = path_of(proc, "self", hierarchy.controller)
        self._parent = hierarchy.mount / path.lstrip("/")
        self._of_version_2 = not hierarchy.controller
        self.directory = self._parent / name
        try:
            self.directory.mkdir()
            self.kernels = self._kernels(Path(path))
        except OSError as error:
            with contextlib.suppress(OSError):
                self.directory.rmdir()
            raise ProbeError(
                f"a control group cannot be made in {self._parent}: {error.strerror}",
                "Run as root, outside of a container whose control groups are read-only.",
            ) from None

    def _kernels(self, around: Path) -> Group:
        """What the kernel knows its sockets by."""
        if self._of_version_2:
            path = str(around / self.directory.name)
            return Group(self.directory.stat().st_ino, len(around.parts), path=path)
        (self.directory / CLASS_FILE).write_text(str(own_class()))
        return Group(class_id=own_class())

    def members(self) -> list[int]:
        """Process ids."""
        return members(self.directory)

    def tried(self, make: Callable[[], T], use: Callable[[T], bool]) -> bool:
        """Call `use` with what `make` has made, sockets, as something in the group would. Only this thread is in it meanwhile, or
        only while they are made.
        """
        if self._of_version_2:  # a socket is of the group that it was made in, for good
            with self.inside():
                made = make()
            return use(made)

        def work() -> bool:  # by class, a socket is of the group that its owner is in
            tid = str(threading.get_native_id())
            (self.directory / "tasks").write_text(tid)
            try:
                return use(make())
            finally:
                (self._parent / "tasks").write_text(tid)

        return Background("try", work).result()

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Have this process in the group for the length of a block."""
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
        for pid in members(directory):
            with contextlib.suppress(OSError):  # it ended, or is about to
                (directory.parent / "cgroup.procs").write_text(str(pid))
        for each in [*reversed(list(below_it(directory))), directory]:
            with contextlib.suppress(OSError):
                each.rmdir()
        if directory.exists():
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE_S)
    return True


def own_name() -> str:
    """Of a rehearsal's groups and tables: by it, whoever finds them sees whether their owner lives."""
    return f"{PREFIX}{os.getpid()}-{start_ticks(PROC, os.getpid()) or 0}"


def own_class() -> int:
    """That of the sockets that a rehearsal leads, where classes tell them."""
    return CLASSES | os.getpid() & 0xFFFF


def left_behind(below: Path | None = None, proc: Path = PROC) -> list[Path]:
    """Groups of rehearsals, whether or not they still run: all of them, or those in one group. How deep and at how many is
    looked has an end.
    """
    tops = [below] if below is not None else [each.mount for each in (version_2(proc), classes_of(proc)) if each]
    return [directory for top in tops for directory in below_it(top) if NAME.fullmatch(directory.name)]


def own_directory(proc: Path = PROC) -> Path:
    """The group that this process is in. Raises ProbeError where there is none that would do."""
    hierarchy = hierarchy_of(proc)
    return hierarchy.mount / path_of(proc, "self", hierarchy.controller).lstrip("/")


def members(directory: Path) -> list[int]:
    """The processes of a group and of those below it."""
    found: set[int] = set()
    for each in (directory, *below_it(directory)):
        with contextlib.suppress(OSError):
            found.update(int(word) for word in read_pieces(each / "cgroup.procs", FILE_BYTES).split())
    return sorted(found)


def below_it(directory: Path) -> Iterator[Path]:
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


def hierarchy_of(proc: Path) -> Hierarchy:
    """Where control groups are that tell sockets: of version 2, or else of net_cls. Raises ProbeError where neither is."""
    found = version_2(proc) or classes_of(proc)
    if found is None:
        raise ProbeError(
            "control groups that tell one program's connections from another's are not mounted",
            "Boot with systemd.unified_cgroup_hierarchy=1, or mount the control groups of net_cls.",
        )
    return found


def version_2(proc: Path) -> Hierarchy | None:
    """Where version 2 is, if it is mounted."""
    unified = next((Path(mount.point) for mount in mounts(proc, "self") if mount.kind == "cgroup2"), None)
    return None if unified is None else Hierarchy(unified, "")


def classes_of(proc: Path) -> Hierarchy | None:
    """Where net_cls is, whether or not version 2 is, too."""
    return next((Hierarchy(each, CONTROLLER) for each in _version_1(proc) if CONTROLLER in each.name.split(",")), None)


def hierarchies_of_version_1(proc: Path) -> list[Hierarchy]:
    """All that are mounted, each by the name of one controller; that of systemd has none, and is called so."""
    return [Hierarchy(point, point.name.split(",")[0]) for point in _version_1(proc)]


def _version_1(proc: Path) -> list[Path]:
    return [Path(each.point) for each in mounts(proc, "self") if each.kind == "cgroup"]


def path_of(proc: Path, pid: str, controller: str) -> str:
    """The control group that a process is in, as a path below the mount; that of version 2 for an empty controller.

    Raises ProbeError where it is in none.
    """
    for line in read_pieces(proc / pid / "cgroup", FILE_BYTES).split(b"\n"):
        _, controllers, path = (*line.split(b":", 2), b"", b"")[:3]
        if path and controller.encode() in controllers.removeprefix(b"name=").split(b","):
            return os.fsdecode(path)
    raise ProbeError(
        "this process is in no control group that tells its connections apart",
        "Boot with systemd.unified_cgroup_hierarchy=1.",
    )


def group_at(directory: Path, mount: Path) -> Group | None:
    """What the kernel knows a group of version 2 by; None where nothing runs in it."""
    with contextlib.suppress(OSError):
        inode = directory.stat().st_ino
        if b"populated 1" in read_head(directory / "cgroup.events", EVENTS_BYTES):
            path = directory.relative_to(mount)
            return Group(inode, len(path.parts), path=f"/{path}")
    return None
