"""What was found of code in all systems, as the report has it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import get_args

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import Row
from imds_probe.collect.ages import Running, newest
from imds_probe.collect.code_left import is_left
from imds_probe.collect.code_search import Found
from imds_probe.collect.code_tasks import Left, Program
from imds_probe.collect.dues import Coming, longest, shortest
from imds_probe.collect.library_facts import Judged, judged, running_in, runs_already
from imds_probe.collect.sdk_systems import System
from imds_probe.dataclass import dataclass
from imds_probe.facts.code import AS_IMAGE, OF_IMAGE, Code, CodeRead, CodeSeen, NotRead, PackageRead, Runs, Speaks
from imds_probe.facts.software import Software
from imds_probe.inventory.code import unread
from imds_probe.inventory.code.following.loads import below
from imds_probe.inventory.code.owned import Owned
from imds_probe.inventory.code.spoken import Spoken
from imds_probe.inventory.containers.cgroups import membership_of
from imds_probe.inventory.containers.group_owners import OwnerOf
from imds_probe.inventory.images.image_names import whole_name
from imds_probe.inventory.schedules.scheduled import AT_LOGIN
from imds_probe.system.shares import shared

NOT_READ_MAX, SEEN_MAX = (1000, 200), (500, 500)  # root's, and all others'
STARTED_BY_MAX = 10
OF_DISTRIBUTIONS = ("dpkg", "rpm", "apk", "snap")
_RUNS: tuple[Runs, ...] = get_args(Runs)
_STARTED: tuple[Runs, ...] = ("running", "scheduled", "boot")
_SPEAKS: tuple[Speaks, ...] = ("v1", "both", "v2", "mentions")


@dataclass(frozen=True)
class FoundIn:
    """What was found in one system. `owned` are the packages of files that say something, by their paths; `packages` those that
    were read themselves. `image` is the catalog's row of the image, by its name. `inside` as in CodeSeen.
    """

    system: System
    found: Found
    owned: Mapping[str, Owned]
    packages: Sequence[PackageRead] = ()
    image: str | None = None
    inside: str | None = None


def code_of(
    found: Sequence[FoundIn], catalog: Catalog, not_read: Left, owner_of: OwnerOf, sdks: Sequence[Software] = ()
) -> tuple[Code, tuple[NotRead, ...]]:
    """All code that names the service, each once, and what stands for that which the report has no room for. `not_read` are the
    libraries that were left to their recognisers, `sdks` those that were recognised.
    """
    seen: dict[object, CodeSeen] = {}
    for one in found:
        system = one.system
        libraries = judged(one.found.spoken, catalog)
        for root, spoken in one.found.spoken.items():
            owner = _owner_of(root, spoken, one)
            if spoken.library is not None:
                library = _library(root, spoken, one, libraries, sdks)
                if library is None:
                    continue
                found_there = _entry(
                    root, replace(spoken, speaks=library.speaks), one, owner, (), catalog=catalog, owner_of=owner_of
                )
                by = library.row.id, library.library.ecosystem, library.library.version
                entry = replace(found_there, component=by[0], manager=by[1], version=by[2])
            else:
                pids = _pids_of(root, one, owner, not_read)
                if pids is None or not _counts(root, spoken, one, owner, started=bool(pids), catalog=catalog):
                    continue
                entry = _entry(root, spoken, one, owner, pids, catalog=catalog, owner_of=owner_of)
            # The same in several containers is one entry.
            alike = replace(entry, pids=(), container_ids=(), oldest_s=None, newest_s=None, standing_s=None)
            key = alike if system.id else (alike, str(system.root))
            seen[key] = _in_both(seen[key], entry) if key in seen else entry
    owners = _owners(found)
    ordered = sorted(seen.values(), key=_weight)
    kept, rest = shared(
        [each for each in ordered if each.runs in _STARTED], lambda each: _party(each, owners), *SEEN_MAX
    )
    lying, _ = shared(
        [each for each in ordered if each.runs not in _STARTED], lambda each: _party(each, owners), *SEEN_MAX
    )
    may_ask = [each for each in rest if each.speaks in ("v1", "both")]
    return Code((*kept, *lying)), _no_room_for(may_ask, owners)


def _library(
    root: str, spoken: Spoken, one: FoundIn, libraries: Mapping[str, Judged], sdks: Sequence[Software]
) -> Judged | None:
    """An SDK in an archive that something will start; None of one that does not decide, or was judged with its processes."""
    library, due = libraries.get(root), one.found.due.roots.get(root)
    if library is None or not due:
        return None
    on_host = one.found.on_host and not one.inside
    running = running_in(sdks, one.system.id, on_host=on_host)
    return None if runs_already(spoken.path, library, due, running) else library


def _owners(found: Iterable[FoundIn]) -> Mapping[str, int | None]:
    """Of each container, the unprivileged user whose it is."""
    return {one.system.id: one.system.container.owner_uid for one in found if one.system.container and one.system.id}


def _party(code: CodeSeen | NotRead, owners: Mapping[str, int | None]) -> str | int | None:
    """Who decides how much there is of it: a user, a container by its identity, or root, None."""
    if code.container_ids:
        first = code.container_ids[0]
        uid = owners.get(first)
        return first if uid is None else uid
    runner = code.runner_uid if isinstance(code, CodeSeen) else None
    return next((uid for uid in (code.owner_uid, runner, code.starter_uid) if uid is not None), None)


def _no_room_for(rest: Iterable[CodeSeen | NotRead], owners: Mapping[str, int | None]) -> tuple[NotRead, ...]:
    """One entry for all of each user, one for all of root's on the host, and one for those in containers of root's. What runs on a
    user's own account is apart.
    """
    groups: defaultdict[tuple[str | int | None, bool, bool], list[CodeSeen | NotRead]] = defaultdict(list)
    for each in rest:
        party = _party(each, owners)
        own_account = isinstance(each, NotRead) and each.owner_uid is not None
        groups["containers" if isinstance(party, str) else party, bool(each.container_ids), own_account].append(each)
    found = []
    for (party, _, own_account), members in groups.items():
        uid = party if isinstance(party, int) else None
        found.append(
            NotRead(
                f"{len(members)} more program{'' if len(members) == 1 else 's'}",
                unread.NO_ROOM,
                on_host=not members[0].container_ids,
                container_ids=tuple(dict.fromkeys(name for each in members for name in each.container_ids)),
                owner_uid=uid if own_account else None,
                starter_uid=None if own_account or members[0].container_ids else uid,
            )
        )
    return tuple(found)


def _owner_of(root: str, spoken: Spoken, one: FoundIn) -> Owned | None:
    """The package of a whole. A library that was copied into a program's own code owns no more than what is in it. Code that an
    interpreter was handed as an argument is not the interpreter's.
    """
    if spoken.in_arguments:
        return None
    owner = one.owned.get(spoken.path)
    return None if owner is not None and owner.copied and not below(spoken.path, (root,)) else owner


def _pids_of(root: str, one: FoundIn, owner: Owned | None, not_read: Left) -> tuple[int, ...] | None:
    """The processes that have loaded a whole; None where it is left to its recogniser, and nothing starts it."""
    pids = tuple(sorted(one.found.pids.get(root, ())))
    if owner is None or not is_left(owner.manager, owner.name, pids, not_read):
        return pids
    return () if one.found.due.roots.get(root) else None  # its directory may be called otherwise than the package is


def _counts(root: str, spoken: Spoken, one: FoundIn, owner: Owned | None, *, started: bool, catalog: Catalog) -> bool:
    """Whether a whole is any concern: something runs or starts it, or it asks and is no distribution's that nobody uses."""
    if started or one.found.due.roots.get(root):
        return True
    if spoken.speaks == "mentions":
        return False  # what lies there and only names the service is a document
    shipped = owner is not None and owner.manager in OF_DISTRIBUTIONS and _row_of(owner, catalog) is None
    return not (root in one.found.beside and shipped)


