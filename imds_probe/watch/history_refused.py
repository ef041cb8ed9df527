"""Who was refused since tokens are required, by the history: how often, and what came of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from pathlib import PurePath

from imds_probe.facts.callers import CallerSeen
from imds_probe.facts.switched import REFUSED_MAX, Refused, WatchedSince
from imds_probe.timestamp import rfc3339
from imds_probe.watch.evidence import ROW, caller_of_row, covered, named_alike
from imds_probe.watch.history_format import HOUR_S, TABLES
from imds_probe.watch.refusals_kept import failed_of

SAME_MOMENT_S = 5.0  # as in a rehearsal: who was refused so lately had no time to ask again
# When somebody was answered with a token last, by who it is and the path.
_Answered = Mapping[tuple[Hashable, str], float]
# What loses nothing by being refused, and must take no room from what does: see CallerSeen.is_harmless.
_LOSING = "version = 'v1' and not probe and path_class not in ('head', 'other-cloud')"


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
    they fell into, and only where refusals were kept: the formats before did not say what came of them. What was watched counts
    from `known_since` on, where that is later: since then tokens are known to be required. Raises sqlite3.Error.
    """
    if found < TABLES["refusals"].since:
        return WatchedSince(0.0)
    hour = int(since // HOUR_S)
    rows = database.execute(
        f"select {', '.join(ROW)}, sum(calls), 0, sum(served), min(last_seen, max(first_seen, ?)), id"
        f" from hours join callers on id = caller where hour >= ? and last_seen >= ? and {_LOSING}"
        " and id in (select caller from refusals where hour >= ? and last >= ?) group by id",
        (since, hour, since, hour, since),
    ).fetchall()
    answered = _with_token(database, hour) if rows else {}
    had_nothing = _had_nothing(database, hour) if rows else set()
    refused = []
    for *of, row in rows:
        kept = database.execute(
            "select asked, calls, recovered, last from refusals where caller = ? and hour >= ? and last >= ? order by hour",
            (row, hour, since),
        )
        (caller,) = named_alike([caller_of_row(tuple(of), full_command_lines=full_command_lines)])
        made = _refused(caller, kept, answered, now)
        refused.append(replace(made, had_nothing=_name(caller) in had_nothing and caller.path_class == "other"))
    known = since if known_since is None else max(since, known_since)
    intervals = database.execute(
        "select began, ended from intervals where ended > ? and began < ? and dropped = 0 and unconfirmed = 0"
        " and with_refusals order by began",
        (known, now),
    ).fetchall()
    watched_s = covered((max(began, known), min(ended, now)) for began, ended in intervals)
    return WatchedSince(round(watched_s, 3), *shown(refused))


def shown(refused: Iterable[Refused]) -> tuple[tuple[Refused, ...], int]:
    """Those that have not recovered first, of these what users can start last, then by how often; and how many are left out."""
    ordered = sorted(refused, key=_order)
    return tuple(ordered[:REFUSED_MAX]), len(ordered[REFUSED_MAX:])


def _order(each: Refused) -> tuple[bool, bool, int, str]:
    caller = each.caller
    of_system = caller.container_id is None and (
        caller.uid == 0 or bool(caller.unit and not caller.unit.startswith("user "))
    )
    return each.failed_last is None, not of_system, -caller.refused, caller.program


def together(history: WatchedSince, watched: WatchedSince, *, both: bool) -> WatchedSince:
    """What a history says, and what was watched besides. `both`: the history was being written meanwhile, and has the same calls,
    perhaps short of the last ones: then the larger number of both counts, else their sum.
    """
    known = {_same(each.caller): each for each in history.refused}
    for each in watched.refused:
        before = known.get(_same(each.caller))
        known[_same(each.caller)] = each if before is None else _merged(before, each, both=both)
    refused, more = shown(known.values())
    watched_s = max(history.watched_s, watched.watched_s) if both else history.watched_s + watched.watched_s
    return WatchedSince(watched_s, refused, history.left_out + watched.left_out + more)


def _merged(before: Refused, now: Refused, *, both: bool) -> Refused:
    """One caller by both. No failure that is on record is lost."""
    newer, older = (
        (now.caller, before.caller) if now.caller.last_seen >= before.caller.last_seen else (before.caller, now.caller)
    )
    caller = replace(
        newer,
        count=_sum(before.caller.count, now.caller.count, both=both),
        refused=_sum(before.caller.refused, now.caller.refused, both=both),
        served=None if newer.served is None or older.served is None else _sum(newer.served, older.served, both=both),
        first_seen=min(newer.first_seen, older.first_seen),
    )
    failed = max((before, now), key=lambda each: each.failed_last or "")
    return Refused(
        caller=caller,
        recovered=_sum(before.recovered, now.recovered, both=both),
        failed_last=failed.failed_last,
        failed_ago_s=failed.failed_ago_s,
        may_recover=failed.may_recover,
        with_token_last=_after(failed, before.with_token_last, now.with_token_last),
        successor_last=_after(failed, before.successor_last, now.successor_last),
        longest_gap_s=max(before.longest_gap_s, now.longest_gap_s),
        had_nothing=before.had_nothing or now.had_nothing,
    )


def _sum(one: int, other: int, *, both: bool) -> int:
    return max(one, other) if both else one + other


def _after(failed: Refused, *answered: str | None) -> str | None:
    """The latest, where it is later than the last failure of both."""
    latest = max(each or "" for each in answered)
    return latest if failed.failed_last is not None and latest > failed.failed_last else None


def _refused(
    caller: CallerSeen, kept: Iterable[tuple[str, int, int, float]], answered: _Answered, now: float
) -> Refused:
    counts, failed = failed_of(kept)
    last = max((at for at, _ in failed.values()), default=None)
    ago_s = None if last is None else max(0.0, now - last)
    times = {path: at for path, (at, _) in failed.items()}
    return Refused(
        caller=replace(caller, refused=counts["refused"]),
        recovered=counts["recovered"],
        failed_last=None if last is None else rfc3339(last),
        failed_ago_s=None if ago_s is None else round(ago_s, 3),
        may_recover=ago_s is not None and ago_s < SAME_MOMENT_S,
        with_token_last=_last_of_all(caller.identity, times, answered),
        successor_last=_last_of_all(_name(caller), times, answered),
        longest_gap_s=round(max((gap for _, gap in failed.values()), default=0.0), 3),
    )


def _last_of_all(who: Hashable, failed: Mapping[str, float], answered: _Answered) -> str | None:
    """When it was last answered with a token, where it was for each path after it had failed there; else None."""
    found = [(answered.get((who, path), 0.0), at) for path, at in failed.items()]
    return rfc3339(max(at for at, _ in found)) if found and all(later > at for later, at in found) else None


def _with_token(database: sqlite3.Connection, hour: int) -> dict[tuple[Hashable, str], float]:
    """When each was last answered with a token, from this hour on: by who it is, and by what succeeds it."""
    answered: dict[tuple[Hashable, str], float] = {}
    for *of, path, last in database.execute(
        f"select {', '.join(ROW)}, 0, 0, 0, first_seen, asked, max(last) from refusals join callers on id = caller"
        " where hour >= ? and version = 'v2' and not probe group by id, asked",
        (hour,),
    ):
        caller = caller_of_row(tuple(of))
        for who in (caller.identity, _name(caller)):
            answered[who, path] = max(answered.get((who, path), 0.0), last)
    return answered


def _had_nothing(database: sqlite3.Connection, hour: int) -> set[Hashable]:
    """Those of whose requests for what is in no class none was refused before this hour's, and none was answered with what it asked
    for: their paths are not there.
    """
    rows = database.execute(
        f"select {', '.join(ROW)}, 0, 0, 0, first_seen, sum(served) from hours join callers on id = caller"
        f" where hour <= ? and refused = 0 and path_class = 'other' and {_LOSING} group by id",
        (hour,),
    ).fetchall()
    served: dict[Hashable, int] = {}
    for *of, count in rows:
        name = _name(caller_of_row(tuple(of)))
        served[name] = served.get(name, 0) + count
    return {name for name, count in served.items() if not count}


def _name(caller: CallerSeen) -> Hashable:
    """What is the same of a caller and of what takes its place: another container of its image, another version beside it."""
    if caller.container_id is None and caller.container is None:
        return (
            PurePath(caller.program).name,
            caller.script,
            caller.unit,
            caller.unit is None and (caller.uid, caller.client),
        )
    image = (caller.image or "").partition("@")[0]
    directory, _, name = image.rpartition("/")
    place = (caller.namespace, directory, name.partition(":")[0]) if image else caller.container
    return PurePath(caller.program).name, caller.script, place


def _same(caller: CallerSeen) -> tuple[object, ...]:
    return (*caller.identity, caller.path_class, caller.token)
