"""Schedules that are in use and are not read: each is named, so that nobody takes their silence for an answer."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.accounts import accounts
from imds_probe.inventory.schedules.scheduled import Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles

FILES_MAX = 200
HOME = "~"


@dataclass(frozen=True)
class Unread:
    """`what` is not read. It is in use where there is one of the files, or a directory has one. A path that begins with "~"
    is one in each home.
    """

    what: str
    files: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()


UNREAD = (
    Unread("programs of pm2", files=("~/.pm2/dump.pm2",)),
    Unread("services of runit", directories=("/etc/service", "/var/service")),
    Unread("crontabs of fcron", directories=("/var/spool/fcron",)),
)


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Nothing that will run, and a sentence for each of these that is in use."""
    homes = [account.home for account in accounts(files).values()]
    for each in UNREAD:
        where = next(_in_use(each, files, homes), "")
        if where:
            files.say(f"{each.what} were not read, and {where} has some")
    yield from ()


def _in_use(unread: Unread, files: SystemFiles, homes: list[str]) -> Iterator[str]:
    yield from files.files([path for named in unread.files for path in _at(named, homes)])
    for directory in (path for named in unread.directories for path in _at(named, homes)):
        names = [name for name in files.names(directory) if not name.startswith(".")]
        yield from files.files([f"{directory}/{name}" for name in names[:FILES_MAX]])


def _at(path: str, homes: list[str]) -> list[str]:
    return [f"{home}{path[1:]}" for home in homes] if path.startswith(HOME) else [path]
