"""Directories of scripts that run every so often: Debian's and Red Hat's cron.daily and its like, Alpine's periodic."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.inventory.schedules import cron, cron_names
from imds_probe.inventory.schedules.recurrence import DAY, HOUR, MINUTE, Gaps, words
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd.environment import of_all

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


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Every script, in the order in which they run."""
    runs = cron_names.heeded(files)
    around = {"PATH": cron.PATH, "HOME": "/root"} | dict(of_all(files))
    for directory, seconds in DIRECTORIES.items():
        named = [f"{directory}/{name}" for name in files.names(directory) if runs(name)]
        files.ahead(named)
        for path in files.files(named, executable=True):
            how_often = words(Gaps(seconds, seconds))
            yield Scheduled((path,), Place(path), "scheduled", how_often, seconds, around)
