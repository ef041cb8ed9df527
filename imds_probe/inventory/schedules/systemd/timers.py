"""When timers start what they start: systemd.timer(5)."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.duration import in_words
from imds_probe.inventory.schedules.recurrence import Gaps, words
from imds_probe.inventory.schedules.scheduled import AT_BOOT, When
from imds_probe.inventory.schedules.systemd import calendar, time_spans
from imds_probe.inventory.schedules.systemd.unit import Unit

SECTION = "Timer"
NOT_KNOWN = "by a calendar that could not be read"
ON_SET_DATES = "on set dates"
# Whoever watches a boot watches its first hour. What a timer starts later than that, nobody need have seen.
EARLY_S = 1800.0


def whens(timer: Unit) -> Iterator[When]:
    """A calendar, an interval and a start at boot each stand for themselves; of several calendars the more frequent counts."""
    found: list[Gaps] = []
    other = ""
    for each in timer.all(SECTION, "OnCalendar"):
        try:
            gaps = calendar.gaps(each.value)
        except calendar.NoCalendar:
            other = NOT_KNOWN
            continue
        if gaps is None:
            other = other or ON_SET_DATES
        else:
            found.append(gaps)
    for each in timer.all(SECTION, "OnUnitActiveSec", "OnUnitInactiveSec"):
        seconds = time_spans.seconds(each.value)
        if seconds:
            found.append(Gaps(seconds, seconds))
    later = time_spans.seconds(timer.last(SECTION, "RandomizedDelaySec")) or 0.0
    if found:
        gaps = min(found, key=lambda each: each.longest)
        yield When("scheduled", words(gaps), gaps.longest + later)
    elif other:
        yield When("scheduled", other)
    since_boot = timer.all(SECTION, "OnBootSec", "OnStartupSec", "OnActiveSec")
    if not since_boot:
        return
    latest = max(time_spans.seconds(each.value) or 0.0 for each in since_boot) + later
    if latest <= EARLY_S:
        yield When("boot", AT_BOOT)
    elif not found:
        yield When("scheduled", f"{in_words(latest)} after each boot")


def started(unit: Unit) -> str:
    """The unit that a timer, path or socket activates."""
    section = unit.kind.capitalize()
    if named := unit.last(section, "Unit") or unit.last(section, "Service"):
        return named
    stem = unit.name.rpartition(".")[0]
    accepts = unit.kind == "socket" and unit.last(section, "Accept").lower() in ("1", "yes", "y", "true", "t", "on")
    return f"{stem}@.service" if accepts else f"{stem}.service"
