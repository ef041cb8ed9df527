"""Jobs that are made up for where the machine was off: anacrontab(5)."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.inventory.schedules import cron
from imds_probe.inventory.schedules.recurrence import DAY, Gaps, words
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles

TABLE = "/etc/anacrontab"
DAYS_MAX = 36525
_NAMED_DAYS = {"@daily": 1, "@weekly": 7, "@monthly": 31, "@yearly": 366}


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Every job: its period in days, a delay, its name, and the command."""
    variables: dict[str, str] = {}
    for number, raw in enumerate(files.lines(TABLE), 1):
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
            files.say(f"line {number} of {TABLE} is not a line of an anacrontab")
            continue
        every_s = float(days * DAY)
        yield Scheduled(
            fields[3][: cron.COMMAND_MAX],
            Place(TABLE, number),
            "scheduled",
            words(Gaps(every_s, every_s)),
            every_s,
            {"PATH": cron.PATH, "SHELL": "/bin/sh", "HOME": "/root"} | variables,
        )


def _days(text: str) -> int | None:
    if text in _NAMED_DAYS:
        return _NAMED_DAYS[text]
    days = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    return days if 0 < days <= DAYS_MAX else None
