"""Files of earlier versions, made by these versions themselves, on the way up; and today's, which they meet on the way down."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from watched_calls import NOW, SEEN
from watched_state import (
    FIRST_RELEASE,
    FOURTH_FORMAT,
    SECOND_FORMAT,
    THIRD_FORMAT,
    by_version,
    earlier_version,
    killed_at,
)

from imds_probe.facts.switched import Refused
from imds_probe.watch.history import History
from imds_probe.watch.history_file import HistoryError, opened_to_read
from imds_probe.watch.history_format import FORMAT, HOUR_S, TABLES

DAY = 24 * HOUR_S
UNSEALED = [FIRST_RELEASE, SECOND_FORMAT]
VERSIONS = [*UNSEALED, THIRD_FORMAT, FOURTH_FORMAT]
WRITE = """
import os, sys
from dataclasses import replace
from pathlib import Path
from watched_calls import CURL, NOW, SEEN
from imds_probe.watch.history import History
history = History(Path(sys.argv[1]))
for number in range(20):
    calls = [(replace(SEEN, at=NOW + 60 * number, status=status), "web") for status in (200, 401)]
    calls.append((replace(SEEN, at=NOW + 60 * number, version="v2", caller=replace(CURL, exe=f"/bin/{number}")), None))
    history.record(calls, NOW + 60 * number, NOW + 60 * number + 60, number % 7 == 6)
if sys.argv[2] == "killed":
    os._exit(0)
history.close()
"""
READ = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from watched_calls import NOW
from imds_probe.errors import ProbeError
from imds_probe.watch.history import History
try:
    with History(Path(sys.argv[1]), read_only=sys.argv[2] == "read") as history:
        set_aside, found = history.set_aside, history.evidence(NOW + 3600, 86400.0)
    print(json.dumps([str(set_aside), asdict(found)]))
except ProbeError as error:
    print(json.dumps([str(error), None]))
"""


def evidence(path: Path, *, read_only: bool = True) -> dict:
    with History(path, read_only=read_only) as history:
        assert history.set_aside is None
        found = history.evidence(NOW + HOUR_S, DAY)
    return json.loads(json.dumps({**vars(found), "by": [vars(each) for each in found.by]}))


def since(path: Path) -> tuple[Refused, ...]:
    with History(path, read_only=True) as history:
        return history.refused_since(NOW, NOW + HOUR_S).refused


# What came with formats 3 and 4, which earlier ones know nothing of.
ADDED = ("uid", "on_host")
ADDED_LAST = (
    *("script", "started_by", "origin", "token", "token_ttl", "distance", "interface", "client", "image", "netns"),
    *("forwarded", "served"),
)


def known(caller: dict) -> dict:
    """What each version knows of a caller, less the text of which each keeps as much as it thinks harmless."""
    text = ("cmdline", "path", "user_agent", "container_id", *ADDED, *ADDED_LAST)
    return {name: value for name, value in caller.items() if name not in text} | {"id": caller.get("container_id")}


@pytest.fixture(scope="module", params=VERSIONS)
def earlier(request, tmp_path_factory) -> Path:
    return earlier_version(tmp_path_factory.mktemp("earlier"), request.param)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state/callers.sqlite3"


@pytest.mark.parametrize("ended", ["in order", "killed"])
def test_nothing_is_lost_on_the_way_up(earlier: Path, path: Path, ended: str) -> None:
    """Read as it is, and brought up, after its writer has ended and after it was killed, with its log beside it."""
    by_version(earlier, WRITE, str(path), ended)
    unsealed = earlier.name in UNSEALED
    assert Path(f"{path}-wal").exists() is (unsealed and ended == "killed")
    _, theirs = json.loads(by_version(earlier, READ, str(path), "read"))
    as_it_is = evidence(path)
    assert {name: as_it_is[name] for name in theirs if name != "by"} == {
        name: theirs[name] for name in theirs if name != "by"
    }
    assert [known(each) for each in as_it_is["by"]] == [known(each) for each in theirs["by"]]
    of_whom = {(each["uid"], each["on_host"]) for each in as_it_is["by"]}
    assert of_whom == {(None, None) if unsealed else (0, False)}
    if earlier.name != FOURTH_FORMAT:
        assert {each[name] for each in as_it_is["by"] for name in ADDED_LAST} == {None}
    assert since(path) == ()  # of what came of a refusal, nothing is known
    assert (as_it_is["unconfirmed"], as_it_is["senders"]) == (0, [])
    assert (as_it_is["imdsv1"], as_it_is["imdsv2"], as_it_is["observed_s"], as_it_is["losses"]) == (40, 20, 1080, [])
    assert evidence(path, read_only=False) == as_it_is
    assert evidence(path) == as_it_is
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("pragma user_version").fetchone() == (FORMAT,)
        assert database.execute("pragma journal_mode").fetchone() == ("delete",)
    late = replace(SEEN, at=NOW + 1201, token="lost", netns=7, image="app:1", caller=None)
    with History(path) as history:
        history.record([(late, "web")], NOW + 1200, NOW + 1260)
    assert evidence(path)["observed_s"] == 1140
    again = replace(SEEN, version="v2", at=NOW + 1261)
    with History(path) as history:
        history.record([(replace(SEEN, at=NOW + 1260, status=401), "web"), (again, "web")], NOW + 1260, NOW + 1320)
    (refused,) = since(path)
    assert (refused.caller.refused, refused.recovered, refused.failed_last) == (1, 1, None)
    (new,) = [each for each in evidence(path)["by"] if each["program"] == "unknown"]
    assert (new["token"], new["netns"], new["image"], new["served"]) == ("lost", 7, "app:1", 1)


