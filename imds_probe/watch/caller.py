"""Who a caller is, by its process."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TypedDict

from imds_probe.dataclass import dataclass
from imds_probe.facts.callers import OF_ROOT_ALONE
from imds_probe.inventory.containers.cgroups import membership_of
from imds_probe.inventory.containers.group_owners import GroupOwners
from imds_probe.inventory.containers.members import key_of
from imds_probe.inventory.containers.processes import start_ticks
from imds_probe.inventory.packages.package import printable
from imds_probe.kept import command_line
from imds_probe.kept.process_name import kept_name
from imds_probe.system.called import arguments
from imds_probe.system.confined import UNANSWERED
from imds_probe.system.own_memory import head
from imds_probe.system.same_file import same_file
from imds_probe.system.small_file import read_head
from imds_probe.watch.ancestry import Process, ancestry_of, status_of

SHOWN_MAX = 300
NS_GET_USERNS = 0xB701  # <linux/nsfs.h>
NOT_VERIFIED = " (not verified)"  # after the path of a program that may be another one
ENDED = "(ended)"


@dataclass(frozen=True)
class Caller:
    """One process. Text may be hostile, and is printable. `parents` are names of processes, the nearest first.

    Names and command line are what imds_probe/kept lets through of them. `container` is the identity of the innermost
    container (see facts.containers), `unit` the systemd unit outside of any: the system's, or a user's as unit_of_user writes
    it. `exe` is as the process's own mount namespace calls it. `on_host`: that is the host's file of this path.
    `exe_by_anybody`: it may be any file, as not root alone says what is where. `netns` is the inode of its network namespace.
    `started` is when it began, in ticks since boot. `script`, `started_by` and `acts_for` are as in Ancestry.
    `whole`: all above it could be looked at.
    `noted_s` is when the client began that has ended since, of the monotonic clock in seconds; 0 where nobody noted that.
    """

    pid: int
    comm: str
    exe: str | None
    command: str
    uid: int | None
    parents: tuple[str, ...]
    unit: str | None
    container: str | None
    runtime: str | None
    pod_uid: str | None
    on_host: bool = False
    exe_by_anybody: bool = False
    netns: int | None = None
    started: int | None = None
    script: str | None = None
    started_by: str | None = None
    acts_for: Process | None = None
    noted_s: float = 0.0
    whole: bool = True

    @property
    def client(self) -> Process:
        """The process of which this is a part, as far as it is one."""
        return self.acts_for or (self.pid, self.started)


def caller_of(
    proc: Path,
    tid: int,
    *,
    full_command_line: bool = False,
    place: Callable[[str, int | None], Place] | None = None,
) -> Caller | None:
    """The process that a thread belongs to, None where it has ended already. `full_command_line`: with all its arguments,
    whatever they are. `place` says where a process belongs, by the text of its control groups and its user, as place_of does.
    """
    at = proc / str(tid)
    try:
        status = status_of(at)
        pid = int(status["Tgid"])
        started = start_ticks(proc, pid)
        comm = read_head(proc / str(pid) / "comm", 64)
        uid = int(status["Uid"].split()[0]) if "Uid" in status else None
        cgroup = cgroup_of(proc, pid)
        there = place(cgroup, uid) if place is not None else place_of(cgroup, proc, uid)
        of = uid, there["container"], there["unit"]
        # At once, as it may end while somebody else reads what it was started with; and again, as it may become another.
        netns, exe = _namespace(proc, pid, "net"), _link(proc / str(pid) / "exe")
        in_its_own = _whose_mounts(proc, pid)
        on_host = exe is not None and (in_its_own is None or _is_file_of_host(proc, pid, exe))
        words = _words(proc / str(pid), of, ended=exe is not None)
        now = _link(proc / str(pid) / "exe")
        if now not in (None, exe):
            exe, in_its_own = now, _whose_mounts(proc, pid)
            on_host = in_its_own is None or _is_file_of_host(proc, pid, now)
        above = ancestry_of(proc, (pid, started), int(status.get("PPid", "0")), words=words, exe=exe, of=of)
    except (OSError, KeyError, ValueError):
        return None
    caller = Caller(
        pid=pid,
        comm=kept_name(comm.decode(errors="replace"), exe, words),
        exe=exe,
        command=printable(" ".join(words), SHOWN_MAX) if full_command_line else command_line.kept(words, exe),
        uid=uid,
        parents=above.parents,
        on_host=on_host,
        exe_by_anybody=in_its_own is not None and in_its_own != _namespace(proc, "self", "user"),
        netns=netns,
        started=started,
        script=above.script,
        started_by=above.started_by,
        acts_for=above.acts_for,
        whole=above.whole,
        **there,
    )
    # Its number may have become another's while it was read.
    return caller if start_ticks(proc, pid) in (started, None) else None


def has_begun_its_program(proc: Path, pid: int) -> bool:
    """Whether a process is past all that executing a program changes of it but the kernel's last note of it. What it runs
    can be seen before that: it has a command line only once the kernel wrote that down (create_elf_tables in Linux,
    fs/binfmt_elf.c), and none if it took its own away.
    """
    try:
        return bool(head(proc, f"{pid}/cmdline", 1))
    except OSError as error:
        return error.errno in UNANSWERED  # by a page that it put there itself


class Place(TypedDict):
    """Where a process belongs."""

    unit: str | None
    container: str | None
    runtime: str | None
    pod_uid: str | None


def cgroup_of(proc: Path, pid: int) -> str:
    """The text of /proc/PID/cgroup, empty where it has ended."""
    try:
        return read_head(proc / str(pid) / "cgroup", 64 * 1024).decode(errors="replace")
    except OSError:
        return ""


def place_of(cgroup: str, proc: Path = Path("/proc"), uid: int | None = None) -> Place:
    """By the text of /proc/PID/cgroup of a process of this user, and by whose the control groups are beside `proc`."""
    membership = membership_of(cgroup, GroupOwners(proc.parent).owner)
    key = key_of(membership, uid or 0)
    return Place(
        unit=membership.unit,
        container=key.identity if key else None,
        runtime=key.chain[-1].runtime if key else None,
        pod_uid=membership.pod_uid if membership.owner_uid is None else None,
    )


def gone(tid: int) -> Caller:
    """A process of which nothing is known any more but its number."""
    return Caller(tid, ENDED, None, "", None, (), None, None, None, None, whole=False)


def said_program(caller: Caller) -> str:
    """What it runs, in a word. Inside a container, that is the container's own affair."""
    if caller.exe is None:
        return caller.comm
    return caller.exe + (NOT_VERIFIED if caller.exe_by_anybody and not (caller.on_host or caller.container) else "")


