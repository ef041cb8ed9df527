"""Who called in the hours of a boot and not since: what only a boot starts may not call again for months."""

from __future__ import annotations

import sqlite3

from imds_probe.watch.history_format import TABLES
from imds_probe.watch.history_silence import harmless

NEVER = range(0)
MENDED_DAYS = 3  # on which somebody called after a boot, before his silence says that he was changed
# What tells callers from each other in different boots.
_SAME = ("program", "unit", "container", "uid", "script", "client")


def at_boot(database: sqlite3.Connection, found: int, hours: range) -> tuple[int, int]:
    """How many calls by IMDSv1 that are not the probe's fell into these hours (of the epoch), and how many of them are of
    callers who did not go on calling.
    """
    counted = (
        "select coalesce(sum(calls), 0) from hours join callers on id = caller where version = 'v1' and not probe"
        f" and not ({harmless(found)})"
    )
    bounds = bounds_of(hours)
    (in_all,) = database.execute(f"{counted} and hour between ? and ?", bounds[:2]).fetchone()
    (only,) = database.execute(f"{counted} and {only_then(found)}", bounds).fetchone()
    return in_all, only


def only_then(found: int) -> str:
    """SQL, of a file of this format: by IMDSv1 in some hours, and by nobody of that name on MENDED_DAYS later days. A caller that
    went on calling and was mended is silent for another reason than that nobody started it; what only a boot starts is
    restarted by hand now and then.
    """
    same = " and ".join(f"same.{name} = callers.{name}" for name in _SAME if name in TABLES["callers"].names_of(found))
    return (
        "callers.version = 'v1' and hour between ? and ? and"
        " (select count(distinct later.hour / 24) from callers as same join hours as later on later.caller = same.id"
        f" where same.version = 'v1' and {same} and later.hour > ?) < {MENDED_DAYS}"
    )


def bounds_of(hours: range) -> tuple[int, int, int]:
    """What only_then is asked with."""
    return (hours.start, hours.stop - 1, hours.stop - 1)
