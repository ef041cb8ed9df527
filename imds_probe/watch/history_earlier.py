"""Who called by IMDSv1 before the window that a verdict looks at, where too little was watched since to say that he stopped."""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise

from imds_probe.duration import SECONDS
from imds_probe.facts.callers import CallerSeen
from imds_probe.watch.evidence import ROW, caller_of_row, in_order, named_alike
from imds_probe.watch.history_format import HOUR_S, TABLES

# What is longer ago tells nothing of a host that was not watched since: the daemon keeps calls for as long unless told otherwise.
KEPT_S = 90.0 * SECONDS["d"]
EARLIER_MAX = 50
# Silence tells of who called in that many hours before: twice as long as his longest silence, and a day at least.
_HOURS, _TIMES, _AT_LEAST_S = 3, 2.0, 1.0 * SECONDS["d"]


def called_before(
    database: sqlite3.Connection,
    found: int,
    since: float,
    now: float,
    needed_s: float,
    *,
    full_command_lines: bool = False,
) -> tuple[CallerSeen, ...]:
    """By a history of this format, those by IMDSv1 who called before `since` (seconds since the epoch) and not again, and after
    whose last call less than `needed_s` seconds were watched until `now`. Left out are those whose silence is longer than ever
    before, and calls that lose nothing. Raises sqlite3.Error.
    """
    begin, hour = now - KEPT_S, int(since // HOUR_S)
    columns = ", ".join(TABLES["callers"].column(name, found) for name in ROW)
    rows = database.execute(
        f"select {columns}, sum(calls), sum(refused), sum({TABLES['hours'].column('served', found)}),"
        " min(last_seen, max(first_seen, ?)), id, last_seen from hours join callers on id = caller"
        " where version = 'v1' and not probe and hour between ? and ?"
        " and id not in (select caller from hours where hour >= ?) group by id order by last_seen desc",
        (begin, int(begin // HOUR_S), hour - 1, hour),
    ).fetchall()
    after = watched(database, found, now)
    earlier: list[CallerSeen] = []
    for *of, row, last in rows:
        silent_s = after.since(last)
        if silent_s >= needed_s or len(earlier) >= EARLIER_MAX:
            break  # the rest called before
        caller = caller_of_row(tuple(of), full_command_lines=full_command_lines)
        if loses(caller) and not _has_stopped(_hours(database, row, begin), silent_s):
            earlier.append(caller)
    return in_order(named_alike(earlier))


def loses(caller: CallerSeen) -> bool:
    """Whether somebody who calls by IMDSv1 may lose something by the switch."""
    return not caller.is_harmless and caller.path_class != "head" and caller.refused < caller.count


def watched(database: sqlite3.Connection, found: int, now: float) -> Watched:
    """What was watched without a loss, as far back as calls tell anything."""
    unconfirmed = TABLES["intervals"].column("unconfirmed", found)
    intervals = database.execute(
        f"select began, ended from intervals where ended > ? and began < ? and dropped = 0 and {unconfirmed} = 0 order by began",
        (now - KEPT_S, now),
    ).fetchall()
    return Watched([(began, min(ended, now)) for began, ended in intervals])


class Watched:
    """How much was watched, by intervals in order of their beginnings, which overlap where a clock was set back."""

    def __init__(self, intervals: Iterable[tuple[float, float]]) -> None:
        self._ends: list[float] = []
        self._parts: list[tuple[float, float]] = []
        for began, ended in intervals:
            begin = max(began, self._ends[-1]) if self._ends else began
            if ended > begin:
                self._parts.append((begin, ended))
                self._ends.append(ended)
        self._until = list(accumulate(ended - began for began, ended in self._parts))

    def since(self, at: float) -> float:
        """For how many seconds."""
        first = bisect_right(self._ends, at)
        if first == len(self._parts):
            return 0.0
        before = self._until[first - 1] if first else 0.0
        return self._until[-1] - before - max(0.0, at - self._parts[first][0])


def _hours(database: sqlite3.Connection, row: int, begin: float) -> list[int]:
    found = database.execute(
        "select hour from hours where caller = ? and hour >= ? order by hour", (row, int(begin // HOUR_S))
    )
    return [hour for (hour,) in found]


def _has_stopped(hours: Sequence[int], silent_s: float) -> bool:
    """Whether somebody who called in these hours was silent for longer than he ever was, as far as was watched."""
    longest_s = max((later - earlier for earlier, later in pairwise(hours)), default=0) * HOUR_S
    return len(hours) >= _HOURS and silent_s >= max(_TIMES * longest_s, _AT_LEAST_S)
