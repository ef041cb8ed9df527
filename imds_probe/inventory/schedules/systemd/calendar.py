"""Calendar events as timers have them: "Mon..Fri *-*-* 10:00", "daily", "*:0/15". systemd.time(7), "Calendar Events"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.recurrence import EVERY_DAY, EVERY_MONTH, EVERY_WEEKDAY, Gaps, Recurrence
from imds_probe.kept.shapes import DIGITS

_SHORT = {
    "minutely": "*-*-* *:*:00",
    "hourly": "*-*-* *:00:00",
    "daily": "*-*-* 00:00:00",
    "monthly": "*-*-01 00:00:00",
    "weekly": "Mon *-*-* 00:00:00",
    "yearly": "*-01-01 00:00:00",
    "annually": "*-01-01 00:00:00",
    "quarterly": "*-01,04,07,10-01 00:00:00",
    "semiannually": "*-01,07-01 00:00:00",
}
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FULL = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
TEXT_MAX, FIGURE_MAX = 500, 12
MIDNIGHT = frozenset({0})


@dataclass
class _Event:
    """What was read so far."""

    weekdays: frozenset[int] = EVERY_WEEKDAY
    months: frozenset[int] = EVERY_MONTH
    days: frozenset[int] = EVERY_DAY
    hours: frozenset[int] = MIDNIGHT
    minutes: frozenset[int] = MIDNIGHT
    seconds: frozenset[int] = MIDNIGHT
    years: bool = False  # only some of them
    read: set[str] = field(default_factory=set)


class NoCalendar(ValueError):
    """The text is no calendar event."""


def gaps(text: str) -> Gaps | None:
    """Between two events; None where they come to an end. Raises NoCalendar."""
    if len(text) > TEXT_MAX:
        raise NoCalendar("too long")
    event = _Event()
    words = text.split()
    if words and words[0].lower() in _SHORT:
        words[:1] = _SHORT[words[0].lower()].split()
    for number, word in enumerate(words):
        _read(event, word, number)
    if not event.read:
        raise NoCalendar("nothing that says when")
    found = Recurrence(event.hours, event.minutes, event.seconds, event.weekdays, event.months, event.days).gaps()
    return None if event.years else found


def _read(event: _Event, word: str, number: int) -> None:
    if ":" in word and "time" not in event.read:
        event.read.add("time")
        parts = word.split(":")
        if len(parts) > 3:
            raise NoCalendar("a time of more than three parts")
        event.hours = _figures(parts[0], 0, 23)
        event.minutes = _figures(parts[1], 0, 59)
        event.seconds = _figures(parts[2], 0, 59) if len(parts) > 2 else MIDNIGHT
    elif number == 0 and word[:1].isalpha() and word[:3].lower() in _WEEKDAYS:
        event.read.add("weekday")
        event.weekdays = _days_of_week(word)
    elif ("-" in word or "~" in word) and not word[0].isalpha() and "date" not in event.read:
        event.read.add("date")
        _date(event, word)
    elif not event.read or not (word[0].isalpha()):
        raise NoCalendar("neither a date nor a time")
    # What is left is a time zone: it moves all events alike.


def _date(event: _Event, word: str) -> None:
    from_end = "~" in word
    parts = word.replace("~", "-").split("-")
    if len(parts) == 3:
        event.years = parts[0] != "*"
        parts = parts[1:]
    if len(parts) != 2:
        raise NoCalendar("a date of other than two or three parts")
    event.months = _figures(parts[0], 1, 12)
    days = _figures(parts[1], 1, 31)
    event.days = frozenset(1 - day for day in days) if from_end else days


def _days_of_week(word: str) -> frozenset[int]:
    found: set[int] = set()
    for part in word.lower().rstrip(",").split(","):
        begin, dots, end = part.partition("..")
        if not dots:
            begin, dots, end = part.partition("-")
        first = _weekday(begin)
        last = _weekday(end) if dots else first
        if first > last:
            raise NoCalendar("days that go backwards")
        found.update(range(first, last + 1))
    return frozenset(found)


def _weekday(name: str) -> int:
    for names in (_WEEKDAYS, _FULL):
        if name in names:
            return names.index(name)
    raise NoCalendar("not the name of a day")


def _figures(text: str, low: int, high: int) -> frozenset[int]:
    """ "*", "4", "4,8", "1..5", "0/15", "1..9/2"."""
    found: set[int] = set()
    for part in text.split(","):
        bounds, slash, step_text = part.partition("/")
        step = _figure(step_text) if slash else 1
        begin_text, dots, end_text = bounds.partition("..")
        if bounds == "*":
            begin, end = low, high
        else:
            begin = _figure(begin_text)
            end = _figure(end_text) if dots else high if slash else begin
        if step < 1 or not low <= begin <= end <= high:
            raise NoCalendar("a figure that is out of bounds")
        found.update(range(begin, end + 1, step))
    return frozenset(found)


def _figure(text: str) -> int:
    whole = text.partition(".")[0]  # of a second
    if not whole or len(whole) > FIGURE_MAX or not DIGITS.issuperset(whole):
        raise NoCalendar("not a figure")
    return int(whole)


SHORT_FORMS: Mapping[str, str] = _SHORT
