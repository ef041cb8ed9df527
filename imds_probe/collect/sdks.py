"""AWS SDKs in use: what processes have loaded or would load, on the host and in containers, and what lies on disk."""

from __future__ import annotations

import os
import stat
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imds_probe.catalog.catalog import Catalog
from imds_probe.collect.collector import Collected, Collector, Join, Option
from imds_probe.collect.container_software import ContainerSoftware
from imds_probe.collect.containers import SeenContainers, host_pids
from imds_probe.collect.context import Context
from imds_probe.collect.sdk_software import Where, grouped, in_containers, merged, software_of
from imds_probe.collect.settings import HostSoftware
from imds_probe.collect.software import Packages, packages
from imds_probe.errors import UsageError
from imds_probe.facts.host import OsRelease
from imds_probe.facts.software import Installed, SdkSearch, SdkSoftware, Software
from imds_probe.inventory.containers.discovered import DiscoveredContainer
from imds_probe.inventory.containers.processes import still_there
from imds_probe.inventory.packages import contained
from imds_probe.inventory.sdks.recognisers import RECOGNISED
from imds_probe.inventory.sdks.running import Running, look
from imds_probe.inventory.sdks.scan import FileCache, Scan, Use
from imds_probe.inventory.sdks.walk import Budget
from imds_probe.system import pressure, rootfs
from imds_probe.system.background import Background
from imds_probe.system.give_way import give_way
from imds_probe.system.mounts import mount_points
from imds_probe.system.privilege import privileged

# Where applications are put: the Filesystem Hierarchy Standard, and what images and installers are seen to use.
HOST_STARTS = (
    *("/opt", "/srv", "/app", "/usr/local", "/home", "/root", "/var/www", "/var/lib", "/usr/lib", "/usr/lib64"),
    *("/usr/share", "/usr/bin", "/usr/sbin", "/usr/libexec", "/data"),
)
# Other systems' roots, which are looked at as such where they run.
STORES = frozenset(
    f"/var/lib/{name}"
    for name in ("docker", "containerd", "containers", "kubelet", "lxc", "machines", "snapd", "rancher")
)
DISK_TIME_S = 3.0
DISK_ENTRIES = 250_000
DEEP_ENTRIES = 100_000_000


@dataclass(frozen=True)
class SearchOptions:
    """`deep` lifts the budget of the search on disk, and has the directories of the host that are searched besides; None:
    the budget holds. `written` are places that the run writes afterwards: where they have no room, no disk is searched.
    """

    deep: tuple[str, ...] | None = None
    written: tuple[Path, ...] = ()


@dataclass(frozen=True)
class SdksFound:
    """`software` is all there is now, `in_containers` the SDKs in use by the identity of the container.

    `unseen` says why processes may use more, `left_out` what of the disk was not searched, `troubles` what could not be
    read: sentences.
    """

    software: tuple[Software, ...]
    in_containers: Mapping[str, tuple[str, ...]]
    unseen: tuple[str, ...]
    left_out: tuple[str, ...]
    troubles: tuple[str, ...]

    @property
    def partial(self) -> str:
        """What is missing, in one sentence; empty where nothing is."""
        sentences = [*self.unseen, *self.left_out, *self.troubles]
        more = f"; and {len(sentences) - 5} more" if len(sentences) > 5 else ""
        return "; ".join(sentences[:5]) + more


@dataclass
class _System:
    """The host, a container, or a directory that a process was chrooted to. `label` and `id` are a container's title and
    identity."""

    root: Path
    pids: Sequence[int]
    label: str | None = None
    id: str | None = None
    image: object = None  # the same for containers of one image
    os: OsRelease | None = None
    container: DiscoveredContainer | None = None

    @property
    def said(self) -> str:
        """To be put before a sentence about it; empty for the host."""
        return f"{self.label}: " if self.label else ""


@dataclass
class _Collected:
    """What was found in all systems, on its way into the report."""

    software: list[SdkSoftware] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


