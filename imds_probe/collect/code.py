"""Code that calls the metadata service: what runs or will run on the host and in containers is read, and how much of it."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from imds_probe.catalog.catalog import Catalog
from imds_probe.collect import begun
from imds_probe.collect.code_facts import FoundIn, code_of, read_of
from imds_probe.collect.code_left import left
from imds_probe.collect.code_memory import CodeMemory
from imds_probe.collect.code_search import Found, Memory, Search, Terms
from imds_probe.collect.code_tasks import LYING, OWNERS, RUNNING, SCHEDULES, Owning
from imds_probe.collect.collector import Collected, Collector, Option
from imds_probe.collect.container_software import ContainerSoftware
from imds_probe.collect.container_tasks import IDENTITY
from imds_probe.collect.containers import RunningContainers, host_pids, unlisted
from imds_probe.collect.context import Context
from imds_probe.collect.disk_tasks import ON_DISK
from imds_probe.collect.named_tasks import NAMED
from imds_probe.collect.needs import Need
from imds_probe.collect.own_software import own_package
from imds_probe.collect.package_search import PackageSearch, undecided
from imds_probe.collect.package_tasks import PACKAGES
from imds_probe.collect.sdk_systems import is_there, systems
from imds_probe.collect.sdk_tasks import ROOTS
from imds_probe.collect.sdks import SdksFound, installed
from imds_probe.collect.settings import HostSoftware
from imds_probe.collect.software import Packages
from imds_probe.collect.user_data import UserData, is_asked_for
from imds_probe.dataclass import dataclass
from imds_probe.facts.code import Code, CodeRead
from imds_probe.facts.host import Host, OsRelease
from imds_probe.facts.software import Software
from imds_probe.inventory.code import unread
from imds_probe.inventory.code.owned import Owned
from imds_probe.inventory.containers.discovered import DiscoveredContainer
from imds_probe.inventory.containers.group_owners import GroupOwners
from imds_probe.inventory.packages.contents import Identity
from imds_probe.reading.reader import OUT_OF_TIME, Reader, share_of
from imds_probe.system import pressure
from imds_probe.system.unchanged import SETTLED_NS

OF_ARCHIVES = ("maven", "pypi")  # ecosystems whose libraries lie in archives
READ_MAX_BYTES = 1024 * 1024 * 1024  # in one run: programs, mostly
CONTAINER_S, LYING_S, OWNERS_S, SCHEDULES_S, PACKAGES_S, NAMED_S = 3.0, 3.0, 3.0, 20.0, 5.0, 2.0


@dataclass(frozen=True)
class CodeOptions:
    """`state` is where it is remembered what files hold; None: nowhere. `written` as of SearchOptions. `read`: whether code is."""

    state: Path | None = None
    written: tuple[Path, ...] = ()
    read: bool = True


@dataclass(frozen=True)
class CodeFound:
    """What was found in all systems. `troubles` are sentences."""

    code: Code
    read: CodeRead
    troubles: tuple[str, ...] = ()


def _collect(context: Context) -> Collected:
    running, inside = context.get(RunningContainers), context.get(ContainerSoftware)
    served = context.get(UserData)
    found = look_for(
        context.root,
        context.proc,
        pids=host_pids(context),
        containers=running.containers if running else (),
        installed=installed(context),
        host_os=context[Host].os,
        catalog=context.catalog,
        sdks=sdks.software if (sdks := context.get(SdksFound)) else (),
        images=inside.images if inside else {},
        options=context.option(CodeOptions),
        reader=context.reader,
        deadline=context.deadline,
        user_data=served.content if served else b"",
        of_image=context.request.image,
    )
    why = unlisted(context)
    read = replace(found.read, programs_unseen=(why,)) if why else found.read
    nothing = "" if read.programs or read.scheduled else "no programs run, and nothing starts any"
    return Collected((found.code, read), nothing=nothing, partial="; ".join([why, *found.troubles][not why : 5]))


def look_for(
    root: Path,
    proc: Path,
    *,
    pids: Iterable[int],
    containers: Sequence[DiscoveredContainer],
    installed: Sequence[Software],
    host_os: OsRelease,
    catalog: Catalog,
    sdks: Iterable[Software] = (),
    images: Mapping[str, Identity],
    options: CodeOptions,
    reader: Reader,
    deadline: float,
    user_data: bytes = b"",
    of_image: bool = False,
    now_ns: int | None = None,
) -> CodeFound:
    """Read the programs of the host's processes `pids`, and of each container's. `sdks` are the libraries that were recognised.
    What is meant by the rest: see sdks.look_for.

    Raises nothing for what processes and containers prepared; that is in the result.
    """
    sdks = tuple(sdks)
    not_read = left(catalog, sdks)
    names = {ecosystem: tuple(catalog.package_names(ecosystem)) for ecosystem in OF_ARCHIVES}
    memory = CodeMemory(root, options.state, names)
    remembered = memory.load()
    troubles = list(memory.damaged)
    need = pressure.need(options.written)
    if need:
        troubles.append(f"no code was read: {need}")
    now = now_ns if now_ns is not None else time.time_ns()
    terms = Terms(not_read, own_package(), READ_MAX_BYTES, names)
    unplaced: list[str] = []
    there = systems(
        root,
        proc,
        tuple(pids),
        containers,
        installed=installed,
        images=images,
        reader=reader,
        deadline=deadline,
        unseen=unplaced,
    )
    searches: list[Search] = []
    for system in there:
        on_host = system.container is None and system.root == root
        search = Search(system, proc, reader, terms)
        if on_host:
            search.of_host(remembered, now - SETTLED_NS)
        searches.append(search)
        if need:
            search.pass_over()
        else:
            _look_first(search, unplaced, deadline)
    for search in () if need else searches:
        search.look(share_of(deadline, math.inf))
    begun.look_ahead(() if need else searches, deadline, SCHEDULES_S, user_data, image=of_image)
    packages = {}
    for search in () if need else searches:
        wanted = undecided(installed, search.system, host_os, catalog)
        packages[search] = of_search = PackageSearch(search, reader, wanted)
        of_search.look(share_of(deadline, PACKAGES_S))
    # By readers that give way, and come last: what they have kept in memory goes with the others.
    for search in () if need else searches:
        search.look_beside(share_of(deadline, LYING_S))
    _look_on_disk(() if need else searches, options.written, deadline)
    troubles += unplaced
    found = []
    for search in searches:
        if not is_there(proc, search.system.container):
            troubles.append(f"{search.system.label} ended while its code was read")
            continue
        search.give_up_rest()
        own = packages.get(search)
        copied = tuple(catalog.package_names("pypi"))
        owned = _owned(search, own.owned if own else {}, reader, share_of(deadline, OWNERS_S), copied)
        image = next((each.component for each in installed if _is_image_of(each, search.system.id)), None)
        found.append(FoundIn(search.system, search.found, owned, own.read if own else (), image))
        found += _elsewhere(search)
        troubles += [f"{search.system.said}{trouble}" for trouble in search.troubles]
    _save(memory, () if need else searches)
    owner_of = GroupOwners(proc.parent).owner
    seen, no_room_for = code_of(found, catalog, not_read, owner_of, sdks)
    return CodeFound(seen, read_of(found, catalog, owner_of, no_room_for), tuple(troubles))


def _look_first(search: Search, unplaced: Collection[str], deadline: float) -> None:
    """`unplaced` says why processes may count as the host's that have another root: there, the files of that name are others."""
    if search.found.on_host and unplaced:
        late = any(OUT_OF_TIME in each for each in unplaced)
        search.pass_over_running(unread.NO_TIME if late else unread.HIDDEN)
    else:
        search.look(share_of(deadline, CONTAINER_S if search.system.container is not None else math.inf))


