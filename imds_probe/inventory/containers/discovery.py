"""Find the running containers and network namespaces of this host, without any runtime's socket or command line."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from imds_probe.dataclass import dataclass
from imds_probe.inventory.containers.cgroups import Memberships
from imds_probe.inventory.containers.conmon import children_of_conmon
from imds_probe.inventory.containers.description import Description
from imds_probe.inventory.containers.discovered import DiscoveredContainer, Discovery, Network
from imds_probe.inventory.containers.group_owners import GroupOwners
from imds_probe.inventory.containers.grouping import group
from imds_probe.inventory.containers.members import Key, entry, members, settled
from imds_probe.inventory.containers.named import NAMES, named
from imds_probe.inventory.containers.processes import (
    Process,
    Walk,
    command_line,
    is_unchanged,
    namespace_inode,
    program,
    walk,
)
from imds_probe.inventory.containers.record_reading import BUNDLES, RECORDS, RecordsAt, bundles, described
from imds_probe.inventory.containers.started import booted_at, is_first
from imds_probe.net.namespaces import current_inode
from imds_probe.reading.here import HERE, Asks
from imds_probe.reading.task import Task

INIT_PIDNS = 0xEFFFFFFC  # PROC_PID_INIT_INO, <linux/proc_ns.h>: the first PID namespace has this inode on every kernel
NOTES_MAX = 50
# What a reader has its parser work on, to find containers and call them by their names. A watch needs no more than these.
NAMING: tuple[Task[Any, Any], ...] = (BUNDLES, RECORDS, NAMES)
Members = Mapping[Key, list[Process]]


@dataclass(frozen=True)
class _Looking:
    """What is the same for all containers of one look."""

    root: Path
    proc: Path
    memberships: Memberships
    host_netns: int | None
    host_mntns: int | None
    booted: float | None
    deadline: float
    reader: Asks
    notes: list[str] = dataclasses.field(default_factory=list)
    unread: list[str] = dataclasses.field(default_factory=list)


def discover(
    root: Path = Path("/"),
    proc: Path = Path("/proc"),
    own_netns: int | None = None,
    *,
    in_own_pid_namespace: bool = True,
    deadline: float = float("inf"),
    reader: Asks = HERE,
) -> Discovery:
    """Look at all processes and at what runtimes keep below `root`.

    `in_own_pid_namespace` says that `proc` shows what the probe is a part of, so that it has to be the first PID
    namespace to show everything; the /proc of another root is taken for the whole of that system. `own_netns` is the
    inode of the network namespace to take for the host's; by default it is that of process 1, or the calling thread's
    where that cannot be read. Records are read by `reader`. After `deadline`, a time.monotonic, no more are: containers are
    found, but have no names. Raises ProbeError where /proc cannot be listed.
    """
    memberships = Memberships(GroupOwners(root).owner)
    seen = walk(proc, memberships)
    notes: list[str] = []
    host = own_netns if own_netns is not None else _host_netns(proc, notes)
    host_mntns = namespace_inode(proc / "1/ns/mnt")
    looking = _Looking(root, proc, memberships, host, host_mntns, booted_at(proc), deadline, reader, notes)
    there = _members(looking, seen.processes)
    said = _said(there, looking, _dockerd_commands(proc, seen.processes))
    found = [_container(key, there, looking, said.get(key, Description())) for key in there]
    containers = _named_by_pod([each for each in found if each is not None])
    named_netns, unnamed = named(root, proc, reader, deadline, notes)
    namespaces = group(seen.processes, containers, named_netns, host, proc)
    hidden = [*_hidden(proc, seen, in_own_pid_namespace), *unnamed]
    notes = list(dict.fromkeys([*hidden, *notes]))
    complete = not hidden and host is not None
    return Discovery(
        tuple(containers),
        namespaces,
        seen.unreadable,
        len(seen.processes),
        complete,
        tuple(notes[:NOTES_MAX]),
        tuple(dict.fromkeys(looking.unread))[:NOTES_MAX],
    )


def outside_containers(root: Path, proc: Path, reader: Asks = HERE) -> tuple[Process, ...]:
    """The processes that run in no container now. Raises ProbeError where /proc cannot be listed."""
    memberships = Memberships(GroupOwners(root).owner)
    seen = walk(proc, memberships)
    mntns = namespace_inode(proc / "1/ns/mnt")
    looking = _Looking(root, proc, memberships, None, mntns, None, float("inf"), reader)
    inside = {each.pid for some in _members(looking, seen.processes).values() for each in some}
    return tuple(process for process in seen.processes if process.pid not in inside)


def _members(looking: _Looking, processes: Sequence[Process]) -> dict[Key, list[Process]]:
    orphans = children_of_conmon(looking.proc, processes)
    running: Collection[tuple[str, str]] = ()
    if any(process.membership.pair for process in processes):
        running, failed = bundles(looking.reader, looking.root, looking.deadline, looking.notes)
        looking.unread.extend([f"containerd's containers: {failed}"] if failed else [])
    return members(processes, orphans, lambda *pair: pair in running, looking.host_mntns)


def _said(there: Members, looking: _Looking, dockerd: Sequence[tuple[str, ...]]) -> dict[Key, Description]:
    """What records say of the containers. Those of one owner are read together, and cost nobody else's anything."""
    places: dict[tuple[RecordsAt, int | None], list[Key]] = {}
    for key in there:
        at = _records_for(key, there, looking, dockerd)
        if at is not None:
            places.setdefault((at, None if at.of_a_container else key.owner_uid), []).append(key)
    said: dict[Key, Description] = {}
    for (at, owner_uid), keys in places.items():
        ids = [key.chain[-1] for key in keys]
        found, failed = described(looking.reader, at, owner_uid, ids, deadline=looking.deadline, notes=looking.notes)
        said.update((key, found[own]) for key, own in zip(keys, ids, strict=True) if own in found)
        # What a user keeps of his own containers is names. Where they are missing, nothing is that anybody judges by.
        if failed and owner_uid is None:
            whose = f"in {there[keys[0].outer][0].comm}" if at.of_a_container else "of root's containers"
            looking.unread.append(f"the records {whose}: {failed}")
    return said


def _container(key: Key, there: Members, looking: _Looking, said: Description) -> DiscoveredContainer | None:
    """One container; None where none of its processes is there any more when all was read that there is of it."""
    own, nested = key.chain[-1], len(key.chain) > 1
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
        begins=said.begins,
        called=said.called,
        service=said.service,
        checks=said.checks,
        started=tuple(process.start_ticks for process in processes),
    )


def _is_pause(key: Key, processes: Sequence[Process], said: Description) -> bool:
    """A name that any program can give itself counts only for a pod's container of root, where no record says more."""
    if key.owner_uid is not None or said != Description() or processes[0].membership.pod_uid is None:
        return False
    return len(processes) == 1 and processes[0].comm == "pause"


def _records_for(key: Key, there: Members, looking: _Looking, dockerd: Sequence[tuple[str, ...]]) -> RecordsAt | None:
    """The records of a runtime that itself runs in a container (kind, Docker in Docker) are in that one's root.

    Never the host's: an id below a container's own group is whatever that container wrote there.
    """
    if len(key.chain) == 1:
        return RecordsAt(str(looking.root), commands=tuple(dockerd))
    outer = there.get(key.outer)
    return RecordsAt(f"{looking.proc}/{outer[0].pid}/root", of_a_container=True) if outer else None


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
