"""One walk over /proc: who each process is and where it runs, in as few system calls as that takes.

A process is known by its number and the time that it began, as numbers are used again. All that is read of one process is
read by way of one descriptor of its directory, which never shows another process: proc(5).
"""

from __future__ import annotations

import dataclasses
import os
import re
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.inventory.containers.cgroups import TEXT_MAX, Membership, Memberships
from imds_probe.inventory.containers.group_owners import GroupOwners
from imds_probe.system.called import arguments
from imds_probe.system.procfs import processes
from imds_probe.system.small_file import read_head, read_pieces
from imds_probe.system.user_namespace import outermost_maker

READ_LIMIT_BYTES = 64 * 1024
MOUNTS_LIMIT_BYTES = 4 * 1024 * 1024
TICKS_A_SECOND = 100  # USER_HZ, in which the kernel tells times whatever its own clock: time(7)
PF_KTHREAD = 0x00200000  # <linux/sched.h>
_NAMESPACE = re.compile(r"[a-z_]+:\[(\d{1,20})\]")  # namespaces(7)
_UIDS = re.compile(rb"^Uid:\t(\d{1,10})\t(\d{1,10})\t", re.MULTILINE)  # real and effective: proc(5), status


@dataclasses.dataclass(frozen=True, slots=True)
class Process:
    """One process. A namespace is its inode number, None where the kernel does not let us see it.

    Network namespaces belong to threads; this is the main thread's. `userns_maker` is who made the process's user namespace,
    the outermost of them: 0 for root, None for the system's own. Where that is not said, `userns` counts as hidden, too.
    """

    pid: int
    ppid: int
    comm: str
    start_ticks: int  # since boot; USER_HZ, 100 a second
    uid: int  # the effective one
    netns: int | None
    pidns: int | None
    mntns: int | None
    membership: Membership
    real_uid: int = 0  # in a container of root's the effective one: there it does not matter
    userns: int | None = None
    userns_maker: int | None = None

    @property
    def age_key(self) -> tuple[int, int]:
        """Sorts the oldest first."""
        return (self.start_ticks, self.pid)

    @property
    def user(self) -> int | None:
        """The unprivileged user whose process it is, None for root's and all that root put into a container, whatever user that
        runs as there.
        """
        if self.membership.is_of_root:
            return None
        return self.membership.owner_uid or self.userns_maker or self.real_uid or None

    def is_of_user(self, uid: int) -> bool:
        """Whether it is a process of this user, or one of a user namespace that he made. One that hides its user namespace may
        be.
        """
        if self.userns_maker is not None:
            return self.userns_maker == uid
        return self.userns is None or self.real_uid == uid


@dataclass(frozen=True)
class Walk:
    """All processes that were there. `unreadable` of them hide their namespace or their control group."""

    processes: tuple[Process, ...]
    unreadable: int
    vanished: int  # ended while we looked


@dataclass
class _Walking:
    """What is seen once and holds for many processes."""

    memberships: Memberships
    own_userns: int | None
    makers: dict[int, int | None] = dataclasses.field(default_factory=dict)  # by the inode of the user namespace


def walk(proc: Path, memberships: Memberships | None = None) -> Walk:
    """Look at every process once; kernel threads are left out, as they call nobody. `memberships` say whose a control group is,
    by default by what is mounted beside `proc`.

    Raises ProbeError where processes cannot be listed at all, or where it is not root who says what runs.
    """
    if not _is_told_by_root(proc):
        raise ProbeError(f"{proc} is not a proc file system that root mounted", f"Mount /proc at {proc}.")
    try:
        pids = processes(proc)
    except OSError as error:
        raise ProbeError(f"{proc} cannot be listed: {error.strerror}", "Mount /proc.") from None
    own = namespace_inode(Path("/proc/thread-self/ns/user"))
    walking = _Walking(memberships or Memberships(GroupOwners(proc.parent).owner), own)
    found: list[Process] = []
    unreadable = vanished = 0
    for pid in pids:
        try:
            at = _open_directory(proc, str(pid))
            try:
                process, hides = _process(walking, pid, at)
            finally:
                os.close(at)
        except (FileNotFoundError, ProcessLookupError, NotADirectoryError):
            vanished += 1
            continue
        if process is not None:
            unreadable += hides
            found.append(process)
    found.sort(key=lambda process: process.age_key)
    return Walk(tuple(found), unreadable, vanished)