def _row_of(owner: Owned | None, catalog: Catalog) -> Row | None:
    return catalog.recognise(owner.manager, owner.name, owner.version or None) if owner else None


def _entry(
    root: str,
    spoken: Spoken,
    one: FoundIn,
    owner: Owned | None,
    pids: tuple[int, ...],
    *,
    catalog: Catalog,
    owner_of: OwnerOf,
) -> CodeSeen:
    system, each = one.system, one.found
    due, coming, row = each.due.roots.get(root, {}), each.due.coming(root), _row_of(owner, catalog)
    image = one.inside.removeprefix(OF_IMAGE) if one.inside and one.inside.startswith(OF_IMAGE) else None
    image = image or (system.container.image if system.container else None)
    return CodeSeen(
        path=spoken.path,
        line=spoken.line,
        quote=spoken.quote,
        speaks=spoken.speaks,
        form=spoken.form,
        runs="running" if pids else coming.runs,
        started_by=_started_by(due) or _named_in(root, one, pids),
        package=owner.said if owner else f"{image}{AS_IMAGE}" if image and not spoken.in_arguments else None,
        component=row.id if row else None if spoken.in_arguments else _by_image(one, spoken.speaks, owner, pids),
        manager=owner.manager if owner and row else None,
        version=(owner.version or None) if owner and row else None,
        on_host=system.container is None and system.label is None and each.on_host,
        container_ids=(system.id,) if system.id else (),
        pids=pids,
        owner_uid=spoken.owner_uid,
        runner_uid=None if due or system.container else _user_of(each.cgroups.get(root, ()), owner_of),
        oldest_s=each.oldest_s(pids) if pids else _began_s(coming, each),
        newest_s=_newest_s(pids, one, owner_of) if pids else _began_s(coming, each),
        every_s=coming.every_s,
        standing_s=coming.standing_s,
        inside=one.inside,
        starter_uid=coming.starter_uid if due and not pids and not system.container else None,
        own_network=coming.own_network,
        kept_off=coming.kept_off and not pids,
        uid=_uid_of(pids, one, coming) if each.on_host and not one.inside else None,
        in_arguments=spoken.in_arguments,
    )


