"""rpm's database in SQLite, its format since Fedora 33, RHEL 9 and Amazon Linux 2023.

Source: rpm's lib/backend/sqlite.c: a table Packages of numbered headers, and one for each index, Name among them.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from imds_probe.inventory.packages.rpmdb.database_error import DatabaseError
from imds_probe.kept.message import kept_message

STEPS_BETWEEN_LOOKS = 10_000


def headers(path: Path, names: Iterable[str], deadline: float) -> Iterator[bytes]:
    """The headers of the packages of these names, in a private copy. Raises DatabaseError."""
    try:
        connection = sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=0)
    except sqlite3.Error as error:
        raise DatabaseError(f"cannot be read: {kept_message(str(error))}") from None
    try:
        # A database of somebody else's making may hold views that never end or do more than read.
        connection.set_progress_handler(lambda: time.monotonic() > deadline, STEPS_BETWEEN_LOOKS)
        connection.set_authorizer(_only_reading)
        for name in names:
            query = "SELECT p.blob FROM Packages AS p, Name AS n WHERE n.key = ? AND n.hnum = p.hnum"
            for (blob,) in connection.execute(query, (name,)):
                if not isinstance(blob, bytes):
                    raise DatabaseError("has a header that is not of bytes")
                yield blob
    except sqlite3.Error as error:
        raise DatabaseError(f"cannot be read: {kept_message(str(error))}") from None
    finally:
        connection.close()


def _only_reading(action: int, first: str | None, *_rest: str | None) -> int:
    del first
    allowed = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ)
    return sqlite3.SQLITE_OK if action in allowed else sqlite3.SQLITE_DENY
