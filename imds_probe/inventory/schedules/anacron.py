"""Jobs that are made up for where the machine was off, of the system and of users who start anacron: anacrontab(5)."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.inventory.schedules import cron
from imds_probe.inventory.schedules.accounts import ROOT, Account
from imds_probe.inventory.schedules.recurrence import DAY, Gaps, words
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles

TABLE = "/etc/anacrontab"
DAYS_MAX = 36525
_NAMED_DAYS = {"@daily": 1, "@weekly": 7, "@monthly": 31, "@yearly": 366}


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Every job of the system's own table."""
    yield from jobs(TABLE, files)


def jobs(table: str, files: SystemFiles, account: Account = ROOT) -> Iterator[Scheduled]:
    """Every job of a table: its period in days, a delay, its name, and the command."""
    variables: dict[str, str] = {}
    for number, raw in enumerate(files.lines(table), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if assigned := cron.assignment(line):
            if len(variables) < cron.VARIABLES_MAX:
                variables[assigned[0]] = assigned[1]
            continue
        fields = line.split(None, 3)
        days = _days(fields[0]) if len(fields) == 4 else None
        if days is None:
            files.say(f"line {number} of {table} is not a line of an anacrontab")
            continue
        every_s = float(days * DAY)
        environment = {"PATH": cron.PATH, "SHELL": "/bin/sh", "HOME": account.home} | variables
        for command in cron.by_shell(fields[3][: cron.COMMAND_MAX], environment["SHELL"]):
            how_often = words(Gaps(every_s, every_s))
            yield Scheduled(
                command, Place(table, number), "scheduled", how_often, every_s, environment, user=account.name
            )


def _days(text: str) -> int | None:
    if text in _NAMED_DAYS:
        return _NAMED_DAYS[text]
    days = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    return days if 0 < days <= DAYS_MAX else None
