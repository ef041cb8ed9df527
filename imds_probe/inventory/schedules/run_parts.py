"""Directories of scripts that run every so often: Debian's and Red Hat's cron.daily and its like, Alpine's periodic."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from imds_probe.inventory.schedules import anacron, cron, cron_names
from imds_probe.inventory.schedules.recurrence import DAY, HOUR, MINUTE, Gaps, words
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd import environment

_LENGTHS = {
    "15min": 15 * MINUTE,
    "hourly": HOUR,
    "daily": DAY,
    "weekly": 7 * DAY,
    "monthly": 31 * DAY,
    "yearly": 366 * DAY,
}
# The longest that lies between two, by directory. What names one of these is not followed a second time.
DIRECTORIES = {
    **{f"/etc/cron.{name}": seconds for name, seconds in _LENGTHS.items()},
    **{f"/etc/periodic/{name}": seconds for name, seconds in _LENGTHS.items()},
}
WAYS_MAX = 4  # in which one directory is run: by so many lines with different variables
_OF_ALL = "run-crons"  # SUSE's and Gentoo's script, which goes through all of them
_BETWEEN_WORDS = str.maketrans(dict.fromkeys(";&|(){}'\"`$", " "))
Way = tuple[str, Mapping[str, str]]


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Every script, in the order in which they run, with the user and the variables of the line that runs its directory."""
    runs = cron_names.heeded(files)
    there = {directory: names for directory in DIRECTORIES if (names := list(filter(runs, files.names(directory))))}
    ways = _ways(files) if there else {}
    # Where no line names a directory, it is a unit of systemd's or of OpenRC's that runs it.
    by_units = "root", {"PATH": environment.PATH, "HOME": "/root"} | dict(environment.of_all(files))
    for directory, names in there.items():
        seconds = DIRECTORIES[directory]
        named = [f"{directory}/{name}" for name in names]
        files.ahead(named)
        how_often = words(Gaps(seconds, seconds))
        for path in files.files(named, executable=True):
            for user, around in ways.get(directory, [by_units]):
                yield Scheduled((path,), Place(path), "scheduled", how_often, seconds, around, user=user)


def _ways(files: SystemFiles) -> dict[str, list[Way]]:
    """How each directory is run, by the lines of crontabs and of anacron's table that name it, which is once for each PATH."""
    found: dict[str, list[Way]] = {}
    for each in (*cron.look(files), *anacron.look(files)):
        text = each.command if isinstance(each.command, str) else " ".join(each.command)
        named = {word.rstrip("/") for word in text.translate(_BETWEEN_WORDS).split()}
        if any(posixpath.basename(word) == _OF_ALL for word in named):
            named.update(DIRECTORIES)
        for directory in named & DIRECTORIES.keys():
            ways = found.setdefault(directory, [])
            is_known = any(user == each.user and around["PATH"] == each.environment["PATH"] for user, around in ways)
            if not is_known and len(ways) < WAYS_MAX:
                ways.append((each.user, each.environment))
    return found
