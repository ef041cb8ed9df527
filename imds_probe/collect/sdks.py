"""AWS SDKs in use: what processes have loaded or would load, on the host and in containers, and what lies on disk."""

from __future__ import annotations

import math
import stat
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from imds_probe.catalog.catalog import Catalog
from imds_probe.collect.collector import Collected, Collector, Join, Option
from imds_probe.collect.container_software import ContainerSoftware
from imds_probe.collect.container_tasks import IDENTITY
from imds_probe.collect.containers import RunningContainers, host_pids, unlisted
from imds_probe.collect.context import Context
from imds_probe.collect.needs import Need
from imds_probe.collect.own_software import OwnPackage, own_package
from imds_probe.collect.sdk_disks import is_host, search_disks
from imds_probe.collect.sdk_memory import SdkMemory
from imds_probe.collect.sdk_search import Search
from imds_probe.collect.sdk_software import Where, grouped, in_containers, merged, software_of
from imds_probe.collect.sdk_systems import is_there, systems
from imds_probe.collect.sdk_tasks import IN_USE, ON_DISK, ROOTS
from imds_probe.collect.settings import HostSoftware
from imds_probe.collect.software import Packages, packages
from imds_probe.dataclass import dataclass
from imds_probe.errors import UsageError
from imds_probe.facts.collector_run import OUT_OF_TIME
from imds_probe.facts.software import Installed, SdkSearch, SdkSoftware, Software
from imds_probe.inventory.containers.discovered import DiscoveredContainer
from imds_probe.inventory.containers.group_owners import GroupOwners
from imds_probe.inventory.packages.contents import Identity
from imds_probe.inventory.sdks.recognised import RECOGNISED
from imds_probe.reading.reader import Reader, share_of
from imds_probe.system import rootfs
from imds_probe.system.privilege import privileged
from imds_probe.system.unchanged import SETTLED_NS

FIRST_S = 2.0  # for one container, before all others have had their turn


@dataclass(frozen=True)
class SearchOptions:
    """`deep` lifts the budget of the search on disk, and has the directories of the host that are searched besides; None:
    the budget holds. `written` are places that the run writes afterwards: where they have no room, no disk is searched.
    `state` is where it is remembered what files on the disk hold; None: nowhere.
    """

    deep: tuple[str, ...] | None = None
    written: tuple[Path, ...] = ()
    state: Path | None = None


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
class _Collected:
    """What was found in all systems, on its way into the report."""

    software: list[SdkSoftware] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    hidden: int = 0


def _collect(context: Context) -> Collected:
    running, inside = context.get(RunningContainers), context.get(ContainerSoftware)
    found = look_for(
        context.root,
        context.proc,
        pids=host_pids(context),
        containers=running.containers if running else (),
        installed=installed(context),
        catalog=context.catalog,
        images=inside.images if inside else {},
        options=context.option(SearchOptions),
        reader=context.reader,
        deadline=context.deadline,
        own=own_package(),
    )
    if why := unlisted(context):
        found = replace(found, unseen=(why, *found.unseen))
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
    images: Mapping[str, Identity],
    options: SearchOptions,
    reader: Reader,
    deadline: float,
    now_ns: int | None = None,
    own: OwnPackage | None = None,
) -> SdksFound:
    """Look at the host's processes `pids` and disk, and at each container's; `installed` is what package managers know, `images`
    what tells the images of containers apart, by the containers' identity. Processes that run the probe, the `own` package,
    are passed over.

    Raises nothing for what processes and containers prepared; that is in the result.
    """
    names = {ecosystem: tuple(catalog.package_names(ecosystem)) for ecosystem in RECOGNISED}
    collected = _Collected()
    searches: list[Search] = []
    owner_of = GroupOwners(proc.parent).owner
    there = systems(
        root,
        proc,
        tuple(pids),
        containers,
        installed=installed,
        images=images,
        reader=reader,
        deadline=deadline,
        unseen=collected.unseen,
    )
    for system in there:
        if time.monotonic() > deadline:
            collected.unseen.append(
                f"{system.label or 'the host'} and the systems after it were not inspected: {OUT_OF_TIME}"
            )
            break
        search = Search(system, proc, names, reader, owner_of, own)
        searches.append(search)
        # A container that takes long comes last, with what the others leave.
        first = system.container is None
        search.look(share_of(deadline, math.inf if first else FIRST_S), patient=first)
    for search in searches:
        search.look(share_of(deadline, math.inf))
    # What runs comes first, everywhere; a disk can be as long as it likes.
    memory = SdkMemory(root, options.state, names)
    now = now_ns if now_ns is not None else time.time_ns()
    host = next((search for search in searches if is_host(search.system, root)), None)
    if host is not None and options.state is not None:
        host.kept, host.before_ns = memory.load(), now - SETTLED_NS
        host.walked = memory.walked
        collected.troubles += [memory.damaged] if memory.damaged else []
    search_disks(
        searches,
        root=root,
        proc=proc,
        deep=options.deep,
        written=options.written,
        state=options.state,
        deadline=deadline,
    )
    if host is not None:
        memory.save(host.learnt, host.walks, whole=not host.left_out)
    for search in searches:
        system = search.system
        if not is_there(proc, system.container):
            # What has ended breaks by no switch, and hosts that build have such containers all the time.
            collected.troubles.append(f"{system.label} ended while it was inspected")
            continue
        own_left, users_left = search.late()
        late = [f"{own_left} processes were not inspected: {OUT_OF_TIME}"] if own_left else []
        if users_left:
            collected.troubles.append(f"{system.said}{users_left} processes of users were not inspected: {OUT_OF_TIME}")
        # What cannot be read in a user's own container holds no switch up.
        of_user = system.container is not None and system.container.owner_uid is not None
        unseen = collected.troubles if of_user else collected.unseen
        unseen += [f"{system.said}{each}" for each in (*search.unseen, *late)]
        collected.left_out += [f"{system.said}{each}" for each in search.left_out]
        collected.troubles += [f"{system.said}{each}" for each in search.troubles]
        collected.hidden += search.hidden
        where = Where(system.label, system.id, system.os)
        collected.software += software_of(search.uses, where, search.seen, catalog, owner_of)
    if collected.hidden:
        said = "1 process" if collected.hidden == 1 else f"{collected.hidden} processes"
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


COLLECTOR = Collector(
    id="sdks",
    collect=_collect,
    gives=(SdksFound, SdkSearch),
    without="the AWS SDKs that programs use",
    needs=(Packages, HostSoftware, ContainerSoftware, RunningContainers),
    options=(
        Option(
            "--deep",
            SearchOptions,
            "deep",
            {
                "nargs": "*",
                "metavar": "DIR",
                "help": "search all local file systems and these directories for AWS SDKs, until --timeout",
            },
            check=_directories,
            time_limit_s=900.0,
        ),
    ),
    memory_mib=32,
    reads=(ROOTS, IDENTITY, IN_USE, ON_DISK),
    of_image=True,
    of_host=(Need.PROCESSES, Need.FILES),
)
JOIN = Join(gives=Installed, join=all_software, without="the installed software")
