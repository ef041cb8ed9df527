"""A child of this process and all that come from it, as a /proc has them that may be of another namespace."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from imds_probe.system.small_file import read_head, read_pieces

LIMIT_BYTES = 64 * 1024


def this_process(proc: Path) -> int | None:
    """Its number there; None where it is not shown."""
    try:
        return int(os.readlink(proc / "self"))
    except (OSError, ValueError):
        return None


def family(proc: Path, child: int) -> frozenset[int]:
    """The numbers that `proc` knows them by; none where it does not show this process. `child` is as fork(2) gave it."""
    own = this_process(proc)
    if own is None:
        return frozenset()
    return frozenset(
        each for found in _children(proc, own) if _own_number(proc, found) == child for each in _with_all(proc, found)
    )


def _with_all(proc: Path, pid: int) -> Iterator[int]:
    yield pid
    for child in _children(proc, pid):
        yield from _with_all(proc, child)


def _children(proc: Path, pid: int) -> Iterator[int]:
    """Those of all its threads: a child belongs to the thread that forked it."""
    try:
        threads = os.listdir(proc / str(pid) / "task")
    except OSError:
        return
    for thread in threads:
        try:
            yield from map(int, read_pieces(proc / str(pid) / "task" / thread / "children", LIMIT_BYTES).split())
        except OSError:
            continue  # it ended


def _own_number(proc: Path, pid: int) -> int | None:
    """What a process is called in its own PID namespace, which is that of its parent here: proc_pid_status(5), NSpid."""
    try:
        lines = read_head(proc / str(pid) / "status", LIMIT_BYTES).splitlines()
    except OSError:
        return None
    return next((int(line.split()[-1]) for line in lines if line.startswith(b"NSpid:")), pid)
