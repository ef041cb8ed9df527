"""What is installed inside running containers, by the package databases in their roots."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from imds_probe.catalog.catalog import Catalog
from imds_probe.collect.collector import Collected, Collector
from imds_probe.collect.container_reading import IDENTITY, IMAGE, Inside
from imds_probe.collect.containers import RunningContainers
from imds_probe.collect.context import Context
from imds_probe.collect.settings import SETTINGS, System, with_settings
from imds_probe.collect.software import known
from imds_probe.dataclass import dataclass
from imds_probe.facts.host import OsRelease
from imds_probe.facts.software import Software, UsersContainers
from imds_probe.inventory.containers.discovered import DiscoveredContainer
from imds_probe.inventory.containers.processes import still_there
from imds_probe.inventory.packages import contained
from imds_probe.inventory.packages.contained import Identity
from imds_probe.inventory.packages.package import Package
from imds_probe.reading.reader import Reader, share_of

SHOWN_TROUBLES = 5
USERS_SHARE = 0.25  # of the time that is left: anybody can make a thousand containers that take their time
CONTAINER_S = 5.0  # one step of the reading of one container; an honest one takes milliseconds


@dataclass(frozen=True)
class ContainerSoftware:
    """`troubles` are sentences about databases that are there and could not be read, each with its container; `of_users` are
    those about containers that users made, who may put there what nobody can read. `images` are what tells the images of
    containers apart that have databases, by the identity of the container.
    """

    software: tuple[Software, ...]
    troubles: tuple[str, ...]
    of_users: tuple[str, ...] = ()
    images: Mapping[str, Identity] = field(default_factory=dict)


@dataclass(frozen=True)
class _Image:
    """What containers of one image have in common, read from the first of them."""

    software: tuple[Software, ...]
    troubles: tuple[str, ...]


def _collect(context: Context) -> Collected:
    running = context.get(RunningContainers)
    there = running.containers if running else ()
    found = look(context.proc, there, context.catalog, context.reader, deadline=context.deadline)
    nothing = "" if found.software else "none of the packages in containers is in the catalog"
    given = (found, UsersContainers(found.of_users[:SHOWN_TROUBLES]))
    return Collected(given, nothing=nothing, partial=in_short(found.troubles))


def look(
    proc: Path, containers: Iterable[DiscoveredContainer], catalog: Catalog, reader: Reader, *, deadline: float
) -> ContainerSoftware:
    """Read each image's databases once, and each container's settings. What one of them does to its reading is its own loss."""
    names = {manager: catalog.package_names(manager) for manager in contained.MANAGERS}
    images: dict[object, _Image] = {}
    identities: dict[str, Identity] = {}
    software: list[Software] = []
    troubles: list[str] = []
    of_users: list[str] = []
    users_turn = False
    for container in sorted(containers, key=lambda each: each.owner_uid is not None):  # root's before time runs out
        if container.sandbox:
            continue
        label = container.title
        said = troubles if container.owner_uid is None else of_users
        if container.owner_uid is not None and not users_turn:
            deadline, users_turn = time.monotonic() + (deadline - time.monotonic()) * USERS_SHARE, True
        if time.monotonic() > deadline:
            limit = "no more time is spent on containers of users" if users_turn else "the run's time limit came first"
            said.append(f"{label} and the containers after it were not inspected: {limit}")
            break
        root = proc / str(container.pid) / "root"
        pids = still_there(proc, container.pids, container.started)
        if container.pid not in pids or not root.is_symlink():
            continue  # it ended meanwhile
        # Without any database there is nothing to tell images apart by, and nothing to read either.
        asked = reader.ask(IDENTITY, str(root), [root], share_of(deadline, CONTAINER_S))
        if asked.found:
            identities[container.identity] = asked.found[0]
        identity = (container.owner_uid, (asked.found[0] if asked.found else ()) or container.identity)
        if identity not in images:
            empty = asked.found == ((),)
            images[identity] = _Image((), ()) if empty else _read(root, names, catalog, reader, deadline)
        image = images[identity]
        own = (*image.software, *_by_image(container, catalog))
        system = System(root, proc, pids, share_of(deadline, CONTAINER_S))
        here = with_settings(own, catalog, reader, system)
        if container.pid not in still_there(proc, container.pids, container.started):
            del images[identity]  # its number may have been another's while it was read
            said.append(f"{label} ended while it was inspected")
            continue
        said += [f"{label}: {trouble}" for trouble in image.troubles]
        software += [replace(entry, container=label, container_ids=(container.identity,)) for entry in here]
    return ContainerSoftware(_grouped(software), tuple(troubles), tuple(of_users), identities)


def in_short(troubles: Sequence[str]) -> str:
    """The first few troubles, and how many more there are."""
    more = f"; and {len(troubles) - SHOWN_TROUBLES} more" if len(troubles) > SHOWN_TROUBLES else ""
    return "; ".join(troubles[:SHOWN_TROUBLES]) + more


def _read(
    root: Path, names: Mapping[str, tuple[str, ...]], catalog: Catalog, reader: Reader, deadline: float
) -> _Image:
    ends = share_of(deadline, CONTAINER_S)
    answer = reader.ask(IMAGE, Inside(str(root), names, ends), [root], ends)
    system = next((part.os for part in answer.found if part.os), OsRelease(None, None, None))
    contents = [part.contents for part in answer.found if part.contents]
    packages = [package for each in contents for package in each.packages]
    troubles = [part.trouble for part in answer.found if part.trouble]
    troubles += [trouble for each in contents for trouble in each.troubles]
    troubles += [answer.failed] if answer.failed else []
    found = [replace(entry, os=system) for package in packages if (entry := known(package, catalog))]
    return _Image(tuple(found), tuple(troubles))


def _by_image(container: DiscoveredContainer, catalog: Catalog) -> tuple[Software, ...]:
    """What the name of the image says: agents' own images, tagged with the agent's version."""
    name, _, tag = (container.image or "").partition("@")[0].partition(":")
    if "/" in tag:  # the colon was a registry's port
        name, _, tag = (container.image or "").partition("@")[0].rpartition(":")
    for known_name in catalog.package_names("image"):
        if _is_image(name, known_name):
            package = Package("image", known_name, tag or "(no tag)", "", "installed")
            entry = known(package, catalog)
            return (replace(entry, source="name of the image"),) if entry else ()
    return ()


def _is_image(name: str, known_name: str) -> bool:
    """A name without a slash is one of Docker's own, which anybody may use below a registry of theirs."""
    if "/" in known_name:
        return name == known_name or name.endswith(f"/{known_name}")
    return name in (known_name, f"library/{known_name}", f"docker.io/library/{known_name}")


def _grouped(software: Sequence[Software]) -> tuple[Software, ...]:
    """One entry for what is the same in several containers: the first of them, and the others' names."""
    groups: dict[Software, list[Software]] = defaultdict(list)
    for entry in software:
        groups[replace(entry, container=None, container_ids=(), pids=())].append(entry)
    return tuple(
        replace(
            entries[0],
            also_in=tuple(entry.container for entry in entries[1:] if entry.container),
            pids=tuple(pid for entry in entries for pid in entry.pids),
            container_ids=tuple(dict.fromkeys(each for entry in entries for each in entry.container_ids)),
        )
        for entries in groups.values()
    )


def _any_container(context: Context) -> bool:
    running = context.get(RunningContainers)
    return running is not None and bool(running.containers)


COLLECTOR = Collector(
    id="container-software",
    collect=_collect,
    gives=(ContainerSoftware, UsersContainers),
    without="the packages installed in containers",
    needs=(RunningContainers,),
    applies=_any_container,
    reads=(IDENTITY, IMAGE, SETTINGS),
)