def _uid_of(pids: Iterable[int], one: FoundIn, coming: Coming) -> int | None:
    """The unprivileged user as whom all these processes run and were started. What was started as root may have asked before it
    gave up its privileges, and a schedule's next start may be another user's.
    """
    uids = {place.uid if place is not None else None for place in map(one.found.places.get, pids)}
    return coming.uid or None if coming.at_boot_alone and uids == {coming.uid} else None


def _began_s(coming: Coming, found: Found) -> float | None:
    """For how long a container has run, of what nothing but its start starts: that is when it was done last."""
    return found.began_s if coming.at_boot_alone else None


def _started_by(due: Mapping[str, Coming]) -> tuple[str, ...]:
    """The first of what starts it: what root has written comes first, and a login last, which starts only what somebody wants."""
    ordered = sorted(due, key=lambda by: (due[by].starter_uid is not None, by.endswith(f", {AT_LOGIN}"), by))
    return tuple(ordered[:STARTED_BY_MAX])


def _named_in(root: str, one: FoundIn, pids: Sequence[int]) -> tuple[str, ...]:
    """The settings that name what nothing is known to start."""
    place = None if pids or one.inside else one.found.named.get(root)
    return () if place is None else (place,)


def _in_both(before: CodeSeen, entry: CodeSeen) -> CodeSeen:
    """One entry for what is the same in two containers."""
    return replace(
        entry,
        pids=tuple(sorted({*before.pids, *entry.pids})),
        container_ids=(*before.container_ids, *entry.container_ids),
        oldest_s=longest((before.oldest_s, entry.oldest_s)),
        newest_s=shortest((before.newest_s, entry.newest_s)),
        standing_s=shortest((before.standing_s, entry.standing_s)),
    )


def _by_image(one: FoundIn, speaks: Speaks, owner: Owned | None, pids: Sequence[int]) -> str | None:
    """The row of the image for what runs in it and belongs to no package. What asks without a token may be anybody's who built
    upon the image, and is judged by itself.
    """
    return one.image if owner is None and pids and speaks in ("v2", "both") else None


def _weight(code: CodeSeen) -> tuple[object, ...]:
    """Lower for what weighs more: the report has no room for what comes after the first SEEN_MAX."""
    return _SPEAKS.index(code.speaks), _RUNS.index(code.runs), not code.on_host, code.path, code.container_ids


