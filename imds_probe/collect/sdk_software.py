"""What was found of SDKs, as the report has it: grouped by component and version, merged with what package managers know."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import Row
from imds_probe.catalog.upstream import compare_upstream, is_plain
from imds_probe.collect.ages import Running, newest
from imds_probe.collect.dues import longest, shortest
from imds_probe.collect.environment import in_order
from imds_probe.collect.sdk_search import Seen
from imds_probe.collect.sdk_tasks import USERS_SHOWN
from imds_probe.dataclass import dataclass
from imds_probe.facts.host import OsRelease
from imds_probe.facts.sdk_settings import SdkSettings, names_of
from imds_probe.facts.software import SdkSoftware, SdkUse, SdkUser, Software
from imds_probe.inventory.containers.cgroups import Membership, membership_of
from imds_probe.inventory.containers.group_owners import OwnerOf
from imds_probe.inventory.packages.package import printable
from imds_probe.inventory.sdks.recogniser import Use
from imds_probe.system.shares import shared

PATHS_SHOWN, NAME_MAX = 5, 300
ENVIRONMENTS_MAX = 64, 16  # root's, and all others'


@dataclass(frozen=True)
class Where:
    """The system that libraries were found in: the host, or a container by its title and identity."""

    label: str | None
    id: str | None
    os: OsRelease | None


def software_of(
    uses: Sequence[Use], system: Where, seen: Mapping[int, Seen], catalog: Catalog, owner_of: OwnerOf
) -> list[SdkSoftware]:
    """One entry for each component and version of one system; `seen` are its processes by their numbers."""
    groups: dict[tuple[str, str, str | None, str | None, str | None], list[Use]] = defaultdict(list)
    for row, use in _decisive(uses, catalog):
        library = use.located.found
        key = (row.id, library.ecosystem, library.version, library.at_least, library.below)
        groups[key].append(use)
    found = []
    for (component, ecosystem, version, at_least, below), members in groups.items():
        pids = tuple(sorted({pid for use in members for pid in use.pids}))
        paths = list(dict.fromkeys(_shown(use) for use in sorted(members, key=lambda use: not use.pids)))
        places = {pid: _place(seen.get(pid), owner_of, in_container=system.label is not None) for pid in pids}
        settings = _settings(seen, places)
        sdk = SdkUse(
            at_least=at_least,
            below=below,
            paths=tuple(paths[:PATHS_SHOWN]),
            places=len(paths),
            users=_users(seen, places),
            environment=None if settings is None else names_of(settings),
            sdk_settings=settings or (),
            container_ids=(system.id,) if system.id else (),
            oldest_s=longest(seen[pid].age_s if pid in seen else None for pid in pids),
            newest_s=newest(_running(pid, seen.get(pid), places[pid].owner_uid) for pid in pids),
        )
        found.append(
            SdkSoftware(
                component=component,
                manager=ecosystem,
                package=members[0].located.found.package,
                version=version,
                source=members[0].located.found.how,
                path=paths[0],
                container=system.label,
                pids=pids,
                os=system.os,
                sdk=sdk,
                container_ids=sdk.container_ids,
            )
        )
    return found


def _decisive(uses: Sequence[Use], catalog: Catalog) -> Iterator[tuple[Row, Use]]:
    """Each with its row of the catalog. Of several packages of one SDK in one place, the one counts that the row names
    first: modules have versions of their own, and it is one of them that asks for metadata.
    """
    places: dict[tuple[str, str], list[tuple[int, Row, Use]]] = defaultdict(list)
    for use in uses:
        library = use.located.found
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
    return printable("!".join([use.located.path, *use.located.found.inside]), NAME_MAX)


def _running(pid: int, seen: Seen | None, owner_uid: int | None) -> Running:
    if seen is None:
        return Running()
    place = seen.place
    return Running(place and place[:2], owner_uid, seen.age_s, pid, place.parent if place else None)


def _place(seen: Seen | None, owner_of: OwnerOf, *, in_container: bool) -> Membership:
    """Where a process runs; of one in a container that is said by the container."""
    if seen is None or seen.user is None or in_container:
        return Membership()
    return membership_of(seen.user.cgroup, owner_of)


def _users(seen: Mapping[int, Seen], places: Mapping[int, Membership]) -> tuple[SdkUser, ...]:
    """The first few that have not ended meanwhile: those of root and of the system come first, then one of each user."""
    there = [(pid, user) for pid in places if pid in seen and (user := seen[pid].user) is not None]
    kept, _ = shared(there, lambda each: places[each[0]].owner_uid, USERS_SHOWN, USERS_SHOWN)
    return tuple(SdkUser(pid, user.name, places[pid].unit, places[pid].owner_uid) for pid, user in kept[:USERS_SHOWN])


def _settings(seen: Mapping[int, Seen], places: Mapping[int, Membership]) -> tuple[SdkSettings, ...] | None:
    """What processes are told, each once. Where there is more than a report has room for, one that is told nothing stands for the
    rest: nobody knows where it looks.
    """
    whose: dict[SdkSettings, int | None] = {}
    for pid, place in places.items():
        settings = seen[pid].settings if pid in seen else None
        if settings is not None and (settings not in whose or place.owner_uid is None):
            whose[settings] = place.owner_uid
    if not whose and places:
        return None
    kept, rest = shared(whose, lambda each: whose[each], *ENVIRONMENTS_MAX)
    return in_order((*kept, SdkSettings()) if rest else kept)


def merged(installed: Sequence[Software], libraries: Sequence[SdkSoftware]) -> tuple[list[Software], list[SdkSoftware]]:
    """What package managers installed, with the processes that use it; and the libraries that are none of theirs.

    A distribution's package knows its own patches, which the library's version does not say.
    """
    packages = list(installed)
    rest: list[SdkSoftware] = []
    for library in libraries:
        at = next((index for index, package in enumerate(packages) if _is_of(library, package)), None)
        if at is None:
            rest.append(library)
        else:
            package = packages[at]
            packages[at] = replace(package, pids=tuple(sorted({*package.pids, *library.pids})))
    return packages, rest


def _is_of(library: SdkSoftware, package: Software) -> bool:
    if isinstance(package, SdkSoftware) or package.component != library.component or package.version is None:
        return False
    if not library.is_beside(package) or library.version is None:
        return False
    in_distribution = all(path.startswith(("/usr/lib", "/usr/share", "/usr/bin")) for path in library.sdk.paths)
    # A copy that its owner has changed, as AWS's CLI has one of botocore 2.0.0dev155, is compared with no package's version.
    if not in_distribution or not is_plain(library.version):
        return False
    return compare_upstream(package.manager, package.version, library.version).order == 0


def grouped(software: Sequence[SdkSoftware]) -> tuple[SdkSoftware, ...]:
    """One entry for what is the same in several containers; the host's stand for themselves."""
    groups: dict[tuple[object, ...], list[SdkSoftware]] = defaultdict(list)
    for entry in software:
        on_host = entry.container is None
        groups[entry.component, entry.manager, entry.said_version, on_host, entry.os, bool(entry.pids)].append(entry)
    return tuple(_together(entries) for entries in groups.values())


