"""The programs started in a lab, and how to end exactly those, also after their starter was killed.

What a lab starts carries the lab's name in its environment, and so does whatever that starts in turn.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from imds_probe.simulator.lab import naming
from imds_probe.simulator.lab.naming import LabId

MARKER = "IMDS_PROBE_LAB"
END_WITHIN_S = 5.0


def environment(lab_id: LabId) -> dict[str, str]:
    """What to add to the environment of a program started in a lab."""
    return {MARKER: str(lab_id)}


def labs() -> set[LabId]:
    """Every lab that has a process."""
    start = f"{MARKER}=".encode()
    values = {entry[len(start) :] for path in _all() for entry in _environ(path) if entry.startswith(start)}
    # Not decoded strictly: the environment of a stranger may hold anything.
    return {lab_id for value in values if (lab_id := naming.parse_lab(value.decode(errors="replace")))}


def pids(lab_id: LabId) -> list[int]:
    """The processes of a lab. Those that cannot be read are not ours."""
    entry = f"{MARKER}={lab_id}".encode()
    return [int(path.name) for path in _all() if entry in _environ(path)]


def end(lab_id: LabId) -> None:
    """Kill what still runs of a lab and wait until it is gone, for at most END_WITHIN_S seconds."""
    deadline = time.monotonic() + END_WITHIN_S
    # More than once: a process that was being forked during one look is seen by the next.
    while (found := pids(lab_id)) and time.monotonic() < deadline:
        for pid in found:
            _kill(pid, lab_id)
        time.sleep(0.01)


def _all() -> Iterator[Path]:
    return Path("/proc").glob("[0-9]*")


def _kill(pid: int, lab_id: LabId) -> None:
    # The descriptor pins the process, so that what was looked at is what gets the signal, were the number reused.
    try:
        pinned = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if f"{MARKER}={lab_id}".encode() in _environ(Path(f"/proc/{pid}")):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pinned, signal.SIGKILL)
    finally:
        os.close(pinned)


def _environ(process: Path) -> list[bytes]:
    """The environment a process was started with; empty for zombies, kernel threads and other people's."""
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []
