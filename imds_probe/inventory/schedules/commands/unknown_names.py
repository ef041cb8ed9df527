"""The programs that a name may stand for of which a part is only known while the command runs: those that are there and fit."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Sequence

from imds_probe.inventory.schedules.commands.handed_on import alternatives
from imds_probe.inventory.schedules.commands.shell_functions import UNKNOWN
from imds_probe.inventory.schedules.system_files import SystemFiles

FITTING_MAX = 50
_SIGNS = "*?["


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
    if not whole.startswith("/"):
        return None
    found: list[str] = []
    for one in alternatives(whole):
        there = _below(one, files)
        if there is None or len(found) + len(there) > FITTING_MAX:
            return None
        found += there
    return list(files.files(found, executable=executable))


def _below(path: str, files: SystemFiles) -> list[str] | None:
    found = ["/"]
    for part in posixpath.normpath(path).strip("/").split("/"):
        if part == UNKNOWN and found == ["/"]:
            return None  # of any directory
        if UNKNOWN not in part and not any(sign in part for sign in _SIGNS):
            found = [posixpath.join(each, part) for each in found]
            continue
        known = part if any(sign in part for sign in _SIGNS) else _escaped(part)
        found = [posixpath.join(each, name) for each in found for name in _named(known, files.names(each))]
        if len(found) > FITTING_MAX:
            return None
    return found


def _named(pattern: str, names: Sequence[str]) -> list[str]:
    return [name for name in fnmatch.filter(names, pattern.replace(UNKNOWN, "*")) if not name.startswith(".")]


def _escaped(name: str) -> str:
    return "".join(f"[{sign}]" if sign in _SIGNS else sign for sign in name)
