"""Containers that have no control group of their own: rootless podman on cgroup v1 cannot make one.

Their first process is a child of conmon, whose command line names the container: conmon(8), `-c`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from imds_probe.inventory.containers.cgroups import ContainerId
from imds_probe.inventory.containers.processes import Process, command_line

_HEX = re.compile(r"[0-9a-f]{64}")
GENERATIONS_MAX = 64


def children_of_conmon(proc: Path, processes: Sequence[Process]) -> Mapping[int, ContainerId]:
    """pid to container, for processes below a conmon that no control group places in a container."""
    keepers: dict[int, ContainerId] = {}
    for process in processes:
        if process.comm == "conmon" and not process.membership.chain:
            container = _container(command_line(proc, process.pid))
            if container:
                keepers[process.pid] = container
    if not keepers:
        return {}
    parents = {process.pid: process.ppid for process in processes}
    found: dict[int, ContainerId] = {}
    for process in processes:
        if process.membership.chain or process.pid in keepers:
            continue
        ancestor = process.ppid
        for _ in range(GENERATIONS_MAX):
            if ancestor in keepers:
                found[process.pid] = keepers[ancestor]
                break
            if ancestor not in parents:
                break
            ancestor = parents[ancestor]
    return found


def _container(command: Sequence[str]) -> ContainerId | None:
    for option, value in itertools.pairwise(command):
        if option in ("-c", "--cid") and _HEX.fullmatch(value):
            return ContainerId("podman", value)
    return None
