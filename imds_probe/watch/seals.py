"""Whether a history is what was written: SQLite by itself does not notice a bit that turned in a row, or a row that is gone.

Each table has a seal, kept by triggers in the same transaction as its rows: their number, and the sum of a checksum of each.
It holds against damage, not against somebody who may write the file: that is root, whom the probe trusts.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from functools import cache

from imds_probe.watch.history_format import SEALED_SINCE, TABLES, schema

_OBJECTS = "select type, name, tbl_name, sql from sqlite_master order by type, name"


class Damaged(sqlite3.DatabaseError):
    """The file is not what was written."""


def know_seals(database: sqlite3.Connection) -> None:
    """Give a connection the function that the triggers call."""
    database.create_function("seal", -1, _seal, deterministic=True)


def _seal(*values: object) -> int:
    return zlib.crc32(repr(values).encode())


def check(database: sqlite3.Connection, found: int) -> None:
    """Raise Damaged where a file of this format is not what was written, as far as its format can tell: before format 3
    there were no seals. Raises sqlite3.Error where it cannot be read at all.

    Reads all of it: to be called in a transaction, or before anybody else writes.
    """
    try:
        _check(database, found)
    except UnicodeDecodeError as error:  # which sqlite3 raises for text of a message, too
        raise Damaged(f"text in it is not UTF-8: {error.reason}") from None


def _check(database: sqlite3.Connection, found: int) -> None:
    if (said := database.execute("pragma integrity_check(1)").fetchone()[0]) != "ok":
        raise Damaged(said)
    sealed = found >= SEALED_SINCE
    if sealed and database.execute(_OBJECTS).fetchall() != _expected(found):
        raise Damaged("its tables are not those of its format")
    for name in _there(database, found):
        if sealed:
            if _counted(database, name, found) != _noted(database, name):
                raise Damaged(f"its {name} differ from what was written")
        elif wrong := _impossible(database, name):
            raise Damaged(f"{wrong} of its {name} have impossible values")


def _impossible(database: sqlite3.Connection, name: str) -> int:
    """How many rows cannot have been written by us: all that can be said of a table without a seal."""
    where = f"not coalesce({TABLES[name].possible}, 0)"
    return int(database.execute(f"select count(*) from {name} where {where}").fetchone()[0])  # noqa: S608


def is_empty(database: sqlite3.Connection) -> bool:
    """Whether there is no row in any of its tables."""
    names = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
    return not any(database.execute(f'select count(*) from "{name}"').fetchone()[0] for name in names)  # noqa: S608


def _there(database: sqlite3.Connection, found: int) -> Iterator[str]:
    """The tables of the format, each once its columns are found to be those of the format."""
    wanted = {name: table.names_of(found) for name, table in TABLES.items() if table.since <= found}
    if found < SEALED_SINCE:
        names = {name for (name,) in database.execute("select name from sqlite_master where sql is not null")}
        if names != set(wanted):
            raise Damaged("its tables are not those of its format")
    for name, columns in wanted.items():
        have = {row[1] for row in database.execute(f"pragma table_info({name})")}
        if have != set(columns):
            raise Damaged(f"the columns of its {name} are not those of its format")
        yield name


def _counted(database: sqlite3.Connection, name: str, found: int) -> tuple[int, int]:
    sealed = TABLES[name].seal(found=found)
    amount, total = database.execute(f"select count(*), coalesce(sum({sealed}), 0) from {name}").fetchone()  # noqa: S608
    return amount, total


def _noted(database: sqlite3.Connection, name: str) -> tuple[int, int] | None:
    found: tuple[int, int] | None = database.execute(
        "select amount, total from seals where name = ?", (name,)
    ).fetchone()
    return found


@cache
def _expected(found: int) -> list[tuple[str, str, str, str | None]]:
    """What a new file of this format has."""
    database = sqlite3.connect(":memory:")
    try:
        know_seals(database)
        for statement in schema(found):
            database.execute(statement)
        return database.execute(_OBJECTS).fetchall()
    finally:
        database.close()
