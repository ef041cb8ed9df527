"""Times as reports write them: RFC 3339 in UTC, to the second."""

from __future__ import annotations

import datetime

FORM = "%Y-%m-%dT%H:%M:%SZ"


def rfc3339(at: float) -> str:
    """Of seconds since the epoch, whose fraction is left out. Raises ValueError, OverflowError or OSError beyond the calendar."""
    return datetime.datetime.fromtimestamp(int(at), datetime.UTC).strftime(FORM)


def seconds_of(said: str) -> float:
    """Since the epoch. Raises ValueError for what is written in another form."""
    return datetime.datetime.strptime(said, FORM).replace(tzinfo=datetime.UTC).timestamp()
