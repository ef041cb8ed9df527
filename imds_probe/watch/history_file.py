"""The file of a history: opened, checked, and set aside where it cannot be used, so that a new one can be begun.

What a fault of the file is, and what one of its place: only a file is set aside, and only where another one beside it could
be written. A full disk, a missing right or another process in the way pass, and cost no evidence.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from imds_probe.errors import ProbeError
from imds_probe.system.state_directory import check_directory, check_file
from imds_probe.timestamp import in_a_name
from imds_probe.watch.history_format import FORMAT, READABLE, TABLES, TIME_MAX, brought_up
from imds_probe.watch.seals import Damaged, check, is_empty, know_seals

Loss = tuple[float, str]  # when, in seconds since the epoch, and how
MEMORY = Path(":memory:")
BEGUN = ".begun"
COMPANIONS = ("-journal", "-wal", "-shm")
ASIDE_MAX = 10
READER_WAITS_S, WRITER_WAITS_S = 5.0, 1.0  # for another process that has the file; the watch cannot wait for long
READER_LOOKS_AGAIN_S = 0.1
CHECKED_WITHIN_S = 10.0
STEPS = 10_000  # of SQLite's machine, between two looks at the time
SIZE_MAX = 1 << 30
_BY_OTHERS = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT)
_BY_FILE_OR_PLACE = (
    *(sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH),
    *(sqlite3.SQLITE_NOLFS, sqlite3.SQLITE_PROTOCOL),
)
_BEGUN_TEXT = "imds-probe began {name} here. If that file is missing, evidence of calls was lost.\n"


class HistoryError(ProbeError):
    """The history cannot be opened, read or written."""


class LaterFormat(sqlite3.DatabaseError):
    """A later version wrote the file."""


class NotBegun(sqlite3.DatabaseError):
    """The file is there, and nothing was written into it yet."""


def opened_to_read(path: Path) -> tuple[sqlite3.Connection, int]:
    """The file of which nothing is changed, checked, and its format; within one transaction until it is closed. Raises
    HistoryError.
    """
    if not _is_there(path):
        raise HistoryError(f"{path} is missing", "Enable imds-probe's daemon, which writes it.")
    try:
        return _opened_once_begun(path)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_READONLY_ROLLBACK:
            raise _not_to_be_read(path, error) from None
    # Its writer was killed, and a journal says what to take back: that is for the daemon to do, or for us in a copy.
    try:
        with tempfile.TemporaryDirectory(prefix="imds-probe-") as copies:
            copy = Path(copies) / path.name
            for end in ("", *COMPANIONS):
                with contextlib.suppress(FileNotFoundError):
                    shutil.copyfile(f"{path}{end}", f"{copy}{end}")
            with contextlib.closing(sqlite3.connect(copy)) as database:
                database.execute(
                    "select count(*) from sqlite_master"
                ).fetchone()  # which takes back what was not finished
            return _opened_to_read(copy)
    except (sqlite3.Error, OSError) as error:
        raise _not_to_be_read(path, error) from None


def _opened_once_begun(path: Path) -> tuple[sqlite3.Connection, int]:
    """Opened to read; where a daemon is only just making the file, once it has."""
    deadline = time.monotonic() + READER_WAITS_S
    while True:
        try:
            return _opened_to_read(path)
        except NotBegun:
            if time.monotonic() > deadline:
                raise
            time.sleep(READER_LOOKS_AGAIN_S)


def _not_to_be_read(path: Path, error: Exception) -> HistoryError:
    if isinstance(error, LaterFormat):
        return HistoryError(f"{path} cannot be read: {error}", "Run that version of imds-probe, or a later one.")
    return HistoryError(
        f"{path} cannot be read: {error}",
        "Restart the daemon: systemctl restart imds-probe-daemon. It sets a damaged file aside and begins a new one.",
    )


def _opened_to_read(path: Path) -> tuple[sqlite3.Connection, int]:
    address = f"{path.absolute().as_uri()}?mode=ro"
    # One of an earlier format, left in order by a daemon that has ended: SQLite would make files beside it to read it.
    if _is_in_wal_mode(path) and not Path(f"{path}-wal").exists():
        address += "&immutable=1"
    database = sqlite3.connect(address, uri=True, timeout=READER_WAITS_S, isolation_level=None)
    try:
        know_seals(database)
        with _bounded(database):
            database.execute("begin")
            found = _format(database)
            if found == 0 and not database.execute("select count(*) from sqlite_master").fetchone()[0]:
                raise NotBegun("it is empty")
            if found not in READABLE:
                raise Damaged(f"its format is {found}, which no version writes")
            check(database, found)
        return database, found
    except BaseException:
        database.close()
        raise


def opened_to_write(path: Path, lost: Loss | None = None) -> sqlite3.Connection:
    """The file, checked, of today's format and with a first transaction behind it; made where there is none, and then says
    what was `lost` before. Raises sqlite3.Error, and HistoryError for what is not ours.
    """
    exists = path != MEMORY and _is_there(path)
    database = sqlite3.connect(path, timeout=WRITER_WAITS_S, isolation_level=None)
    try:
        know_seals(database)
        with _bounded(database):
            found = _format(database)
            if found == 0 and not is_empty(database):
                raise Damaged("its format is 0, which no version writes")
            if found:
                check(database, found)
        # Everything that was written is in the file itself, and in its journal for a moment: in a log beside it (wal), the
        # newest would be lost with that without a trace.
        for setting in ("trusted_schema=on", "foreign_keys=off", "journal_mode=delete", "synchronous=full"):
            database.execute(f"pragma {setting}")
        if found == 0 and exists:
            _empty_out(database)
        if found != FORMAT:
            brought_up(database, found, lost or lost_before(path, found))
        else:
            database.executescript(f"begin immediate; pragma user_version={FORMAT}; commit;")  # can it be written?
        database.execute("pragma foreign_keys=on")
        return database
    except BaseException:
        database.close()
        raise


def lost_before(path: Path, found: int) -> Loss | None:
    """What was lost before a file of this format was begun, or brought up from it, as far as it cannot say so itself."""
    if path == MEMORY or found >= TABLES["losses"].since:
        return None
    if found == 0 and Path(f"{path}{BEGUN}").exists():
        return time.time(), f"{path.name} was missing"
    aside = max(_damaged(path), key=lambda each: each.stat().st_mtime, default=None)
    return (
        None if aside is None else (aside.stat().st_mtime, f"{path.name} could not be used and is kept as {aside.name}")
    )


def _empty_out(database: sqlite3.Connection) -> None:
    """Tables without a row in them, as the first histories left them where it was killed at its very first start."""
    tables = database.execute("select name from sqlite_master where type = 'table'").fetchall()
    for (name,) in tables:
        database.execute(f'drop table "{name}"')


def _format(database: sqlite3.Connection) -> int:
    found = int(database.execute("pragma user_version").fetchone()[0])
    if FORMAT < found < FORMAT + 100:
        raise LaterFormat(f"its format is {found}; this version of imds-probe reads formats up to {FORMAT}")
    if found not in (0, *READABLE):
        raise Damaged(f"its format is {found}, which no version writes")
    return found


@contextlib.contextmanager
def _bounded(database: sqlite3.Connection) -> Iterator[None]:
    """What is in the block ends after CHECKED_WITHIN_S with an OperationalError."""
    end = time.monotonic() + CHECKED_WITHIN_S
    database.set_progress_handler(lambda: time.monotonic() > end, STEPS)
    try:
        yield
    finally:
        database.set_progress_handler(None, 0)


def _is_in_wal_mode(path: Path) -> bool:
    """By the header: https://www.sqlite.org/fileformat.html, "File format version numbers"."""
    with path.open("rb") as file:
        return file.read(20)[18:20] == b"\2\2"


