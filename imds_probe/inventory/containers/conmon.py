"""Containers that have no control group of their own: rootless podman on cgroup v1 cannot make one.

Their first process is a child of conmon, whose command line names the container: conmon(8), `-c`. Anybody can run a program
that is called conmon: the container is that of whoever runs it, and of what began below it only his own processes are in it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from imds_probe.inventory.containers.cgroups import ContainerId
from imds_probe.inventory.containers.processes import Process, command_line, program

_HEX = re.compile(r"[0-9a-f]{64}")
GENERATIONS_MAX = 64


def children_of_conmon(proc: Path, processes: Sequence[Process]) -> Mapping[int, tuple[int | None, ContainerId]]:
    """pid to container and to the unprivileged user who runs it (None: root), for processes below a conmon that no control
    group places in a container.
    """
    keepers: dict[int, tuple[Process, ContainerId]] = {}
    for process in processes:
        if process.comm == "conmon" and not process.membership.chain and program(proc, process.pid) == "conmon":
            container = _container(command_line(proc, process.pid))
            if container:
                keepers[process.pid] = process, container
    if not keepers:
        return {}
    by_pid = {process.pid: process for process in processes}
    found: dict[int, tuple[int | None, ContainerId]] = {}
    for process in processes:
        if process.membership.chain or process.pid in keepers:
            continue
        keeper = _keeper(process, keepers, by_pid)
        if keeper is not None:
            conmon, container = keepers[keeper]
            owner = conmon.user
            if owner is None or process.is_of_user(owner):
                found[process.pid] = owner, container
    return found


def _keeper(
    process: Process, keepers: Mapping[int, tuple[Process, ContainerId]], by_pid: Mapping[int, Process]
) -> int | None:
    """The number of the nearest conmon above a process."""
    child = process
    for _ in range(GENERATIONS_MAX):
        above = by_pid.get(child.ppid)
        if above is None or above.start_ticks > child.start_ticks:  # its number was taken over since
            return None
        if above.pid in keepers:
            return above.pid
        child = above
    return None


def _container(command: Sequence[str]) -> ContainerId | None:
    for option, value in itertools.pairwise(command):
        if option in ("-c", "--cid") and _HEX.fullmatch(value):
            return ContainerId("podman", value)
    return None