def _collect(context: Context) -> Collected:
    seen = context.get(SeenContainers)
    found = look_for(
        context.root,
        context.proc,
        pids=host_pids(context),
        containers=seen.discovered if seen else (),
        installed=installed(context),
        catalog=context.catalog,
        options=context.option(SearchOptions),
        deadline=context.deadline,
    )
    nothing = "" if any(isinstance(entry, SdkSoftware) for entry in found.software) else "no AWS SDKs were found"
    given = (found, SdkSearch(found.unseen, found.left_out))
    return Collected(given, nothing=nothing, partial=found.partial)


def installed(context: Context) -> tuple[Software, ...]:
    """What package managers know, on the host and in containers."""
    host, inside = context.get(HostSoftware), context.get(ContainerSoftware)
    return (*(host.software if host else packages(context)), *(inside.software if inside else ()))


def all_software(context: Context) -> Installed:
    """The same with what was found of SDKs."""
    found = context.get(SdksFound)
    return Installed(found.software if found else installed(context))


def _directories(given: Sequence[str], root: Path) -> tuple[str, ...]:
    """Directories to search as well, as paths below the root."""
    for path in given:
        if not path.startswith("/") or not _is_directory(root, path):
            raise UsageError(
                f"--deep {path} is no directory below {root}", "Give absolute paths, as the host sees them."
            )
    return tuple(given)


def _is_directory(root: Path, path: str) -> bool:
    try:
        status = rootfs.status(root, path)
    except rootfs.FileUnreadable:
        return False
    return status is not None and stat.S_ISDIR(status.st_mode)


def look_for(
    root: Path,
    proc: Path,
    *,
    pids: Iterable[int],
    containers: Sequence[DiscoveredContainer],
    installed: Sequence[Software],
    catalog: Catalog,
    options: SearchOptions,
    deadline: float,
) -> SdksFound:
    """Look at the host's processes `pids` and disk, and at each container's; `installed` is what package managers know.

    Raises nothing for what processes and containers prepared; that is in the result.
    """
    names = {ecosystem: catalog.package_names(ecosystem) for ecosystem in RECOGNISED}
    collected = _Collected()
    caches: dict[object, FileCache] = defaultdict(dict)
    looked: list[tuple[_System, Scan, list[Use]]] = []
    hidden = 0
    for system in _systems(root, proc, pids, containers, installed):
        if time.monotonic() > deadline:
            collected.unseen.append(
                f"{system.label or 'the host'} and the systems after it were not inspected: the run's time limit came first"
            )
            break
        running, hidden_here, late = _look(proc, system.pids, deadline)
        hidden += hidden_here
        if late:
            collected.unseen.append(
                f"{system.said}{late} processes were not inspected: the run's time limit came first"
            )
        scan = Scan(system.root, names, caches[system.image or system.root])
        looked.append((system, scan, scan.of_processes(running, proc)))
    # What runs comes first, everywhere; a disk can be as long as it likes. On a thread of its own, which gives way for good.
    Background(
        "disks",
        lambda: _search_disks(looked, root=root, proc=proc, options=options, collected=collected, deadline=deadline),
    ).result()
    for system, scan, uses in looked:
        if not _is_there(proc, system.container):
            collected.unseen.append(f"{system.label} ended while it was inspected")
            continue
        collected.troubles += [f"{system.said}{trouble}" for trouble in scan.troubles]
        where = Where(system.label, system.id, system.os)
        collected.software += software_of(uses, where, proc, catalog)
    if hidden:
        said = "1 process" if hidden == 1 else f"{hidden} processes"
        collected.unseen.append(f"{said} could not be inspected{'' if privileged() else ': run as root'}")
    software, rest = merged(installed, collected.software)
    libraries = grouped(rest)
    return SdksFound(
        software=(*software, *libraries),
        in_containers=in_containers(libraries, catalog),
        unseen=tuple(collected.unseen),
        left_out=tuple(collected.left_out),
        troubles=tuple(collected.troubles),
    )


