"""All files of a kind below directories, of which nobody knows which are in use: states, manifests, recipes."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Sequence

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.system_files import SystemFiles

FILES_MAX, DEPTH_MAX = 5000, 12
BESIDE_MAX = 30_000  # of what is looked at for being a directory


def tree(tops: Iterable[str], ends: tuple[str, ...], files: SystemFiles) -> tuple[str, ...]:
    """Files below directories whose names end so, those of the directories above first. What there is more of is left out: any
    of it may be in use.
    """
    found: list[str] = []
    tops = list(dict.fromkeys(tops))
    level, seen, left = tops, set[tuple[int, int]](), BESIDE_MAX
    for _ in range(DEPTH_MAX):
        files.names_ahead(level)
        inner: list[str] = []
        for at in level:
            names = [name for name in files.names(at) if not name.startswith(".")]
            found += [f"{at}/{name}" for name in names if name.endswith(ends)]
            inner += [f"{at}/{name}" for name in names if not name.endswith(ends)]
        if len(inner) > left:
            _leave_out(inner[left:], tops, f"more than {BESIDE_MAX} files and directories lie there", files)
        level, left = _directories(inner[:left], seen, files), max(0, left - len(inner))
        if not level:
            break
    else:
        _leave_out(level, tops, f"directories lie more than {DEPTH_MAX} deep", files)
    there = list(files.files(found))
    _leave_out(there[FILES_MAX:], tops, f"there are more than {FILES_MAX} files", files)
    return tuple(there[:FILES_MAX])


def _leave_out(paths: Sequence[str], tops: Sequence[str], why: str, files: SystemFiles) -> None:
    """Once for each of the directories that these are below."""
    for top in tops:
        if any(path.startswith(f"{top}/") for path in paths):
            files.leave_out(top, unread.MORE, f"not all of {top} was read: {why}")


def _directories(paths: Sequence[str], seen: set[tuple[int, int]], files: SystemFiles) -> list[str]:
    """Those of these that lead to directories, none twice, whatever links lead there."""
    found: list[str] = []
    for path, status in zip(paths, files.statuses(paths), strict=True):
        place = (status.st_dev, status.st_ino) if status is not None and stat.S_ISDIR(status.st_mode) else None
        if place is not None and place not in seen:
            seen.add(place)
            found.append(path)
    return found
