"""Who a caller is, by its process: read at once, as many live for some milliseconds only."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from imds_probe.collect.cgroups import membership_of
from imds_probe.inventory.packages.package import printable
from imds_probe.small_file import read_head

COMMAND_MAX_BYTES = 4096
SHOWN_MAX = 300
PARENTS_MAX = 4
KNOWN_S, KNOWN_MAX = 5.0, 5000
MASK = "***"
ENDED = "(ended)"
_NAME = (
    r"(?:pass(?:word|wd|phrase)?|pwd|secret(?:[-_]?(?:access)?[-_]?key)?|token|api[-_]?key|credentials?|auth|cookie)"
)
_ASSIGNED = re.compile(rf"(?i)((?:^|[-_\w.]*){_NAME}[-_\w]*[=:]\s*)(.+)", re.DOTALL)
_OPTION = re.compile(rf"(?i)-{{1,2}}[-\w]*{_NAME}")
_URL = re.compile(r"(\w+://[^/\s:@]*:)[^/\s@]+(?=@)")
_ACCESS_KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")


@dataclass(frozen=True)
class Caller:
    """One process. Text may be hostile, and is printable. `parents` are names of processes, the nearest first.

    `container` is the runtime's id of the innermost container, `unit` the systemd unit outside of any.
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


def caller_of(proc: Path, tid: int) -> Caller | None:
    """The process that a thread belongs to, None where it has ended already."""
    at = proc / str(tid)
    try:
        status = _status(at)
        pid = int(status["Tgid"])
        comm = read_head(proc / str(pid) / "comm", 64)
        arguments = read_head(proc / str(pid) / "cmdline", COMMAND_MAX_BYTES)
    except (OSError, KeyError, ValueError):
        return None
    membership = membership_of(_text(proc / str(pid) / "cgroup"))
    container = membership.chain[-1] if membership.chain else None
    return Caller(
        pid=pid,
        comm=printable(comm.decode(errors="replace"), 64),
        exe=_link(proc / str(pid) / "exe"),
        command=masked(arguments.decode(errors="replace").rstrip("\0").split("\0")),
        uid=int(status["Uid"].split()[0]) if "Uid" in status else None,
        parents=tuple(_parents(proc, status.get("PPid", "0"))),
        unit=membership.unit,
        container=container.id if container else None,
        runtime=container.runtime if container else None,
        pod_uid=membership.pod_uid,
    )


class Callers:
    """Callers by thread, each looked at once: some call a thousand times a second."""

    def __init__(self, proc: Path) -> None:
        self._proc = proc
        self._known: dict[int, tuple[Caller, float]] = {}
        self.looked_at = 0  # how many were not known

    def caller(self, tid: int) -> Caller:
        """The process that a thread belongs to; one of which only its number is known where it has ended already."""
        now = time.monotonic()
        known = self._known.get(tid)
        if known is not None and now - known[1] < KNOWN_S and self._runs_still(tid, known[0]):
            return known[0]
        self.looked_at += 1
        caller = caller_of(self._proc, tid) or gone(tid)
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[tid] = (caller, now)
        return caller

    def _runs_still(self, tid: int, caller: Caller) -> bool:
        """Whether it runs the same program: numbers are used again, and a shell becomes what it starts."""
        try:
            return printable(os.readlink(f"{self._proc}/{tid}/exe"), SHOWN_MAX) == caller.exe
        except OSError:
            return True  # it has just ended, or hides what it runs


def gone(tid: int) -> Caller:
    """A process of which nothing is known any more but its number."""
    return Caller(tid, ENDED, None, "", None, (), None, None, None, None)


def masked(arguments: list[str]) -> str:
    """A command line without what may be a secret."""
    shown = []
    hide = False
    for argument in arguments:
        text = MASK if hide else argument
        hide = _OPTION.fullmatch(argument) is not None
        for pattern in (_ASSIGNED, _URL):
            text = pattern.sub(rf"\1{MASK}", text)
        shown.append(_ACCESS_KEY.sub(MASK, text))
    return printable(" ".join(shown), SHOWN_MAX)


def _parents(proc: Path, first: str) -> list[str]:
    found: list[str] = []
    parent = first
    while parent not in ("0", "1") and len(found) < PARENTS_MAX:
        try:
            status = _status(proc / parent)
        except OSError:
            break
        found.append(printable(status.get("Name", "?"), 64))
        parent = status.get("PPid", "0")
    return found


def _status(at: Path) -> dict[str, str]:
    text = read_head(at / "status", 4096).decode(errors="replace")
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in pairs}


def _text(path: Path) -> str:
    try:
        return read_head(path, 64 * 1024).decode(errors="replace")
    except OSError:
        return ""


def _link(path: Path) -> str | None:
    try:
        return printable(os.readlink(path), SHOWN_MAX)
    except OSError:
        return None
