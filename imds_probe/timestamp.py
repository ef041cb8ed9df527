"""Times as reports write them: RFC 3339 in UTC, to the second."""

from __future__ import annotations

import datetime
import re

DAY_S = 86400.0
LAST_S = 253_402_300_799.0  # the last second that the calendar has
_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}Z")


def rfc3339(at: float) -> str:
    """Of seconds since the epoch, whose fraction is left out. Raises ValueError, OverflowError or OSError beyond the calendar."""
    return f"{datetime.datetime.fromtimestamp(int(at), datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"


def seconds_of(said: str) -> float:
    """Since the epoch. Raises ValueError, a clause, for what is written in another form or is in no calendar."""
    try:
        # Not strptime, which imports a module when it is first used: a reader process cannot.
        moment = datetime.datetime.fromisoformat(said if _FORM.fullmatch(said) else "")
    except ValueError:
        raise ValueError(f"{said[:40]!r} is no time") from None
    return moment.timestamp()


def end_of(day: str) -> float:
    """The end of a day in UTC, in seconds since the epoch. Raises ValueError, a clause, for what is no day."""
    return seconds_of(f"{day}T00:00:00Z") + DAY_S


def in_a_name(at: float) -> str:
    """A time as part of a file's name, without a colon: 20261129T120000Z."""
    return rfc3339(at).replace("-", "").replace(":", "")
