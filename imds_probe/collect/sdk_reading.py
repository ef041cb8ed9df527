"""What the parser reads for the search for SDKs: which roots processes have, what they use, and what lies on a disk."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from imds_probe.collect.sdk_tasks import Disk, Lying, Processes, Rooted, Used, User, Using
from imds_probe.errors import ProbeError
from imds_probe.escape import encodable
from imds_probe.facts.sdk_settings import PROFILE, SdkSettings
from imds_probe.inventory.sdks import java_properties
from imds_probe.inventory.sdks.known_files import KnownFiles
from imds_probe.inventory.sdks.profiles import Profiles
from imds_probe.inventory.sdks.running import look
from imds_probe.inventory.sdks.scan import FileCache, Scan
from imds_probe.inventory.sdks.variables import KNOWN
from imds_probe.system import rootfs
from imds_probe.system.called import process_name
from imds_probe.system.door import Identity
from imds_probe.system.small_file import CGROUP_BYTES, needed, read_several
from imds_probe.system.walk import Budget
from imds_probe.system.walk_memory import WalkMemory

LIBRARIES_MAX = 5000  # of one system, in one go: what comes on top is somebody's joke
CACHED_MAX = 20_000  # files whose content is remembered, of all images together
LEARNT_AT_A_TIME = 500
COMM_BYTES = 64
TOO_MANY = f"there are more than {LIBRARIES_MAX} libraries"
# What files of each image were found to hold, for as long as this process lives.
_caches: dict[str, FileCache] = {}


class _Said:
    """What a scan could not read, as far as it was not yet said."""

    def __init__(self, scan: Scan) -> None:
        self._scan = scan
        self._troubles = self._unanswered = 0

    def new(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        troubles, unanswered = self._scan.troubles[self._troubles :], self._scan.unanswered[self._unanswered :]
        self._troubles += len(troubles)
        self._unanswered += len(unanswered)
        return tuple(map(encodable, troubles)), tuple(map(encodable, unanswered))


def read_roots(processes: Processes) -> Iterator[Rooted]:
    """The root directory of each process."""
    try:
        found = rootfs.roots_of(Path(processes.proc), processes.pids)
    except OSError as error:
        raise ProbeError(f"{processes.proc} cannot be read: {error.strerror}") from None
    for pid, root in zip(processes.pids, found, strict=True):
        yield _rooted(pid, root, Path(processes.proc, str(pid)))


def _rooted(pid: int, identity: Identity | None, process: Path) -> Rooted:
    program, root = read_several(process, (), ("exe", "root"))
    if identity is None or not isinstance(program, bytes) or not isinstance(root, bytes):
        return Rooted(pid, identity)
    if root != b"/":
        return Rooted(pid, identity, outside=not program.startswith(root + b"/"))
    return Rooted(pid, identity, program=encodable(os.fsdecode(program)))


def read_in_use(using: Using) -> Iterator[Used]:
    """The libraries that processes use, one process after the other."""
    scan = Scan(Path(using.root), using.names, _cache_of(using.image))
    said, left = _Said(scan), LIBRARIES_MAX
    profiles = Profiles(scan.root)
    for pid in using.processes.pids:
        end = Used(pid, done=True)
        for each in _of_process(scan, using, pid, profiles):
            if each.located is not None:
                left -= 1
                yield each
            else:
                end = each
            if left <= 0:
                yield Used(pid, unseen=(TOO_MANY,))
                return
        troubles, unseen = said.new()
        yield replace(end, done=True, troubles=(*end.troubles, *troubles), unseen=(*end.unseen, *unseen))


def _of_process(scan: Scan, using: Using, pid: int, profiles: Profiles) -> Iterator[Used]:
    """What it uses, and then what is to be said of itself."""
    proc = Path(using.processes.proc)
    try:
        running = look(proc, pid, scan.root, KNOWN)
    except PermissionError:
        yield Used(pid, hidden=True)
        return
    except TimeoutError:
        yield Used(pid, unanswered=True)
        return
    if running and using.own is not None and using.own.runs_in(running.scripts, scan.root):
        return
    used = set()
    for located in scan.of_process(running, proc) if running else ():
        if located not in used:
            used.add(located)
            yield Used(pid, replace(located, path=encodable(located.path)))
    if running and used:
        settings = None
        if running.variables is not None:
            told = java_properties.told(dict(running.properties), (each.found for each in used))
            chosen = {name: value for name, value in told.items() if name == PROFILE}
            choosing = profiles.with_home({**chosen, **dict(running.choosing)}, proc, pid)
            variables = java_properties.with_properties(running.variables, told)
            settings = SdkSettings(variables, profiles.chosen(choosing), *profiles.others(choosing))
        yield Used(pid, user=_user(proc, pid), settings=settings)


def _user(proc: Path, pid: int) -> User | None:
    try:
        comm, cgroup = map(needed, read_several(proc / str(pid), (("comm", COMM_BYTES), ("cgroup", CGROUP_BYTES))))
    except OSError:
        return None  # it ended meanwhile
    name = process_name(proc / str(pid), comm.decode(errors="replace").rstrip("\n"))
    return User(encodable(name), cgroup.decode(errors="replace"))


def read_on_disk(disk: Disk) -> Iterator[Lying]:
    """The libraries that lie in directories, part by part."""
    known = KnownFiles(disk.kept, disk.before_ns)
    memory = WalkMemory(disk.walked, disk.before_ns)
    scan = Scan(Path(disk.root), disk.names, _cache_of(disk.image), known, memory)
    said, left, learnt = _Said(scan), LIBRARIES_MAX, 0
    budget = Budget(disk.deadline, disk.entries)
    for part, entries in scan.parts_of_disk(disk.starts, budget, frozenset(disk.left_out)):
        # What the walk could not read is said with what it cost: it may have cost all that there was, and nothing is heard then.
        troubles, unseen = said.new()
        yield Lying(entries=entries, troubles=troubles, unseen=unseen, walked=memory.taken())
        for located in part:
            left -= 1
            yield Lying((replace(located, path=encodable(located.path)),))
            if left <= 0:
                yield Lying(cut_short=TOO_MANY)
                return
        troubles, unseen = said.new()
        if troubles or unseen:
            yield Lying(troubles=troubles, unseen=unseen)
        # Part by part: whoever ends the search has what there was until then.
        new = itertools.islice(known.learnt.items(), learnt, None)
        while some := tuple(itertools.islice(new, LEARNT_AT_A_TIME)):
            learnt += len(some)
            yield Lying(learnt=some)
    if budget.cut_short:
        yield Lying(cut_short=budget.cut_short)


def _cache_of(image: str) -> FileCache:
    if sum(map(len, _caches.values())) > CACHED_MAX:
        _caches.clear()
    return _caches.setdefault(image, {})
