"""The tables of the history, and how those of an earlier format become these.

A column is one line here: what reads, upgrades and seals the tables goes by these lines. One that is added later says since
which format it is there, and what stands for it before. So does a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from imds_probe.dataclass import dataclass

if TYPE_CHECKING:
    import sqlite3

FILE = "callers.sqlite3"
HOUR_S = 3600
FORMAT = 5
READABLE = (1, 2, 3, 4, FORMAT)  # without being written
SEALED_SINCE = 3
TIME_MAX = 253_402_300_799  # seconds since the epoch, the end of the year 9999: what RFC 3339 can write
# What makes callers one.
CALLER_KEY = (
    *("version", "program", "unit", "container", "container_id", "path_class", "probe", "uid"),
    *("script", "token", "client", "netns", "image"),
)
_PRIME, _PRIMES = 2_147_483_647, (7919, 104_729, 1_299_709, 15_485_863, 32_452_843, 49_979_687, 67_867_967, 86_028_121)
_TIME = f"between 0 and {TIME_MAX}"


@dataclass(frozen=True)
class Column:
    """`default` is SQL for its value where the file is of a format before `since`."""

    name: str
    kind: str
    since: int = 1
    default: str = "null"


@dataclass(frozen=True)
class Table:
    """`possible` is SQL that is true of each row that we may have written; `keys` ends the list of columns, `unique` are those
    that tell its rows apart. `numbers`: all columns are whole numbers, none of them null.
    """

    columns: tuple[Column, ...]
    keys: str = ""
    unique: tuple[str, ...] = ()
    options: str = ""
    possible: str = "1"
    numbers: bool = False
    since: int = 1

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def names_of(self, found: int) -> tuple[str, ...]:
        """The columns that a file of this format has."""
        return tuple(column.name for column in self.columns if column.since <= found)

    def column(self, name: str, found: int) -> str:
        """SQL for one column's value in a file of this format."""
        return dict(zip(self.names, self.read_as(found), strict=True))[name]

    def read_as(self, found: int) -> tuple[str, ...]:
        """SQL for each column's value in a file of this format."""
        return tuple(column.name if column.since <= found else column.default for column in self.columns)

    def seal(self, row: str = "", found: int = FORMAT) -> str:
        """SQL for the checksum of a row in a file of this format, which may be called `new.` or `old.`. A table with many rows of
        numbers alone has one that SQLite calculates by itself, ten times as fast.
        """
        values = [f"{row}{name}" for name in self.names_of(found)]
        if not self.numbers:
            return f"seal({', '.join(values)})"
        mixed = (
            f"(({' + '.join(f'{value} * {prime}' for value, prime in zip(values, _PRIMES, strict=False))}) % {_PRIME})"
        )
        return f"{mixed} * {mixed} % {_PRIME}"  # squared: two values that change places are noticed

    def created(self, name: str, found: int = FORMAT) -> str:
        """SQL that makes it in a file of this format."""
        lines = [f"{column.name} {column.kind}" for column in self.columns if column.since <= found]
        lines += (
            [f"unique ({', '.join(each for each in self.unique if each in self.names_of(found))})"]
            if self.unique
            else []
        )
        lines += [self.keys] if self.keys else []
        return f"create table {name} ({', '.join(lines)}){self.options}"


