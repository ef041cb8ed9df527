"""One walk over /proc: what each process says about where it runs, in as few system calls as that takes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from imds_probe.errors import ProbeError
from imds_probe.inventory.containers.cgroups import TEXT_MAX, Membership, membership_of
from imds_probe.system.small_file import read_head

READ_LIMIT_BYTES = 64 * 1024
PF_KTHREAD = 0x00200000  # <linux/sched.h>
_NAMESPACE = re.compile(r"[a-z_]+:\[(\d{1,20})\]")  # namespaces(7)


@dataclass(frozen=True, slots=True)
class Process:
    """One process. A namespace is its inode number, None where the kernel does not let us see it.

    Network namespaces belong to threads; this is the main thread's. `uid` is the effective one, or 0 for a process that
    may not be traced: proc(5).
    """

    pid: int
    ppid: int
    comm: str
    start_ticks: int  # since boot; USER_HZ, 100 a second
    uid: int
    netns: int | None
    pidns: int | None
    mntns: int | None
    membership: Membership

    @property
    def age_key(self) -> tuple[int, int]:
        """Sorts the oldest first."""
        return (self.start_ticks, self.pid)


@dataclass(frozen=True)
class Walk:
    """All processes that were there. `unreadable` of them hide their namespace or their control group."""

    processes: tuple[Process, ...]
    unreadable: int
    vanished: int  # ended while we looked


def walk(proc: Path) -> Walk:
    """Look at every process once; kernel threads are left out, as they call nobody.

    Raises ProbeError where processes cannot be listed at all.
    """
    base = str(proc)
    try:
        with os.scandir(base) as entries:
            pids = [entry.name for entry in entries if entry.name.isdigit()]
    except OSError as error:
        raise ProbeError(f"{proc} cannot be listed: {error.strerror}", "Mount /proc.") from None
    found: list[Process] = []
    unreadable = vanished = 0
    for pid in pids:
        try:
            stat = read_head(Path(f"{base}/{pid}/stat"), READ_LIMIT_BYTES)
        except OSError:
            vanished += 1
            continue
        fields = _stat_fields(stat)
        if fields is None:
            vanished += 1
            continue
        comm, ppid, flags, start_ticks = fields
        if flags & PF_KTHREAD:
            continue
        try:
            uid = os.stat(f"{base}/{pid}").st_uid
            cgroup = _cgroup(base, pid)
            netns, seen = _namespace(base, pid, "net")
            pidns = _namespace(base, pid, "pid")[0]
            mntns = _namespace(base, pid, "mnt")[0]
        except (FileNotFoundError, ProcessLookupError):
            vanished += 1
            continue
        if not seen or cgroup is None:
            unreadable += 1
        membership = Membership() if cgroup is None else membership_of(cgroup)
        found.append(Process(int(pid), ppid, comm, start_ticks, uid, netns, pidns, mntns, membership))
    found.sort(key=lambda process: process.age_key)
    return Walk(tuple(found), unreadable, vanished)


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
        text = read_head(proc / str(pid) / "cmdline", READ_LIMIT_BYTES)
    except OSError:
        return ()
    return tuple(text.decode(errors="replace").rstrip("\0").split("\0"))


def _namespace(base: str, pid: str, kind: str) -> tuple[int | None, bool]:
    """The inode and whether it could be seen. A process that is ending raises FileNotFoundError, as it has none."""
    try:
        match = _NAMESPACE.fullmatch(os.readlink(f"{base}/{pid}/ns/{kind}"))
    except (FileNotFoundError, ProcessLookupError):
        raise
    except OSError:
        return None, False
    return (int(match[1]), True) if match else (None, False)


def _cgroup(base: str, pid: str) -> str | None:
    try:
        return read_head(Path(f"{base}/{pid}/cgroup"), READ_LIMIT_BYTES).decode(errors="replace")
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
