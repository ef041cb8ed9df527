"""The five fields and the nicknames of a crontab: crontab(5) of Vixie's cron, Debian's and cronie."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.inventory.schedules.recurrence import Recurrence, words
from imds_probe.inventory.schedules.scheduled import AT_BOOT, When

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
HARDLY_EVER = "hardly ever"
FIELDS = 5
FIGURE_DIGITS_MAX = 4


def nickname(word: str) -> When | None:
    """ "@daily" and its like; None for what is none."""
    if word.lower() == "@reboot":
        return When("boot", AT_BOOT)
    fields = _NICKNAMES.get(word.lower())
    return None if fields is None else when(fields.split())


def when(fields: Sequence[str]) -> When | None:
    """Minute, hour, day of the month, month and weekday; None for what are none."""
    figures = [
        _field(fields[0].removeprefix("-"), 0, 59),  # a hyphen keeps the job out of the log
        _field(fields[1], 0, 23),
        _field(fields[2], 1, 31),
        _field(fields[3], 1, 12, _MONTHS, 1),
        _field(fields[4], 0, 7, _WEEKDAYS, 0),
    ]
    minutes, hours, days, months, weekdays = figures
    if minutes is None or hours is None or days is None or months is None or weekdays is None:
        return None
    from_monday = frozenset((figure - 1) % 7 for figure in weekdays)
    # Where both are set, one of them suffices; cron looks at the star at the beginning for that.
    either = not (fields[2].startswith("*") or fields[4].startswith("*"))
    gaps = Recurrence(hours, minutes, weekdays=from_monday, months=months, days=days, either=either).gaps()
    return When("scheduled", HARDLY_EVER) if gaps is None else When("scheduled", words(gaps), gaps.longest)


def _field(text: str, low: int, high: int, names: Sequence[str] = (), first: int = 0) -> frozenset[int] | None:
    """The figures that a field lists; None where it makes no sense."""
    found: set[int] = set()
    for part in text.lower().split(","):
        bounds, slash, step_text = part.partition("/")
        step = _figure(step_text) if slash else 1
        if not step:
            return None
        if "~" in bounds:  # cronie: any one point between the two
            one = bounds.partition("~")[0]
            figure = _figure(one, names, first) if one else low
            if figure is None or not low <= figure <= high:
                return None
            found.add(figure)
            continue
        begin_text, hyphen, end_text = bounds.partition("-")
        if bounds == "*":
            begin, end = low, high
        else:
            read = _figure(begin_text, names, first)
            last = _figure(end_text, names, first) if hyphen else high if slash else read
            if read is None or last is None:
                return None
            begin, end = read, last
        if not low <= begin <= end <= high:
            return None
        found.update(range(begin, end + 1, step))
    return frozenset(found)


def _figure(text: str, names: Sequence[str] = (), first: int = 0) -> int | None:
    if text[:3] in names:
        return names.index(text[:3]) + first
    return int(text) if text.isascii() and text.isdigit() and len(text) <= FIGURE_DIGITS_MAX else None
