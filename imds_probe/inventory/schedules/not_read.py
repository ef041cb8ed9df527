"""Schedules of kinds that are not read. Each of them leaves the verdict open: it may start anything."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.accounts import accounts
from imds_probe.inventory.schedules.scheduled import Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles

FILES_MAX = 200
# By what they are, the directory in which each user has a file of his name, or several with endings.
UNREAD = {"crontabs of fcron": "/var/spool/fcron"}


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Nothing that will run. Of each user, one of the files is left out."""
    known = accounts(files)
    for what, directory in UNREAD.items():
        named = [name for name in files.names(directory) if not name.startswith(".")]
        done: set[str] = set()
        for path in files.files([f"{directory}/{name}" for name in named[:FILES_MAX]]):
            user = path.removeprefix(f"{directory}/").partition(".")[0]
            if user not in done:
                done.add(user)
                files.owner_uid = known[user].owner_uid if user in known else None
                files.leave_out(path, unread.KIND, f"{what} were not read, and {path} has some")
        files.owner_uid = None
        if len(named) > FILES_MAX:
            files.leave_out(directory, unread.MORE, f"{directory} has more than {FILES_MAX} files")
    yield from ()
