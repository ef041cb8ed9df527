"""The tables of the history, and how those of an earlier version become these."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

FILE = "callers.sqlite3"
HOUR_S = 3600
FORMAT = 3
READABLE = (1, 2, FORMAT)  # without being written
# SQL for what tables of an earlier format do not have, by the format that brought it.
_DEFAULTS = {"container_id": (2, "''"), "uid": (3, "-1"), "on_host": (3, "null"), "unconfirmed": (3, "0")}
_SCHEMA = """
create table callers (
    id integer primary key, version text not null, program text not null, unit text not null, container text not null,
    path_class text not null, probe integer not null, first_seen real not null, last_seen real not null,
    user_agent text not null, pid integer, comm text, cmdline text, path text not null, container_id text not null,
    uid integer not null, on_host integer,
    unique (version, program, unit, container, container_id, path_class, probe, uid)
);
create table hours (
    caller integer not null references callers on delete cascade, hour integer not null, calls integer not null,
    refused integer not null, primary key (caller, hour)
) without rowid;
create table intervals (
    began real primary key, ended real not null, dropped integer not null, unconfirmed integer not null
);
create table senders (
    sender text not null, hour integer not null, requests integer not null, primary key (sender, hour)
) without rowid;
"""
_CALLERS = "id, version, program, unit, container, path_class, probe, first_seen, last_seen, user_agent, pid, comm, cmdline, path"


def column(name: str, found: int) -> str:
    """SQL for a column, or what stands for it in tables of format `found`. -1 is the user of whom nothing is known."""
    since, default = _DEFAULTS[name]
    return name if since <= found else default


def _upgrade(found: int) -> str:
    callers = ", ".join(column(name, found) for name in ("container_id", "uid", "on_host"))
    return f"""
alter table callers rename to callers_before;
alter table hours rename to hours_before;
alter table intervals rename to intervals_before;
{_SCHEMA}
insert into callers ({_CALLERS}, container_id, uid, on_host) select {_CALLERS}, {callers} from callers_before;
insert into hours select * from hours_before;
insert into intervals select began, ended, dropped, {column("unconfirmed", found)} from intervals_before;
drop table hours_before;
drop table callers_before;
drop table intervals_before;
"""


def brought_up(database: sqlite3.Connection, found: int) -> int:
    """Make the tables where there are none (format 0), or bring those of an earlier format up. Returns the format that the
    file has then: as it is, where it is not known here.

    All of it or nothing: whoever is killed here finds what was there before.
    """
    if found == FORMAT or found not in (0, *READABLE):
        return found
    statements = _upgrade(found) if found else _SCHEMA
    database.execute("pragma journal_mode=wal")
    database.executescript(f"begin immediate; {statements} pragma user_version={FORMAT}; commit;")
    return FORMAT
