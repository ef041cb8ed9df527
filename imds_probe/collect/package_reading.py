"""What the parser reads of installed packages that no version decides about: their own code, whether or not anything runs it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import field, replace

from imds_probe.collect.program_reading import Piece, Reading, learnt_since, spoken_encodable, trails_of
from imds_probe.dataclass import dataclass
from imds_probe.inventory.code import unread
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.program import Following
from imds_probe.inventory.code.of_package import FILES_MAX, code_of, wholes
from imds_probe.inventory.code.units import Spoken, spoken
from imds_probe.inventory.packages.changelog import Mention
from imds_probe.inventory.packages.own_files import OwnFiles, Wanted, own_files
from imds_probe.reading.task import Task

CANDIDATES_MAX = 20_000  # that a list may name, directories among them
PACKAGE_MIN_S = 0.5  # and no more than half of what is left


@dataclass(frozen=True)
class OfCatalog:
    """A package of which the catalog has no figure that decides: its row, and the ends of the paths of the files that count."""

    component: str
    wanted: Wanted
    ends: tuple[str, ...] = ()


@dataclass(frozen=True)
class Undecided:
    """A system's packages that are read."""

    reading: Reading
    packages: tuple[OfCatalog, ...]


@dataclass(frozen=True)
class OfPackage:
    """A part of what was found. `package` is the one that it is about: begun, or with its `files` searched, not all of them where
    `why` says why, and the wholes of it that name the service in `piece`. `mention` is what its changelog says.
    """

    piece: Piece = field(default_factory=Piece)
    package: Wanted | None = None
    ended: bool = False
    files: int = 0
    why: str = ""
    mention: Mention | None = None


def _read(undecided: Undecided) -> Iterator[OfPackage]:
    reading = undecided.reading
    following = reading.following()
    ground = following.ground
    of_catalog = {each.wanted: each for each in undecided.packages}
    left = dict.fromkeys(of_catalog)
    for wanted, own in own_files(ground.root, tuple(of_catalog), reading.deadline):
        left.pop(wanted, None)
        yield OfPackage(package=wanted)
        now = time.monotonic()
        ground.limits.deadline = min(reading.deadline, now + max(PACKAGE_MIN_S, (reading.deadline - now) / 2))
        yield _of_package(of_catalog[wanted], own, following)
    why = unread.NO_TIME if time.monotonic() > reading.deadline else unread.NO_LIST
    yield from (OfPackage(package=wanted, ended=True, why=why) for wanted in left)
    yield from (OfPackage(piece) for piece in learnt_since(ground, 0))
    yield from (OfPackage(piece) for piece in trails_of(following))
    yield OfPackage(Piece(searched=reading.bytes - ground.limits.bytes))


def _of_package(package: OfCatalog, own: OwnFiles, following: Following) -> OfPackage:
    ground = following.ground
    candidates = code_of(own.files, package.ends)
    files = ground.regular(candidates[:CANDIDATES_MAX])
    if not files:
        return OfPackage(package=package.wanted, ended=True, why=unread.GONE, mention=own.mention)
    named = files[0].endswith(tuple(f"/{end}" for end in package.ends)) if package.ends else False
    why = unread.TOO_LONG if len(files) > FILES_MAX or len(candidates) > CANDIDATES_MAX else ""
    found: list[Spoken] = []
    read = 0
    for root, paths in wholes(files[:FILES_MAX], following, named=named).items():
        known = {path: ground.visit(path) for path in paths}
        read += len(known)
        why = why or next((each.unread for each in known.values() if each.unread), "")
        whole = spoken(root, known)
        if whole is not None:
            found.append(spoken_encodable(_in_its_place(whole, ground)))
    return OfPackage(Piece(spoken=tuple(found)), package.wanted, ended=True, files=read, why=why, mention=own.mention)


def _in_its_place(whole: Spoken, ground: Ground) -> Spoken:
    """The same as a process that has loaded it calls it, where directories were merged since packages listed their files."""
    return replace(whole, root=ground.real(whole.root), path=ground.real(whole.path))


PACKAGES: Task[Undecided, OfPackage] = Task("code of packages", Undecided, OfPackage, _read)
