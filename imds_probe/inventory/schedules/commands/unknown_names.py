"""The programs that a name may stand for of which a part is only known while the command runs: those that are there and fit."""

from __future__ import annotations

import fnmatch
import posixpath
import stat
from collections.abc import Sequence

from imds_probe.inventory.schedules.commands.shell_functions import UNKNOWN
from imds_probe.inventory.schedules.commands.spread import LISTED_MAX, LOOKED_AT_MAX, SIGNS, alternatives, fitting_names
from imds_probe.inventory.schedules.system_files import SystemFiles

FITTING_MAX = 50
SEARCHED_MAX, DEEPEST = 300, 6  # directories, and levels of them


def is_nameless(pattern: str) -> bool:
    """Whether nothing at all is known of a name."""
    return not pattern.strip(UNKNOWN)


def fits(pattern: str, name: str) -> bool:
    """Whether it may be this name."""
    return bool(_named(_escaped(pattern), [name]))


def fitting(pattern: str, directory: str, files: SystemFiles, *, executable: bool = True) -> list[str] | None:
    """The files that fit a path in this directory, both with UNKNOWN for what is not known. None where they may be anywhere, or are
    more than are looked at.
    """
    whole = pattern if pattern.startswith(UNKNOWN) else posixpath.join(directory, pattern)
    found = _every(whole, files)
    there = None if found is None else list(files.files(found, executable=executable))
    return None if there is None or len(there) > FITTING_MAX else there


def directories(pattern: str, files: SystemFiles) -> list[str] | None:
    """The same of directories, by a whole path."""
    found = _every(pattern, files)
    if found is None:
        return None
    statuses = zip(found, files.statuses(found), strict=True)
    there = [path for path, status in statuses if status is not None and stat.S_ISDIR(status.st_mode)]
    return there if len(there) <= FITTING_MAX else None


def below(places: Sequence[str], named: str, deepest: int | None, files: SystemFiles) -> tuple[list[str], bool]:
    """The files of such names below directories, without those that links lead to, and whether all places were looked at."""
    levels = DEEPEST if deepest is None else min(deepest, DEEPEST)
    found = [place for place in places if fnmatch.fnmatch(posixpath.basename(place), named)]
    left, level = SEARCHED_MAX, list(places)
    for _ in range(levels):
        is_all, level = len(level) <= left, level[:left]
        left -= len(level)
        files.names_ahead(level)
        every = [posixpath.join(at, name) for at in level for name in files.names(at)]
        is_all, every = is_all and len(every) <= LOOKED_AT_MAX, every[:LOOKED_AT_MAX]
        found += [path for path in every if fnmatch.fnmatch(posixpath.basename(path), named)]
        statuses = zip(every, files.statuses(every), strict=True)
        level = [path for path, status in statuses if status is not None and stat.S_ISDIR(status.st_mode)]
        if not is_all:
            return list(files.files(found[:LOOKED_AT_MAX])), False
        if not level:
            break
    whole = not level or (deepest is not None and deepest <= DEEPEST)
    return list(files.files(found[:LOOKED_AT_MAX])), whole and len(found) <= LOOKED_AT_MAX


def _every(whole: str, files: SystemFiles) -> list[str] | None:
    """The paths that may be meant, of which most may lead nowhere."""
    if not whole.startswith("/"):
        return None
    found: list[str] = []
    for one in alternatives(whole):
        there = _below(one, files)
        if there is None or len(found) + len(there) > LOOKED_AT_MAX:
            return None
        found += there
    return found


def _below(path: str, files: SystemFiles) -> list[str] | None:
    found = ["/"]
    for part in posixpath.normpath(path).strip("/").split("/"):
        if part == UNKNOWN and found == ["/"]:
            return None  # of any directory
        if UNKNOWN not in part and not any(sign in part for sign in SIGNS):
            found = [posixpath.join(each, part) for each in found]
            continue
        if len(found) > LISTED_MAX:
            return None
        known = part if any(sign in part for sign in SIGNS) else _escaped(part)
        found = [posixpath.join(each, name) for each in found for name in _named(known, files.names(each))]
        if len(found) > LOOKED_AT_MAX:
            return None
    return found


def _named(pattern: str, names: Sequence[str]) -> list[str]:
    return fitting_names(pattern.replace(UNKNOWN, "*"), names)


def _escaped(name: str) -> str:
    return "".join(f"[{sign}]" if sign in SIGNS else sign for sign in name)