def _together(entries: Sequence[SdkSoftware]) -> SdkSoftware:
    first = entries[0]
    uses = [entry.sdk for entry in entries]
    labels = [entry.container for entry in entries if entry.container]
    environments = [use.environment for use in uses if use.environment is not None]
    together = SdkUse(
        at_least=uses[0].at_least,
        below=uses[0].below,
        paths=tuple(dict.fromkeys(path for use in uses for path in use.paths))[:PATHS_SHOWN],
        places=sum(use.places for use in uses),
        users=tuple(sorted((user for use in uses for user in use.users), key=_is_of_user)[:USERS_SHOWN]),
        environment=tuple(sorted({names for each in environments for names in each})) if environments else None,
        sdk_settings=in_order(each for use in uses for each in use.sdk_settings),
        container_ids=tuple(dict.fromkeys(each for use in uses for each in use.container_ids)),
        oldest_s=longest(use.oldest_s for use in uses),
        newest_s=shortest(use.newest_s for use in uses),
    )
    return replace(
        first,
        also_in=tuple(dict.fromkeys(label for label in labels if label != first.container)),
        pids=tuple(sorted({pid for entry in entries for pid in entry.pids})),
        sdk=together,
        container_ids=together.container_ids,
    )


def _is_of_user(user: SdkUser) -> bool:
    return user.owner_uid is not None


def in_containers(software: Sequence[SdkSoftware], catalog: Catalog) -> Mapping[str, tuple[str, ...]]:
    """The SDKs in use by the identity of their container. What only makes its calls through another one does not count."""
    found: dict[str, list[str]] = defaultdict(list)
    for entry in software:
        row = catalog.row(entry.component)
        if entry.running and row and not row.through:
            for container_id in entry.container_ids:
                found[container_id].append(f"{row.name} {entry.said_version}")
    return {container_id: tuple(names) for container_id, names in found.items()}
