"""What is counted in the history's tables, and within which bounds: callers by the hour, watched time, and who sent what nothing
confirmed. All of it stands within a transaction of history.py.
"""

from __future__ import annotations

import sqlite3

from imds_probe.facts.callers import OTHERS
from imds_probe.kept.generated_names import lasting
from imds_probe.watch.call_meaning import is_served
from imds_probe.watch.history_format import CALLER_KEY
from imds_probe.watch.history_key import NOBODY, Key, text_of
from imds_probe.watch.seen_call import SeenCall

CALLERS_MAX = 10_000
# Of one program and unit: what makes a script or container of a new name each minute takes no more room than these.
FAMILY_MAX, IMAGES_MAX = 200, 50
HOURS_MAX = 500_000  # hours of callers: all of it is read to see that it is whole
SENDERS_MAX = 1000
_NEWEST = ("user_agent", "pid", "comm", "cmdline", "path", "started_by", "origin", "interface")


class Counting:
    """Writes into one open file."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def count(self, key: Key, hour: int, some: list[SeenCall]) -> int:
        """The row of the caller that these count for."""
        key = self._with_room(key)
        last = max(some, key=lambda seen: seen.at)
        caller = last.caller
        values = key._asdict() | {
            "first_seen": min(seen.at for seen in some),
            "last_seen": last.at,
            "user_agent": text_of(last.user_agent),
            "pid": caller.pid if caller else None,
            "comm": text_of(caller.comm) if caller else None,
            "cmdline": text_of(caller.command) if caller else None,
            "path": text_of(last.path),
            "on_host": all(seen.caller.on_host for seen in some if seen.caller) if caller else None,
            "started_by": text_of(caller.started_by) if caller else None,
            "origin": last.origin,
            "token_ttl": last.token_ttl,
            "distance": last.distance,
            "interface": text_of(last.interface),
            "forwarded": any(seen.forwarded for seen in some),
        }
        newest = (*_NEWEST, *(name for name in ("token_ttl", "distance") if values[name] is not None))
        self._database.execute(
            f"insert into callers ({', '.join(values)}) values ({', '.join('?' * len(values))})"
            " on conflict do update set last_seen = max(last_seen, excluded.last_seen), "
            + ", ".join(f"{name} = excluded.{name}" for name in newest)
            + ", on_host = min(on_host, excluded.on_host)",
            tuple(values.values()),
        )
        row = self._id(key)
        if row is None:
            raise sqlite3.DatabaseError("a row is gone that was just written")
        self._database.execute(
            "insert into hours (caller, hour, calls, refused, served) values (?, ?, ?, ?, ?)"
            " on conflict do update set calls = calls + excluded.calls, refused = refused + excluded.refused,"
            " served = served + excluded.served",
            (row, hour, len(some), sum(seen.status == 401 for seen in some), sum(map(is_served, some))),
        )
        return row

    def _with_room(self, key: Key) -> Key:
        """The key under which a caller is counted: its own, or of many of its kind where there is no room for more."""
        if self._is_full(key):
            return NOBODY._replace(version=key.version, program=OTHERS, probe=key.probe, uid=key.uid)
        if self._id(key) is not None or (family := self._family(key)) < FAMILY_MAX:
            return key
        named = key._replace(script=lasting(key.script))
        if named != key and (self._id(named) is not None or family < FAMILY_MAX + IMAGES_MAX):
            return named
        several = key._replace(
            container=OTHERS if key.container_id else key.container,
            container_id="",
            script=OTHERS if key.script else "",
            client="",
            netns=0,
        )
        full = family >= FAMILY_MAX + IMAGES_MAX and self._id(several) is None
        return several._replace(image="") if full else several

    def _family(self, key: Key) -> int:
        """How many callers there are of its program and unit."""
        found = self._database.execute(
            "select count(*) from callers where (version, program, unit) = (?, ?, ?)", key[:3]
        ).fetchone()
        return int(found[0])

    def _is_full(self, key: Key) -> bool:
        """Whether there is no more room for a caller of its own."""
        amounts = dict(self._database.execute("select name, amount from seals"))
        return amounts["hours"] >= HOURS_MAX or (amounts["callers"] >= CALLERS_MAX and self._id(key) is None)

    def _id(self, key: Key) -> int | None:
        found = self._database.execute(
            f"select id from callers where ({', '.join(CALLER_KEY)}) = ({', '.join('?' * len(CALLER_KEY))})",
            key,
        ).fetchone()
        return None if found is None else int(found[0])

    def observe(self, began: float, ended: float, dropped: int, unconfirmed: int) -> None:
        """Where it goes on from where the last one ended, it is the same interval, if both are whole, or both are not."""
        last = self._database.execute(
            "select began, ended, dropped + unconfirmed from intervals where with_refusals order by began desc limit 1"
        ).fetchone()
        if last and last[1] == began and bool(last[2]) == bool(dropped + unconfirmed):
            began = last[0]
        self._database.execute(
            "insert into intervals (began, ended, dropped, unconfirmed, with_refusals) values (?, ?, ?, ?, 1)"
            " on conflict do update set ended = max(ended, excluded.ended), dropped = dropped + excluded.dropped,"
            " unconfirmed = unconfirmed + excluded.unconfirmed",
            (began, ended, dropped, unconfirmed),
        )

    def sent(self, sender: str, hour: int, requests: int) -> None:
        (known,) = self._database.execute("select amount from seals where name = 'senders'").fetchone()
        self._database.execute(
            "insert into senders (sender, hour, requests) values (?, ?, ?)"
            " on conflict do update set requests = requests + excluded.requests",
            (sender if known < SENDERS_MAX else "others", hour, requests),
        )
