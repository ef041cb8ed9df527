"""What a runtime's records say about one container, and how free text gets in: checked for its type, cut, kept raw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.inventory.containers.cgroups import TEXT_MAX
from imds_probe.inventory.containers.checks import WORDS_LENGTH_MAX, WORDS_MAX, Check


@dataclass(frozen=True)
class Begins:
    """What a container begins with at each of its starts, in which directory of its own. The words may be secrets."""

    words: tuple[str, ...] = field(repr=False)
    directory: str = "/"


@dataclass(frozen=True)
class Started:
    """The first process of a container by its runtime's record. It had begun by `at`, in seconds since the epoch."""

    pid: int
    at: float


@dataclass(frozen=True)
class Description:
    """Names of one container. All text may be hostile: at most 256 characters, escaped by whoever prints it.

    `called` is what its engine's commands call it by where that is another name, `service` is what Compose does. `checks` are what
    its engine runs in it to see whether it is well.
    """

    runtime: str | None = None  # where the record says more than the control group
    name: str | None = None
    image: str | None = None
    pod: str | None = None
    pod_namespace: str | None = None
    sandbox: bool = False  # holds the network namespace of a pod or task and does nothing else
    started: Started | None = None
    begins: Begins | None = None
    called: str | None = None
    service: str | None = None
    checks: tuple[Check, ...] = ()


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


def begins_with(words: object, directory: object) -> Begins | None:
    """What such a record begins with; None where it has no words, or more than are kept: half a command says nothing."""
    if not isinstance(words, list) or not words or len(words) > WORDS_MAX:
        return None
    known = [each.encode("utf-8", "replace").decode() for each in words if isinstance(each, str)]
    if len(known) < len(words) or not known[0] or sum(map(len, known)) > WORDS_LENGTH_MAX:
        return None
    place = text(directory) or "/"
    return Begins(tuple(known), place if place.startswith("/") else f"/{place}")


def of_oci(record: Mapping[str, object]) -> Begins | None:
    """The same of an OCI runtime configuration: config.md, "Process"."""
    process = mapping(record.get("process"))
    return begins_with(process.get("args"), process.get("cwd"))


def service_of(labels: Mapping[str, object]) -> str | None:
    """The service of Compose that a container is one of, by its labels."""
    return first(labels, "com.docker.compose.service", "io.podman.compose.service")
