"""AWS SDKs in the archives that a program will load. Recognisers look at processes and disks: of what will run, nobody else asks.

An archive's code is read without the SDKs in it, whose versions tell more than their classes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from imds_probe.collect.code_tasks import Program
from imds_probe.dataclass import dataclass
from imds_probe.escape import encodable
from imds_probe.facts.code import OF_LIBRARY
from imds_probe.inventory.code import unread
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.known import owner_of
from imds_probe.inventory.code.following.loads import Loads
from imds_probe.inventory.code.spoken import Spoken
from imds_probe.inventory.packages.package import printable
from imds_probe.inventory.sdks.jar import java_libraries
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.python_archive import python_libraries
from imds_probe.system import rootfs

FORMS = ("jar", "zip")  # as who reads the code calls archives
LIBRARIES_MAX, NAME_MAX = 100, 300  # of one archive; characters


@dataclass
class Recognising:
    """What is looked for, packages by ecosystem, and what was found in each archive of a system so far."""

    names: Mapping[str, Collection[str]]
    found: dict[str, tuple[Library, ...]]


@dataclass(frozen=True)
class Further:
    """Archives besides those whose code was read: of plug-ins, and such as only may be loaded."""

    plugins: Sequence[str] = ()
    perhaps: Sequence[str] = ()


NONE = Further()


def with_libraries(
    program: Program, loads: Loads, ground: Ground, by: Recognising, further: Further = NONE
) -> tuple[Program, tuple[Spoken, ...]]:
    """A program with the SDKs in the archives that it loads, and in `further` ones, and what these say. Where there is no time for
    all of these, it was not read whole.
    """
    libraries: dict[str, Spoken] = {}
    surely = {**_archives(loads, ground), **_owned(further.plugins, ground)}
    for path, owner_uid in {**surely, **_owned(further.perhaps, ground)}.items():
        if path not in by.found and ground.limits.spent:
            program = replace(program, why=program.why or unread.NO_TIME)
            break
        for library in _in_archive(path, ground, by):
            each = _spoken(path, library, owner_uid)
            each = each if path in surely else replace(each, speaks="both")
            libraries[each.root] = each
    roots = tuple(dict.fromkeys((*program.roots, *libraries)))
    return replace(program, roots=roots), tuple(libraries.values())


def _archives(loads: Loads, ground: Ground) -> dict[str, int | None]:
    """Those among what was read, each with the user who can write it."""
    known = {load.path: ground.visit(load.path) for load in loads.files}
    return {path: each.owner_uid for path, each in known.items() if each.said is not None and each.said.form in FORMS}


def _owned(paths: Sequence[str], ground: Ground) -> dict[str, int | None]:
    there = zip(paths, ground.statuses(paths), strict=True)
    return {path: owner_of(status) for path, status in there if status is not None}


def _in_archive(path: str, ground: Ground, by: Recognising) -> tuple[Library, ...]:
    if path not in by.found:
        by.found[path] = tuple(_recognised(path, ground, by.names))
    return by.found[path]


def _recognised(path: str, ground: Ground, names: Mapping[str, Collection[str]]) -> Iterator[Library]:
    """Nothing of what cannot be opened: its code could not be read either, which is said there."""
    try:
        with rootfs.opened(ground.root, path) as file:
            if file is None:
                return
            with rootfs.buffered(file) as buffered:
                java = java_libraries(buffered, names.get("maven", ()))
                buffered.seek(0)
                found = [*java, *python_libraries(buffered, names.get("pypi", ()))]
    except rootfs.FileUnreadable:
        return
    yield from found[:LIBRARIES_MAX]


def _narrowed(library: Library) -> str:
    if library.below:
        return f"before {library.below}"
    return f"{library.at_least} or later" if library.at_least else "of unknown version"


def _spoken(path: str, library: Library, owner_uid: int | None) -> Spoken:
    """As it is shown: what it is, and where in the archive."""
    inside = "!".join(library.inside)
    version = library.version or _narrowed(library)
    said = printable(f"{library.package} {version}{f' in {inside}' if inside else ''}", NAME_MAX)
    root = f"{path}!{inside}!{library.package} {library.version} {library.at_least} {library.below}"
    library = replace(library, inside=tuple(map(encodable, library.inside)))
    return Spoken(encodable(root), encodable(path), None, (encodable(said),), "v1", OF_LIBRARY, owner_uid, library)
