from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime

from watched_calls import CURL
from watched_calls import SEEN as ANY

from imds_probe.render import watching
from imds_probe.render.watching import ROWS_SHOWN, json_line, line, sentence, table
from imds_probe.watch.summary import Summary

CALLER = replace(CURL, container="c" * 64, runtime="docker")
SEEN = replace(ANY, status=401, caller=CALLER)
HOSTILE = "\x1b[2J\u202e\nx"


def test_a_line_of_a_log() -> None:
    assert line(SEEN, "web") == (
        "2023-11-14T22:13:20.500Z v1 401 GET /latest/meta-data/ by curl[7] /usr/bin/curl unit=web.service container=web "
        'user-agent="curl/8"'
    )
    unknown = replace(SEEN, caller=None, status=None, user_agent="")
    assert line(unknown, None).endswith("v1 - GET /latest/meta-data/ by an unknown process at 10.0.0.5")
    assert line(replace(unknown, relayed=True), None).endswith("by another host at 10.0.0.5")
    machine = replace(unknown, origin="virtual-machine", interface="tap0")
    assert line(machine, None).endswith("by a virtual machine behind tap0 at 10.0.0.5")
    cron = replace(SEEN, caller=replace(CURL, script="/opt/x.sh", started_by="cron"), token="lost")
    assert " unit=web.service script=/opt/x.sh started-by=cron token=lost " in line(cron, None)


def test_a_json_object_a_call() -> None:
    document = json.loads(json_line(SEEN, "web"))
    assert document["at"] == "2023-11-14T22:13:20.500Z"
    assert (document["version"], document["caller"]["pid"], document["container_name"]) == ("v1", 7, "web")
    assert json_line(replace(SEEN, path=HOSTILE), HOSTILE).isascii()
    by_one_inside = json.loads(json_line(replace(SEEN, caller=None, inside=CALLER), "web"))
    assert (by_one_inside["caller"], by_one_inside["inside"]["pid"]) == (None, 7)


def test_what_is_written_once_differs_by_all_but_the_time() -> None:
    """The same calls come again and again."""
    first = json_line(SEEN, "web")
    again = json_line(replace(SEEN, at=SEEN.at + 1), "web")
    assert (json.loads(again), again != first) == (json.loads(first) | {"at": "2023-11-14T22:13:21.500Z"}, True)
    for name in (each.name for each in fields(SEEN) if each.name not in ("at", "caller", "inside")):
        assert json.loads(json_line(replace(SEEN, **{name: "another"}), "web"))[name] == "another"
    for caller in (replace(CALLER, pid=8), CALLER, None):
        document = json.loads(json_line(replace(SEEN, caller=caller, inside=caller), "other"))
        found = [document[whose] and document[whose]["pid"] for whose in ("caller", "inside")]
        assert found == [caller and caller.pid] * 2
        assert document["container_name"] == "other"


def test_times_are_cut_to_milliseconds() -> None:
    for at in (0.0, 1700000000.0, 1700000000.9994, 1700000000.9996, 1700000000.0009999, 1699999999.9999999):
        moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
        assert json.loads(json_line(replace(SEEN, at=at), None))["at"] == moment.replace("+00:00", "Z")


def test_no_more_is_kept_of_what_was_written_than_there_is_room_for(monkeypatch) -> None:
    monkeypatch.setattr(watching, "WRITTEN_MAX", 3)
    for number in range(10):
        assert json.loads(json_line(replace(SEEN, status=number), None))["status"] == number
    assert len(watching._written) <= 3


def test_a_table_those_by_imdsv1_first() -> None:
    summary = Summary()
    summary.add(replace(SEEN, version="v2", status=200), "web")
    summary.add(SEEN, "web")
    header, first, second = table(summary, 200)
    assert header.split() == [
        *("version", "calls", "refused", "last", "call", "program", "pids", "unit", "container", "asked", "for")
    ]
    assert first.split() == [
        "v1",
        "1",
        "1",
        "22:13:20",
        "/usr/bin/curl",
        "7",
        "web.service",
        "web",
        "/latest/meta-data/",
    ]
    assert second.split()[:3] == ["v2", "1", "0"]


def test_an_empty_table_says_so() -> None:
    assert list(table(Summary(), 200)) == ["  No calls yet."]


def test_what_is_hostile_or_long_is_made_harmless() -> None:
    summary = Summary()
    for number in range(ROWS_SHOWN + 7):
        summary.add(replace(SEEN, path=HOSTILE, caller=replace(CALLER, exe=f"/{'x' * 500}/{number}")), HOSTILE)
    lines = list(table(summary, 200))
    assert lines[-1] == "  and 7 more"
    assert all(len(each) < 250 and each.isprintable() for each in lines)
    assert line(replace(SEEN, path=HOSTILE), HOSTILE).isprintable()


def test_what_was_missed_is_said() -> None:
    summary = Summary()
    summary.add(SEEN, None)
    assert sentence(summary, 12.4, 0) == "1 IMDSv1 call and 0 IMDSv2 calls in 12 s."
    assert " 3 packets came too fast to be inspected." in sentence(summary, 12.4, 3)
    assert " 1 more request by IMDSv1 could not be confirmed." in sentence(summary, 12.4, 0, 1)
