"""What discovery hands on: containers, network namespaces, and how much of the host could be seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imds_probe.facts.containers import title as title_of

Network = Literal["host", "own", "unknown"]
NamespaceKind = Literal["host", "container", "named", "unit", "other"]


@dataclass(frozen=True)
class DiscoveredContainer:
    """One running container. Text is raw and may be hostile; none is longer than 256 characters.

    `runtime` is docker, containerd, cri-o, podman, ecs, lxc, nspawn, kubernetes (a pod's container of a runtime without
    a record) or unknown. `pid` is the oldest process, to enter by. `network` is "own" for a namespace that is not the
    host's, shared or not.
    """

    id: str
    runtime: str
    name: str | None
    image: str | None
    pod: str | None
    pod_namespace: str | None
    pids: tuple[int, ...]  # the oldest first
    pid: int
    netns: int | None  # inode; None: not allowed to see
    network: Network
    pod_uid: str | None = None
    sandbox: bool = False  # a pause container: holds a pod's network namespace and calls nobody
    inside: str | None = None  # the id of the container that this one runs in

    @property
    def title(self) -> str:
        """What people call it. May be hostile text."""
        return title_of(self.id, self.name, self.pod, self.runtime)


@dataclass(frozen=True)
class NetworkNamespace:
    """One network namespace, to be measured once for all who share it.

    `path` is there to enter by; as processes end and numbers come again, compare `inode` after opening it.
    `containers` are all that have a process in it.
    """

    inode: int
    path: Path
    kind: NamespaceKind
    label: str
    pids: tuple[int, ...]  # the oldest first; none for a namespace that only has a name
    containers: tuple[DiscoveredContainer, ...]


@dataclass(frozen=True)
class Discovery:
    """All of them. `complete` is False where something may be missing; `notes` say what and why."""

    containers: tuple[DiscoveredContainer, ...]
    namespaces: tuple[NetworkNamespace, ...]
    unreadable: int  # processes that hide their namespace or control group
    processes: int  # looked at, without kernel threads
    complete: bool
    notes: tuple[str, ...]
