"""Crontabs: the system's, packages' and users'. crontab(5), cron(8) of Debian and of cronie, BusyBox's crond."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules import cron_names, cron_times
from imds_probe.inventory.schedules.accounts import accounts
from imds_probe.inventory.schedules.commands.programs import SHELLS
from imds_probe.inventory.schedules.scheduled import Place, Scheduled, When
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd.environment import of_all

SYSTEM = "/etc/crontab"
PACKAGES = "/etc/cron.d"
# Debian's, SUSE's, BusyBox's, and last the one that holds some of the others: cronie's.
OF_USERS = ("/var/spool/cron/crontabs", "/var/spool/cron/tabs", "/etc/crontabs", "/var/spool/cron")
PATH = "/usr/bin:/bin"
VARIABLES_MAX = 200
COMMAND_MAX = 128 * 1024  # of the longest line that any cron takes
_SHELLS = SHELLS | {"csh", "tcsh", "fish", "nologin", "false"}
_BLANK = " \t"


@dataclass(frozen=True)
class Around:
    """What holds for all crontabs of a system: the home of each user, and variables that are set for all."""

    files: SystemFiles
    homes: Mapping[str, str]
    variables: Mapping[str, str]

    @classmethod
    def of(cls, files: SystemFiles) -> Around:
        """Of this system."""
        homes = {name: account.home for name, account in accounts(files).items()}
        return cls(files, homes, of_all(files))


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Every command of every crontab that is root's: users' come later, see users_crontabs.py."""
    around = Around.of(files)
    for path in (SYSTEM, *_of_packages(files)):
        yield from entries(files.lines(path), path, None, around)
    for path, user, owner_uid in of_accounts(files):
        if owner_uid is None:
            yield from entries(files.lines(path), path, user, around)


def of_accounts(files: SystemFiles) -> Iterator[tuple[str, str, int | None]]:
    """The crontabs that accounts have, each once: where, of whom, and of which unprivileged user. The name of the file decides;
    where the system does not list that account, its owner.
    """
    known, done = accounts(files), set[str | None]()
    for directory in OF_USERS:
        for path in files.files([f"{directory}/{name}" for name in files.names(directory) if not name.startswith(".")]):
            real = files.real_path(path)
            if real not in done:
                done.add(real)
                user = posixpath.basename(path)
                status = files.status(path) if user not in known else None
                yield (
                    path,
                    user,
                    known[user].owner_uid if user in known else (status.st_uid or None) if status else None,
                )


def _of_packages(files: SystemFiles) -> list[str]:
    runs = cron_names.heeded(files)
    named = [f"{PACKAGES}/{name}" for name in files.names(PACKAGES) if runs(name)]
    files.ahead(named)
    return list(files.files(named))


def entries(
    lines: Sequence[str], path: str, user: str | None, around: Around, owner_uid: int | None = None
) -> Iterator[Scheduled]:
    """One crontab; where it belongs to nobody, each line names its user. `owner_uid` as of Scheduled."""
    variables: dict[str, str] = {}
    for number, raw in enumerate(lines, 1):
        line = raw.strip(" \t\r")
        if not line or line.startswith("#"):
            continue
        if assigned := assignment(line):
            if len(variables) < VARIABLES_MAX:
                variables[assigned[0]] = assigned[1]
            continue
        entry = _split(line, named=user is None)
        if entry is None:
            around.files.say(f"line {number} of {path} is not a line of a crontab")
            continue
        when, owner, command = entry
        owner = owner or user or ""
        home = variables.get("HOME") or around.homes.get(owner, "/")
        defaults = {"PATH": PATH, "SHELL": "/bin/sh", "HOME": home, "LOGNAME": owner, "USER": owner}
        environment = defaults | dict(around.variables) | variables
        for each in by_shell(_run_by_shell(command[:COMMAND_MAX]), environment["SHELL"]):
            yield Scheduled(
                each,
                Place(path, number),
                when.kind,
                when.how_often,
                when.every_s,
                environment,
                home,
                owner,
                owner_uid=owner_uid,
            )


def by_shell(command: str, shell: str) -> Iterator[str | tuple[str, ...]]:
    """What runs a command where SHELL names another program than a shell. One of somebody's own mostly has a shell run it, too."""
    name = posixpath.basename(shell)
    if name not in _SHELLS:
        yield (shell, "-c", command)
    if not name.startswith("python"):
        yield command


def assignment(line: str) -> tuple[str, str] | None:
    """NAME=value, with blanks around the sign and quotes around the value as they like."""
    name, sign, value = line.partition("=")
    name, value = name.strip(_BLANK).strip("\"'"), value.strip(_BLANK)
    if not sign or not name.replace("_", "a").isalnum() or name[0].isdigit():
        return None
    if len(value) > 1 and value[0] in "\"'" and value[-1] == value[0]:
        value = value[1:-1]
    return name, value


def _split(line: str, *, named: bool) -> tuple[When, str, str] | None:
    """When, the user where a line names one, and the command."""
    number = 1 if line.startswith("@") else cron_times.FIELDS
    fields = line.split(None, number + named)
    if len(fields) != number + named + 1:
        return None
    when = cron_times.nickname(fields[0]) if number == 1 else cron_times.when(fields)
    if when is None:
        return None
    # FreeBSD's and some others' users have a login class or group behind a colon or slash.
    return when, fields[number].partition(":")[0] if named else "", fields[-1]


def _run_by_shell(command: str) -> str:
    """What stands before the first percent sign; the rest is what the command reads. A backslash keeps the sign."""
    pieces: list[str] = []
    rest = command
    while True:
        before, sign, rest = rest.partition("%")
        if not sign or not before.endswith("\\"):
            return "".join([*pieces, before])
        pieces.append(f"{before[:-1]}%")