def _words(at: Path, of: Hashable, *, ended: bool) -> list[str]:
    """Its arguments, none where it keeps those that read them waiting. One that has ended has none either, if that may be
    (`ended`), and raises OSError otherwise.
    """
    try:
        return arguments(at, of=of)
    except OSError as error:
        if ended or error.errno in UNANSWERED:
            return []
        raise


def _namespace(proc: Path, pid: int | str, kind: str) -> int | None:
    try:
        return os.stat(f"{proc}/{pid}/ns/{kind}").st_ino
    except OSError:
        return None


def _whose_mounts(proc: Path, pid: int) -> int | None:
    """The user namespace whose root mounts what he likes for a process; None in the host's mount namespace, which is that of
    process 1, and ours, where that one may not be looked at.
    """
    mounts = _namespace(proc, pid, "mnt")
    if mounts is None or mounts in (_namespace(proc, 1, "mnt"), _namespace(proc, "self", "mnt")):
        return None
    with contextlib.suppress(OSError), open(f"{proc}/{pid}/ns/mnt", "rb") as namespace:
        owner = fcntl.ioctl(namespace, NS_GET_USERNS)
        try:
            return os.fstat(owner).st_ino
        finally:
            os.close(owner)
    return 0  # it has ended meanwhile, or is not to be looked at


def _is_file_of_host(proc: Path, pid: int, exe: str) -> bool:
    """Whether the host's own root has, by this path, the very file that a process runs. Looks only where root alone says what
    is there: elsewhere it could take as long as anybody likes.
    """
    if not exe.startswith(OF_ROOT_ALONE):
        return False
    return any(same_file(f"{proc}/{pid}/exe", root + exe) for root in (f"{proc}/1/root", ""))


def _link(path: Path) -> str | None:
    try:
        return printable(os.readlink(path), SHOWN_MAX)
    except OSError:
        return None
