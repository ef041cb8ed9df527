"""Code that calls the metadata service: what runs or will run on the host and in containers is read, and how much of it."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import imds_probe
from imds_probe.catalog.catalog import Catalog
from imds_probe.collect.code_memory import CodeMemory
from imds_probe.collect.code_reading import LYING, OWNERS, RUNNING, Owning
from imds_probe.collect.code_search import Found, Memory, Search, Terms
from imds_probe.collect.collector import Collected, Collector, Option
from imds_probe.collect.container_reading import IDENTITY
from imds_probe.collect.container_software import ContainerSoftware
from imds_probe.collect.containers import RunningContainers, host_pids
from imds_probe.collect.context import Context
from imds_probe.collect.program_reading import OwnPackage
from imds_probe.collect.schedule_reading import SCHEDULES
from imds_probe.collect.sdk_reading import ROOTS
from imds_probe.collect.sdk_systems import System, is_there, systems
from imds_probe.collect.sdks import installed
from imds_probe.collect.settings import HostSoftware
from imds_probe.collect.software import Packages
from imds_probe.dataclass import dataclass
from imds_probe.facts.code import Code, CodeRead, CodeSeen, NotRead, Runs, Speaks
from imds_probe.facts.software import Software
from imds_probe.inventory.code import unread
from imds_probe.inventory.code.owning import Owned
from imds_probe.inventory.containers.cgroups import membership_of
from imds_probe.inventory.containers.discovered import DiscoveredContainer
from imds_probe.inventory.containers.group_owners import GroupOwners, OwnerOf
from imds_probe.inventory.packages.contained import Identity
from imds_probe.inventory.sdks.recognisers import RECOGNISED
from imds_probe.reading.reader import Reader, share_of
from imds_probe.system import pressure
from imds_probe.system.unchanged import SETTLED_NS

# Names of libraries by these are left to those that recognise them.
LEFT_TO_RECOGNISERS = tuple(RECOGNISED)
READ_MAX_BYTES = 1024 * 1024 * 1024  # in one run: programs, mostly
CONTAINER_S, LYING_S, OWNERS_S, SCHEDULES_S = 3.0, 3.0, 3.0, 10.0
NOT_READ_MAX, SEEN_MAX, STARTED_BY_MAX = 200, 500, 10
_RUNS: tuple[Runs, ...] = get_args(Runs)
_SPEAKS: tuple[Speaks, ...] = ("v1", "both", "v2", "mentions")


@dataclass(frozen=True)
class CodeOptions:
    """`state` is where it is remembered what files hold; None: nowhere. `written` as of SearchOptions. `read`: code is read."""

    state: Path | None = None
    written: tuple[Path, ...] = ()
    read: bool = False


@dataclass(frozen=True)
class CodeFound:
    """What was found in all systems. `troubles` are sentences."""

    code: Code
    read: CodeRead
    troubles: tuple[str, ...] = ()


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
        options=context.option(CodeOptions),
        reader=context.reader,
        deadline=context.deadline,
    )
    nothing = "" if found.read.programs or found.read.scheduled else "no programs run, and nothing starts any"
    return Collected((found.code, found.read), nothing=nothing, partial="; ".join(found.troubles[:5]))


def look_for(
    root: Path,
    proc: Path,
    *,
    pids: Iterable[int],
    containers: Sequence[DiscoveredContainer],
    installed: Sequence[Software],
    catalog: Catalog,
    images: Mapping[str, Identity],
    options: CodeOptions,
    reader: Reader,
    deadline: float,
    now_ns: int | None = None,
) -> CodeFound:
    """Read the programs of the host's processes `pids`, and of each container's. What is meant by the rest: see sdks.look_for.

    Raises nothing for what processes and containers prepared; that is in the result.
    """
    names = tuple(sorted({name for kind in LEFT_TO_RECOGNISERS for name in _names(catalog, kind)}))
    memory = CodeMemory(root, options.state, names)
    remembered = memory.load()
    troubles = list(memory.damaged)
    need = pressure.need(options.written)
    if need:
        troubles.append(f"no code was read: {need}")
    now = now_ns if now_ns is not None else time.time_ns()
    terms = Terms(names, own_package(), READ_MAX_BYTES)
    there = systems(
        root,
        proc,
        tuple(pids),
        containers,
        installed=installed,
        images=images,
        reader=reader,
        deadline=deadline,
        unseen=troubles,
    )
    searches: list[Search] = []
    for system in there:
        on_host = system.container is None and system.root == root
        search = Search(system, proc, reader, terms)
        if on_host:
            search.of_host(remembered, now - SETTLED_NS)
        searches.append(search)
        if not need:
            search.look(
                share_of(deadline, CONTAINER_S) if system.container is not None else share_of(deadline, math.inf)
            )
    for search in () if need else searches:
        search.look(share_of(deadline, math.inf))
    for search in () if need else searches:
        search.look_ahead(share_of(deadline, SCHEDULES_S))
    # By readers that give way, and come last: what they have kept in memory goes with the others.
    for search in () if need else searches:
        search.look_beside(share_of(deadline, LYING_S))
    found = []
    for search in searches:
        if not is_there(proc, search.system.container):
            troubles.append(f"{search.system.label} ended while its code was read")
            continue
        search.give_up_rest()
        found.append((search.system, search.found, _owned(search, reader, deadline)))
        troubles += [f"{search.system.said}{trouble}" for trouble in search.troubles]
    for search in searches:
        if search.remembers and not need:
            memory.save(Memory(search.learnt, search.trails))
    owner_of = GroupOwners(proc.parent).owner
    return CodeFound(_code(found, catalog, owner_of), _read(found, catalog, owner_of), tuple(troubles))


def own_package() -> OwnPackage | None:
    """The probe's own code, which is nobody's concern; None where it lies in no file."""
    try:
        status = os.stat(imds_probe.__file__)
    except OSError:
        return None
    return OwnPackage(str(Path(imds_probe.__file__).parent), imds_probe.__file__, status.st_dev, status.st_ino)


def _names(catalog: Catalog, ecosystem: str) -> Iterable[str]:
    """As their directories and archives may be called: of Maven's names, the artefact."""
    for name in catalog.package_names(ecosystem):
        yield name.lower().replace("_", "-")
        if ecosystem == "maven":
            yield name.rpartition(":")[2].lower()


