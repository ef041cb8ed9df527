"""Find the running containers and network namespaces of this host, without any runtime's socket or command line."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from imds_probe.inventory.containers.cgroups import ContainerId
from imds_probe.inventory.containers.conmon import children_of_conmon
from imds_probe.inventory.containers.describing import Records
from imds_probe.inventory.containers.description import Description
from imds_probe.inventory.containers.discovered import DiscoveredContainer, Discovery, Network
from imds_probe.inventory.containers.grouping import group, named
from imds_probe.inventory.containers.processes import Process, Walk, command_line, namespace_inode, walk
from imds_probe.net.namespaces import current_inode

INIT_PIDNS = 0xEFFFFFFC  # PROC_PID_INIT_INO, <linux/proc_ns.h>: the first PID namespace has this inode on every kernel
NOTES_MAX = 50
Chain = tuple[ContainerId, ...]


def discover(
    root: Path = Path("/"),
    proc: Path = Path("/proc"),
    own_netns: int | None = None,
    *,
    in_own_pid_namespace: bool = True,
) -> Discovery:
    """Look at all processes and at what runtimes keep below `root`.

    `in_own_pid_namespace` says that `proc` shows what the probe is a part of, so that it has to be the first PID
    namespace to show everything; the /proc of another root is taken for the whole of that system. `own_netns` is the
    inode of the network namespace to take for the host's; by default it is that of process 1, or the calling thread's
    where that cannot be read. Raises ProbeError where /proc cannot be listed.
    """
    seen = walk(proc)
    notes: list[str] = []
    host = own_netns if own_netns is not None else _host_netns(proc, notes)
    records = Records(root, _dockerd_commands(proc, seen.processes))
    members = _members(proc, seen.processes, records)
    containers = _named_by_pod([_container(chain, members, host, proc, records) for chain in members])
    named_netns = named(root, notes)
    namespaces = group(seen.processes, containers, named_netns, host, proc)
    hidden = _hidden(proc, seen, in_own_pid_namespace)
    notes = list(dict.fromkeys([*hidden, *notes, *records.notes]))
    complete = not hidden and host is not None
    return Discovery(
        tuple(containers), namespaces, seen.unreadable, len(seen.processes), complete, tuple(notes[:NOTES_MAX])
    )


def _members(proc: Path, processes: Sequence[Process], records: Records) -> dict[Chain, list[Process]]:
    """Containers with their processes, the oldest first. The whole chain is the key: a container that has control
    groups of its own can name one after somebody else's container, but only below itself."""
    orphans = children_of_conmon(proc, processes)
    found: dict[Chain, list[Process]] = {}
    for process in processes:
        chain = process.membership.chain
        pair = process.membership.pair
        if process.pid in orphans:
            chain = (orphans[process.pid],)
        elif pair and records.has_bundle(*pair):
            chain = (ContainerId("containerd", pair[1]),)
        if chain:
            found.setdefault(chain, []).append(process)
    return found


def _container(
    chain: Chain, members: Mapping[Chain, list[Process]], host: int | None, proc: Path, records: Records
) -> DiscoveredContainer:
    own = chain[-1]
    processes = members[chain]
    # runc's first processes are in the control group before they are in the namespaces.
    settled = [process for process in processes if not process.comm.startswith("runc:[")]
    entry = next((process for process in settled if process.netns is not None), (settled or processes)[0])
    netns = entry.netns if settled else None
    owner = entry.membership.owner_uid
    where = _records_for(chain, members, proc, records)
    said = where.describe(own, entry.uid if owner is None else owner) if where else Description()
    return DiscoveredContainer(
        id=own.id,
        runtime=said.runtime or own.runtime,
        name=said.name,
        image=said.image,
        pod=said.pod,
        pod_namespace=said.pod_namespace,
        pids=tuple(process.pid for process in processes),
        pid=entry.pid,
        netns=netns,
        network=_network(netns, host),
        pod_uid=entry.membership.pod_uid,
        sandbox=said.sandbox or (entry.comm == "pause" and len(processes) == 1),
        inside=chain[-2].id if len(chain) > 1 else None,
    )


def _records_for(chain: Chain, members: Mapping[Chain, list[Process]], proc: Path, records: Records) -> Records | None:
    """The records of a runtime that itself runs in a container (kind, Docker in Docker) are in that one's root.

    Never the host's: an id below a container's own group is whatever that container wrote there.
    """
    if len(chain) == 1:
        return records
    outer = members.get(chain[:-1])
    if not outer:
        return None
    inner = Records(proc / str(outer[0].pid) / "root")
    inner.notes = records.notes
    return inner


def _network(netns: int | None, host: int | None) -> Network:
    if netns is None or host is None:
        return "unknown"
    return "host" if netns == host else "own"


def _named_by_pod(containers: list[DiscoveredContainer]) -> list[DiscoveredContainer]:
    """Containers of one pod know its name when one of them does."""
    pods = {found.pod_uid: found for found in reversed(containers) if found.pod_uid and found.pod}
    return [
        dataclasses.replace(found, pod=pods[found.pod_uid].pod, pod_namespace=pods[found.pod_uid].pod_namespace)
        if found.pod_uid in pods and not found.pod
        else found
        for found in containers
    ]


def _dockerd_commands(proc: Path, processes: Sequence[Process]) -> list[tuple[str, ...]]:
    """Command lines of Docker daemons that root runs outside of containers; another's could point anywhere."""
    return [
        command_line(proc, process.pid)
        for process in processes
        if process.comm == "dockerd" and process.uid == 0 and not process.membership.chain
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