def is_unchanged(proc: Path, process: Process, memberships: Memberships) -> bool:
    """Whether a number still is this very process's, and it belongs where it did: what was read by its number is its own then."""
    try:
        at = _open_directory(proc, str(process.pid))
        try:
            fields = _stat_fields(read_head("stat", READ_LIMIT_BYTES, dir_fd=at))
            cgroup = _cgroup(at)
        finally:
            os.close(at)
    except OSError:
        return False
    if fields is None or fields[3] != process.start_ticks:
        return False
    return process.membership == memberships.of(cgroup)


def start_ticks(proc: Path, pid: int) -> int | None:
    """When the process began that has this number now, since boot in ticks of 1/100 s; None where there is none."""
    try:
        fields = _stat_fields(read_head(proc / str(pid) / "stat", READ_LIMIT_BYTES))
    except OSError:
        return None
    return None if fields is None else fields[3]


def age_s(proc: Path, pid: int) -> float | None:
    """For how many seconds the process has run that has this number now; None where there is none, or where it began by another
    clock than this system's.
    """
    began = start_ticks(proc, pid)
    age = None if began is None else time.clock_gettime(time.CLOCK_BOOTTIME) - began / TICKS_A_SECOND
    return round(age, 1) if age is not None and age >= 0 else None


class Place(NamedTuple):
    """What tells a process from those that somebody else has started: the text of its control groups, its user, and the number of
    the process that started it, None where that is not known.
    """

    cgroup: str
    uid: int
    parent: int | None = None


def place_of(proc: Path, pid: int) -> Place | None:
    """None where it has ended."""
    try:
        at = _open_directory(proc, str(pid))
        try:
            fields = _stat_fields(read_head("stat", READ_LIMIT_BYTES, dir_fd=at))
            return Place(_cgroup(at) or "", os.fstat(at).st_uid, fields[1] if fields else None)
        finally:
            os.close(at)
    except OSError:
        return None


def runs_of(proc: Path, pid: int) -> str:
    """The path of the file that a process runs; empty where it has ended, or hides that."""
    try:
        return os.readlink(proc / str(pid) / "exe").removesuffix(" (deleted)")
    except OSError:
        return ""


def _is_told_by_root(proc: Path) -> bool:
    """Whether a directory is the kernel's or root's, or of whoever runs the probe. Below a root that somebody else laid out it
    could be a link to the processes of another system, or have links that lead anywhere.
    """
    try:
        status = os.lstat(proc)
    except OSError:
        return True  # nothing is there to be listed, which is said as such
    return stat.S_ISDIR(status.st_mode) and (status.st_uid in (0, os.geteuid()) or _is_mounted(proc))


def _is_mounted(proc: Path) -> bool:
    """Whether it is a proc file system: in a user namespace, the one of the system around it belongs to nobody."""
    try:
        mounts = read_pieces(Path("/proc/thread-self/mountinfo"), MOUNTS_LIMIT_BYTES).decode(errors="replace")
    except OSError:
        return False
    return any(line.split()[4:5] == [str(proc)] and " - proc " in line for line in mounts.splitlines())


def still_there(proc: Path, pids: Sequence[int], started: Sequence[int]) -> list[int]:
    """Those of the numbers that are still the processes' that had them; `started` has when each of these began. All of them
    where that is not known.
    """
    if not started:
        return list(pids)
    return [pid for pid, ticks in zip(pids, started, strict=True) if start_ticks(proc, pid) == ticks]


