"""How much memory a command takes, over all its processes: the most that their PSS came to at a time.

A process's own peak says nothing of what it started, and counts what it shares with others as often as it is shared.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence


def peak_mb(argv: Sequence[str], env: dict[str, str]) -> float:
    """Run the command, its output thrown away, and look at it and its descendants again and again until it ends. In MB.

    What lives for less than a look, about a millisecond, may be missed.
    """
    pid = os.posix_spawnp(argv[0], list(argv), env, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
    peak = 0
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        peak = max(peak, sum(pss_kb(each) for each in family(pid)))
    return peak / 1024


def pss_kb(pid: int) -> int:
    """The proportional set size, 0 where it has ended. Source: proc_pid_smaps(5)."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("Pss:")), 0)
    except (OSError, ValueError):
        return 0


def family(pid: int) -> Iterator[int]:
    """A process and all that come from it."""
    yield pid
    try:
        threads = os.listdir(f"/proc/{pid}/task")
        children = [child for thread in threads for child in _children(pid, thread)]
    except OSError:
        return
    for child in children:
        yield from family(child)


def _children(pid: int, thread: str) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []
