"""Find the running containers and network namespaces of this host, without any runtime's socket or command line."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

from imds_probe.inventory.containers.cgroups import Memberships
from imds_probe.inventory.containers.conmon import children_of_conmon
from imds_probe.inventory.containers.describing import Records
from imds_probe.inventory.containers.description import Description
from imds_probe.inventory.containers.discovered import DiscoveredContainer, Discovery, Network
from imds_probe.inventory.containers.group_owners import GroupOwners
from imds_probe.inventory.containers.grouping import group, named
from imds_probe.inventory.containers.members import Key, entry, members, settled
from imds_probe.inventory.containers.processes import (
    Process,
    Walk,
    command_line,
    is_unchanged,
    namespace_inode,
    program,
    walk,
)
from imds_probe.inventory.containers.started import booted_at, is_first
from imds_probe.net.namespaces import current_inode

INIT_PIDNS = 0xEFFFFFFC  # PROC_PID_INIT_INO, <linux/proc_ns.h>: the first PID namespace has this inode on every kernel
NOTES_MAX = 50
Members = Mapping[Key, list[Process]]


@dataclasses.dataclass(frozen=True)
class _Looking:
    """What is the same for all containers of one look."""

    root: Path
    proc: Path
    memberships: Memberships
    host_netns: int | None
    host_mntns: int | None
    booted: float | None
    deadline: float
    inner: dict[Key, Records] = dataclasses.field(default_factory=dict)  # by the container that they are in


def discover(
    root: Path = Path("/"),
    proc: Path = Path("/proc"),
    own_netns: int | None = None,
    *,
    in_own_pid_namespace: bool = True,
    deadline: float = float("inf"),
) -> Discovery:
    """Look at all processes and at what runtimes keep below `root`.

    `in_own_pid_namespace` says that `proc` shows what the probe is a part of, so that it has to be the first PID
    namespace to show everything; the /proc of another root is taken for the whole of that system. `own_netns` is the
    inode of the network namespace to take for the host's; by default it is that of process 1, or the calling thread's
    where that cannot be read. After `deadline`, a time.monotonic, no more records are read: containers are found, but have no
    names. Raises ProbeError where /proc cannot be listed.
    """
    memberships = Memberships(GroupOwners(root).owner)
    seen = walk(proc, memberships)
    notes: list[str] = []
    host = own_netns if own_netns is not None else _host_netns(proc, notes)
    host_mntns = namespace_inode(proc / "1/ns/mnt")
    looking = _Looking(root, proc, memberships, host, host_mntns, booted_at(proc), deadline)
    records = Records(root, _dockerd_commands(proc, seen.processes), deadline=deadline)
    there = _members(looking, seen.processes, records)
    described = [_container(key, there, looking, records) for key in there]
    containers = _named_by_pod([each for each in described if each is not None])
    named_netns = named(root, notes)
    namespaces = group(seen.processes, containers, named_netns, host, proc)
    hidden = _hidden(proc, seen, in_own_pid_namespace)
    notes = list(dict.fromkeys([*hidden, *notes, *records.notes]))
    complete = not hidden and host is not None
    return Discovery(
        tuple(containers), namespaces, seen.unreadable, len(seen.processes), complete, tuple(notes[:NOTES_MAX])
    )


def outside_containers(root: Path, proc: Path) -> tuple[Process, ...]:
    """The processes that run in no container now. Raises ProbeError where /proc cannot be listed."""
    memberships = Memberships(GroupOwners(root).owner)
    seen = walk(proc, memberships)
    mntns = namespace_inode(proc / "1/ns/mnt")
    looking = _Looking(root, proc, memberships, None, mntns, None, float("inf"))
    inside = {each.pid for some in _members(looking, seen.processes, Records(root)).values() for each in some}
    return tuple(process for process in seen.processes if process.pid not in inside)


def _members(looking: _Looking, processes: Sequence[Process], records: Records) -> dict[Key, list[Process]]:
    orphans = children_of_conmon(looking.proc, processes)
    return members(processes, orphans, records.has_bundle, looking.host_mntns)


def _container(key: Key, there: Members, looking: _Looking, records: Records) -> DiscoveredContainer | None:
    """One container; None where none of its processes is there any more when all was read that there is of it."""
    own, nested = key.chain[-1], len(key.chain) > 1
    where = _records_for(key, there, looking, records)
    said = where.describe(own, None if nested else key.owner_uid) if where else Description()
    processes = [each for each in there[key] if is_unchanged(looking.proc, each, looking.memberships)]
    if not processes:
        return None
    if nested and not any(
        is_unchanged(looking.proc, each, looking.memberships) for each in there.get(key.outer, ())[:1]
    ):
        said = Description()  # what was read by the number of the container around it may have been another's
    inside = settled(processes, looking.host_mntns)
    started = said.started
    known = functools.partial(is_first, started=started, booted=looking.booted) if started else lambda _: False
    found = entry(key, inside, known)
    first = found or processes[0]
    netns = found.netns if found else None
    return DiscoveredContainer(
        id=own.id,
        runtime=said.runtime or own.runtime,
        name=said.name,
        image=said.image,
        pod=said.pod,
        pod_namespace=said.pod_namespace,
        pids=tuple(process.pid for process in processes),
        pid=first.pid,
        netns=netns,
        network=_network(netns, looking.host_netns),
        pod_uid=first.membership.pod_uid,
        sandbox=said.sandbox or _is_pause(key, processes, said),
        inside=key.inside,
        owner_uid=key.owner_uid,
        started=tuple(process.start_ticks for process in processes),
    )


def _is_pause(key: Key, processes: Sequence[Process], said: Description) -> bool:
    """A name that any program can give itself counts only for a pod's container of root, where no record says more."""
    if key.owner_uid is not None or said != Description() or processes[0].membership.pod_uid is None:
        return False
    return len(processes) == 1 and processes[0].comm == "pause"


def _records_for(key: Key, there: Members, looking: _Looking, records: Records) -> Records | None:
    """The records of a runtime that itself runs in a container (kind, Docker in Docker) are in that one's root.

    Never the host's: an id below a container's own group is whatever that container wrote there.
    """
    if len(key.chain) == 1:
        return records
    outer = there.get(key.outer)
    if not outer:
        return None
    if key.outer not in looking.inner:
        inside = looking.proc / str(outer[0].pid) / "root"
        looking.inner[key.outer] = Records(inside, deadline=looking.deadline, of_a_container=True)
        looking.inner[key.outer].notes = records.notes
    return looking.inner[key.outer]


def _network(netns: int | None, host: int | None) -> Network:
    if netns is None or host is None:
        return "unknown"
    return "host" if netns == host else "own"


def _named_by_pod(containers: list[DiscoveredContainer]) -> list[DiscoveredContainer]:
    """Containers of one pod know its name when one of them does: of root's pods, and those of one container."""

    def pod_of(found: DiscoveredContainer) -> tuple[str | None, str] | None:
        return (found.inside, found.pod_uid) if found.pod_uid and found.owner_uid is None else None

    pods = {place: found for found in reversed(containers) if (place := pod_of(found)) and found.pod}
    return [
        dataclasses.replace(found, pod=pods[place].pod, pod_namespace=pods[place].pod_namespace)
        if (place := pod_of(found)) in pods and place and not found.pod
        else found
        for found in containers
    ]


def _dockerd_commands(proc: Path, processes: Sequence[Process]) -> list[tuple[str, ...]]:
    """Command lines of Docker daemons that root runs outside of containers; another's could point anywhere. What a user may
    start with root's rights (sudo) has a name and arguments of his choice, but the program that it runs is what it is.
    """
    return [
        command_line(proc, process.pid)
        for process in processes
        if process.comm == "dockerd" and process.user is None and process.uid == 0
        if not process.membership.chain and program(proc, process.pid) == "dockerd"
    ]


def _host_netns(proc: Path, notes: list[str]) -> int | None:
    if (inode := namespace_inode(proc / "1/ns/net")) is not None:
        return inode
    notes.append("the network namespace of process 1 cannot be read: the probe's own is taken for the host's")
    try:
        return current_inode()
    except OSError:
        return None


def _hidden(proc: Path, seen: Walk, in_own_pid_namespace: bool) -> list[str]:
    """Why there may be more than was seen."""
    reasons = []
    if seen.unreadable:
        reasons.append(f"{seen.unreadable} of {len(seen.processes)} processes hide their namespaces: run as root")
    if not any(process.pid == 1 for process in seen.processes):
        reasons.append("process 1 is not listed: /proc hides the processes of others (hidepid)")
    pidns = namespace_inode(proc / "1/ns/pid")
    if in_own_pid_namespace and pidns is not None and pidns != INIT_PIDNS:
        reasons.append(
            "only the processes of one PID namespace are visible: run outside of containers (or with hostPID)"
        )
    return reasons
