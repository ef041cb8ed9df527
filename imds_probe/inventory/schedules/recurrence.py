"""How often a calendar comes round: the longest and the shortest time between two of its points, and words for them."""

from __future__ import annotations

import datetime
import functools
import itertools
from collections.abc import Collection

from imds_probe.dataclass import dataclass

MINUTE, HOUR, DAY = 60, 3600, 86400
EVERY_WEEKDAY, EVERY_MONTH = frozenset(range(7)), frozenset(range(1, 13))
EVERY_DAY = frozenset(range(1, 32))
# Over a year that has no 29th of February although four divides it: the longest there is between two.
_FIRST, _DAYS = datetime.date(2095, 1, 1), 3653
_NAMED = (
    (MINUTE, MINUTE, "every minute"),
    (HOUR, HOUR, "hourly"),
    (DAY, DAY, "daily"),
    (7 * DAY, 7 * DAY, "weekly"),
    (28 * DAY, 31 * DAY, "monthly"),
    (90 * DAY, 92 * DAY, "quarterly"),
    (365 * DAY, 366 * DAY, "yearly"),
)


@dataclass(frozen=True)
class Gaps:
    """Between two points, in seconds."""

    shortest: float
    longest: float


@dataclass(frozen=True)
class Recurrence:
    """The points of a calendar. Weekdays count from Monday, which is 0. `days` below 1 count from the end of the month, whose
    last day is 0. `either`: a day of the month or a weekday suffices, as in a crontab.
    """

    hours: frozenset[int]
    minutes: frozenset[int]
    seconds: frozenset[int] = frozenset({0})
    weekdays: frozenset[int] = EVERY_WEEKDAY
    months: frozenset[int] = EVERY_MONTH
    days: frozenset[int] = EVERY_DAY
    either: bool = False

    def gaps(self) -> Gaps | None:
        """None where it never comes, or not twice in ten years."""
        days = _day_gaps(self.weekdays, self.months, self.days, self.either)
        if days is None or not (self.hours and self.minutes and self.seconds):
            return None
        first = min(self.hours) * HOUR + min(self.minutes) * MINUTE + min(self.seconds)
        last = max(self.hours) * HOUR + max(self.minutes) * MINUTE + max(self.seconds)
        within = [
            *_steps(self.seconds, 1, 0),
            *_steps(self.minutes, MINUTE, max(self.seconds) - min(self.seconds)),
            *_steps(self.hours, HOUR, last % HOUR - first % HOUR),
        ]
        over_night = [gap * DAY - last + first for gap in days]
        return Gaps(min(within + over_night), max(within + over_night))


def _steps(figures: Collection[int], unit_s: int, spent_s: int) -> list[int]:
    """From each figure to the next; `spent_s` of that lie between the first and the last point of one figure."""
    return [(after - before) * unit_s - spent_s for before, after in itertools.pairwise(sorted(figures))]


@functools.lru_cache(maxsize=1024)
def _day_gaps(
    weekdays: frozenset[int], months: frozenset[int], days: frozenset[int], either: bool
) -> tuple[int, int] | None:
    """The shortest and longest time between two days, in days."""
    if months == EVERY_MONTH and (days >= EVERY_DAY if not either else weekdays == EVERY_WEEKDAY):
        return _cyclic(weekdays, 7)
    shortest, longest, last = _DAYS, 0, -1
    for at in range(_DAYS):
        date = _FIRST + datetime.timedelta(at)
        if date.month not in months or not _is_day(date, weekdays, days, either):
            continue
        if last >= 0:
            shortest, longest = min(shortest, at - last), max(longest, at - last)
        last = at
    return (shortest, longest) if longest else None


def _is_day(date: datetime.date, weekdays: Collection[int], days: Collection[int], either: bool) -> bool:
    length = ((date.replace(day=28) + datetime.timedelta(4)).replace(day=1) - datetime.timedelta(1)).day
    of_month = date.day in days or date.day - length in days
    of_week = date.weekday() in weekdays
    return of_month or of_week if either else of_month and of_week


def _cyclic(figures: Collection[int], length: int) -> tuple[int, int] | None:
    if not figures:
        return None
    ordered = sorted(figures)
    gaps = [after - before for before, after in itertools.pairwise([*ordered, ordered[0] + length])]
    return min(gaps), max(gaps)


def words(gaps: Gaps) -> str:
    """How often that is: "daily", "every 5 minutes", "at least every 3 days"."""
    for low, high, name in _NAMED:
        if low <= gaps.shortest and gaps.longest <= high:
            return name
    even = gaps.longest - gaps.shortest <= gaps.longest / 20
    return f"{'' if even else 'at least '}every {_length(gaps.longest)}"


def _length(seconds: float) -> str:
    for unit_s, unit in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= unit_s:
            return _counted(-(-seconds // unit_s), unit)
    return _counted(max(1, -(-seconds // 1)), "second")


def _counted(number: float, unit: str) -> str:
    return unit if number == 1 else f"{number:.0f} {unit}s"