def _owned(search: Search, reader: Reader, deadline: float) -> Mapping[str, Owned]:
    """The packages of the files that say something, by their paths."""
    paths = tuple({each.path for each in search.found.spoken.values()})
    if not paths:
        return {}
    ends = share_of(deadline, OWNERS_S)
    answer = reader.ask(OWNERS, Owning(str(search.system.root), paths, ends), [search.system.root], ends)
    return {each.path: each for each in answer.found}


def _code(found: Sequence[tuple[System, Found, Mapping[str, Owned]]], catalog: Catalog, owner_of: OwnerOf) -> Code:
    seen: dict[object, CodeSeen] = {}
    for system, each, owned in found:
        for root, spoken in each.spoken.items():
            owner = owned.get(spoken.path)
            if owner is not None and _is_left(owner, catalog):
                continue
            pids = tuple(sorted(each.pids.get(root, ())))
            due = each.due.roots.get(root, {})
            if not pids and not due and spoken.speaks == "mentions":
                continue  # what lies there and only names the service is a document
            row = catalog.recognise(owner.manager, owner.name, owner.version or None) if owner else None
            image = system.container.image if system.container else None
            entry = CodeSeen(
                path=spoken.path,
                line=spoken.line,
                quote=spoken.quote,
                speaks=spoken.speaks,
                form=spoken.form,
                runs="running" if pids else each.due.runs(root),
                started_by=tuple(sorted(due))[:STARTED_BY_MAX],
                package=owner.said if owner else f"{image} (image)" if image else None,
                component=row.id if row else None,
                on_host=system.container is None and system.label is None and each.on_host,
                container_ids=(system.id,) if system.id else (),
                pids=pids,
                owner_uid=spoken.owner_uid,
                runner_uid=None if due or system.container else _user_of(each.cgroups.get(root, ()), owner_of),
                oldest_s=each.oldest_s(pids),
            )
            # The same in several containers is one entry.
            alike = replace(entry, pids=(), container_ids=(), oldest_s=None)
            key = alike if system.id else (alike, str(system.root))
            before = seen.get(key)
            if before is not None:
                entry = replace(
                    entry,
                    pids=tuple(sorted({*before.pids, *pids})),
                    container_ids=(*before.container_ids, *entry.container_ids),
                    oldest_s=_older(before.oldest_s, entry.oldest_s),
                )
            seen[key] = entry
    return Code(tuple(sorted(seen.values(), key=_weight)[:SEEN_MAX]))


