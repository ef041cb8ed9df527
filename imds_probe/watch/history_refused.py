"""Who was refused since tokens are required, by the history: how often, and what came of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from imds_probe.facts.callers import CallerSeen
from imds_probe.facts.switched import REFUSED_MAX, Refused, WatchedSince
from imds_probe.watch.evidence import ROW, caller_of_row, covered, named_alike, rfc3339
from imds_probe.watch.history_format import HOUR_S, TABLES

SAME_MOMENT_S = 5.0  # as in a rehearsal: who was refused so lately had no time to ask again
_Asked = Mapping[tuple[object, ...], str]


def refused_since(
    database: sqlite3.Connection,
    found: int,
    since: float,
    now: float,
    *,
    known_since: float | None = None,
    full_command_lines: bool = False,
) -> WatchedSince:
    """What a history of this format has of the time from `since` to `now` (seconds since the epoch). Calls count by the hour that
    they fell into. What was watched counts from `known_since` on, where that is later: since then tokens are known to be required.
    Raises sqlite3.Error.
    """
    hour = int(since // HOUR_S)
    rows = database.execute(
        f"select {_columns(found)}, sum(calls), sum(refused), sum({_hours('served', found)}),"
        f" min(last_seen, max(first_seen, ?)), sum({_hours('recovered', found)}),"
        f" max(case when refused > {_hours('recovered', found)} then hour end)"
        " from hours join callers on id = caller"
        " where hour >= ? and last_seen >= ? and version = 'v1' and not probe and refused > 0 group by id",
        (since, hour, since),
    ).fetchall()
    asked = _with_token(database, found, hour) if rows else {}
    refused = [_refused(row, asked, now, full_command_lines=full_command_lines) for row in rows]
    known = since if known_since is None else max(since, known_since)
    intervals = database.execute(
        "select began, ended from intervals where ended > ? and began < ? and dropped = 0"
        f" and {TABLES['intervals'].column('unconfirmed', found)} = 0 order by began",
        (known, now),
    ).fetchall()
    watched_s = covered((max(began, known), min(ended, now)) for began, ended in intervals)
    return WatchedSince(round(watched_s, 3), *shown(refused))


def shown(refused: Iterable[Refused]) -> tuple[tuple[Refused, ...], int]:
    """Those that have not recovered first, then by how often; and how many are left out."""
    ordered = sorted(refused, key=lambda each: (each.failed_last is None, -each.caller.refused, each.caller.program))
    return tuple(ordered[:REFUSED_MAX]), len(ordered[REFUSED_MAX:])


def together(history: WatchedSince, watched: WatchedSince) -> WatchedSince:
    """What a history says, and what was watched besides, of which it has the most by now, too."""
    known = {_same(each.caller): each for each in (*watched.refused, *history.refused)}
    for each in watched.refused:
        before = known[_same(each.caller)]
        if each.caller.last_seen > before.caller.last_seen:
            known[_same(each.caller)] = each
    refused, more = shown(known.values())
    return WatchedSince(max(history.watched_s, watched.watched_s), refused, history.left_out + watched.left_out + more)


def _refused(row: tuple[Any, ...], asked: _Asked, now: float, *, full_command_lines: bool) -> Refused:
    *of, recovered, failed_hour = row
    (caller,) = named_alike([caller_of_row(tuple(of), full_command_lines=full_command_lines)])
    last = of[ROW.index("last_seen")]
    failed = None if failed_hour is None else min(last, (failed_hour + 1) * HOUR_S - 1)
    return Refused(
        caller=caller,
        recovered=recovered,
        failed_last=None if failed is None else rfc3339(failed),
        failed_ago_s=None if failed is None else round(max(0.0, now - failed), 3),
        may_recover=failed is not None and now - failed < SAME_MOMENT_S,
        with_token_last=asked.get(_kind(caller)),
    )


def _with_token(database: sqlite3.Connection, found: int, hour: int) -> dict[tuple[object, ...], str]:
    """When each caller that called by IMDSv1, too, was served the same kind of thing with a token last, from this hour on."""
    served = _hours("served", found)
    rows = database.execute(
        f"select {_columns(found)}, sum(calls), sum(refused), sum({served}), first_seen"
        " from hours join callers on id = caller where hour >= ? and version = 'v2' and not probe and path_class <> 'token'"
        f" and program in (select program from callers where version = 'v1') group by id having sum({served}) > 0",
        (hour,),
    ).fetchall()
    asked: dict[tuple[object, ...], str] = {}
    for row in rows:
        caller = caller_of_row(row)
        asked[_kind(caller)] = max(asked.get(_kind(caller), ""), caller.last_seen)
    return asked


def _kind(caller: CallerSeen) -> tuple[object, ...]:
    """Who it is, and what it is after."""
    return (*caller.identity, caller.path_class)


def _same(caller: CallerSeen) -> tuple[object, ...]:
    return (*_kind(caller), caller.token)


def _columns(found: int) -> str:
    return ", ".join(TABLES["callers"].column(name, found) for name in ROW)


def _hours(name: str, found: int) -> str:
    return TABLES["hours"].column(name, found)
