"""What the history keeps of refused requests, path by path."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from imds_probe.watch.refusals import Place, is_answered_with_token, is_refused
from imds_probe.watch.seen_call import SeenCall

ROWS_MAX = 50_000
PATHS_MAX = 50  # of one caller in one hour
# Stands for what there is no room for, and is no path: nobody asks for it with a token.
MORE_PATHS = "more paths"


def note(database: sqlite3.Connection, calls: Iterable[tuple[SeenCall, Place]], recovered: Mapping[Place, int]) -> None:
    """Keep those of the calls that were refused, how many of which places have recovered, and those with a token for what somebody
    was refused. Part of a transaction. Raises sqlite3.Error.
    """
    refused, with_token = defaultdict[Place, list[float]](list), defaultdict[Place, list[float]](list)
    for seen, place in calls:
        if is_refused(seen):
            refused[place].append(seen.at)
        elif is_answered_with_token(seen):
            with_token[place].append(seen.at)
    for place, times in refused.items():
        _add(database, _with_room(database, place), times)
    for place, again in recovered.items():
        set_to = "update refusals set recovered = recovered + ? where (caller, hour, asked) = (?, ?, ?)"
        if not database.execute(set_to, (again, *place)).rowcount:
            database.execute(set_to, (again, *place._replace(path=MORE_PATHS)))
    if not with_token:
        return
    wanted = {path for (path,) in database.execute("select distinct asked from refusals")}
    for place, times in with_token.items():
        if place.path in wanted and _with_room(database, place) == place:
            _add(database, place, times)


def _add(database: sqlite3.Connection, place: Place, times: list[float]) -> None:
    database.execute(
        "insert into refusals (caller, hour, asked, calls, recovered, last) values (?, ?, ?, ?, 0, ?)"
        " on conflict do update set calls = calls + excluded.calls, last = max(last, excluded.last)",
        (*place, len(times), max(times)),
    )


def _with_room(database: sqlite3.Connection, place: Place) -> Place:
    """Where a request counts: for its own path, or for those that there is no room for."""
    known = "select 1 from refusals where (caller, hour, asked) = (?, ?, ?)"
    if database.execute(known, place).fetchone():
        return place
    (rows,) = database.execute("select amount from seals where name = 'refusals'").fetchone()
    (paths,) = database.execute("select count(*) from refusals where (caller, hour) = (?, ?)", place[:2]).fetchone()
    return place if rows < ROWS_MAX and paths < PATHS_MAX else place._replace(path=MORE_PATHS)


def failed_of(rows: Iterable[tuple[str, int, int, float]]) -> tuple[Counter[str], dict[str, tuple[float, float]]]:
    """Of rows of one caller, as (path, calls, recovered, last) with the oldest of each path first: how often it was `refused` and
    has `recovered`, and of each path with a request that nothing came of, when the last of these was, and the longest time
    between two refusals, in seconds.
    """
    counts, last_of, longest, failed = Counter[str](), dict[str, float](), dict[str, float](), dict[str, float]()
    for path, calls, recovered, last in rows:
        counts["refused"] += calls
        counts["recovered"] += recovered
        longest[path] = max(longest.get(path, 0.0), last - last_of.get(path, last))
        last_of[path] = last
        if recovered < calls:
            failed[path] = max(failed.get(path, 0.0), last)
    return counts, {path: (at, longest[path]) for path, at in failed.items()}