@pytest.mark.parametrize("earlier", [*UNSEALED, FOURTH_FORMAT], indirect=True)
def test_killed_at_any_statement_on_the_way_up_it_is_as_it_was_or_brought_up(earlier: Path, path: Path) -> None:
    by_version(earlier, WRITE, str(path), "in order")
    content, wanted = path.read_bytes(), evidence(path)
    for statement in range(200):
        for each in path.parent.iterdir():
            each.unlink()
        path.write_bytes(content)
        killed = killed_at(statement, path)
        as_it_is = evidence(path)
        brought_up = evidence(path, read_only=False)
        assert brought_up == as_it_is
        if not killed:
            break
        assert {name: as_it_is[name] for name in ("imdsv2", "losses")} == {"imdsv2": wanted["imdsv2"], "losses": []}
        assert as_it_is["imdsv1"] - wanted["imdsv1"] in (0, 1), statement  # one more is recorded in the end
    assert 40 < statement < 199


def test_an_earlier_version_refuses_it_to_read_and_keeps_it_aside_to_write(earlier: Path, path: Path) -> None:
    with History(path) as history:
        history.record([(SEEN, "web")], NOW, NOW + 60)
    content, was = path.read_bytes(), evidence(path)
    problem, found = json.loads(by_version(earlier, READ, str(path), "read"))
    assert found is None
    assert f"its format is {FORMAT}" in problem
    assert path.read_bytes() == content
    aside, found = json.loads(by_version(earlier, READ, str(path), "write"))
    assert found["imdsv1"] == 0
    assert Path(aside).read_bytes() == content
    # Back again, what it began is brought up, and says that there was something before.
    os.utime(aside, (NOW, NOW))
    for read_only in (True, False, True):
        losses = evidence_of(path, read_only=read_only).losses
        assert [Path(aside).name in each.why for each in losses] == [True]
    assert evidence(Path(aside)) == was


def evidence_of(path: Path, *, read_only: bool):
    with History(path, read_only=read_only) as history:
        return history.evidence(NOW + HOUR_S, DAY)


@pytest.mark.parametrize(
    "sql",
    [
        "update callers set version = 'w1'",
        "update callers set probe = 2",
        "update callers set last_seen = 1e300",
        "update hours set calls = -1",
        "update hours set refused = 1000",
        "update hours set caller = caller + 1000",
        "update intervals set ended = began - 1",
        "update intervals set ended = 1e300",
        "update intervals set dropped = -1",
        "drop table hours",
        "pragma user_version = {other}",
    ],
)
@pytest.mark.parametrize("version", UNSEALED)
def test_values_that_cannot_be_are_damage_where_there_are_no_seals(
    tmp_path: Path, path: Path, version: str, sql: str
) -> None:
    earlier = earlier_version(tmp_path, version)
    by_version(earlier, WRITE, str(path), "in order")
    other = 2 if earlier.name == FIRST_RELEASE else 1
    with closing(sqlite3.connect(path)) as database:
        database.execute(sql.format(other=other))
        database.commit()
    with pytest.raises(HistoryError):
        opened_to_read(path)
    with History(path) as history:
        assert history.set_aside


def test_each_column_that_was_added_says_what_stands_for_it_before() -> None:
    for table in TABLES.values():
        for found in range(table.since, FORMAT + 1):
            assert len(table.read_as(found)) == len(table.names)
            assert set(table.names_of(found)) <= set(table.read_as(found))
