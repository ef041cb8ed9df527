"""Which of the variables that steer AWS SDKs a container's processes set, by the classes of their values."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from imds_probe.facts.sdk_settings import PROXY, SdkSettings
from imds_probe.inventory.sdks.variables import variables_in
from imds_probe.system.own_memory import heads

LIMIT_BYTES = 256 * 1024
PROCESSES_MAX = 64  # of one container; workers of one program share their environment
AT_A_TIME = 16  # processes that are read in one go
K = TypeVar("K", bound=Hashable)


def collect(proc: Path, pids: Iterable[int]) -> tuple[SdkSettings, ...] | None:
    """The sets of known variables, each once, sorted; without those processes that set none.

    None where not one process could be read, which is not the same as none that sets any.
    """
    return of_several(proc, {None: pids})[None]


def of_several(proc: Path, pids: Mapping[K, Iterable[int]]) -> dict[K, tuple[SdkSettings, ...] | None]:
    """The same for the processes of each container."""
    asked = [(key, pid) for key, some in pids.items() for pid in itertools.islice(some, PROCESSES_MAX)]
    found: dict[K, set[SdkSettings]] = {}
    for at in range(0, len(asked), AT_A_TIME):
        some = asked[at : at + AT_A_TIME]
        contents = heads(proc, [f"{pid}/environ" for _, pid in some], LIMIT_BYTES)
        for (key, _), content in zip(some, contents, strict=True):
            if isinstance(content, OSError):
                continue  # it ended, is not ours to read, or does not let itself be read
            sets = found.setdefault(key, set())
            variables = variables_in(content)
            if any(each.name != PROXY for each in variables):
                sets.add(SdkSettings(variables))
    return {key: in_order(found[key]) if key in found else None for key in pids}


def in_order(settings: Iterable[SdkSettings]) -> tuple[SdkSettings, ...]:
    """Each once, by names and classes."""
    return tuple(
        sorted(set(settings), key=lambda each: ([(one.name, one.value) for one in each.variables], str(each.profile)))
    )
