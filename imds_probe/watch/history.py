"""What a watch has seen over days: callers counted by the hour, and the times that were really observed.

SQLite in the state directory, written by one watch and read by any run beside it. What was not watched (the daemon was
down, the host rebooted, packets came too fast) is missing from the intervals, and so counts as not observed.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from imds_probe.escape import encodable
from imds_probe.facts.callers import ELSEWHERE, OTHERS, REQUESTED_BY_COMMAND_LINE, Callers, HistoryLoss
from imds_probe.facts.switched import WatchedSince
from imds_probe.kept.generated_names import lasting, lasting_unit
from imds_probe.kept.metadata_path import is_other_clouds
from imds_probe.kept.process_name import is_fetcher
from imds_probe.kept.shapes import OMITTED
from imds_probe.timestamp import rfc3339
from imds_probe.watch.caller import cgroup_of, place_of
from imds_probe.watch.evidence import ROW, caller_of_row, callers_of, covered, in_order, named_alike
from imds_probe.watch.history_earlier import called_before
from imds_probe.watch.history_file import (
    MEMORY,
    HistoryError,
    Loss,
    is_of_the_file,
    lost_before,
    note_as_begun,
    opened_to_read,
    opened_to_write,
    put_aside,
)
from imds_probe.watch.history_format import CALLER_KEY, FORMAT, HOUR_S, TABLES
from imds_probe.watch.history_refused import refused_since
from imds_probe.watch.refusals import Place, Refusals, same_path
from imds_probe.watch.refusals_kept import note
from imds_probe.watch.seals import check
from imds_probe.watch.watcher import SeenCall

CALLERS_MAX = 10_000
# Of one program and unit: what makes a script or container of a new name each minute takes no more room than these.
FAMILY_MAX, IMAGES_MAX = 200, 50
HOURS_MAX = 500_000  # hours of callers: all of it is read to see that it is whole
INTERVALS_MAX = 50_000
SENDERS_MAX, SENDERS_SHOWN = 1000, 5
TEXT_MAX = 300
UNKNOWN_UID = -1  # as NULL is not equal to itself
OURS = "imds-probe/"  # how the probe's own client names itself
CLAIMED = "sent by a process that is not known, with the User-Agent of imds-probe"  # who sent it
NEVER = range(0)
# What tells callers from each other in different boots.
MENDED_DAYS = 3  # on which somebody called after a boot, before his silence says that he was changed
_SAME = ("program", "unit", "container", "uid", "script", "client")
# By the beginning of the path below /latest or a dated version: what a caller is after, without names in it.
_CLASSES = (
    ("api/token", "token"),
    ("meta-data/iam/", "credentials"),
    ("meta-data/identity-credentials/", "credentials"),
    ("user-data", "user-data"),
    ("dynamic/instance-identity", "identity"),
    ("meta-data/", "meta-data"),
    ("dynamic/", "dynamic"),
)


def path_class(path: str) -> str:
    """What a request is after, in one word."""
    if is_other_clouds(path):
        return "other-cloud"
    below = path.strip("/").partition("/")[2]  # without "latest" or the date of a version
    if below in (f"meta-data/{OMITTED}", f"dynamic/{OMITTED}"):
        return "other"  # EC2 is not known to have such a thing
    return next((name for start, name in _CLASSES if below.startswith(start)), "other")


class History:
    """An open history. Raises HistoryError.

    A file that cannot be used is set aside, and a new one begun, which remembers that evidence was lost: `set_aside` is
    where it went, None otherwise, and `say` gets a line about it.
    """

    def __init__(self, path: Path, *, read_only: bool = False, say: Callable[[str], None] = lambda _: None) -> None:
        self.path, self._say, self._read_only = path, say, read_only
        self.set_aside: Path | None = None
        self._lost: Loss | None = None
        self._format = FORMAT
        self._refusals = Refusals()
        if read_only:
            self._database, self._format = opened_to_read(path)
            return
        self._open()
        try:
            note_as_begun(self.path)
        except OSError as error:
            self.close()
            raise self._not_written(error.strerror or str(error)) from None

    def _open(self) -> None:
        try:
            self._database = opened_to_write(self.path, self._lost)
        except sqlite3.Error as error:
            self._hold_to_account(error)
            self._begin_anew(error)

    def _hold_to_account(self, error: sqlite3.Error) -> None:
        """Raise HistoryError where it is not the file that is at fault."""
        if self._read_only or self.path == MEMORY or not is_of_the_file(self.path, error):
            raise self._not_written(str(error)) from None

    def _begin_anew(self, error: sqlite3.Error) -> None:
        """In the place of a file that cannot be used. Raises HistoryError."""
        self.set_aside, self._lost = put_aside(self.path, error)
        self._refusals = Refusals()  # the rows of which are gone
        kept = f"the file is kept as {self.set_aside}" if self.set_aside else "the file was missing"
        self._say(f"{self.path} could not be used ({error}): {kept}, and a new history is begun")
        try:
            self._database = opened_to_write(self.path, self._lost)
        except sqlite3.Error as again:
            raise self._not_written(str(again)) from None

    def _not_written(self, why: str) -> HistoryError:
        return HistoryError(
            f"{self.path} cannot be written: {why}", "Free space on its disk, or make the file writable."
        )

    def check(self) -> None:
        """Begin anew where the file is not what was written any more. Raises HistoryError."""
        self._write(lambda: check(self._database, FORMAT))

    def _write(self, write: Callable[[], None]) -> None:
        """All of it in one transaction, or nothing; in a new file where it is the file that cannot be written."""
        try:
            self._in_transaction(write)
            return
        except sqlite3.ProgrammingError:  # it is closed, as no new one could be begun before
            self._open()
        except sqlite3.Error as error:
            self._hold_to_account(error)
            self.close()
            self._begin_anew(error)
        try:
            self._in_transaction(write)
        except sqlite3.Error as again:
            raise self._not_written(str(again)) from None

    def _in_transaction(self, write: Callable[[], None]) -> None:
        self._database.execute("begin immediate")
        try:
            write()
            self._database.execute("commit")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("rollback")
            raise

    def record(
        self,
        calls: Iterable[tuple[SeenCall, str | None]],
        began: float,
        ended: float,
        dropped: int = 0,
        unconfirmed: Mapping[str, int] | None = None,
    ) -> None:
        """Keep what was seen from `began` to `ended`: calls, each with what its container is called, and the time itself;
        `unconfirmed` are requests by IMDSv1 that nothing confirmed, by where they came from.

        A call by IMDSv1 of which nobody knows whether the probe made it is one of these, too: it accuses nobody, and does not
        vanish. Times are in seconds since the epoch. All of it or nothing, also at a power cut. Raises HistoryError where the disk
        is full: then nothing is lost that was there before.
        """
        together: dict[tuple[_Key, int], list[SeenCall]] = defaultdict(list)
        senders = Counter(unconfirmed or {})
        for seen, container in calls:
            if may_be_ours(seen) and seen.version == "v1":
                senders[CLAIMED] += 1
            else:
                together[_key(seen, container), int(seen.at // HOUR_S)].append(seen)

        left = self._refusals

        def write() -> None:
            nonlocal left
            counted: list[tuple[SeenCall, Place]] = []
            for (key, hour), some in together.items():
                row = self._count(key, hour, some)
                counted += [(seen, Place(row, hour, same_path(_text(seen.path)))) for seen in some]
            left, recovered = self._refusals.after(counted)
            note(self._database, counted, recovered)
            self._observe(began, ended, dropped, senders.total())
            for sender, requests in senders.items():
                self._sent(_text(sender), int(ended // HOUR_S), requests)

        self._write(write)
        self._refusals = left

    def _count(self, key: _Key, hour: int, some: list[SeenCall]) -> int:
        """The row of the caller that these count for."""
        key = self._with_room(key)
        last = max(some, key=lambda seen: seen.at)
        caller = last.caller
        values = key._asdict() | {
            "first_seen": min(seen.at for seen in some),
            "last_seen": last.at,
            "user_agent": _text(last.user_agent),
            "pid": caller.pid if caller else None,
            "comm": _text(caller.comm) if caller else None,
            "cmdline": _text(caller.command) if caller else None,
            "path": _text(last.path),
            "on_host": all(seen.caller.on_host for seen in some if seen.caller) if caller else None,
            "started_by": _text(caller.started_by) if caller else None,
            "origin": last.origin,
            "token_ttl": last.token_ttl,
            "distance": last.distance,
            "interface": _text(last.interface),
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
            (row, hour, len(some), sum(seen.status == 401 for seen in some), sum(map(_is_served, some))),
        )
        return row

    def _with_room(self, key: _Key) -> _Key:
        """The key under which a caller is counted: its own, or of many of its kind where there is no room for more."""
        if self._is_full(key):
            return _NOBODY._replace(version=key.version, program=OTHERS, probe=key.probe, uid=key.uid)
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

    def _family(self, key: _Key) -> int:
        """How many callers there are of its program and unit."""
        found = self._database.execute(
            "select count(*) from callers where (version, program, unit) = (?, ?, ?)", key[:3]
        ).fetchone()
        return int(found[0])

    def _is_full(self, key: _Key) -> bool:
        """Whether there is no more room for a caller of its own."""
        amounts = dict(self._database.execute("select name, amount from seals"))
        return amounts["hours"] >= HOURS_MAX or (amounts["callers"] >= CALLERS_MAX and self._id(key) is None)

    def _id(self, key: _Key) -> int | None:
        found = self._database.execute(
            f"select id from callers where ({', '.join(CALLER_KEY)}) = ({', '.join('?' * len(CALLER_KEY))})",
            key,
        ).fetchone()
        return None if found is None else int(found[0])

    def _observe(self, began: float, ended: float, dropped: int, unconfirmed: int) -> None:
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

    def _sent(self, sender: str, hour: int, requests: int) -> None:
        (known,) = self._database.execute("select amount from seals where name = 'senders'").fetchone()
        self._database.execute(
            "insert into senders (sender, hour, requests) values (?, ?, ?)"
            " on conflict do update set requests = requests + excluded.requests",
            (sender if known < SENDERS_MAX else "others", hour, requests),
        )

    def forget(self, before: float, at_most_s: float = float("inf")) -> None:
        """Take away what is older (seconds since the epoch), but no more than the oldest `at_most_s` seconds; and callers of
        whom nothing is left. Raises HistoryError.
        """

        def write() -> None:
            oldest = self._database.execute(
                "select min(at) from (select min(hour) * ? as at from hours union all select min(ended) from intervals)",
                (HOUR_S,),
            ).fetchone()[0]
            until = before if oldest is None else min(before, oldest + at_most_s)
            for statement, value in (
                ("delete from refusals where hour < ?", int(until // HOUR_S)),
                ("delete from hours where hour < ?", int(until // HOUR_S)),
                ("delete from callers where id not in (select caller from hours)", None),
                ("delete from intervals where ended < ?", until),
                (
                    "delete from intervals where began not in (select began from intervals order by began desc limit ?)",
                    INTERVALS_MAX,
                ),
                ("delete from losses where at < ?", until),
                ("delete from senders where hour < ?", int(until // HOUR_S)),
            ):
                self._database.execute(statement, () if value is None else (value,))

        self._write(write)

    def evidence(
        self,
        now: float,
        window_s: float,
        needed_coverage: float = 1.0,
        *,
        full_command_lines: bool = False,
        at_boot: range = NEVER,
    ) -> Callers:
        """What is known of the last `window_s` seconds before `now` (since the epoch), and, where less than `needed_coverage` of
        it was watched, of those who called before. Calls count by the hour that they fell into. `full_command_lines`: with all
        that is stored of them. Who called in the hours `at_boot` (of the epoch) and never after counts as well, however long ago
        that is. Raises HistoryError.
        """
        since = now - window_s
        columns = ", ".join(TABLES["callers"].column(name, self._format) for name in ROW)
        served = TABLES["hours"].column("served", self._format)
        unconfirmed = TABLES["intervals"].column("unconfirmed", self._format)
        try:
            rows = self._database.execute(
                f"select {columns}, sum(calls), sum(refused), sum({served}), min(last_seen, max(first_seen, ?))"
                f" from hours join callers on id = caller where hour >= ? or ({_only_then(self._format)}) group by id",
                (since, int(since // HOUR_S), *_bounds(at_boot)),
            ).fetchall()
            intervals = self._database.execute(
                f"select began, ended, dropped, {unconfirmed} from intervals where ended > ? and began < ? order by began",
                (since, now),
            ).fetchall()
            losses, senders = self._losses(since), self._senders(int(since // HOUR_S))
            observed_s = covered(
                [(max(began, since), min(ended, now)) for began, ended, *lost in intervals if not any(lost)]
            )
            needed_s, full = needed_coverage * window_s, full_command_lines
            earlier = (
                called_before(self._database, self._format, since, now, needed_s, full_command_lines=full)
                if observed_s < needed_s
                else ()
            )
            silent_s = self._silent_s(now, needed_coverage)
        except sqlite3.Error as error:
            raise HistoryError(f"{self.path} cannot be read: {error}") from None
        by = in_order(named_alike(caller_of_row(row, full_command_lines=full_command_lines) for row in rows))
        return callers_of(
            by,
            window_s=window_s,
            observed_s=observed_s,
            needed_coverage=needed_coverage,
            dropped=sum(dropped for _, _, dropped, _ in intervals),
            watched_until=rfc3339(max(ended for _, ended, _, _ in intervals)) if intervals else None,
            losses=tuple(HistoryLoss(rfc3339(at), why) for at, why in losses),
            unconfirmed=sum(each for _, _, _, each in intervals),
            senders=senders,
            earlier=earlier,
            silent_s=silent_s,
        )

    def _silent_s(self, now: float, needed_coverage: float) -> float:
        """For how long nobody has called by IMDSv1 who may lose something, as far back as so great a share was watched."""
        (last,) = self._database.execute(
            "select max(last_seen) from callers join hours on caller = id where version = 'v1' and not probe"
            f" and not ({_harmless(self._format)})"
        ).fetchone()
        called = float("-inf") if last is None else last
        intervals = self._database.execute(
            "select began, ended from intervals where ended > ? and began < ? and dropped = 0"
            f" and {TABLES['intervals'].column('unconfirmed', self._format)} = 0 order by ended desc",
            (called, now),
        )
        watched_s, reached, silent_s = 0.0, now, 0.0
        for began, ended in intervals:
            since = max(began, called)
            watched_s += max(0.0, min(ended, reached) - since)
            reached = min(reached, since)
            if watched_s >= needed_coverage * (now - reached):
                silent_s = now - reached
        return silent_s

    def _senders(self, since: int) -> tuple[str, ...]:
        """Where most of what is unconfirmed came from, from an hour of the epoch on."""
        if self._format < TABLES["senders"].since:
            return ()
        rows = self._database.execute(
            "select sender, sum(requests) as requests from senders where hour >= ? group by sender"
            " order by requests desc, sender limit ?",
            (since, SENDERS_SHOWN),
        )
        return tuple(f"{count}: {sender}" for sender, count in rows)

    def at_boot(self, hours: range) -> tuple[int, int]:
        """How many calls by IMDSv1 that are not the probe's fell into these hours (of the epoch), and how many of them are of
        callers who did not go on calling. Raises HistoryError.
        """
        counted = (
            "select coalesce(sum(calls), 0) from hours join callers on id = caller where version = 'v1' and not probe"
            f" and not ({_harmless(self._format)})"
        )
        bounds = _bounds(hours)
        try:
            (in_all,) = self._database.execute(f"{counted} and hour between ? and ?", bounds[:2]).fetchone()
            (only,) = self._database.execute(f"{counted} and {_only_then(self._format)}", bounds).fetchone()
        except sqlite3.Error as error:
            raise HistoryError(f"{self.path} cannot be read: {error}") from None
        return in_all, only

    def lost_at(self) -> float | None:
        """When evidence from before was lost last, in seconds since the epoch. Raises HistoryError."""
        try:
            return max((at for at, _ in self._losses(-1.0)), default=None)
        except sqlite3.Error as error:
            raise HistoryError(f"{self.path} cannot be read: {error}") from None

    def _losses(self, since: float) -> list[Loss]:
        if self._format >= TABLES["losses"].since:
            return self._database.execute("select at, why from losses where at > ? order by at", (since,)).fetchall()
        lost = lost_before(self.path, self._format)
        return [lost] if lost is not None and lost[0] > since else []

    def refused_since(
        self, since: float, now: float, *, known_since: float | None = None, full_command_lines: bool = False
    ) -> WatchedSince:
        """Who was refused from `since` to `now` (seconds since the epoch), as history_refused.py has it. Raises HistoryError."""
        known, full = known_since, full_command_lines
        try:
            return refused_since(self._database, self._format, since, now, known_since=known, full_command_lines=full)
        except sqlite3.Error as error:
            raise HistoryError(f"{self.path} cannot be read: {error}") from None

    def v1_by_hour(self, since: float, now: float, *, refused: bool = False) -> dict[int, int]:
        """Calls by IMDSv1 that were not refused, or those that were, the probe's own, too, in each hour (of the epoch) of which
        all was watched without a loss. Raises HistoryError.
        """
        try:
            counts: dict[int, int] = dict(
                self._database.execute(
                    f"select hour, sum({'refused' if refused else 'calls - refused'}) from hours join callers on id = caller"
                    " where version = 'v1' and hour >= ? group by hour",
                    (int(since // HOUR_S),),
                )
            )
            intervals = self._database.execute(
                "select began, ended from intervals where ended > ? and dropped = 0"
                f" and {TABLES['intervals'].column('unconfirmed', self._format)} = 0 order by began",
                (since,),
            ).fetchall()
        except sqlite3.Error as error:
            raise HistoryError(f"{self.path} cannot be read: {error}") from None
        hours = range(int(-(-since // HOUR_S)), int(now // HOUR_S))
        parts = _by_hour(intervals, hours)
        # Nearly all of it: between two intervals that follow on there may be a moment.
        return {hour: counts.get(hour, 0) for hour in hours if covered(parts[hour]) >= HOUR_S - 1}

    def close(self) -> None:
        """Close the file; everything recorded is in it."""
        self._database.close()

    def __enter__(self) -> History:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _only_then(found: int) -> str:
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


def _harmless(found: int) -> str:
    """SQL, of a file of this format: these calls lose nothing. See CallerSeen.is_harmless."""
    callers, hours = TABLES["callers"], TABLES["hours"]
    classes = ", ".join(f"'{each}'" for each in ELSEWHERE)
    return (
        f"{callers.column('origin', found)} is not null and {hours.column('served', found)} = 0 and program <> '{OTHERS}'"
        f" and path_class in ({classes}) and (refused = 0 or path_class = 'other-cloud')"
    )


def _bounds(hours: range) -> tuple[int, int, int]:
    """What _only_then is asked with."""
    return (hours.start, hours.stop - 1, hours.stop - 1)


def _by_hour(intervals: Iterable[tuple[float, float]], hours: range) -> dict[int, list[tuple[float, float]]]:
    """What there is of the intervals in each hour."""
    parts: dict[int, list[tuple[float, float]]] = {hour: [] for hour in hours}
    for began, ended in intervals:
        for hour in range(max(int(began // HOUR_S), hours.start), min(int(ended // HOUR_S) + 1, hours.stop)):
            parts[hour].append((max(began, hour * HOUR_S), min(ended, (hour + 1) * HOUR_S)))
    return parts


class _Key(NamedTuple):
    """What makes callers one."""

    version: str
    program: str
    unit: str
    container: str
    container_id: str
    path_class: str
    probe: bool
    uid: int
    script: str
    token: str
    client: str
    netns: int
    image: str


_NOBODY = _Key("v1", OTHERS, "", "", "", "other", False, UNKNOWN_UID, "", "", "", 0, "")
_NEWEST = ("user_agent", "pid", "comm", "cmdline", "path", "started_by", "origin", "interface")


def is_ours(seen: SeenCall) -> bool:
    """Whether the probe made this call itself. Anybody may say so: root is believed, on the host and in the container that
    we are in ourselves.
    """
    if not seen.user_agent.startswith(OURS) or seen.caller is None or seen.caller.uid is None:
        return False
    return seen.caller.uid == 0 and seen.caller.container in (None, _own_container())


def may_be_ours(seen: SeenCall) -> bool:
    """Whether the host made it, it says that it is the probe's, and nobody knows which process it was."""
    unknown = seen.caller is None or seen.caller.uid is None
    return unknown and seen.outgoing and seen.user_agent.startswith(OURS)


