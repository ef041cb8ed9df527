"""What the history knows of a window of time: who called, how much of it was watched, and what was lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from imds_probe.facts.callers import Callers, HistoryLoss
from imds_probe.timestamp import rfc3339
from imds_probe.watch.evidence import ROW, caller_of_row, callers_of, covered, in_order, named_alike
from imds_probe.watch.history_boot import bounds_of, only_then
from imds_probe.watch.history_earlier import called_before
from imds_probe.watch.history_file import Loss
from imds_probe.watch.history_format import HOUR_S, TABLES
from imds_probe.watch.history_rare import rare_callers
from imds_probe.watch.history_silence import silent_s

SENDERS_SHOWN = 5


class Window(NamedTuple):
    """The last `seconds` before `now` (since the epoch). Where less than `needed_coverage` of it was watched, those who called
    before are asked for, too. Who called in the hours `at_boot` (of the epoch) and never after counts as well, however long ago
    that is.
    """

    now: float
    seconds: float
    needed_coverage: float
    at_boot: range


def evidence(
    database: sqlite3.Connection, found: int, window: Window, losses: Sequence[Loss], *, full_command_lines: bool
) -> Callers:
    """Of a file of this format, in which these losses are known. `full_command_lines`: with all that is stored of them."""
    now, since, full = window.now, window.now - window.seconds, full_command_lines
    columns = ", ".join(TABLES["callers"].column(name, found) for name in ROW)
    served = TABLES["hours"].column("served", found)
    unconfirmed = TABLES["intervals"].column("unconfirmed", found)
    rows = database.execute(
        f"select {columns}, sum(calls), sum(refused), sum({served}), min(last_seen, max(first_seen, ?))"
        f" from hours join callers on id = caller where hour >= ? or ({only_then(found)}) group by id",
        (since, int(since // HOUR_S), *bounds_of(window.at_boot)),
    ).fetchall()
    intervals = database.execute(
        f"select began, ended, dropped, {unconfirmed} from intervals where ended > ? and began < ? order by began",
        (since, now),
    ).fetchall()
    observed_s = covered([(max(began, since), min(ended, now)) for began, ended, *lost in intervals if not any(lost)])
    needed_s = window.needed_coverage * window.seconds
    earlier = (
        called_before(database, found, since, now, needed_s, full_command_lines=full) if observed_s < needed_s else ()
    )
    return callers_of(
        in_order(named_alike(caller_of_row(row, full_command_lines=full) for row in rows)),
        window_s=window.seconds,
        observed_s=observed_s,
        needed_coverage=window.needed_coverage,
        dropped=sum(dropped for _, _, dropped, _ in intervals),
        watched_until=rfc3339(max(ended for _, ended, _, _ in intervals)) if intervals else None,
        losses=tuple(HistoryLoss(rfc3339(at), why) for at, why in losses),
        unconfirmed=sum(each for _, _, _, each in intervals),
        senders=_senders(database, found, int(since // HOUR_S)),
        earlier=earlier,
        silent_s=silent_s(database, found, now, window.needed_coverage),
        rare=rare_callers(database, found, since, now, full_command_lines=full),
    )


def _senders(database: sqlite3.Connection, found: int, since: int) -> tuple[str, ...]:
    """Where most of what is unconfirmed came from, from an hour of the epoch on."""
    if found < TABLES["senders"].since:
        return ()
    rows = database.execute(
        "select sender, sum(requests) as requests from senders where hour >= ? group by sender"
        " order by requests desc, sender limit ?",
        (since, SENDERS_SHOWN),
    )
    return tuple(f"{count}: {sender}" for sender, count in rows)