TABLES: Mapping[str, Table] = {
    "callers": Table(
        (
            Column("id", "integer primary key"),
            Column("version", "text not null"),
            Column("program", "text not null"),
            Column("unit", "text not null"),
            Column("container", "text not null"),
            Column("path_class", "text not null"),
            Column("probe", "integer not null"),
            Column("first_seen", "real not null"),
            Column("last_seen", "real not null"),
            Column("user_agent", "text not null"),
            Column("pid", "integer"),
            Column("comm", "text"),
            Column("cmdline", "text"),
            Column("path", "text not null"),
            Column("container_id", "text not null", since=2, default="''"),
            Column("uid", "integer not null", since=3, default="-1"),
            Column("on_host", "integer", since=3),
            Column("script", "text not null", since=4, default="''"),
            Column("token", "text not null", since=4, default="''"),
            Column("client", "text not null", since=4, default="''"),
            Column("netns", "integer not null", since=4, default="0"),
            Column("image", "text not null", since=4, default="''"),
            Column("started_by", "text", since=4),
            Column("origin", "text", since=4),
            Column("token_ttl", "integer", since=4),
            Column("distance", "integer", since=4),
            Column("interface", "text", since=4),
            Column("forwarded", "integer", since=4),
        ),
        unique=CALLER_KEY,
        possible=f"version in ('v1', 'v2') and probe in (0, 1) and first_seen <= last_seen"
        f" and first_seen {_TIME} and last_seen {_TIME}",
    ),
    "hours": Table(
        (
            Column("caller", "integer not null references callers on delete cascade"),
            Column("hour", "integer not null"),
            Column("calls", "integer not null"),
            Column("refused", "integer not null"),
            Column("served", "integer not null", since=4, default="calls - refused"),
        ),
        keys="primary key (caller, hour)",
        options=" without rowid",
        numbers=True,
        possible=f"hour between 0 and {TIME_MAX // HOUR_S} and calls > 0 and refused between 0 and calls"
        " and caller in (select id from callers)",
    ),
    "intervals": Table(
        (
            Column("began", "real primary key"),
            Column("ended", "real not null"),
            Column("dropped", "integer not null"),
            Column("unconfirmed", "integer not null", since=3, default="0"),
            Column("with_refusals", "integer not null", since=5, default="0"),  # whether these were kept
        ),
        possible=f"began <= ended and began {_TIME} and ended {_TIME} and dropped >= 0",
    ),
    # Requests without a token that were refused, by path: how many, how many of them were followed by one of the same process with
    # a token, and when the last was. Of paths that somebody was refused, also requests with a token that were answered.
    "refusals": Table(
        (
            Column("caller", "integer not null references callers on delete cascade"),
            Column("hour", "integer not null"),
            Column("asked", "text not null"),
            Column("calls", "integer not null"),
            Column("recovered", "integer not null"),
            Column("last", "real not null"),
        ),
        keys="primary key (caller, hour, asked)",
        options=" without rowid",
        possible=f"hour between 0 and {TIME_MAX // HOUR_S} and calls > 0 and recovered between 0 and calls and last {_TIME}",
        since=5,
    ),
    # Requests by IMDSv1 that nothing confirmed, by where they came from.
    "senders": Table(
        (
            Column("sender", "text not null"),
            Column("hour", "integer not null"),
            Column("requests", "integer not null"),
        ),
        keys="primary key (sender, hour)",
        options=" without rowid",
        possible=f"hour between 0 and {TIME_MAX // HOUR_S} and requests > 0",
        since=3,
    ),
    # When evidence from before was lost, and how.
    "losses": Table(
        (Column("at", "real not null"), Column("why", "text not null")),
        possible=f"at {_TIME}",
        since=3,
    ),
}
# What each of these tables comes to: how many rows it has, and the sum of their seals.
SEALS = "create table seals (name text primary key, amount integer not null, total integer not null)"


def _triggers(name: str, table: Table, found: int) -> tuple[str, ...]:
    new, old = table.seal("new.", found), table.seal("old.", found)
    return tuple(
        f"create trigger {name}_{event} after {event} on {name} begin "
        f"update seals set amount = amount + {more}, total = total + {sum_} where name = '{name}'; end"
        for event, more, sum_ in (("insert", 1, new), ("update", 0, f"{new} - ({old})"), ("delete", -1, f"0 - ({old})"))
    )


def schema(found: int = FORMAT) -> tuple[str, ...]:
    """SQL that makes an empty file of this format, which has seals."""
    tables = {name: table for name, table in TABLES.items() if table.since <= found}
    return (
        *(table.created(name, found) for name, table in tables.items()),
        SEALS,
        *(trigger for name, table in tables.items() for trigger in _triggers(name, table, found)),
        *(f"insert into seals values ('{name}', 0, 0)" for name in tables),
    )


def brought_up(database: sqlite3.Connection, found: int, lost: tuple[float, str] | None = None) -> None:
    """Make the tables where there are none (format 0), or bring those of an earlier format up. `lost` says when evidence
    from before was lost, and how.

    All of it in one transaction, its format too: whoever is killed here finds what was there before. To be called on a
    connection that begins none by itself, and that knows the function `seal`.
    """
    database.execute("begin immediate")
    try:
        for statement in _statements(found):
            database.execute(statement)
        if lost is not None:
            database.execute("insert into losses (at, why) values (?, ?)", lost)
        database.execute(f"pragma user_version={FORMAT}")
        database.execute("commit")
    except BaseException:
        if database.in_transaction:
            database.execute("rollback")
        raise


def _statements(found: int) -> tuple[str, ...]:
    before = [name for name, table in TABLES.items() if table.since <= found]
    sealed = before if found >= SEALED_SINCE else []
    return (
        *(f"drop trigger {name}_{event}" for name in sealed for event in ("insert", "update", "delete")),
        *(("drop table seals",) if sealed else ()),
        *(f"alter table {name} rename to {name}_before" for name in before),
        *schema(),
        *(
            f"insert into {name} ({', '.join(TABLES[name].names)}) select {', '.join(TABLES[name].read_as(found))}"
            f" from {name}_before"
            for name in before
        ),
        *(f"drop table {name}_before" for name in reversed(before)),
    )
