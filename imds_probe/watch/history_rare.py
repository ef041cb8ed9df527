"""Who called by IMDSv1 before the window, and calls less often than the window is long: a job of each month, by hand or by a server
that no file of this host names.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from imds_probe.facts.callers import CallerSeen, RareCaller
from imds_probe.facts.containers import namespace_in, short
from imds_probe.kept.generated_names import lasting, lasting_unit
from imds_probe.watch.evidence import ROW, caller_of_row, named_alike
from imds_probe.watch.history_earlier import KEPT_S, Watched, loses, watched
from imds_probe.watch.history_format import HOUR_S, TABLES

RARE_MAX = 50
# A month has 28 to 31 days, and there are four or five weeks from one first Monday of a month to the next.
TIMES = 4 / 3


class _Calls(NamedTuple):
    """A row: who, after what, and its number in the history; the hours of the first and the last of its calls."""

    of: tuple[Any, ...]
    row: int
    first: int
    last: int


def rare_callers(
    database: sqlite3.Connection, found: int, since: float, now: float, *, full_command_lines: bool = False
) -> tuple[RareCaller, ...]:
    """By a history of this format, those by IMDSv1 who did not call from `since` on (seconds since the epoch), and are not silent
    for longer than ever before. Left out are calls that lose nothing, and those for what the same caller began to ask for with a
    token afterwards. Those that called last come first. Raises sqlite3.Error.
    """
    begin, hour = now - KEPT_S, int(since // HOUR_S)
    if since <= begin:
        return ()
    columns = ", ".join(TABLES["callers"].column(name, found) for name in ROW)
    served = TABLES["hours"].column("served", found)
    rows = database.execute(
        f"select {columns}, sum(calls), sum(refused), sum({served}), min(last_seen, max(first_seen, ?)), id, min(hour), max(hour)"
        " from hours join callers on id = caller where version = 'v1' and not probe and hour >= ? group by id",
        (begin, int(begin // HOUR_S)),
    )
    parts: dict[Hashable, list[_Calls]] = defaultdict(list)
    for *of, row, first, last in rows:
        parts[_part(dict(zip(ROW, of, strict=False)))].append(_Calls(tuple(of), row, first, last))
    after = watched(database, found, now)
    rare = list[RareCaller]()
    by_token: dict[Hashable, int] | None = None
    for part, calls in sorted(parts.items(), key=lambda each: -max(of.last for of in each[1])):
        last, first = max(each.last for each in calls), min(each.first for each in calls)
        silent_s = after.since(float(last * HOUR_S))
        if last >= hour or silent_s >= TIMES * (last - first) * HOUR_S or len(rare) >= RARE_MAX:
            continue  # it called in the window, or no gap is long enough
        longest_s = _longest_gap(_hours(database, calls, begin), after)
        if silent_s >= TIMES * longest_s:
            continue
        callers = [caller_of_row(each.of, full_command_lines=full_command_lines) for each in calls]
        by_token = _first_by_token(database, found) if by_token is None else by_token
        if any(map(loses, callers)) and by_token.get(part, 0) <= last:
            shown = sorted(filter(loses, callers), key=_newest_first, reverse=True)[: RARE_MAX - len(rare)]
            rare += [RareCaller(each, longest_s, round(silent_s, 3)) for each in named_alike(shown)]
    return tuple(rare)


def _newest_first(caller: CallerSeen) -> str:
    return caller.last_seen


def _part(of: dict[str, Any]) -> Hashable:
    """One caller, and one kind of thing that it asks for. The containers of one image are one, and so are those of which nothing is
    known but their numbers: each run of a job has another. What differs from run to run in a name makes no other caller.
    """
    name, number = of["container"], of["container_id"]
    is_number = name in ("", short(number), short(number.rpartition(":")[2]))
    inside = (of["image"] or "" if is_number else name, namespace_in(name))
    if of["image"]:
        inside = (of["image"], namespace_in(name))
    outside = (lasting_unit(of["unit"]), of["uid"], of["client"])
    return lasting(of["program"]), lasting(of["script"]), inside if number or name else outside, of["path_class"]


def _first_by_token(database: sqlite3.Connection, found: int) -> dict[Hashable, int]:
    """In which hour each was first served with a token."""
    columns = ", ".join(TABLES["callers"].column(name, found) for name in ROW)
    first: dict[Hashable, int] = {}
    for *of, hour in database.execute(
        f"select {columns}, min(hour) from hours join callers on id = caller where version = 'v2' and not probe"
        f" and {TABLES['hours'].column('served', found)} > 0 group by id"
    ):
        part = _part(dict(zip(ROW, of, strict=True)))
        first[part] = min(hour, first.get(part, hour))
    return first


def _hours(database: sqlite3.Connection, calls: Iterable[_Calls], begin: float) -> list[int]:
    """Those in which they were made, in order."""
    hours = set[int]()
    for each in calls:
        hours.update(
            hour
            for (hour,) in database.execute(
                "select hour from hours where caller = ? and hour >= ?", (each.row, int(begin // HOUR_S))
            )
        )
    return sorted(hours)


def _longest_gap(hours: Sequence[int], after: Watched) -> float:
    """In seconds. Of a time in which mostly nobody watched, as while the instance was stopped, what was watched counts alone."""
    longest_s = 0.0
    for earlier, later in pairwise(float(hour * HOUR_S) for hour in hours):
        if later - earlier > longest_s:
            watched_s = after.since(earlier) - after.since(later)
            longest_s = max(longest_s, later - earlier if 2 * watched_s >= later - earlier else watched_s)
    return longest_s
