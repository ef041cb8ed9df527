"""What the parser reads of installed packages that no version decides about: their own code, whether or not anything runs it."""

from __future__ import annotations

import posixpath
import time
from collections.abc import Collection, Iterator
from dataclasses import replace

from imds_probe.collect.code_tasks import Piece
from imds_probe.collect.package_tasks import OfCatalog, OfPackage, Undecided
from imds_probe.collect.program_reading import following_in, learnt_since, spoken_encodable, trails_of
from imds_probe.inventory.code import unread
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.program import Following
from imds_probe.inventory.code.of_package import FILES_MAX, code_of, wholes
from imds_probe.inventory.code.spoken import Spoken
from imds_probe.inventory.code.units import spoken
from imds_probe.inventory.packages.own_files import OwnFiles, own_files

CANDIDATES_MAX = 20_000  # that a list may name, directories among them
PACKAGE_MIN_S = 0.5  # and no more than half of what is left


def read_packages(undecided: Undecided) -> Iterator[OfPackage]:
    """The code of each package, one after the other."""
    reading = undecided.reading
    following = following_in(reading)
    ground = following.ground
    of_catalog = {each.wanted: each for each in undecided.packages}
    left = dict.fromkeys(of_catalog)
    for wanted, own in own_files(ground.root, tuple(of_catalog), reading.deadline):
        left.pop(wanted, None)
        yield OfPackage(package=wanted)
        now = time.monotonic()
        ground.limits.deadline = min(reading.deadline, now + max(PACKAGE_MIN_S, (reading.deadline - now) / 2))
        found = _of_package(of_catalog[wanted], own, following)
        yield replace(found, started=_has_any(own.files, undecided.started, ground))
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


def _has_any(files: Collection[str], started: Collection[str], ground: Ground) -> bool:
    """Whether one of these files is one of a package's. Directories were merged since packages listed their files."""
    names = {posixpath.basename(path) for path in started}
    alike = [path for path in files if posixpath.basename(path) in names]
    real = {ground.real(path) for path in alike}
    return any(path in alike or ground.real(path) in real for path in started) if alike else False


def _in_its_place(whole: Spoken, ground: Ground) -> Spoken:
    """The same as a process that has loaded it calls it, where directories were merged since packages listed their files."""
    return replace(whole, root=ground.real(whole.root), path=ground.real(whole.path))