def _is_there(path: Path) -> bool:
    """Whether there is a file that is ours alone, in a directory that is. Raises HistoryError."""
    try:
        check_directory(path.parent)
        for end in COMPANIONS:
            check_file(Path(f"{path}{end}"))
        there = check_file(path)
    except (ProbeError, OSError) as error:
        problem, remedy = (error.problem, error.remedy) if isinstance(error, ProbeError) else (str(error), "")
        raise HistoryError(f"{path} is not used: {problem}", remedy or "Run as root.") from None
    if there and path.stat().st_size > SIZE_MAX:
        raise HistoryError(f"{path} is not used: it has more than {SIZE_MAX} bytes")
    return there


def note_as_begun(path: Path) -> None:
    """Leave a sign that there has been a history, which outlives it. Raises OSError."""
    sign = Path(f"{path}{BEGUN}")
    if path == MEMORY or sign.exists():
        return
    descriptor = os.open(sign, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(_BEGUN_TEXT.format(name=path.name))
        file.flush()
        os.fsync(file.fileno())


def is_of_the_file(path: Path, error: sqlite3.Error) -> bool:
    """Whether the file is at fault, so that a new one would help."""
    code = getattr(error, "sqlite_errorcode", None)
    kind = None if code is None else code & 0xFF
    if kind == sqlite3.SQLITE_FULL or kind in _BY_OTHERS:
        return False
    return kind not in _BY_FILE_OR_PLACE or _another_can_be_written(path)


def _another_can_be_written(path: Path) -> bool:
    """As large as the file is."""
    try:
        size = path.stat().st_size if path.exists() else 0
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as file:
            for _ in range(0, size + 1, 65536):
                file.write(b"\1" * 65536)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        return False
    return True


def put_aside(path: Path, error: sqlite3.Error) -> tuple[Path | None, Loss]:
    """Where the file is kept, with what belongs to it, None where it was gone; and what is lost by that. Raises HistoryError.

    What belongs to it goes first: left without its file, it would be taken for the new one's.
    """
    what = "later-format" if isinstance(error, LaterFormat) else "damaged"
    aside = _free_name(path, f"{path.name}.{what}-{in_a_name(time.time())}")
    try:
        note_as_begun(path)
        for end in (*COMPANIONS, ""):
            with contextlib.suppress(FileNotFoundError):
                os.rename(f"{path}{end}", f"{aside}{end}")
        _bound(path)
    except OSError as trouble:
        raise HistoryError(
            f"{path} cannot be used ({error}) and cannot be set aside: {trouble.strerror}", "Move it away."
        ) from None
    if not aside.exists():
        return None, (time.time(), f"{path.name} was missing")
    # The clock may have been wrong when it was written last, or be wrong now: a loss that seems older would pass sooner.
    at = max(time.time(), min(aside.stat().st_mtime, TIME_MAX))
    return aside, (at, f"{path.name} could not be used ({error}) and is kept as {aside.name}")


def _free_name(path: Path, name: str) -> Path:
    names = (path.with_name(f"{name}.{number}" if number else name) for number in range(ASIDE_MAX * ASIDE_MAX))
    return next(aside for aside in names if not os.path.lexists(aside))


def _bound(path: Path) -> None:
    """Where a disk damages one file after the other, the newest ASIDE_MAX are kept, and the oldest make room."""
    for each in sorted(_damaged(path), key=lambda aside: aside.stat().st_ctime_ns)[:-ASIDE_MAX]:
        for end in ("", *COMPANIONS):
            Path(f"{each}{end}").unlink(missing_ok=True)


def _damaged(path: Path) -> list[Path]:
    """Those that were set aside, by an earlier version, too."""
    return [each for each in path.parent.glob(f"{path.name}.damaged-*") if not each.name.endswith(COMPANIONS)]