def read_of(
    found: Sequence[FoundIn], catalog: Catalog, owner_of: OwnerOf, no_room_for: Sequence[NotRead] = ()
) -> CodeRead:
    """How much of what runs or will run was read, and what was not. `no_room_for` as code_of has it."""
    programs = read = searched = scheduled = scheduled_read = 0
    not_read: list[NotRead] = []
    containers = (one.system.container for one in found)
    images = {(whole_name(each.image), each.owner_uid) for each in containers if each is not None and each.image}
    for one in found:
        each = one.found
        running = tuple(each.programs.values())
        due = tuple(program for program in each.due.programs.values() if not _is_of_container(program, one, images))
        programs += len(running)
        searched += each.searched
        scheduled += len(due)
        unread_now = {program.name for program in running if _why(program, each)}
        for program in (*running, *due):
            why = _why(program, each)
            is_due = not program.pids and program.name in each.due.started_by
            read += not why and not is_due
            scheduled_read += not why and is_due
            # A service that the boot starts is known by its process.
            if why and not (is_due and each.due.is_service(program.name) and program.name in unread_now):
                not_read.append(_not_read(program, why, one, catalog, owner_of))
    owners = _owners(found)
    kept, rest = shared(not_read, lambda each: _party(each, owners), *NOT_READ_MAX)
    looked = any(one.found.due.read for one in found)
    return CodeRead(
        programs,
        read,
        scheduled if looked else None,
        scheduled_read if looked else None,
        bytes_searched=searched,
        not_read=(*kept, *_no_room_for(rest, owners), *no_room_for),
        packages=tuple(each for one in found for each in one.packages),
    )


def _is_of_container(program: Program, one: FoundIn, images: Collection[tuple[str, int | None]]) -> bool:
    """Whether it is an image that is read in a container which runs of it; or what the boot starts in one, where variables and
    processes tell what the image alone does not. Of users' containers, theirs alone counts.
    """
    coming = one.found.due.coming_of(program.name)
    by_container = coming.at_boot_alone and program.why in (unread.BY_NAME, unread.NO_SCRIPT)
    place = (one.inside or "") if by_container and not program.name.startswith(OF_IMAGE) else program.name
    image = whole_name(place.removeprefix(OF_IMAGE)) if place.startswith(OF_IMAGE) else ""
    return bool(image) and any((image, owner_uid) in images for owner_uid in {None, coming.starter_uid})


def _why(program: Program, found: Found) -> str:
    """Why it was not read, empty of what was."""
    return program.why or (unread.BY_NAME if found.matters_by_name(program) else "")


def _not_read(program: Program, why: str, one: FoundIn, catalog: Catalog, owner_of: OwnerOf) -> NotRead:
    system, found = one.system, one.found
    coming = found.due.coming_of(program.name)
    by = {} if program.pids else found.due.started_by.get(program.name, {})
    return NotRead(
        program.name or f"process {program.pids[0]}",
        why,
        _started_by(by),
        on_host=found.on_host,
        container_ids=(system.id,) if system.id else (),
        pids=tuple(sorted(program.pids)),
        component=next((row.id for row in catalog.rows if _is_one_of(program.name, row.programs)), None),
        owner_uid=None if system.container else program.runner_uid or _user_of(program.cgroups, owner_of),
        oldest_s=_began_s(coming, found) if by else found.oldest_s(program.pids),
        newest_s=_began_s(coming, found) if by else _newest_s(program.pids, one, owner_of),
        runs=coming.runs if by else None,
        every_s=coming.every_s if by else None,
        standing_s=coming.standing_s if by else None,
        inside=one.inside,
        starter_uid=coming.starter_uid if by and not system.container else None,
        own_network=coming.own_network if by else False,
        kept_off=coming.kept_off if by else False,
    )


def _newest_s(pids: Iterable[int], one: FoundIn, owner_of: OwnerOf) -> float | None:
    """See newest. Whose the processes of a container are, the container says."""
    running = []
    for pid in pids:
        place = one.found.places.get(pid)
        uid = membership_of(place[0], owner_of).owner_uid if place is not None and not one.system.container else None
        where, parent = (place[:2], place.parent) if place is not None else (None, None)
        running.append(Running(where, uid, one.found.ages_s.get(pid), pid, parent))
    return newest(running)


def _user_of(cgroups: Iterable[str], owner_of: OwnerOf) -> int | None:
    """The user on whose own account all these processes run, the first of several; None where root runs one, or a service."""
    owners = {membership_of(text, owner_of).owner_uid for text in cgroups}
    users = [each for each in owners if each is not None]
    return min(users) if users and len(users) == len(owners) else None


def _is_one_of(path: str, ends: Iterable[str]) -> bool:
    return any(path.endswith(f"/{end}") for end in ends)
