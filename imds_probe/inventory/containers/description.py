"""What a runtime's records say about one container, and how free text gets in: checked for its type, cut, kept raw."""

from __future__ import annotations

from collections.abc import Mapping

from imds_probe.dataclass import dataclass
from imds_probe.inventory.containers.cgroups import TEXT_MAX


@dataclass(frozen=True)
class Started:
    """The first process of a container by its runtime's record. It had begun by `at`, in seconds since the epoch."""

    pid: int
    at: float


@dataclass(frozen=True)
class Description:
    """Names of one container. All text may be hostile: at most 256 characters, escaped by whoever prints it."""

    runtime: str | None = None  # where the record says more than the control group
    name: str | None = None
    image: str | None = None
    pod: str | None = None
    pod_namespace: str | None = None
    sandbox: bool = False  # holds the network namespace of a pod or task and does nothing else
    started: Started | None = None


def text(value: object) -> str | None:
    """A bounded string, None for anything else and for nothing. Lone surrogates, which JSON allows, are replaced."""
    if not isinstance(value, str) or not value:
        return None
    return value[:TEXT_MAX].encode("utf-8", "replace").decode()


def mapping(value: object) -> Mapping[str, object]:
    """A JSON object, an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def first(values: Mapping[str, object], *keys: str) -> str | None:
    """The text under the first of the keys that has some."""
    for key in keys:
        if found := text(values.get(key)):
            return found
    return None
