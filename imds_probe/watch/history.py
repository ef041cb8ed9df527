"""What a watch has seen over days: callers counted by the hour, and the times that were really observed.

SQLite in the state directory, written by one watch and read by any run beside it. What was not watched (the daemon was
down, the host rebooted, packets came too fast) is missing from the intervals, and so counts as not observed.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from imds_probe.errors import ProbeError
from imds_probe.facts.callers import Callers
from imds_probe.watch.caller import cgroup_of, place_of
from imds_probe.watch.evidence import caller_of_row, callers_of, covered, in_order, rfc3339
from imds_probe.watch.history_format import FORMAT, HOUR_S, READABLE, brought_up, column
from imds_probe.watch.watcher import SeenCall

RETENTION_S = 90 * 24 * HOUR_S
CALLERS_MAX = 10_000
INTERVALS_MAX = 50_000
SENDERS_MAX, SENDERS_SHOWN = 1000, 5
BUSY_S = 5.0
TEXT_MAX = 300
MEMORY = Path(":memory:")
UNKNOWN_UID = -1  # as NULL is not equal to itself
OURS = "imds-probe/"  # how the probe's own client names itself
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


class HistoryError(ProbeError):
    """The history cannot be opened or written."""


def path_class(path: str) -> str:
    """What a request is after, in one word."""
    below = path.strip("/").partition("/")[2]  # without "latest" or the date of a version
    return next((name for start, name in _CLASSES if below.startswith(start)), "other")


class History:
    """An open history. Raises HistoryError.

    A file that is damaged is set aside, and a new one begun: `set_aside` is where it went, None otherwise.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path, self.set_aside = path, None  # type: tuple[Path, Path | None]
        if read_only and not path.exists():
            raise HistoryError(f"{path} is not there", "Enable imds-probe's daemon, which writes it.")
        try:
            self._database = self._opened(read_only)
        except sqlite3.DatabaseError as error:
            if read_only or isinstance(error, sqlite3.OperationalError):
                raise HistoryError(f"{path} cannot be opened: {error}", "See whether its disk is full.") from None
            self.set_aside = self._put_aside()
            self._database = self._opened(read_only)

    def _opened(self, read_only: bool) -> sqlite3.Connection:
        if self.path == MEMORY:
            address = "file::memory:"
        else:
            address = f"{self.path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
            # Left in order, by a daemon that has ended: then SQLite would want to make files beside it to read it.
            if read_only and not Path(f"{self.path}-wal").exists():
                address += "&immutable=1"
        database = sqlite3.connect(address, uri=True, timeout=BUSY_S)
        try:
            found = database.execute("pragma user_version").fetchone()[0]
            if not read_only:
                found = brought_up(database, found)
            if found not in READABLE:
                raise sqlite3.DatabaseError(f"its format is {found}, not {FORMAT}")
            self._format = found
            if not read_only:
                database.execute("pragma synchronous=normal")
                database.execute("pragma foreign_keys=on")
                if database.execute("pragma quick_check(1)").fetchone()[0] != "ok":
                    raise sqlite3.DatabaseError("it is damaged")
            return database
        except BaseException:
            database.close()
            raise

    def _put_aside(self) -> Path:
        aside = self.path.with_name(f"{self.path.name}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
        try:
            os.replace(self.path, aside)
            for end in ("-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(f"{self.path}{end}")
        except OSError as error:
            raise HistoryError(f"{self.path} is damaged and cannot be set aside: {error.strerror}") from None
        return aside

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

        Times are in seconds since the epoch. All of it or nothing, also at a power cut. Raises HistoryError where the disk
        is full: then nothing is lost that was there before.
        """
        together: dict[tuple[_Key, int], list[SeenCall]] = defaultdict(list)
        for seen, container in calls:
            together[_key(seen, container), int(seen.at // HOUR_S)].append(seen)
        try:
            with self._database:
                for (key, hour), some in together.items():
                    self._count(key, hour, some)
                self._observe(began, ended, dropped, sum((unconfirmed or {}).values()))
                for sender, requests in (unconfirmed or {}).items():
                    self._sent(sender[:TEXT_MAX], int(ended // HOUR_S), requests)
        except sqlite3.Error as error:
            raise HistoryError(f"{self.path} cannot be written: {error}", "See whether its disk is full.") from None

    def _count(self, key: _Key, hour: int, some: list[SeenCall]) -> None:
        if self._id(key) is None and self._is_full():
            key = key._replace(program="others", unit="", container="", container_id="", path_class="other")
        last = max(some, key=lambda seen: seen.at)
        caller = last.caller
        self._database.execute(
            "insert into callers (version, program, unit, container, container_id, path_class, probe, uid, first_seen, last_seen,"
            " user_agent, pid, comm, cmdline, path, on_host) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " on conflict do update set last_seen = max(last_seen, excluded.last_seen),"
            " user_agent = excluded.user_agent, pid = excluded.pid, comm = excluded.comm,"
            " cmdline = excluded.cmdline, path = excluded.path, on_host = min(on_host, excluded.on_host)",
            (
                *key,
                min(seen.at for seen in some),
                last.at,
                last.user_agent[:TEXT_MAX],
                caller.pid if caller else None,
                caller.comm if caller else None,
                caller.command[:TEXT_MAX] if caller else None,
                last.path[:TEXT_MAX],
                all(seen.caller.on_host for seen in some if seen.caller) if caller else None,
            ),
        )
        self._database.execute(
            "insert into hours (caller, hour, calls, refused) values (?, ?, ?, ?)"
            " on conflict do update set calls = calls + excluded.calls, refused = refused + excluded.refused",
            (self._id(key), hour, len(some), sum(seen.status == 401 for seen in some)),
        )

    def _is_full(self) -> bool:
        (known,) = self._database.execute("select count(*) from callers").fetchone()
        return bool(known >= CALLERS_MAX)

    def _id(self, key: _Key) -> int | None:
        found = self._database.execute(
            "select id from callers where (version, program, unit, container, container_id, path_class, probe, uid)"
            " = (?, ?, ?, ?, ?, ?, ?, ?)",
            key,
        ).fetchone()
        return None if found is None else int(found[0])

    def _observe(self, began: float, ended: float, dropped: int, unconfirmed: int) -> None:
        """Where it goes on from where the last one ended, it is the same interval, if both are whole, or both are not."""
        last = self._database.execute(
            "select began, ended, dropped + unconfirmed from intervals order by began desc limit 1"
        ).fetchone()
        if last and last[1] == began and bool(last[2]) == bool(dropped + unconfirmed):
            self._database.execute(
                "update intervals set ended = ?, dropped = dropped + ?, unconfirmed = unconfirmed + ? where began = ?",
                (ended, dropped, unconfirmed, last[0]),
            )
        else:
            self._database.execute(
                "insert or replace into intervals values (?, ?, ?, ?)", (began, ended, dropped, unconfirmed)
            )

    def _sent(self, sender: str, hour: int, requests: int) -> None:
        (known,) = self._database.execute("select count(*) from senders").fetchone()
        self._database.execute(
            "insert into senders values (?, ?, ?) on conflict do update set requests = requests + excluded.requests",
            (sender if known < SENDERS_MAX else "others", hour, requests),
        )

    def forget(self, before: float) -> None:
        """Take away what is older (seconds since the epoch), and callers of whom nothing is left. Raises HistoryError."""
        try:
            with self._database:
                self._database.execute("delete from hours where hour < ?", (int(before // HOUR_S),))
                self._database.execute("delete from callers where id not in (select caller from hours)")
                self._database.execute("delete from intervals where ended < ?", (before,))
                self._database.execute("delete from senders where hour < ?", (int(before // HOUR_S),))
                self._database.execute(
                    "delete from intervals where began not in (select began from intervals order by began desc limit ?)",
                    (INTERVALS_MAX,),
                )
        except sqlite3.Error as error:
            raise HistoryError(f"{self.path} cannot be written: {error}", "See whether its disk is full.") from None

    def evidence(
        self, now: float, window_s: float, needed_coverage: float = 1.0, *, full_command_lines: bool = False
    ) -> Callers:
        """What is known of the last `window_s` seconds before `now` (since the epoch). Calls count by the hour that they
        fell into. `full_command_lines`: with all that is stored of them. Raises HistoryError.
        """
        since = now - window_s
        added = ", ".join(column(name, self._format) for name in ("container_id", "uid", "on_host"))
        unconfirmed = column("unconfirmed", self._format)
        try:
            rows = self._database.execute(
                "select version, program, unit, container, path_class, probe, sum(calls), sum(refused),"
                f" max(first_seen, ?), last_seen, pid, comm, cmdline, path, user_agent, {added}"
                " from hours join callers on id = caller where hour >= ? group by id",
                (since, int(since // HOUR_S)),
            ).fetchall()
            intervals = self._database.execute(
                f"select began, ended, dropped, {unconfirmed} from intervals where ended > ? and began < ? order by began",
                (since, now),
            ).fetchall()
            senders = self._senders(int(since // HOUR_S))
        except sqlite3.Error as error:
            raise HistoryError(f"{self.path} cannot be read: {error}") from None
        by = in_order(caller_of_row(row, full_command_lines=full_command_lines) for row in rows)
        observed_s = covered(
            [(max(began, since), min(ended, now)) for began, ended, *missing in intervals if not any(missing)]
        )
        return callers_of(
            by,
            window_s=window_s,
            observed_s=observed_s,
            needed_coverage=needed_coverage,
            dropped=sum(dropped for _, _, dropped, _ in intervals),
            watched_until=rfc3339(max(ended for _, ended, _, _ in intervals)) if intervals else None,
            unconfirmed=sum(unconfirmed for _, _, _, unconfirmed in intervals),
            senders=senders,
        )

    def _senders(self, since: int) -> tuple[str, ...]:
        """Where most of what is unconfirmed came from, from an hour of the epoch on."""
        if self._format < FORMAT:
            return ()
        rows = self._database.execute(
            "select sender, sum(requests) as requests from senders where hour >= ? group by sender"
            " order by requests desc, sender limit ?",
            (since, SENDERS_SHOWN),
        )
        return tuple(f"{count}: {sender}" for sender, count in rows)

    def served_by_hour(self, since: float, now: float) -> dict[int, int]:
        """Calls by IMDSv1 that were not refused, the probe's own, too, in each hour (of the epoch) of which all was watched
        without a loss. Raises HistoryError.
        """
        try:
            counts: dict[int, int] = dict(
                self._database.execute(
                    "select hour, sum(calls - refused) from hours join callers on id = caller"
                    " where version = 'v1' and hour >= ? group by hour",
                    (int(since // HOUR_S),),
                )
            )
            intervals = self._database.execute(
                "select began, ended from intervals where ended > ? and dropped = 0"
                f" and {column('unconfirmed', self._format)} = 0 order by began",
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


def is_ours(seen: SeenCall) -> bool:
    """Whether the probe made this call itself. Anybody may say so: root is believed, on the host and in the container that
    we are in ourselves; and the host, where nobody knows which process it was.
    """
    if not seen.user_agent.startswith(OURS):
        return False
    if seen.caller is None or seen.caller.uid is None:
        return seen.outgoing
    return seen.caller.uid == 0 and seen.caller.container in (None, _own_container())


@cache
def _own_container() -> str | None:
    proc = Path("/proc")
    return place_of(cgroup_of(proc, os.getpid()), proc, os.getuid())["container"]


def _key(seen: SeenCall, container: str | None) -> _Key:
    return _Key(
        version=seen.version,
        program=seen.program[:TEXT_MAX],
        unit=(seen.caller.unit or "" if seen.caller else "")[:TEXT_MAX],
        container=(container or "")[:TEXT_MAX],
        container_id=(seen.caller.container or "" if seen.caller else "")[:TEXT_MAX],
        path_class=path_class(seen.path),
        probe=is_ours(seen),
        uid=UNKNOWN_UID if seen.caller is None or seen.caller.uid is None else seen.caller.uid,
    )
