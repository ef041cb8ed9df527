"""AWS SDKs in use: what processes have loaded or would load, on the host and in containers, and what lies on disk."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import Row
from imds_probe.catalog.upstream import compare_upstream
from imds_probe.collect import environment
from imds_probe.collect.cgroups import membership_of
from imds_probe.collect.discovery.discovered import DiscoveredContainer
from imds_probe.facts import LibraryUse, LibraryUser, OsRelease, Software
from imds_probe.inventory.packages import contained
from imds_probe.inventory.packages.package import printable
from imds_probe.inventory.sdks.mounts import mount_points
from imds_probe.inventory.sdks.running import Running, look
from imds_probe.inventory.sdks.scan import FileCache, Scan, Use
from imds_probe.inventory.sdks.walk import Budget
from imds_probe.privilege import privileged
from imds_probe.small_file import read_head

ECOSYSTEMS = ("pypi", "npm", "maven", "go", "gem", "composer", "nuget", "crate", "binary")
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
PATHS_SHOWN, USERS_SHOWN, ENVIRONMENTS_MAX, NAME_MAX = 5, 10, 16, 300


@dataclass(frozen=True)
class Request:
    """What to search. `deep` lifts the budget of the search on disk; `paths` are searched on the host besides."""

    deep: bool = False
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """`software` is all there is now, `in_containers` the SDKs in use by container id.

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
    """The host, a container, or a directory that a process was chrooted to. `label` and `id` are a container's."""

    root: Path
    pids: Sequence[int]
    label: str | None = None
    id: str | None = None
    image: object = None  # the same for containers of one image
    os: OsRelease | None = None


@dataclass
class _Collected:
    """What was found in all systems, on its way into the report."""

    software: list[Software] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


