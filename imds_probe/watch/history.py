"""What a watch has seen over days: callers counted by the hour, and the times that were really observed.

SQLite in the state directory, written by one watch and read by any run beside it. What was not watched (the daemon was
down, the host rebooted, packets came too fast) is missing from the intervals, and so counts as not observed.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from imds_probe.errors import ProbeError
from imds_probe.watch.watcher import Seen

FORMAT = 1
HOUR_S = 3600
RETENTION_S = 90 * 24 * HOUR_S
CALLERS_MAX = 10_000
BUSY_S = 5.0
TEXT_MAX = 300
_SCHEMA = """
create table callers (
    id integer primary key, version text not null, program text not null, unit text not null, container text not null,
    path_class text not null, user_agent text not null, first_seen real not null, last_seen real not null,
    unique (version, program, unit, container, path_class)
);
create table hours (
    caller integer not null references callers on delete cascade, hour integer not null, calls integer not null,
    refused integer not null, primary key (caller, hour)
) without rowid;
create table intervals (began real primary key, ended real not null, dropped integer not null);
"""
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


@dataclass(frozen=True)
class CallerSeen:
    """One caller within the time asked about. Times are in seconds since the epoch."""

    version: str
    program: str
    unit: str
    container: str
    path_class: str
    user_agent: str
    calls: int
    refused: int
    first_seen: float
    last_seen: float


@dataclass(frozen=True)
class Evidence:
    """What was seen in the last `window_s` seconds. `observed_s` of them were watched without a loss."""

    window_s: float
    observed_s: float
    dropped: int
    imdsv1: int
    imdsv2: int
    by: tuple[CallerSeen, ...]

    @property
    def coverage(self) -> float:
        """The share of the window that was observed, from 0 to 1."""
        return min(1.0, self.observed_s / self.window_s) if self.window_s else 0.0


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
        mode = "ro" if read_only else "rwc"
        database = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_S)
        try:
            found = database.execute("pragma user_version").fetchone()[0]
            if found == 0 and not read_only:
                database.execute("pragma journal_mode=wal")
                database.executescript(_SCHEMA)
                database.execute(f"pragma user_version={FORMAT}")
            elif found != FORMAT:
                raise sqlite3.DatabaseError(f"its format is {found}, not {FORMAT}")
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

    def record(self, calls: Iterable[tuple[Seen, str | None]], began: float, ended: float, dropped: int = 0) -> None:
        """Keep what was seen from `began` to `ended`: calls, each with what its container is called, and the time itself.

        All of it or nothing, also at a power cut. Raises HistoryError where the disk is full: then nothing is lost that was
        there before.
        """
        try:
            with self._database:
                for seen, container in calls:
                    self._count(seen, container)
                self._observe(began, ended, dropped)
        except sqlite3.Error as error:
            raise HistoryError(f"{self.path} cannot be written: {error}", "See whether its disk is full.") from None

    def _count(self, seen: Seen, container: str | None) -> None:
        caller = seen.caller
        program = (caller.exe or caller.comm) if caller else ("another host" if seen.relayed else "unknown")
        key = (
            seen.version,
            program[:TEXT_MAX],
            (caller.unit or "" if caller else "")[:TEXT_MAX],
            (container or "")[:TEXT_MAX],
            path_class(seen.path),
        )
        if self._id(key) is None and self._is_full():
            key = (seen.version, "others", "", "", "other")
        self._database.execute(
            "insert into callers (version, program, unit, container, path_class, user_agent, first_seen, last_seen)"
            " values (?, ?, ?, ?, ?, ?, ?, ?) on conflict do update set last_seen = max(last_seen, excluded.last_seen)",
            (*key, seen.user_agent[:TEXT_MAX], seen.at, seen.at),
        )
        self._database.execute(
            "insert into hours (caller, hour, calls, refused) values (?, ?, 1, ?)"
            " on conflict do update set calls = calls + 1, refused = refused + excluded.refused",
            (self._id(key), int(seen.at // HOUR_S), int(seen.status == 401)),
        )

    def _is_full(self) -> bool:
        (known,) = self._database.execute("select count(*) from callers").fetchone()
        return bool(known >= CALLERS_MAX)

    def _id(self, key: tuple[str, ...]) -> int | None:
        found = self._database.execute(
            "select id from callers where (version, program, unit, container, path_class) = (?, ?, ?, ?, ?)", key
        ).fetchone()
        return None if found is None else int(found[0])

    def _observe(self, began: float, ended: float, dropped: int) -> None:
        """Where it goes on from where the last one ended, it is the same interval; one with a loss stands for itself."""
        last = self._database.execute(
            "select began, ended, dropped from intervals order by began desc limit 1"
        ).fetchone()
        if last and last[1] == began and not last[2] and not dropped:
            self._database.execute("update intervals set ended = ? where began = ?", (ended, last[0]))
        else:
            self._database.execute("insert or replace into intervals values (?, ?, ?)", (began, ended, dropped))

    def forget(self, before: float) -> None:
        """Take away what is older, and callers of whom nothing is left."""
        with self._database:
            self._database.execute("delete from hours where hour < ?", (int(before // HOUR_S),))
            self._database.execute("delete from callers where id not in (select caller from hours)")
            self._database.execute("delete from intervals where ended < ?", (before,))

    def evidence(self, now: float, window_s: float) -> Evidence:
        """What is known of the last `window_s` seconds. Calls count by the hour that they fell into."""
        since = now - window_s
        rows = self._database.execute(
            "select version, program, unit, container, path_class, user_agent, sum(calls), sum(refused),"
            " max(first_seen, ?), last_seen from hours join callers on id = caller where hour >= ? group by id"
            " order by version, sum(calls) desc",
            (since, int(since // HOUR_S)),
        ).fetchall()
        by = tuple(CallerSeen(*row) for row in rows)
        observed, dropped = self._database.execute(
            "select coalesce(sum(case when dropped then 0 else min(ended, ?) - max(began, ?) end), 0),"
            " coalesce(sum(dropped), 0) from intervals where ended > ? and began < ?",
            (now, since, since, now),
        ).fetchone()
        return Evidence(
            window_s=window_s,
            observed_s=observed,
            dropped=dropped,
            imdsv1=sum(each.calls for each in by if each.version == "v1"),
            imdsv2=sum(each.calls for each in by if each.version == "v2"),
            by=by,
        )

    def close(self) -> None:
        """Close the file; everything recorded is in it."""
        self._database.close()

    def __enter__(self) -> History:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