def is_harmless(seen: SeenCall) -> bool:
    """Whether it loses nothing: see CallerSeen.is_harmless."""
    wanted = _class(seen)
    refused = seen.status == 401 and wanted != "other-cloud"
    return wanted in ELSEWHERE and not refused and not _is_served(seen)


def is_without_effect(seen: SeenCall) -> bool:
    """Whether nothing is lost where it is refused: it asks only whether anything answers, or for another cloud's paths."""
    return _class(seen) in ("head", "other-cloud")


def _class(seen: SeenCall) -> str:
    return "head" if seen.method == "HEAD" else path_class(seen.path)


@cache
def _own_container() -> str | None:
    proc = Path("/proc")
    return place_of(cgroup_of(proc, os.getpid()), proc, os.getuid())["container"]


def _text(text: str | None) -> str:
    return encodable(text or "")[:TEXT_MAX]


def _script_of(seen: SeenCall) -> str:
    """What somebody would mend: the script, or the line of a crontab or of a unit that asks for just this."""
    if seen.caller is None or seen.caller.script is not None:
        return _text(seen.caller.script) if seen.caller else ""
    return _text(f"{REQUESTED_BY_COMMAND_LINE}{seen.path}") if is_fetcher(seen.caller.exe) else ""


def _is_served(seen: SeenCall) -> bool:
    """Whether it was, or may have been, as no answer was seen to what the service may have."""
    return not is_other_clouds(seen.path) if seen.status is None else seen.status < 400


def _key(seen: SeenCall, container: str | None) -> _Key:
    caller, there = seen.caller, seen.there
    return _Key(
        version=seen.version,
        program=_text(seen.program),
        unit=lasting_unit(_text(caller.unit if caller else None)),  # one for each connection would fill the file
        container=_text(container),
        container_id=_text(there.container if there else None),
        path_class=_class(seen),
        probe=is_ours(seen),
        uid=UNKNOWN_UID if caller is None or caller.uid is None else caller.uid,
        script=_script_of(seen),
        token=seen.token or "",
        client=_text(seen.client if caller is None and not (there and there.container) else None),
        netns=seen.netns or 0,
        image=_text(seen.image),
    )
