"""Which of the variables that steer AWS SDKs a container's processes set. Names alone: values may be secrets."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from imds_probe.inventory.sdks.running import names_set
from imds_probe.system.own_memory import heads

# AWS SDKs and Tools Reference Guide, environment variables list.
KNOWN = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_CONFIG_FILE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_DEFAULT_PROFILE",
        "AWS_DEFAULT_REGION",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
        "AWS_EC2_METADATA_V1_DISABLED",
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
        "AWS_METADATA_SERVICE_TIMEOUT",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_ROLE_ARN",
        "AWS_SDK_LOAD_CONFIG",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    }
)
LIMIT_BYTES = 256 * 1024
PROCESSES_MAX = 64  # of one container; workers of one program share their environment
AT_A_TIME = 16  # processes that are read in one go
K = TypeVar("K", bound=Hashable)
Names = tuple[tuple[str, ...], ...]


def collect(proc: Path, pids: Iterable[int]) -> Names | None:
    """The sets of known names, each once, sorted; without those processes that set none.

    None where not one process could be read, which is not the same as none that sets any.
    """
    return of_several(proc, {None: pids})[None]


def of_several(proc: Path, pids: Mapping[K, Iterable[int]]) -> dict[K, Names | None]:
    """The same for the processes of each container."""
    asked = [(key, pid) for key, some in pids.items() for pid in itertools.islice(some, PROCESSES_MAX)]
    found: dict[K, set[tuple[str, ...]]] = {}
    for at in range(0, len(asked), AT_A_TIME):
        some = asked[at : at + AT_A_TIME]
        contents = heads(proc, [f"{pid}/environ" for _, pid in some], LIMIT_BYTES)
        for (key, _), content in zip(some, contents, strict=True):
            if isinstance(content, OSError):
                continue  # it ended, is not ours to read, or does not let itself be read
            sets = found.setdefault(key, set())
            if names := names_set(content, KNOWN):
                sets.add(names)
    return {key: tuple(sorted(found[key])) if key in found else None for key in pids}