def _weight(code: CodeSeen) -> tuple[object, ...]:
    """Lower for what weighs more: what comes after the first SEEN_MAX is in no report."""
    return _SPEAKS.index(code.speaks), _RUNS.index(code.runs), not code.on_host, code.path, code.container_ids


def _older(one: float | None, other: float | None) -> float | None:
    """The greater; None where either is not known."""
    return None if one is None or other is None else max(one, other)


def _is_left(owner: Owned, catalog: Catalog) -> bool:
    """Whether a file belongs to a library that the recognisers find."""
    return owner.manager in LEFT_TO_RECOGNISERS and owner.name.lower().replace("_", "-") in _names(
        catalog, owner.manager
    )


def _read(found: Sequence[tuple[System, Found, Mapping[str, Owned]]], catalog: Catalog, owner_of: OwnerOf) -> CodeRead:
    programs = read = searched = scheduled = scheduled_read = 0
    not_read: list[NotRead] = []
    for system, each, _ in found:
        programs += len(each.programs)
        searched += each.searched
        scheduled += len(each.due.programs)
        for program in (*each.programs.values(), *each.due.programs.values()):
            why = program.why or (unread.BY_NAME if each.matters_by_name(program) else "")
            started_by = () if program.pids else tuple(each.due.started_by.get(program.name, ()))[:STARTED_BY_MAX]
            read += not why and not started_by
            scheduled_read += not why and bool(started_by)
            if why:
                component = next((row.id for row in catalog.rows if _is_one_of(program.name, row.programs)), None)
                not_read.append(
                    NotRead(
                        program.name or f"process {program.pids[0]}",
                        why,
                        started_by,
                        on_host=each.on_host,
                        container_ids=(system.id,) if system.id else (),
                        pids=tuple(sorted(program.pids)),
                        component=component,
                        owner_uid=None if system.container else _user_of(program.cgroups, owner_of),
                        oldest_s=each.oldest_s(program.pids),
                    )
                )
    looked = any(each.due.read for _, each, _ in found)
    return CodeRead(
        programs,
        read,
        scheduled if looked else None,
        scheduled_read if looked else None,
        bytes_searched=searched,
        not_read=tuple(not_read[:NOT_READ_MAX]),
    )


def _user_of(cgroups: Iterable[str], owner_of: OwnerOf) -> int | None:
    """The user on whose own account all these processes run, the first of several; None where root runs one, or a service."""
    owners = {membership_of(text, owner_of).owner_uid for text in cgroups}
    users = [each for each in owners if each is not None]
    return min(users) if users and len(users) == len(owners) else None


def _is_one_of(path: str, ends: Iterable[str]) -> bool:
    return any(path.endswith(f"/{end}") for end in ends)


COLLECTOR = Collector(
    id="code",
    collect=_collect,
    gives=(Code, CodeRead),
    without="the code that runs or will run, and whether it calls the metadata service",
    needs=(Packages, HostSoftware, ContainerSoftware, RunningContainers),
    applies=lambda context: context.option(CodeOptions).read,
    options=(
        Option(
            "--code",
            CodeOptions,
            "read",
            {"action": "store_true", "help": "read the code of what runs and will run, too: who asks without a token"},
        ),
    ),
    memory_mib=48,
    reads=(ROOTS, IDENTITY, RUNNING, SCHEDULES, LYING, OWNERS),
)
