"""What discovery hands on: containers, network namespaces, and how much of the host could be seen."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from imds_probe.dataclass import dataclass
from imds_probe.facts.containers import identity as identity_of
from imds_probe.facts.containers import title as title_of
from imds_probe.inventory.containers.checks import Check
from imds_probe.inventory.containers.description import Begins

Network = Literal["host", "own", "unknown"]
NamespaceKind = Literal["host", "container", "named", "unit", "other"]


@dataclass(frozen=True)
class DiscoveredContainer:
    """One running container. Text is raw and may be hostile; none is longer than 256 characters.

    `runtime` is docker, containerd, cri-o, podman, ecs, lxc, nspawn, kubernetes (a pod's container of a runtime without
    a record) or unknown. `pid` is the process to enter by. `network` is "own" for a namespace that is not the
    host's, shared or not. `owner_uid` is the unprivileged user whose container it is, None: root's. `inside` is the
    identity of the container that it runs in. `begins` is what it begins with by its runtime's record, `called`, `service` and
    `checks` are as in Description.
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
    inside: str | None = None
    owner_uid: int | None = None
    started: tuple[int, ...] = ()  # when each of `pids` began, in ticks of 1/100 s since boot: numbers are used again
    begins: Begins | None = None
    called: str | None = None
    service: str | None = None
    checks: tuple[Check, ...] = ()

    @property
    def identity(self) -> str:
        """What tells it from every other one, to join by."""
        return identity_of(self.id, self.owner_uid, self.inside)

    @property
    def title(self) -> str:
        """What people call it. May be hostile text: nothing is joined by it."""
        return title_of(self.id, self.name, self.pod, self.runtime, self.owner_uid, namespace=self.pod_namespace)


@dataclass(frozen=True)
class NetworkNamespace:
    """One network namespace, to be measured once for all who share it.

    `path` is there to enter by; as processes end and numbers come again, compare `inode` after opening it.
    `containers` are all that have a process in it. `owner_uid` is the user who made it, None for root, and where `owner_said`
    is False, because the kernel is older than that question, for whoever the processes do not give away.
    """

    inode: int
    path: Path
    kind: NamespaceKind
    label: str
    pids: tuple[int, ...]  # the oldest first; none for a namespace that only has a name
    containers: tuple[DiscoveredContainer, ...]
    owner_uid: int | None = None
    owner_said: bool = True


@dataclass(frozen=True)
class Discovery:
    """All of them. `complete` is False where something may be missing; `notes` say what and why. `unread` says of what the records
    could not be read to their end.
    """

    containers: tuple[DiscoveredContainer, ...]
    namespaces: tuple[NetworkNamespace, ...]
    unreadable: int  # processes that hide their namespace or control group
    processes: int  # looked at, without kernel threads
    complete: bool
    notes: tuple[str, ...]
    unread: tuple[str, ...] = ()