def _elsewhere(search: Search) -> Iterator[FoundIn]:
    """Other roots that something of a system enters. What lies there beside the loaded libraries was not read."""
    for inside, each in search.elsewhere.items():
        there = replace(search.system, root=Path(inside), pids=())
        found = Found(on_host=False, spoken=each.spoken, due=each.due, beside_whole=False)
        yield FoundIn(there, found, each.owned, inside=inside)


def _save(memory: CodeMemory, searches: Iterable[Search]) -> None:
    for search in searches:
        if search.remembers:
            memory.save(Memory(search.learnt, search.trails, search.learnt_lying, search.learnt_schedules))


def _look_on_disk(searches: Iterable[Search], written: Sequence[Path], deadline: float) -> None:
    for search in searches:
        search.look_on_disk(share_of(deadline, LYING_S), written)
        search.look_for_names(share_of(deadline, NAMED_S))


def _is_image_of(software: Software, container_id: str | None) -> bool:
    return software.manager == "image" and container_id in software.container_ids


def _owned(
    search: Search, known: Mapping[str, Owned], reader: Reader, deadline: float, copied: tuple[str, ...]
) -> Mapping[str, Owned]:
    """The packages of the files that say something, by their paths; `known` are those that were read for their packages, `copied`
    as of Owning.
    """
    paths = tuple({each.path for each in search.found.spoken.values()}.difference(known))
    if not paths:
        return known
    answer = reader.ask(
        OWNERS, Owning(str(search.system.root), paths, deadline, copied), [search.system.root], deadline
    )
    if answer.failed:
        search.troubles.append(f"the packages of some files are not known: {answer.failed}")
    return {**known, **{each.path: each for each in answer.found}}


COLLECTOR = Collector(
    id="code",
    collect=_collect,
    gives=(Code, CodeRead),
    without="the code that runs or will run, and whether it calls the metadata service",
    needs=(Host, Packages, HostSoftware, ContainerSoftware, RunningContainers, SdksFound, UserData),
    applies=lambda context: context.option(CodeOptions).read or is_asked_for(context),
    options=(
        Option(
            "--no-code",
            CodeOptions,
            "read",
            {"action": "store_false", "help": "do not read the code of programs that run or will be started"},
        ),
    ),
    memory_mib=48,
    reads=(ROOTS, IDENTITY, RUNNING, SCHEDULES, PACKAGES, LYING, ON_DISK, NAMED, OWNERS),
    of_image=True,
    of_host=(Need.PROCESSES, Need.FILES),
)