def _open_directory(proc: Path, pid: str) -> int:
    return os.open(f"{proc}/{pid}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def _process(walking: _Walking, pid: int, at: int) -> tuple[Process | None, bool]:
    """The process and whether it hides something; None for a kernel thread. What is ending raises ProcessLookupError or
    FileNotFoundError.
    """
    try:
        fields = _stat_fields(read_head("stat", READ_LIMIT_BYTES, dir_fd=at))
    except OSError:
        raise ProcessLookupError from None
    if fields is None:
        raise ProcessLookupError
    comm, ppid, flags, started = fields
    if flags & PF_KTHREAD:
        return None, False
    cgroup = _cgroup(at)
    membership = walking.memberships.of(cgroup)
    real_uid, uid = _uids(at, membership)
    netns, seen = _namespace(at, "net")
    pidns = _namespace(at, "pid")[0]
    mntns = _namespace(at, "mnt")[0]
    try:
        userns = _namespace(at, "user")[0]
    except FileNotFoundError:  # a kernel without user namespaces
        userns = walking.own_userns
    maker = _maker(walking, at, userns)
    process = Process(
        pid,
        ppid,
        comm,
        started,
        uid,
        netns,
        pidns,
        mntns,
        membership,
        real_uid,
        userns if userns == walking.own_userns or maker is not None else None,
        maker,
    )
    return process, not seen or cgroup is None


def _uids(at: int, membership: Membership) -> tuple[int, int]:
    """The real and the effective user. Most processes of a busy host are in containers of root's, where it does not matter
    whose they are: writing a whole status down takes the kernel longer than all that is read besides.
    """
    if membership.is_of_root:
        uid = os.fstat(at).st_uid
        return uid, uid
    try:
        found = _UIDS.search(read_head("status", READ_LIMIT_BYTES, dir_fd=at))
    except OSError:
        found = None
    if found is None:
        raise ProcessLookupError
    return int(found[1]), int(found[2])


def _maker(walking: _Walking, at: int, userns: int | None) -> int | None:
    if userns is None or userns == walking.own_userns:
        return None
    if userns not in walking.makers:
        try:
            opened = os.open("ns/user", os.O_RDONLY | os.O_CLOEXEC, dir_fd=at)
        except OSError:
            return None  # it is ending: others of the same namespace may tell
        try:
            walking.makers[userns] = outermost_maker(opened)
        finally:
            os.close(opened)
    return walking.makers[userns]


def namespace_inode(link: Path) -> int | None:
    """The inode of one link like /proc/PID/ns/net; None where it cannot be read."""
    try:
        match = _NAMESPACE.fullmatch(os.readlink(link))
    except OSError:
        return None
    return int(match[1]) if match else None


def command_line(proc: Path, pid: int) -> tuple[str, ...]:
    """The arguments of one process, empty where they cannot be read. At most 64 KiB of them."""
    try:
        return tuple(arguments(proc / str(pid), READ_LIMIT_BYTES))
    except OSError:
        return ()


def program(proc: Path, pid: int) -> str:
    """The name of the file that a process runs, empty where it cannot be read. Unlike its own name, which is free text, it is
    a file's; what is in the file is up to whoever may write there.
    """
    try:
        return os.readlink(proc / str(pid) / "exe").removesuffix(" (deleted)").rpartition("/")[2]
    except OSError:
        return ""


def _namespace(at: int, kind: str) -> tuple[int | None, bool]:
    """The inode and whether it could be seen. A process that is ending raises FileNotFoundError, as it has none."""
    try:
        match = _NAMESPACE.fullmatch(os.readlink(f"ns/{kind}", dir_fd=at))
    except (FileNotFoundError, ProcessLookupError):
        raise
    except OSError:
        return None, False
    return (int(match[1]), True) if match else (None, False)


def _cgroup(at: int) -> str | None:
    try:
        return read_head("cgroup", READ_LIMIT_BYTES, dir_fd=at).decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        raise
    except OSError:
        return None


def _stat_fields(stat: bytes) -> tuple[str, int, int, int] | None:
    """comm, ppid, flags and start time of /proc/PID/stat; None for a zombie, which has no namespaces any more."""
    opening, closing = stat.find(b"("), stat.rfind(b")")  # comm is free text, with brackets and newlines
    fields = stat[closing + 1 :].split()
    if opening < 0 or closing < opening or len(fields) < 20 or fields[0] in (b"Z", b"X"):
        return None
    comm = stat[opening + 1 : closing].decode(errors="replace")[:TEXT_MAX]
    try:
        return comm, int(fields[1]), int(fields[6]), int(fields[19])
    except ValueError:
        return None
