"""Units of users' own systemd that are enabled: linked to a target, or drawn in or triggered by one that is."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import replace

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.accounts import accounts
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd.environment import PATH
from imds_probe.inventory.schedules.systemd.exec_words import exec_lines
from imds_probe.inventory.schedules.systemd.syntax import Assignment, assignments

OF_ALL, OF_USER = "/etc/systemd/user", ".config/systemd/user"
# Where packages and users put units that one of those enables.
OF_PACKAGES = ("/run/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user", "/lib/systemd/user")
OF_USERS_PACKAGES = ".local/share/systemd/user"
UNITS_MAX = 200  # of one home
WHEN = "when a user's systemd starts it"
_LINKS = (".wants", ".requires", ".upholds")
_DRAWS_IN = ("Wants", "Requires", "BindsTo", "Upholds", "OnFailure", "OnSuccess", "Unit", "Service")
_TRIGGERS = ("timer", "socket", "path")


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Every command of those, by the directory that the unit lies in."""
    yield from _of_directories([OF_ALL, *OF_PACKAGES], "/root", files)
    homes = {account.home: account for account in reversed(list(accounts(files).values()))}
    for account in sorted(homes.values(), key=lambda each: each.owner_uid is not None):
        files.owner_uid = account.owner_uid
        own = [f"{account.home}/{OF_USER}", OF_ALL, f"{account.home}/{OF_USERS_PACKAGES}", *OF_PACKAGES]
        for each in _of_directories(own, account.home, files):
            yield replace(each, owner_uid=account.owner_uid)


def enabled(directories: list[str], files: SystemFiles) -> Iterator[str]:
    """The names of those that any of these directories enables."""
    for directory in directories:
        yield from (name for name, _ in _read([directory, *directories], files))


def _of_directories(directories: list[str], home: str, files: SystemFiles) -> Iterator[Scheduled]:
    for name, read in _read(directories, files):
        yield from _commands(name, read, home)


def _read(directories: list[str], files: SystemFiles) -> Iterator[tuple[str, list[Assignment]]]:
    """Those that the first directory enables, wherever their files are, with what these say."""
    waiting = list(_linked(directories[0], files))
    done: set[str] = set()
    while waiting:
        name = waiting.pop(0)
        if name in done:
            continue
        if len(done) >= UNITS_MAX:
            files.leave_out(directories[0], unread.MORE, f"{directories[0]} enables more than {UNITS_MAX} units")
            break
        done.add(name)
        path = next(files.files([f"{directory}/{_file(name)}" for directory in directories]), "")
        read = list(assignments(files.text(path) or "", path)) if path else []
        waiting += [word for each in read if each.key in _DRAWS_IN for word in each.value.split()]
        if name.rpartition(".")[2] in _TRIGGERS and not any(each.key in ("Unit", "Service") for each in read):
            waiting.append(f"{name.rpartition('.')[0]}.service")
        yield name, read


def _linked(directory: str, files: SystemFiles) -> Iterator[str]:
    for name in files.names(directory):
        if name.endswith(_LINKS):
            yield from files.names(f"{directory}/{name}")


def _file(name: str) -> str:
    """Of an instance, its template's."""
    before, at, rest = name.partition("@")
    return f"{before}@.{rest.rpartition('.')[2]}" if at else name


def _commands(name: str, read: list[Assignment], home: str) -> Iterator[Scheduled]:
    instance = posixpath.basename(name).rpartition(".")[0].partition("@")[2]
    known = {"h": home, "i": instance, "I": instance}
    for each in read:
        if each.section == "Service" and each.key.startswith("Exec"):
            for argv in exec_lines(each.value, known, {"PATH": PATH, "HOME": home}):
                place = Place(each.path, each.line)
                yield Scheduled(
                    argv, place, "scheduled", WHEN, environment={"PATH": PATH, "HOME": home}, directory=home
                )
