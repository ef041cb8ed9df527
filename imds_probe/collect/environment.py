"""Which of the variables that steer AWS SDKs a container's processes set, by the classes of their values."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from imds_probe.facts.sdk_settings import SdkSettings
from imds_probe.inventory.containers.processes import program
from imds_probe.inventory.sdks.variables import variables_in
from imds_probe.system.own_memory import heads

LIMIT_BYTES = 256 * 1024
PROCESSES_MAX = 2000  # of one container
_ENDED = (FileNotFoundError, ProcessLookupError)
AT_A_TIME = 16  # processes that are read in one go
_NAMES = re.compile(rb"(?:\A|\0)[A-Za-z_]\w{0,200}=")  # what calls itself otherwise, as nginx, has overwritten them
# What starts and keeps others, or waits for them, and itself asks no service. Started by another of these, its environment often
# has nothing but PATH, whatever its children are given (s6-overlay, runit, cron).
_SUPERVISORS = frozenset(
    (
        *("runit", "runit-init", "runsvdir", "runsv", "runsvchdir", "svlogd", "multilog", "supervise", "svscan"),
        *(
            "tini",
            "tini-static",
            "docker-init",
            "dumb-init",
            "catatonit",
            "pause",
            "cron",
            "crond",
            "sshd",
            "sshd-session",
        ),
    )
)
_S6 = "s6-"
K = TypeVar("K", bound=Hashable)


def collect(proc: Path, pids: Iterable[int]) -> tuple[SdkSettings, ...] | None:
    """The sets of known variables, each once, sorted. One that is empty stands for processes that set none, and beside others for
    those that could not be read: nobody knows where these look. A supervisor that sets none says nothing beside others.

    None where not one process could be read, which is not the same as none that sets any.
    """
    return of_several(proc, {None: pids})[None]


def of_several(proc: Path, pids: Mapping[K, Iterable[int]]) -> dict[K, tuple[SdkSettings, ...] | None]:
    """The same for the processes of each container."""
    each_of = {key: list(some) for key, some in pids.items()}
    asked = [(key, pid) for key, some in each_of.items() for pid in some[:PROCESSES_MAX]]
    found: dict[K, set[SdkSettings]] = {}
    unread = {key for key, some in each_of.items() if len(some) > PROCESSES_MAX}
    bare: list[tuple[K, int]] = []
    supervised: set[K] = set()
    for at in range(0, len(asked), AT_A_TIME):
        some = asked[at : at + AT_A_TIME]
        contents = heads(proc, [f"{pid}/environ" for _, pid in some], LIMIT_BYTES)
        for (key, pid), content in zip(some, contents, strict=True):
            if isinstance(content, OSError):
                unread |= set() if isinstance(content, _ENDED) else {key}
                continue
            sets = found.setdefault(key, set())
            settings = SdkSettings(variables_in(content)) if _NAMES.search(content) else None
            if (settings == SdkSettings() or not content) and _is_supervisor(proc, pid):
                supervised.add(key)
            elif settings is not None:
                sets.add(settings)
            elif not content:
                bare.append((key, pid))
    unread |= _that_run(proc, bare) | {key for key in supervised if not found[key]}
    for key in unread & found.keys():
        found[key].add(SdkSettings())
    return {key: in_order(found[key]) if key in found else None for key in pids}


def _is_supervisor(proc: Path, pid: int) -> bool:
    name = program(proc, pid)
    return name in _SUPERVISORS or name.startswith(_S6)


def _that_run(proc: Path, bare: Sequence[tuple[K, int]]) -> set[K]:
    """The containers of those that run without any variable. One that has ended has no arguments either."""
    found = set()
    for at in range(0, len(bare), AT_A_TIME):
        some = bare[at : at + AT_A_TIME]
        said = heads(proc, [f"{pid}/cmdline" for _, pid in some], 1)
        found |= {key for (key, _), content in zip(some, said, strict=True) if isinstance(content, bytes) and content}
    return found


def in_order(settings: Iterable[SdkSettings]) -> tuple[SdkSettings, ...]:
    """Each once, by names and classes."""
    return tuple(
        sorted(set(settings), key=lambda each: ([(one.name, one.value) for one in each.variables], str(each.profile)))
    )
