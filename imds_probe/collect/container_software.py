"""What is installed inside running containers, by the package databases in their roots."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from imds_probe.catalog.catalog import Catalog
from imds_probe.collect.collector import Collected, Collector
from imds_probe.collect.container_tasks import IDENTITY, IMAGE, Inside
from imds_probe.collect.containers import RunningContainers
from imds_probe.collect.context import Context
from imds_probe.collect.needs import Need
from imds_probe.collect.settings import SETTINGS, System, with_settings
from imds_probe.collect.software import known
from imds_probe.dataclass import dataclass
from imds_probe.facts.collector_run import OUT_OF_TIME
from imds_probe.facts.host import OsRelease
from imds_probe.facts.software import Software, UsersContainers
from imds_probe.inventory.containers.discovered import DiscoveredContainer
from imds_probe.inventory.containers.processes import still_there
from imds_probe.inventory.packages import contents
from imds_probe.inventory.packages.contents import Identity
from imds_probe.inventory.packages.package import Package
from imds_probe.reading.reader import Reader, share_of

SHOWN_TROUBLES = 5
USERS_SHARE = 0.25  # of the time that is left: anybody can make a thousand containers that take their time
CONTAINER_S = 5.0  # one container; an honest one takes milliseconds
# Whose a name is that begins so, in whatever registry: AWS's own.
_OF_AWS = ("aws-", "amazon-")


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
    # Others, who look at the host besides, come after it.
    found = look(context.proc, there, context.catalog, context.reader, deadline=share_of(context.deadline, math.inf))
    nothing = "" if found.software else "none of the packages in containers is in the catalog"
    given = (found, UsersContainers(found.of_users[:SHOWN_TROUBLES]))
    return Collected(given, nothing=nothing, partial=in_short(found.troubles))


def look(
    proc: Path, containers: Iterable[DiscoveredContainer], catalog: Catalog, reader: Reader, *, deadline: float
) -> ContainerSoftware:
    """Read each image's databases once, and each container's settings. What one of them does to its reading is its own loss."""
    inside = [each for each in containers if not each.sandbox]
    reading = _Reading(proc, catalog, reader)
    reading.read([each for each in inside if each.owner_uid is None], deadline, reading.troubles, OUT_OF_TIME)
    now = time.monotonic()
    theirs, ends = [each for each in inside if each.owner_uid is not None], now + (deadline - now) * USERS_SHARE
    reading.read(theirs, ends, reading.of_users, "no more time is spent on containers of users")
    return ContainerSoftware(
        _grouped(reading.software), tuple(reading.troubles), tuple(reading.of_users), reading.identities
    )


class _Reading:
    """What is known of the containers that have had their turn."""

    def __init__(self, proc: Path, catalog: Catalog, reader: Reader) -> None:
        self.software: list[Software] = []
        self.troubles: list[str] = []
        self.of_users: list[str] = []
        self.identities: dict[str, Identity] = {}
        self._proc, self._catalog, self._reader = proc, catalog, reader
        self._names = {manager: catalog.package_names(manager) for manager in contents.MANAGERS}
        self._images: dict[object, _Image] = {}

    def read(self, containers: Sequence[DiscoveredContainer], deadline: float, said: list[str], late: str) -> None:
        """Let each have a turn, and those for which a short one was not enough another one, once all others have had theirs. What
        could not be read is `said`; `late` is why, where it was the deadline.
        """
        turns = deque((each, True) for each in containers)
        while turns:
            container, first = turns.popleft()
            left_s = deadline - time.monotonic()
            if left_s < 0:
                said.append(f"{container.title} and the containers after it were not inspected: {late}")
                return
            turn_s = min(CONTAINER_S, left_s / 2 / (len(turns) + 1 if first else 1))
            ends = time.monotonic() + turn_s
            found, troubles = self._inside(container, ends)
            if first and turn_s < CONTAINER_S and time.monotonic() >= ends:
                turns.append((container, False))
                continue
            said += [f"{container.title}: {trouble}" for trouble in troubles]
            self.software += found

    def _inside(self, container: DiscoveredContainer, ends: float) -> tuple[list[Software], tuple[str, ...]]:
        """What one has, and what could not be read of it until then."""
        root = self._proc / str(container.pid) / "root"
        pids = still_there(self._proc, container.pids, container.started)
        if container.pid not in pids or not root.is_symlink():
            return [], ()  # it ended meanwhile
        # Without any database there is nothing to tell images apart by, and nothing to read either.
        asked = self._reader.ask(IDENTITY, str(root), [root], ends)
        if asked.found:
            self.identities[container.identity] = asked.found[0]
        identity = (container.owner_uid, (asked.found[0] if asked.found else ()) or container.identity)
        if identity not in self._images:
            empty = asked.found == ((),)
            image = _Image((), ()) if empty else _read(root, self._names, self._catalog, self._reader, ends)
        else:
            image = self._images[identity]
        own = (*image.software, *_by_image(container, self._catalog))
        here = with_settings(own, self._catalog, self._reader, System(root, self._proc, pids, ends))
        if container.pid not in still_there(self._proc, container.pids, container.started):
            self._images.pop(identity, None)  # its number may have been another's while it was read
            return [], ()  # the search for SDKs says that it ended
        if time.monotonic() < ends:
            self._images[identity] = image
        found = [replace(entry, container=container.title, container_ids=(container.identity,)) for entry in here]
        return found, image.troubles


def in_short(troubles: Sequence[str]) -> str:
    """The first few troubles, and how many more there are."""
    more = f"; and {len(troubles) - SHOWN_TROUBLES} more" if len(troubles) > SHOWN_TROUBLES else ""
    return "; ".join(troubles[:SHOWN_TROUBLES]) + more


def _read(root: Path, names: Mapping[str, tuple[str, ...]], catalog: Catalog, reader: Reader, ends: float) -> _Image:
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
    """A name without a slash is one of Docker's own, which anybody may use below a registry of theirs; one of AWS's stays AWS's
    there: EKS has such names in its registries, and others in copies.
    """
    if "/" in known_name or known_name.startswith(_OF_AWS):
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
    of_host=(Need.PROCESSES, Need.FILES),
)
