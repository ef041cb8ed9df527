"""The tables of the history, and how those of an earlier version become these."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

FILE = "callers.sqlite3"
HOUR_S = 3600
FORMAT = 2
READABLE = (1, FORMAT)  # without being written
# What the tables of a format say for the id of a caller's container.
CONTAINER_ID, NO_CONTAINER_ID = "container_id", "''"
_SCHEMA = """
create table callers (
    id integer primary key, version text not null, program text not null, unit text not null, container text not null,
    path_class text not null, probe integer not null, first_seen real not null, last_seen real not null,
    user_agent text not null, pid integer, comm text, cmdline text, path text not null, container_id text not null,
    unique (version, program, unit, container, container_id, path_class, probe)
);
create table hours (
    caller integer not null references callers on delete cascade, hour integer not null, calls integer not null,
    refused integer not null, primary key (caller, hour)
) without rowid;
create table intervals (began real primary key, ended real not null, dropped integer not null);
"""
# From the format that a version began with to the next one. Before format 2, callers had no container's id.
_UPGRADES = {
    1: """
alter table callers rename to callers_before;
alter table hours rename to hours_before;
alter table intervals rename to intervals_before;
"""
    + _SCHEMA
    + """
insert into callers select *, '' from callers_before;
insert into hours select * from hours_before;
insert into intervals select * from intervals_before;
drop table hours_before;
drop table callers_before;
drop table intervals_before;
"""
}


def brought_up(database: sqlite3.Connection, found: int) -> int:
    """Make the tables where there are none (format 0), or bring those of an earlier format up. Returns the format that the
    file has then: as it is, where it is not known here.

    All of it or nothing: whoever is killed here finds what was there before.
    """
    statements = _SCHEMA if found == 0 else _UPGRADES.get(found)
    if statements is None:
        return found
    database.execute("pragma journal_mode=wal")
    database.executescript(f"begin immediate; {statements} pragma user_version={FORMAT}; commit;")
    return FORMAT
