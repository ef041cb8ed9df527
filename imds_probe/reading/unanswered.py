"""Places that did not answer: they are not touched again, by this run or by later ones, for as long as there is reason to.

What hangs in the kernel cannot always be killed. Runs that come every hour would leave one process each.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.system.mounts import Mount, mounts
from imds_probe.system.small_file import read_head

FILE = "unanswered.json"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
LIMIT_BYTES = 256 * 1024
KEPT_MAX = 200
_CONTAINER = re.compile(r"(.*)/(\d{1,10})/root")
# What has no disk of its own, and is none of a network's either. Where one place of these hangs, others need not.
_LOCAL = frozenset({"btrfs", "devtmpfs", "overlay", "ramfs", "squashfs", "tmpfs", "zfs"})


@dataclass(frozen=True)
class Place:
    """`device` is that of a mount all of which is dead, or empty: then it is `path` below `root`, and what lies below."""

    root: str
    path: str
    device: str = ""


@dataclass(frozen=True)
class _LeftBehind:
    """A process of ours that the kernel does not let go, and the place where it hangs."""

    place: Place
    pid: int
    started: str
    boot: str


class Unanswered:
    """Those of this run, and what earlier ones left in `state`, which is no longer there once its process has gone."""

    def __init__(self, state: Path | None = None) -> None:
        self._path: Path | None = None
        self._left: list[_LeftBehind] = []
        self._places: list[Place] = []
        if state is not None:
            self.remember(state)

    def remember(self, state: Path) -> None:
        """Keep what is left behind in `state` from now on, and take what earlier runs left there."""
        self._path = state / FILE
        self._left = [*(each for each in self._loaded() if _is_there(each)), *self._left]
        self._places += [each.place for each in self._left if each.place not in self._places]

    def learn(self, root: str, where: bytes) -> Place:
        """What did not answer, from where the opener was below a root."""
        place = _place(root, "/" + os.fsdecode(where).lstrip("/"))
        if place not in self._places:
            self._places.append(place)
        return place

    def leave_behind(self, place: Place, pid: int) -> None:
        """A process hangs there, and cannot be killed. Later runs are told, as far as the state can be written."""
        left = _LeftBehind(place, pid, _started(pid), _boot())
        if not left.started:
            return  # it went after all
        self._left = [*self._left, left][-KEPT_MAX:]
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                written = self._path.with_suffix(f".{os.getpid()}")
                written.write_text(json.dumps([asdict(each) for each in self._left], indent=1))
                written.replace(self._path)

    def refused(self, root: str) -> list[bytes]:
        """The paths below a root that are not to be touched."""
        if not self._places:
            return []
        found = {place.path for place in self._places if not place.device and place.root == root}
        dead = {place.device for place in self._places if place.device}
        if dead:
            inside, seen = _seen(root)
            for mount in seen:
                if mount.device in dead and (point := _below(mount.point, inside)):
                    found.add(point)
            above = _mount_of(inside, seen)
            if above is not None and above.device in dead:
                found.add("/")
        return [os.fsencode(path) for path in sorted(found)]

    def _loaded(self) -> Iterable[_LeftBehind]:
        if self._path is None:
            return
        try:
            for entry in json.loads(read_head(self._path, LIMIT_BYTES)):
                yield _LeftBehind(Place(**entry.pop("place")), **entry)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return  # there is none, or somebody spoilt it: then the place is found anew


def _place(root: str, path: str) -> Place:
    inside, seen = _seen(root)
    whole = f"{inside.rstrip('/')}{path}"
    mount = _mount_of(whole, seen)
    if mount is None:
        return Place(root, path)
    if mount.kind == "proc":
        # Of all of /proc, one process does not answer.
        above = _below(mount.point, inside).rstrip("/")
        return Place(root, f"{above}/{_below(whole, mount.point).strip('/').partition('/')[0]}")
    if not mount.device.startswith("0:") or mount.kind in _LOCAL:
        return Place(root, path)
    return Place(root, path, mount.device)


def _mount_of(path: str, seen: Iterable[Mount]) -> Mount | None:
    """The mount on which a path lies."""
    return max((each for each in seen if _below(path, each.point)), key=lambda each: len(each.point), default=None)


def _seen(root: str) -> tuple[str, tuple[Mount, ...]]:
    """The mounts that can be reached below a root, and where it lies among them."""
    container = _CONTAINER.fullmatch(root)
    if container:
        return "/", mounts(Path(container[1]), container[2])
    return os.path.abspath(root), mounts(Path("/proc"), "self")


def _below(path: str, directory: str) -> str:
    """`path` as it is called below a directory that it is in, or is; empty where it is not."""
    if directory in ("/", path) or path.startswith(f"{directory}/"):
        return "/" + path[len(directory) :].lstrip("/")
    return ""


def _is_there(left: _LeftBehind) -> bool:
    return left.boot == _boot() and bool(left.started) and left.started == _started(left.pid)


def _started(pid: int) -> str:
    """When a process was started, in ticks since boot; empty where there is none, or only its remains: proc_pid_stat(5)."""
    try:
        fields = read_head(Path(f"/proc/{pid}/stat"), 4096).rpartition(b")")[2].split()
    except OSError:
        return ""
    return fields[19].decode() if len(fields) > 19 and fields[0] not in (b"Z", b"X") else ""


def _boot() -> str:
    try:
        return read_head(BOOT_ID, 64).decode().strip()
    except OSError:
        return ""