def _systems(
    root: Path,
    proc: Path,
    pids: Iterable[int],
    containers: Sequence[DiscoveredContainer],
    installed: Sequence[Software],
) -> Iterator[_System]:
    own = os.stat(root)
    by_root: dict[tuple[int, int], list[int]] = defaultdict(list)
    for pid in pids:
        if pid == os.getpid():
            continue  # the probe and its own libraries
        try:
            status = os.stat(proc / str(pid) / "root")
        except OSError:
            by_root[own.st_dev, own.st_ino].append(pid)  # whether it ended or hides is found out when it is looked at
            continue
        by_root[status.st_dev, status.st_ino].append(pid)
    yield _System(root, by_root.pop((own.st_dev, own.st_ino), []))
    for others in by_root.values():
        yield _System(proc / str(others[0]) / "root", others)
    systems = {container_id: entry.os for entry in installed for container_id in entry.container_ids}
    for container in containers:
        if container.sandbox:
            continue
        inside = proc / str(container.pid) / "root"
        label = container.title
        # Without any database there is nothing to tell images apart by.
        identity = container.identity
        image = contained.identity(inside) or identity
        pids = still_there(proc, container.pids, container.started)
        if container.pid in pids:
            yield _System(inside, pids, label, identity, image, systems.get(identity), container=container)


def _is_there(proc: Path, container: DiscoveredContainer | None) -> bool:
    """Whether what was read by a container's process was the container's: its number may have been another's since."""
    return container is None or container.pid in still_there(proc, container.pids, container.started)


def _look(proc: Path, pids: Iterable[int], deadline: float) -> tuple[list[Running], int, int]:
    """The processes, how many hide, and how many there was no time for."""
    found: list[Running] = []
    hidden = late = 0
    for pid in pids:
        if time.monotonic() > deadline:
            late += 1
            continue
        try:
            running = look(proc, pid)
        except PermissionError:
            hidden += 1
            continue
        if running is not None:
            found.append(running)
    return found, hidden, late


def _search_disks(
    looked: Sequence[tuple[_System, Scan, list[Use]]],
    *,
    root: Path,
    proc: Path,
    options: SearchOptions,
    collected: _Collected,
    deadline: float,
) -> None:
    """The host's disk, then each image's once, within one budget; what is found is added to what processes use."""
    give_way()
    seconds = deadline - time.monotonic()
    allowed_s = seconds if options.deep is not None else min(DISK_TIME_S, seconds / 3)
    entries = DEEP_ENTRIES if options.deep is not None else DISK_ENTRIES
    budget = Budget(time.monotonic() + allowed_s, entries, lambda: pressure.need(options.written))
    searched: set[object] = set()
    for system, scan, uses in looked:
        identity = system.image or system.root
        if identity in searched or (system.label is None and system.root != root):
            continue
        searched.add(identity)
        if not budget.take(0):
            collected.left_out.append(f"{system.said}the disk was not searched for SDKs: {budget.cut_short}")
            continue
        if system.label is None:
            starts: tuple[str, ...] = (*HOST_STARTS, *(options.deep or ()))
            # Process 1 sees the host's mounts, whatever the probe's own unit does.
            points = mount_points(proc, 1) or mount_points(proc, "self")
        else:
            starts = ("/",)
            points = mount_points(proc, system.pids[0]) if system.pids else frozenset()
        uses.extend(scan.on_disk(starts, budget, (points | STORES) - set(starts)))
        if sentence := budget.in_part():
            collected.left_out.append(f"{system.said}{sentence}")


COLLECTOR = Collector(
    id="sdks",
    collect=_collect,
    gives=(SdksFound, SdkSearch),
    without="the AWS SDKs that programs use",
    needs=(Packages, HostSoftware, ContainerSoftware, SeenContainers),
    options=(
        Option(
            "--deep",
            SearchOptions,
            "deep",
            {
                "nargs": "*",
                "metavar": "DIR",
                "help": "search the whole disk and these directories for AWS SDKs, until --timeout",
            },
            check=_directories,
            time_limit_s=900.0,
        ),
    ),
    memory_mib=128,
)
JOIN = Join(gives=Installed, join=all_software, without="the installed software")
