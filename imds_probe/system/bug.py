"""An error that nobody expected: it fails the part that it arose in, and somebody is told of it."""

from __future__ import annotations

import traceback
from collections.abc import Callable

# Told of a bug: which part of the program failed, and how.
TellBug = Callable[[str, BaseException], None]


def untold(part: str, error: BaseException) -> None:
    """For those who only look at the outcome, which says it in short."""
    del part, error


def in_short(error: BaseException) -> str:
    """A clause for a report: the kind of error and the place that raised it. Its words are left out: they may quote anything."""
    if isinstance(error, MemoryError):
        return "there was not enough memory"
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename.rpartition('imds_probe/')[2]}:{frames[-1].lineno}" if frames else ""
    return f"a bug in imds-probe: {type(error).__name__}{place}; the log has the details"
