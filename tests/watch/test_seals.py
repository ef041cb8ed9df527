from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some
from watched_calls import CURL, NOW, SEEN

from imds_probe.watch.history import History
from imds_probe.watch.history_file import MEMORY
from imds_probe.watch.history_format import FORMAT, HOUR_S, TABLES
from imds_probe.watch.seals import Damaged, check, is_empty, know_seals

TEXT = some.text(some.characters(codec="utf-8"), max_size=20)
CALLS = some.lists(
    some.builds(
        lambda at, program, path, status: (
            replace(SEEN, at=NOW + at, path=path, status=status, caller=replace(CURL, exe=program)),
            None,
        ),
        some.floats(0, 10 * HOUR_S),
        TEXT,
        TEXT,
        some.sampled_from([200, 401, None]),
    ),
    max_size=10,
)


@given(CALLS, some.floats(0, 1e6), some.integers(0, 3))
def test_what_was_recorded_and_forgotten_is_whole(calls, took_s, dropped) -> None:
    """Whatever is inserted, counted on and deleted, the seals come to the same as the rows."""
    with History(MEMORY) as history:
        history.record(calls, NOW, NOW + took_s, dropped)
        history.record(calls, NOW + took_s, NOW + 2 * took_s)
        history.record([], NOW, NOW + took_s, dropped)
        check(history._database, FORMAT)
        history.forget(NOW + 5 * HOUR_S)
        check(history._database, FORMAT)


@pytest.fixture
def written() -> Iterator[sqlite3.Connection]:
    with History(MEMORY) as history:
        history.record([(SEEN, "web"), (replace(SEEN, status=401), "web")], NOW - 60, NOW, 0, {"veth2": 1})
        history._database.execute("insert into losses values (?, 'it was gone')", (NOW,))
        yield history._database


@pytest.mark.parametrize(("table", "column"), [(name, each) for name, table in TABLES.items() for each in table.names])
def test_no_value_changes_unseen(written: sqlite3.Connection, table: str, column: str) -> None:
    """That of no column, also of one that is added to the list later."""
    amounts = written.execute("select * from seals").fetchall()
    written.execute("pragma foreign_keys=off")
    written.execute(f"update {table} set {column} = case when typeof({column}) = 'text' then 'v2' else 7777 end")
    written.executemany("insert or replace into seals values (?, ?, ?)", amounts)
    with pytest.raises(Damaged):
        check(written, FORMAT)


def test_a_file_of_no_tables_is_empty() -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        assert is_empty(database)
        database.execute("create table callers (id)")
        assert is_empty(database)
        database.execute("insert into callers values (1)")
        assert not is_empty(database)
        know_seals(database)
        with pytest.raises(Damaged, match="are not those of its format"):
            check(database, FORMAT)
