"""Network namespaces, each once: who is in it, what it is, and how to get in."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from imds_probe.inventory.containers.cgroups import TEXT_MAX
from imds_probe.inventory.containers.discovered import DiscoveredContainer, NamespaceKind, NetworkNamespace
from imds_probe.inventory.containers.processes import Process
from imds_probe.net import namespaces
from imds_probe.system.called import process_name
from imds_probe.system.small_file import read_head

UID_MAP_BYTES = 64 * 1024


def group(
    processes: Sequence[Process],
    containers: Sequence[DiscoveredContainer],
    names: Mapping[int, Path],
    host: int | None,
    proc: Path,
) -> tuple[NetworkNamespace, ...]:
    """All namespaces that have a process or a name: the host's first, then by their oldest process.

    `processes` have the oldest first. `host` is the inode of the host's namespace, None where it is not known.
    """
    inhabitants: dict[int, list[Process]] = {}
    for process in processes:
        if process.netns is not None:
            inhabitants.setdefault(process.netns, []).append(process)
    of_pid = {pid: container for container in containers for pid in container.pids}
    found = []
    for inode, members in inhabitants.items():
        inside: dict[int, DiscoveredContainer] = {}
        for process in members:
            if container := of_pid.get(process.pid):
                inside.setdefault(id(container), container)
        kind, label = _kind(members, tuple(inside.values()), names.get(inode), is_host=inode == host, proc=proc)
        pids = tuple(process.pid for process in members)
        # A name outlives the processes; without one, a container's own process is the safer way in.
        sorted_by_owner = sorted(inside.values(), key=lambda container: container.owner_uid is not None)
        entry = next((container.pid for container in sorted_by_owner if container.pid in pids), pids[0])
        path = names.get(inode, proc / str(entry) / "ns/net")
        found.append(_owned(NetworkNamespace(inode, path, kind, label, pids, tuple(inside.values())), proc))
    for inode, path in names.items():
        if inode not in inhabitants:
            kind = "host" if inode == host else "named"
            found.append(_owned(NetworkNamespace(inode, path, kind, path.name[:TEXT_MAX], (), ()), proc))
    return tuple(sorted(found, key=lambda namespace: namespace.kind != "host"))


def _kind(
    members: Sequence[Process],
    inside: Sequence[DiscoveredContainer],
    name: Path | None,
    *,
    is_host: bool,
    proc: Path,
) -> tuple[NamespaceKind, str]:
    if is_host:
        return "host", "host"
    if inside:
        return "container", _title(inside)
    if name is not None:
        return "named", name.name[:TEXT_MAX]
    # All of them in one service: PrivateNetwork= or a service that made itself a sandbox, systemd.exec(5).
    units = {process.membership.unit for process in members}
    if len(units) == 1 and (unit := next(iter(units))):
        return "unit", unit
    return "other", process_name(proc / str(members[0].pid), members[0].comm)


def _owned(namespace: NetworkNamespace, proc: Path) -> NetworkNamespace:
    """The same with the user who made it."""
    if namespace.kind == "host":
        return namespace
    try:
        opened = namespaces.open_netns(namespace.path)
    except namespaces.NamespaceError:
        return namespace  # gone, or not to be entered: then nothing is measured in it
    try:
        if os.fstat(opened).st_ino != namespace.inode:
            return namespace  # the same: process ids come again
        return replace(namespace, owner_uid=namespaces.owner_uid(opened))
    except namespaces.OwnerNotSaid:
        return replace(namespace, owner_uid=_mapped_alone(proc, namespace.pids), owner_said=False)
    except namespaces.NamespaceError:
        return replace(namespace, owner_uid=namespaces.NOBODY)
    finally:
        os.close(opened)


def _mapped_alone(proc: Path, pids: Sequence[int]) -> int | None:
    """Whose user namespace a process is in, by its map: who is no root can map nobody but oneself, save with newuidmap, and
    does. Root maps ranges (userns-remap): user_namespaces(7).
    """
    for pid in pids[:1]:
        try:
            lines = read_head(proc / str(pid) / "uid_map", UID_MAP_BYTES).decode("ascii", errors="replace").splitlines()
        except OSError:
            return None
        for line in lines:
            fields = line.split()
            if len(fields) == 3 and fields[2] == "1" and fields[1] != "0":
                return int(fields[1])
    return None


def _title(inside: Sequence[DiscoveredContainer]) -> str:
    """A pod's own name, or what one of the containers is called: root's, where some are."""
    ours = [container for container in inside if container.owner_uid is None] or inside
    for container in ours:
        if container.pod:
            place = f"{container.pod_namespace}/" if container.pod_namespace else ""
            return f"{place}{container.pod}"[:TEXT_MAX]
    return next((container for container in ours if container.name), ours[0]).title[:TEXT_MAX]
