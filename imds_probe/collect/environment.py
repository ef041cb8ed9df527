"""Which of the variables that steer AWS SDKs a container's processes set. Names alone: values may be secrets."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

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


def collect(proc: Path, pids: Iterable[int]) -> tuple[tuple[str, ...], ...] | None:
    """The sets of known names, each once, sorted; without those processes that set none.

    None where not one process could be read, which is not the same as none that sets any.
    """
    found: set[tuple[str, ...]] = set()
    readable = False
    for content in heads(proc, [f"{pid}/environ" for pid in list(pids)[:PROCESSES_MAX]], LIMIT_BYTES):
        if isinstance(content, OSError):
            continue  # it ended, is not ours to read, or does not let itself be read
        readable = True
        if names := names_set(content, KNOWN):
            found.add(names)
    return tuple(sorted(found)) if readable else None
