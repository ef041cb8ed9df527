"""The files of a module of Python, by its name, where its interpreter would find them.

Source: Python's language reference, "The import system".
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterator

from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.loads import Load, Way
from imds_probe.inventory.code.following.python_sites import SITES
from imds_probe.inventory.sdks.python_metadata import normalised

_RECORD = re.compile(r"([A-Za-z0-9][A-Za-z0-9._]*?)(?:-[^/]{1,100})?\.(?:dist-info|egg-info|egg)")
_ENTRY_POINT = re.compile(rb"^[^\n=\[]{1,100}=\s{0,5}([\w.]{1,200})", re.MULTILINE)


def relative(name: str, here: str, root: str | None, ground: Ground) -> Iterator[Load]:
    base = here
    for _ in range(len(name) - len(name.lstrip(".")) - 1):
        base = posixpath.dirname(base)
    if posixpath.basename(base) in SITES:
        return  # no package: what is named only by a part that is not known would be all that is installed
    yield from within(base, name.lstrip(".").split(".") if name.strip(".") else [], root, ground)


def absolute(name: str, way: Way, ground: Ground) -> Iterator[Load]:
    found = False
    # Programs of one system have most of their libraries in common, and look for them in the same places.
    key = module_of, name, way.own, tuple(way.places), way.standard
    for load in ground.once(key, functools.partial(module_of, name, way, ground)):
        found = True
        yield load
    if not found:
        way.missed.add(name)  # where there is another place to look, it is looked up again


def entry_points(name: str, way: Way, ground: Ground) -> Iterator[str]:
    for place in way.places:
        for entry in ground.listed(place):
            match = _RECORD.fullmatch(entry)
            if match and normalised(match[1]) == normalised(name):
                for text in entry_point_texts(f"{place}/{entry}", ground):
                    for found in _ENTRY_POINT.finditer(text):
                        yield found[1].decode()


def entry_point_texts(record: str, ground: Ground) -> Iterator[bytes]:
    """What the record of an installed package, or an egg, says of entry points; empty where that says nothing."""
    for inside in ("entry_points.txt", "EGG-INFO/entry_points.txt"):
        yield ground.small(f"{record}/{inside}")


def module_of(name: str, way: Way, ground: Ground) -> Iterator[Load]:
    parts = name.split(".")
    top = parts[0]
    for place in [*way.places[:1], *way.standard, *way.places[1:]]:
        names = ground.listed(place)
        if not _has(top, names) and top not in ground.stems(place, ".so"):
            continue
        if place in way.standard:
            return
        root = _package_root(place, parts, way, ground)
        yield from within(place, parts, root, ground)
        # A directory that is no package goes on elsewhere: others have a part of it.
        if top not in names or f"{top}.py" in names or _is_package(f"{place}/{top}", ground):
            return


def _has(top: str, names: frozenset[str]) -> bool:
    return bool(top) and (top in names or f"{top}.py" in names or f"{top}.pyc" in names)


def _package_root(place: str, parts: list[str], way: Way, ground: Ground) -> str | None:
    """The package that a module belongs to; None for what lies beside the script, and is the program's own."""
    if place == way.own and not place.endswith(SITES):
        return None
    at = f"{place}/{parts[0]}"
    # Several projects share a directory that is no package of its own, and each has one in it.
    if len(parts) > 1 and ground.listed(at) and not _is_package(at, ground) and ground.listed(f"{at}/{parts[1]}"):
        return f"{at}/{parts[1]}"
    return at if ground.listed(at) else next((load.path for load in _one(place, parts[0], None, ground)), at)


def _is_package(directory: str, ground: Ground) -> bool:
    names = ground.listed(directory)
    return "__init__.py" in names or "__init__.pyc" in names


def within(at: str, parts: list[str], root: str | None, ground: Ground) -> Iterator[Load]:
    """The files of a module and of all packages that it is in, from a directory on."""
    if not parts:
        yield from _one(at, "__init__", root, ground)
        return
    for number, part in enumerate(parts):
        if part == "*":
            for path in ground.walked(at, (".py", ".pyc", ".so")):
                yield Load(path, root)
            return
        if ground.listed(f"{at}/{part}"):
            at = f"{at}/{part}"
            yield from _one(at, "__init__", root, ground)
        else:
            yield from _one(at, part, root, ground)
            if number:  # what is asked for may be a function there, and its module is loaded
                yield from _one(at, "__init__", root, ground)
            return


def _one(directory: str, name: str, root: str | None, ground: Ground) -> Iterator[Load]:
    names = ground.listed(directory)
    for found in (f"{name}.py", ground.stems(directory, ".so").get(name, ""), f"{name}.pyc"):
        if found in names:
            yield Load(f"{directory}/{found}", root)
            return
