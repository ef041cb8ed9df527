"""Names of a lab's namespaces. A name says who made it, so that whoever finds it knows whether it is still needed.

    imdslab-LAB-PID.START.PIDNS.SERIAL-NODE

LAB and NODE are the maker's words; PID and START (clock ticks since boot, field 22 of /proc/PID/stat) name the process
beyond the reuse of its number; PIDNS is the PID namespace in which that number counts; SERIAL tells the labs of one
process apart.
"""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.errors import UsageError

NETNS_DIRECTORY = Path("/run/netns")  # where `ip netns` keeps its names: ip-netns(8)
PREFIX = "imdslab-"

# Neither part may hold a dot, so the owner in the middle can be found again whatever the parts are.
_WORD = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_LAB = re.compile(
    rf"{PREFIX}(?P<lab>{_WORD.pattern})-(?P<pid>\d{{1,10}})\.(?P<start>\d{{1,20}})\.(?P<pidns>\d{{1,20}})"
    rf"\.(?P<serial>\d{{1,10}})",
    re.ASCII,
)
_NAMESPACE = re.compile(rf"(?P<lab_id>{_LAB.pattern})-{_WORD.pattern}", re.ASCII)
_serials = itertools.count(1)


@dataclass(frozen=True)
class Owner:
    """The process that a lab belongs to."""

    pid: int
    start_ticks: int
    pid_namespace: int

    def is_gone(self) -> bool:
        """True only where it is certain: an owner in another PID namespace cannot be judged from here."""
        if self.pid_namespace != _own_pid_namespace():
            return False
        return _start_ticks(self.pid) != self.start_ticks


@dataclass(frozen=True)
class LabId:
    """One lab, told apart from every other lab on the machine."""

    lab: str
    owner: Owner
    serial: int

    def __str__(self) -> str:
        owner = self.owner
        return f"{PREFIX}{self.lab}-{owner.pid}.{owner.start_ticks}.{owner.pid_namespace}.{self.serial}"

    def namespace(self, node: str) -> str:
        """The name under /run/netns of one of this lab's namespaces."""
        return f"{self}-{checked(node)}"


def checked(word: str) -> str:
    """Return the name of a lab or a node if it may be one, else raise UsageError."""
    if not _WORD.fullmatch(word):
        raise UsageError(
            f"{word!r} cannot name a lab or a container", "Use up to 40 lower-case letters, digits and inner hyphens"
        )
    return word


def new_lab_id(lab: str) -> LabId:
    """A name that no other lab has, not even one of the same process."""
    pid = os.getpid()
    start = _start_ticks(pid)
    assert start is not None  # noqa: S101 - this very process exists
    return LabId(checked(lab), Owner(pid, start, _own_pid_namespace()), next(_serials))


def parse(namespace: str) -> LabId | None:
    """The lab that a file under /run/netns belongs to, None where no lab made it."""
    match = _NAMESPACE.fullmatch(namespace)
    return parse_lab(match["lab_id"]) if match else None


def parse_lab(text: str) -> LabId | None:
    """The lab that str(lab_id) stands for, None where it is nothing of the kind."""
    match = _LAB.fullmatch(text)
    if match is None:
        return None
    owner = Owner(int(match["pid"]), int(match["start"]), int(match["pidns"]))
    return LabId(match["lab"], owner, int(match["serial"]))


def _own_pid_namespace() -> int:
    return Path("/proc/self/ns/pid").stat().st_ino


def _start_ticks(pid: int) -> int | None:
    """When a process began, None where there is none. A zombie counts as gone: it cleans nothing up any more."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in parentheses and may hold spaces and parentheses itself: proc(5).
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[0] in (b"Z", b"X") else int(fields[19])
