"""What a watch has seen over days: callers counted by the hour, and the times that were really observed.

SQLite in the state directory, written by one watch and read by any run beside it. What was not watched (the daemon was
down, the host rebooted, packets came too fast) is missing from the intervals, and so counts as not observed.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType

from imds_probe.facts.callers import Callers
from imds_probe.facts.switched import WatchedSince
from imds_probe.watch.call_meaning import may_be_ours
from imds_probe.watch.history_boot import NEVER, at_boot
from imds_probe.watch.history_counting import Counting
from imds_probe.watch.history_evidence import Window, evidence
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
from imds_probe.watch.history_format import FORMAT, HOUR_S, TABLES
from imds_probe.watch.history_hours import v1_by_hour
from imds_probe.watch.history_key import Key, key_of, text_of
from imds_probe.watch.history_refused import refused_since
from imds_probe.watch.refusals import Place, Refusals, same_path
from imds_probe.watch.refusals_kept import note
from imds_probe.watch.seals import check
from imds_probe.watch.seen_call import SeenCall

INTERVALS_MAX = 50_000
CLAIMED = "sent by a process that is not known, with the User-Agent of imds-probe"  # who sent it


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
        together: dict[tuple[Key, int], list[SeenCall]] = defaultdict(list)
        senders = Counter(unconfirmed or {})
        for seen, container in calls:
            if may_be_ours(seen) and seen.version == "v1":
                senders[CLAIMED] += 1
            else:
                together[key_of(seen, container), int(seen.at // HOUR_S)].append(seen)

        left = self._refusals

        def write() -> None:
            nonlocal left
            counting, counted = Counting(self._database), list[tuple[SeenCall, Place]]()
            for (key, hour), some in together.items():
                row = counting.count(key, hour, some)
                counted += [(seen, Place(row, hour, same_path(text_of(seen.path)))) for seen in some]
            left, recovered = self._refusals.after(counted)
            note(self._database, counted, recovered)
            counting.observe(began, ended, dropped, senders.total())
            for sender, requests in senders.items():
                counting.sent(text_of(sender), int(ended // HOUR_S), requests)

        self._write(write)
        self._refusals = left

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
        """What is known of a window of time, as history_evidence.py has it. Raises HistoryError."""
        window, full = Window(now, window_s, needed_coverage, at_boot), full_command_lines
        with self._reading():
            losses = self._losses(now - window_s)
            return evidence(self._database, self._format, window, losses, full_command_lines=full)

    def at_boot(self, hours: range) -> tuple[int, int]:
        """Who called in these hours, as history_boot.py has it. Raises HistoryError."""
        with self._reading():
            return at_boot(self._database, self._format, hours)

    def lost_at(self) -> float | None:
        """When evidence from before was lost last, in seconds since the epoch. Raises HistoryError."""
        with self._reading():
            return max((at for at, _ in self._losses(-1.0)), default=None)

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
        with self._reading():
            return refused_since(self._database, self._format, since, now, known_since=known, full_command_lines=full)

    def v1_by_hour(self, since: float, now: float, *, refused: bool = False) -> dict[int, int]:
        """Calls by IMDSv1 in each hour, as history_hours.py has it. Raises HistoryError."""
        with self._reading():
            return v1_by_hour(self._database, self._format, since, now, refused=refused)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise HistoryError(f"{self.path} cannot be read: {error}") from None

    def close(self) -> None:
        """Close the file; everything recorded is in it."""
        self._database.close()

    def __enter__(self) -> History:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