def collect(
    root: Path,
    proc: Path,
    *,
    pids: Iterable[int],
    containers: Sequence[DiscoveredContainer],
    installed: Sequence[Software],
    catalog: Catalog,
    request: Request,
    deadline: float,
) -> Found:
    """Look at the host's processes `pids` and disk, and at each container's; `installed` is what package managers know.

    Raises nothing for what processes and containers prepared; that is in the result.
    """
    names = {ecosystem: catalog.package_names(ecosystem) for ecosystem in ECOSYSTEMS}
    collected = _Collected()
    seconds = deadline - time.monotonic()
    allowed_s = seconds if request.deep else min(DISK_TIME_S, seconds / 3)
    budget = Budget(time.monotonic() + allowed_s, DEEP_ENTRIES if request.deep else DISK_ENTRIES)
    searched: set[object] = set()
    caches: dict[object, FileCache] = defaultdict(dict)
    hidden = 0
    for system in _systems(root, proc, pids, containers, installed):
        label = f"{system.label}: " if system.label else ""
        if time.monotonic() > deadline:
            collected.unseen.append(f"{label or 'the host and '}what comes after it: the run's time limit came first")
            break
        running, hidden_here, late = _look(proc, system.pids, deadline)
        hidden += hidden_here
        if late:
            collected.unseen.append(f"{label}{late} processes: the run's time limit came first")
        scan = Scan(system.root, names, caches[system.image or system.root])
        uses = scan.of_processes(running, proc)
        identity = system.image or system.root
        if identity not in searched and (system.label is not None or system.root == root):
            searched.add(identity)
            more, cut_short = _on_disk(scan, system, proc, budget, request)
            uses += more
            collected.left_out += [f"{label}{cut_short}"] if cut_short else []
        collected.troubles += [f"{label}{trouble}" for trouble in scan.troubles]
        collected.software += _software(uses, system, proc, catalog)
    if hidden:
        said = "1 process" if hidden == 1 else f"{hidden} processes"
        collected.unseen.append(f"{said} may not be looked at{'' if privileged() else ': run as root'}")
    software, rest = _merged(installed, collected.software, catalog)
    grouped = _grouped(rest)
    return Found(
        software=(*software, *grouped),
        in_containers=_in_containers(grouped, catalog),
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
    systems = {entry.container: entry.os for entry in installed if entry.container}
    for container in containers:
        if container.sandbox:
            continue
        inside = proc / str(container.pid) / "root"
        label = container.name or container.id[:12]
        # Without any database there is nothing to tell images apart by.
        image = contained.identity(inside) or container.id
        yield _System(inside, container.pids, label, container.id, image, systems.get(label))


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


def _on_disk(scan: Scan, system: _System, proc: Path, budget: Budget, request: Request) -> tuple[list[Use], str]:
    """What lies on the system's disk, and what of it was not searched."""
    if system.label is None:
        starts: tuple[str, ...] = (*HOST_STARTS, *request.paths)
        # Process 1 sees the host's mounts, whatever the probe's own unit does.
        points = mount_points(proc, 1) or mount_points(proc, "self")
    else:
        starts = ("/",)
        points = mount_points(proc, system.pids[0]) if system.pids else frozenset()
    if budget.cut_short:
        return [], f"the disk was not searched for SDKs: {budget.cut_short}"
    uses = scan.on_disk(starts, budget, (points | STORES) - set(starts))
    return uses, budget.in_part()


def _software(uses: Sequence[Use], system: _System, proc: Path, catalog: Catalog) -> list[Software]:
    """One entry for each component and version of one system."""
    groups: dict[tuple[str, str, str | None, str | None, str | None], list[Use]] = defaultdict(list)
    for row, use in _decisive(uses, catalog):
        seen = use.located.library
        groups[row.id, seen.ecosystem, seen.version, seen.at_least, seen.below].append(use)
    found = []
    for (component, ecosystem, version, at_least, below), members in groups.items():
        pids = tuple(sorted({pid for use in members for pid in use.pids}))
        paths = list(dict.fromkeys(_shown(use) for use in sorted(members, key=lambda use: not use.pids)))
        library = LibraryUse(
            at_least=at_least,
            below=below,
            paths=tuple(paths[:PATHS_SHOWN]),
            places=len(paths),
            users=tuple(_users(proc, pids[:USERS_SHOWN], in_container=system.label is not None)),
            environment=_environment(proc, pids),
            container_ids=(system.id,) if system.id else (),
        )
        found.append(
            Software(
                component=component,
                manager=ecosystem,
                package=members[0].located.library.package,
                version=version,
                source=members[0].located.library.how,
                path=paths[0],
                container=system.label,
                pids=pids,
                os=system.os,
                library=library,
            )
        )
    return found


def _decisive(uses: Sequence[Use], catalog: Catalog) -> Iterator[tuple[Row, Use]]:
    """Each with its row of the catalog. Of several packages of one SDK in one place, the one counts that the row names
    first: modules have versions of their own, and it is one of them that asks for metadata.
    """
    places: dict[tuple[str, str], list[tuple[int, Row, Use]]] = defaultdict(list)
    for use in uses:
        library = use.located.library
        row = catalog.recognise(library.ecosystem, library.package, library.version or library.at_least)
        if row is not None:
            place = "!".join([use.located.path, *library.inside]).partition("/node_modules/")[0]
            rank = row.packages[library.ecosystem].index(library.package)
            places[row.id, place].append((rank, row, use))
    for members in places.values():
        first = min(rank for rank, _, _ in members)
        yield from ((row, use) for rank, row, use in members if rank == first)


def _shown(use: Use) -> str:
    """The path, and the way in through inner archives."""
    return printable("!".join([use.located.path, *use.located.library.inside]), NAME_MAX)


def _users(proc: Path, pids: Iterable[int], *, in_container: bool) -> Iterator[LibraryUser]:
    for pid in pids:
        try:
            comm = read_head(proc / str(pid) / "comm", 64).decode(errors="replace")
            cgroup = read_head(proc / str(pid) / "cgroup", 64 * 1024).decode(errors="replace")
        except OSError:
            continue  # it ended meanwhile
        yield LibraryUser(pid, printable(comm, 64), None if in_container else membership_of(cgroup).unit)


def _environment(proc: Path, pids: Sequence[int]) -> tuple[tuple[str, ...], ...] | None:
    sets: set[tuple[str, ...]] = set()
    readable = not pids
    for pid in pids:
        names = environment.collect(proc, [pid])
        if names is not None:
            readable = True
            sets.add(names[0] if names else ())
    return tuple(sorted(sets)[:ENVIRONMENTS_MAX]) if readable else None


def _merged(
    installed: Sequence[Software], libraries: Sequence[Software], catalog: Catalog
) -> tuple[list[Software], list[Software]]:
    """What package managers installed, with the processes that use it; and the libraries that are none of theirs.

    A distribution's package knows its own patches, which the library's version does not say.
    """
    packages = list(installed)
    rest = []
    for library in libraries:
        at = next((index for index, package in enumerate(packages) if _is_of(library, package)), None)
        if at is None:
            rest.append(library)
        else:
            package = packages[at]
            packages[at] = replace(package, pids=tuple(sorted({*package.pids, *library.pids})))
    return packages, rest


def _is_of(library: Software, package: Software) -> bool:
    if package.library is not None or package.component != library.component or package.version is None:
        return False
    if library.container not in (package.container, *package.also_in) or library.version is None:
        return False
    use = library.library
    in_distribution = use is not None and all(
        path.startswith(("/usr/lib", "/usr/share", "/usr/bin")) for path in use.paths
    )
    return in_distribution and compare_upstream(package.manager, package.version, library.version).order == 0


def _grouped(software: Sequence[Software]) -> tuple[Software, ...]:
    """One entry for what is the same in several containers; the host's stand for themselves."""
    groups: dict[tuple[object, ...], list[Software]] = defaultdict(list)
    for entry in software:
        on_host = entry.container is None
        groups[entry.component, entry.manager, entry.said_version, on_host, entry.os, bool(entry.pids)].append(entry)
    return tuple(_together(entries) for entries in groups.values())


def _together(entries: Sequence[Software]) -> Software:
    first = entries[0]
    uses = [entry.library for entry in entries if entry.library is not None]
    labels = [entry.container for entry in entries if entry.container]
    environments = [use.environment for use in uses if use.environment is not None]
    together = LibraryUse(
        at_least=uses[0].at_least,
        below=uses[0].below,
        paths=tuple(dict.fromkeys(path for use in uses for path in use.paths))[:PATHS_SHOWN],
        places=sum(use.places for use in uses),
        users=tuple(user for use in uses for user in use.users)[:USERS_SHOWN],
        environment=tuple(sorted({names for each in environments for names in each})) if environments else None,
        container_ids=tuple(dict.fromkeys(each for use in uses for each in use.container_ids)),
    )
    return replace(
        first,
        also_in=tuple(dict.fromkeys(label for label in labels if label != first.container)),
        pids=tuple(sorted({pid for entry in entries for pid in entry.pids})),
        library=together,
    )


def _in_containers(software: Sequence[Software], catalog: Catalog) -> Mapping[str, tuple[str, ...]]:
    """The SDKs in use by container id. What only makes its calls through another one does not count."""
    found: dict[str, list[str]] = defaultdict(list)
    for entry in software:
        row = catalog.row(entry.component)
        if entry.running and entry.library and row and not row.through:
            for container_id in entry.library.container_ids:
                found[container_id].append(f"{row.name} {entry.said_version}")
    return {container_id: tuple(names) for container_id, names in found.items()}
