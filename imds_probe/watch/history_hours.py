"""Calls by IMDSv1 in each hour that was watched whole, to be compared with what EC2 counts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from imds_probe.watch.evidence import covered
from imds_probe.watch.history_format import HOUR_S, TABLES


def v1_by_hour(database: sqlite3.Connection, found: int, since: float, now: float, *, refused: bool) -> dict[int, int]:
    """Calls by IMDSv1 that were not refused, or those that were, the probe's own, too, in each hour (of the epoch) of which
    all was watched without a loss.
    """
    counts: dict[int, int] = dict(
        database.execute(
            f"select hour, sum({'refused' if refused else 'calls - refused'}) from hours join callers on id = caller"
            " where version = 'v1' and hour >= ? group by hour",
            (int(since // HOUR_S),),
        )
    )
    intervals = database.execute(
        "select began, ended from intervals where ended > ? and dropped = 0"
        f" and {TABLES['intervals'].column('unconfirmed', found)} = 0 order by began",
        (since,),
    ).fetchall()
    hours = range(int(-(-since // HOUR_S)), int(now // HOUR_S))
    parts = _by_hour(intervals, hours)
    # Nearly all of it: between two intervals that follow on there may be a moment.
    return {hour: counts.get(hour, 0) for hour in hours if covered(parts[hour]) >= HOUR_S - 1}


def _by_hour(intervals: Iterable[tuple[float, float]], hours: range) -> dict[int, list[tuple[float, float]]]:
    """What there is of the intervals in each hour."""
    parts: dict[int, list[tuple[float, float]]] = {hour: [] for hour in hours}
    for began, ended in intervals:
        for hour in range(max(int(began // HOUR_S), hours.start), min(int(ended // HOUR_S) + 1, hours.stop)):
            parts[hour].append((max(began, hour * HOUR_S), min(ended, (hour + 1) * HOUR_S)))
    return parts
