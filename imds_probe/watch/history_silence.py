"""For how long nobody has called who may lose something by the switch."""

from __future__ import annotations

import sqlite3

from imds_probe.facts.callers import ELSEWHERE, OTHERS
from imds_probe.watch.history_format import TABLES


def silent_s(database: sqlite3.Connection, found: int, now: float, needed_coverage: float) -> float:
    """For how long nobody has called by IMDSv1 who may lose something, as far back as so great a share was watched."""
    (last,) = database.execute(
        "select max(last_seen) from callers join hours on caller = id where version = 'v1' and not probe"
        f" and not ({harmless(found)})"
    ).fetchone()
    called = float("-inf") if last is None else last
    intervals = database.execute(
        "select began, ended from intervals where ended > ? and began < ? and dropped = 0"
        f" and {TABLES['intervals'].column('unconfirmed', found)} = 0 order by ended desc",
        (called, now),
    )
    watched_s, reached, longest_s = 0.0, now, 0.0
    for began, ended in intervals:
        since = max(began, called)
        watched_s += max(0.0, min(ended, reached) - since)
        reached = min(reached, since)
        if watched_s >= needed_coverage * (now - reached):
            longest_s = now - reached
    return longest_s


def harmless(found: int) -> str:
    """SQL, of a file of this format: these calls lose nothing. See CallerSeen.is_harmless."""
    callers, hours = TABLES["callers"], TABLES["hours"]
    classes = ", ".join(f"'{each}'" for each in ELSEWHERE)
    return (
        f"{callers.column('origin', found)} is not null and {hours.column('served', found)} = 0 and program <> '{OTHERS}'"
        f" and path_class in ({classes}) and (refused = 0 or path_class = 'other-cloud')"
    )
