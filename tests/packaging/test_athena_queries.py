"""The saved queries for Athena give what a plain count over the same reports gives.

They run as they stand in the template, over objects in the layout of the sink s3, on DuckDB: athena_engine.py has how.
"""

import copy
import json
from collections import Counter
from functools import cache

import duckdb
import pytest
from athena_engine import Athena
from cloudformation_template import Template
from fleet_buckets import BUCKET, PREFIX, dated_key, latest_key, put
from fleets_made import NOW, instance_id, report, templates

from imds_probe.fleet import of_report
from imds_probe.fleet.lean import REPORT
from imds_probe.timestamp import rfc3339

DAY_S = 86400.0
TEMPLATE = Template("imds-probe-athena.yaml", BucketName=BUCKET, StaleHours="48")
TABLES = list(TEMPLATE.resources("AWS::Glue::Table").values())
QUERIES = {
    query["Name"].removeprefix("imds-probe/"): query["QueryString"]
    for query in TEMPLATE.resources("AWS::Athena::NamedQuery").values()
}
HELD, FREE = ("not-ready", "unknown"), ("ready", "needs-hop-limit")


def test_the_questions():
    assert set(QUERIES) == {
        "verdicts",
        "who is not ready and why",
        "blockers",
        "hop limits needed",
        "container images that need a hop limit",
        "IMDSv1 callers by program",
        "stale hosts",
        "changed since a week ago",
        "owners",
        "newest reports that count for nothing",
        "reports since yesterday that count for nothing",
    }


def key(document):
    return document["instance"]["instance_id"]


@pytest.fixture(scope="module")
def fleet():
    """Of each host its newest report, and that of a week ago: all kinds that tests/reports has, some hosts silent since 60 hours,
    some new since a week, some gone since, and some of which there are two reports of a second.
    """
    count = len(templates())
    newest = [report(number, age_s=(60 if number % 11 == 5 else number % 24) * 3600.0) for number in range(count)]
    for number, document in enumerate(newest):
        if number % 13 == 3:  # what the kept reports have none of: a cluster, no owner, and a group by its tag alone
            document["instance"]["owner"] |= {"kind": "karpenter", "cluster": "shop", "name": None}
        if number % 13 == 4:
            document["instance"]["owner"] = None
            document["instance"]["auto_scaling_group"] = "blue" if number % 2 else None
    before = [
        report(number, template=(number + 3) % count, age_s=7 * DAY_S - 3600 * 5) for number in range(0, count, 2)
    ]
    gone = [report(number, age_s=7 * DAY_S - 3600 * 5) for number in range(1000, 1008)]
    return newest, before + gone


@pytest.fixture(scope="module")
def ask(fleet, tmp_path_factory):
    buckets = tmp_path_factory.mktemp("buckets")
    newest, before = fleet
    for document in newest:
        put(buckets, latest_key(document), document)
    for document in before:
        put(buckets, dated_key(document), document)
        earlier = copy.deepcopy(document)  # of the same day, and what it says is not asked for
        earlier["probe"]["started_at"], earlier["probe"]["run_id"] = rfc3339(NOW - 7 * DAY_S), "e" * 32
        earlier["verdict"]["state"] = "unknown" if document["verdict"]["state"] == "ready" else "ready"
        put(buckets, dated_key(earlier), earlier)
    athena = Athena(buckets, tmp_path_factory.mktemp("work"), TABLES)
    return lambda name: athena.ask(QUERIES[name])


@pytest.fixture(scope="module")
def fresh(fleet):
    return [document for document in fleet[0] if document["probe"]["started_at"] > rfc3339(NOW - 48 * 3600)]


def rows_as(rows, *names):
    return [tuple(row[name] for name in names) for row in rows]


def owner(document):
    """As `imds-probe fleet` calls it."""
    return of_report.host_of(REPORT.decode(json.dumps(document))).owner


def test_verdicts(ask, fresh):
    counted = Counter((each["verdict"]["state"], each["verdict"]["confidence"]) for each in fresh)
    rows = ask("verdicts")
    assert {(row["verdict"], row["confidence"]): row["hosts"] for row in rows} == counted
    required = sum(each["imds"]["tokens"] == "required" for each in fresh if each["imds"])
    assert sum(row["require_tokens_already"] for row in rows) == required > 0
    expired = sum((each["verdict"].get("valid_until") or "9") < rfc3339(NOW) for each in fresh)
    assert sum(row["expired"] for row in rows) == expired
    assert [row["hosts"] for row in rows] == sorted(counted.values(), reverse=True)
    assert {row["verdict"] for row in rows} == {*HELD, *FREE}


def test_who_is_not_ready_and_why(ask, fresh):
    expected = [
        (
            key(each),
            each["host"]["hostname"],
            each["instance"]["account_id"],
            each["instance"]["region"],
            owner(each),
            each["instance"]["instance_type"],
            each["instance"]["image_id"],
            each["verdict"]["state"],
            "; ".join(each["verdict"]["reasons"]),
            each["probe"]["started_at"],
        )
        for each in fresh
        if each["verdict"]["state"] in HELD
    ]
    expected.sort(key=lambda row: (row[7], row[2], row[3], row[0]))
    rows = ask("who is not ready and why")
    assert [tuple(row.values()) for row in rows] == expected
    assert {"", "karpenter shop", "auto-scaling blue", "auto-scaling web"} <= {row["launched_by"] for row in rows}


def test_blockers_by_the_hosts_that_they_alone_hold_back(ask, fresh):
    held = {}
    for each in fresh:
        off = each["imds"] is not None and each["imds"]["endpoint"] == "disabled"
        if each["verdict"]["state"] in HELD:
            held[key(each)] = {
                (finding["id"], finding["subject"])
                for finding in each["findings"]
                if finding["implies"] == "not-ready" or (finding["implies"] == "unknown" and not off)
            } or {(reason, "") for reason in each["verdict"]["reasons"]}
    hosts = Counter(blocker for blockers in held.values() for blocker in blockers)
    alone = Counter(blocker for blockers in held.values() for blocker in blockers if len(blockers) == 1)
    expected = sorted((-alone[each], -hosts[each], *each) for each in hosts)
    rows = ask("blockers")
    assert rows_as(rows, "finding", "subject", "alone", "hosts") == [
        (finding, subject, -only, -count) for only, count, finding, subject in expected
    ]
    assert len(rows) > 15 and rows[0]["alone"] > 0
    for row in rows:
        assert (row["finding"], row["subject"]) in held[row["for_example"]]


def test_hop_limits_needed(ask, fresh):
    needing = [each for each in fresh if each["verdict"]["state"] == "needs-hop-limit"]
    counted = Counter(
        (
            each["verdict"]["switch"]["http_put_response_hop_limit"],
            each["imds"]["hop_limit"],
            each["instance"]["image_id"],
            owner(each),
        )
        for each in needing
    )
    rows = ask("hop limits needed")
    names = ("hop_limit_needed", "hop_limit_now", "image_id", "launched_by")
    assert dict(zip(rows_as(rows, *names), (row["hosts"] for row in rows), strict=True)) == counted
    assert len(needing) > 20
    assert [row["hop_limit_needed"] for row in rows] == sorted((row[0] for row in counted), reverse=True)


def test_container_images_that_need_a_hop_limit(ask, fresh):
    expected = {}
    for each in fresh:
        for hop in of_report.host_of(REPORT.decode(json.dumps(each))).hops:
            expected.setdefault(hop.image, []).append(hop.limit)
    rows = ask("container images that need a hop limit")
    assert {row["image"]: (row["hop_limit_needed"], row["hosts"]) for row in rows} == {
        image: (max(limits), len(limits)) for image, limits in expected.items()
    }
    assert len(rows) > 5


def test_callers_by_program(ask, fresh):
    calls, hosts = Counter(), {}
    for each in fresh:
        for caller in each["callers"]["by"] if each["callers"] else []:
            if caller["version"] == "v1" and not caller["probe"]:
                name = caller.get("script") or caller["program"], caller.get("image") or caller.get("container") or ""
                calls[name] += caller["count"]
                hosts.setdefault(name, set()).add(key(each))
    rows = ask("IMDSv1 callers by program")
    assert {(row["program"], row["image"]): (row["hosts"], row["calls"]) for row in rows} == {
        name: (len(hosts[name]), count) for name, count in calls.items()
    }
    assert rows


def test_stale_hosts(ask, fleet):
    stale = [each for each in fleet[0] if each["probe"]["started_at"] <= rfc3339(NOW - 48 * 3600)]
    rows = ask("stale hosts")
    assert rows_as(rows, "instance_id", "last_verdict", "hours_silent", "launched_by") == [
        (key(each), each["verdict"]["state"], 60, owner(each)) for each in sorted(stale, key=key)
    ]
    assert len(rows) > 10


def test_what_changed_since_a_week_ago(ask, fleet, fresh):
    now = {key(each): each["verdict"]["state"] for each in fresh}
    before = {key(each): each["verdict"]["state"] for each in fleet[1]}

    def change(of):
        if of not in before:
            return "no report that day"
        if of not in now:
            return "silent"
        if (now[of] in FREE) == (before[of] in FREE):
            return "other verdict"
        return "freed" if now[of] in FREE else "held back"

    changed = {of: change(of) for of in {*now, *before} if now.get(of) != before.get(of)}
    rows = ask("changed since a week ago")
    assert {row["instance_id"]: row["change"] for row in rows} == changed
    assert {row["instance_id"]: (row["verdict_before"], row["verdict_now"]) for row in rows} == {
        of: (before.get(of), now.get(of)) for of in changed
    }
    assert set(Counter(changed.values())) == {"no report that day", "silent", "freed", "held back", "other verdict"}
    assert rows_as(rows, "change", "instance_id") == sorted((change, of) for of, change in changed.items())


def test_owners_by_the_hosts_that_are_held_back(ask, fresh):
    groups = {}
    for each in fresh:
        group = owner(each), each["instance"]["account_id"], each["instance"]["region"]
        groups.setdefault(group, Counter())[each["verdict"]["state"]] += 1
    rows = ask("owners")
    assert {tuple(row.values())[:3]: tuple(row.values())[3:] for row in rows} == {
        group: (
            states.total(),
            states["not-ready"] + states["unknown"],
            states["not-ready"],
            states["unknown"],
            states["needs-hop-limit"],
            states["ready"],
        )
        for group, states in groups.items()
    }
    assert [row["held_back"] for row in rows] == sorted((row["held_back"] for row in rows), reverse=True)


def test_nothing_was_left_out_of_these(ask):
    assert ask("newest reports that count for nothing") == []
    assert ask("reports since yesterday that count for nothing") == []


# Which reports count


@pytest.fixture
def asked(tmp_path):
    """Asks queries of what was put into buckets below `tmp_path / "b"` before the first one."""
    (tmp_path / "b").mkdir()
    athena = cache(lambda: Athena(tmp_path / "b", tmp_path, TABLES))
    return lambda name: athena().ask(QUERIES[name])


def test_no_reports_are_no_rows(asked):
    for name in QUERIES:
        assert asked(name) == [], name


def ready(number, **more):
    return report(number, state="ready", **more)


def test_the_newest_of_two_roles_counts_and_one_from_the_future_only_where_it_is_alone(tmp_path, asked):
    buckets = tmp_path / "b"

    def other_role(document):
        return latest_key(document).replace("AROA1", "AROA2")

    put(buckets, latest_key(ready(1)), ready(1, age_s=7200.0))
    put(buckets, other_role(ready(1)), report(1, state="not-ready", age_s=3600.0))
    put(buckets, latest_key(ready(2)), ready(2, age_s=3600.0))
    put(buckets, other_role(ready(2)), report(2, state="not-ready", age_s=-2 * 3600.0))
    put(buckets, latest_key(ready(3)), report(3, state="unknown", age_s=-2 * 3600.0))
    put(buckets, latest_key(ready(4)), ready(4, age_s=3600.0))  # of one second: the worse verdict
    put(buckets, other_role(ready(4)), report(4, state="needs-hop-limit", age_s=3600.0))
    by_firmware = ready(5)  # the identity document was not served whole
    where = latest_key(by_firmware)
    by_firmware["instance"]["instance_id"] = None
    put(buckets, where, by_firmware)
    counted = Counter()
    for row in asked("verdicts"):
        counted[row["verdict"]] += row["hosts"]
    assert counted == {
        "not-ready": 1,
        "ready": 2,
        "needs-hop-limit": 1,
    }
    # One from ahead would be fresh for as long as its clock is ahead.
    assert [row["instance_id"] for row in asked("stale hosts")] == [instance_id(3)]
    assert asked("newest reports that count for nothing") == []
    assert [row["instance_id"] for row in asked("who is not ready and why")] == [instance_id(1)]


def test_a_verdict_that_has_expired_and_a_host_that_no_finding_holds_back_are_seen(tmp_path, asked):
    expired = ready(1)
    expired["verdict"]["valid_until"] = rfc3339(NOW - 3600)
    unjudged = report(2, state="unknown")
    where = latest_key(unjudged)
    unjudged["verdict"]["reasons"], unjudged["findings"] = ["rule callers was not judged"], []
    unjudged["instance"] = None  # no identity document: the key has the Region of the credentials
    unjudged["platform"]["instance_id"] = instance_id(2)
    for key_of_it, document in ((latest_key(expired), expired), (where, unjudged), (latest_key(ready(3)), ready(3))):
        put(tmp_path / "b", key_of_it, document)
    assert {row["verdict"]: row["expired"] for row in asked("verdicts") if row["expired"]} == {"ready": 1}
    assert rows_as(asked("blockers"), "finding", "alone") == [("rule callers was not judged", 1)]
    assert asked("newest reports that count for nothing") == []


def with_probe(document, **changes):
    return document | {"probe": document["probe"] | changes}


# By the reason: a key that it may not have, and what is wrong inside; of a good key, and of a good report.
WRONG = {
    "its key is not one that the sink makes": (
        lambda good: f"{PREFIX}/latest/region=x/latest/{good.rpartition('latest/')[2]}",
        lambda document: document,
    ),
    "it is damaged": (str, lambda document: json.dumps(document)[:-5]),
    "it is no report of this schema": (str, lambda document: document | {"schema": "imds-probe.report/v2"}),
    "it does not say when it began": (str, lambda document: with_probe(document, started_at="2026-11-30 00:00")),
    "it is of another instance than its key says": (
        str,
        lambda document: document | {"instance": document["instance"] | {"instance_id": instance_id(77)}},
    ),
    "it is of another Region than its key says": (
        lambda good: good.replace("region=us-east-1", "region=eu-west-3").replace(
            "region=eu-west-1", "region=eu-west-3"
        ),
        lambda document: document,
    ),
    "a part of it has another form than the schema says": (str, lambda document: document | {"findings": {}}),
}
# Reasons that stop a query of a table with types, as they would in Athena.
STOPPING = ("it is damaged", "a part of it has another form than the schema says")


def test_what_disagrees_with_its_key_is_dropped_and_counted(tmp_path):
    places = {}
    put(tmp_path / "b", latest_key(report(100)), report(100))
    for number, (reason, (key_of, change)) in enumerate(WRONG.items()):
        where = key_of(latest_key(report(number)))
        places[reason] = f"s3://{BUCKET}/{where}", put(tmp_path / "b", where, change(report(number)))
    lines = [table for table in TABLES if table["TableInput"]["Name"].endswith("lines")]
    rows = Athena(tmp_path / "b", tmp_path, lines).ask(QUERIES["newest reports that count for nothing"])
    assert {row["reason"]: (row["reports"], row["for_example"]) for row in rows} == {
        reason: (1, url) for reason, (url, _) in places.items()
    }
    for reason in STOPPING:
        places[reason][1].unlink()
    athena = Athena(tmp_path / "b", tmp_path, TABLES)
    for name in ("verdicts", "owners"):
        assert [row["hosts"] for row in athena.ask(QUERIES[name])] == [1]


@pytest.mark.parametrize("reason", STOPPING)
def test_an_object_that_is_no_report_stops_a_table_with_types(tmp_path, reason):
    """As AWS says of Hive's SerDe: what runs the queries here is not kinder."""
    put(tmp_path / "b", latest_key(report(1)), WRONG[reason][1](report(1)))
    typed = [table for table in TABLES if table["TableInput"]["Name"] == "latest"]
    with pytest.raises(duckdb.Error):
        Athena(tmp_path / "b", tmp_path, typed)


def test_a_dated_report_has_the_day_the_time_and_the_run_of_its_key(tmp_path, asked):
    wrong = {
        1: ({}, None),
        2: ({"started_at": 1}, "it began at another time than its key says"),
        3: ({"started_at": DAY_S}, "it began at another time than its key says"),
        4: ({"run_id": "f" * 32}, "it is of another run than its key says"),
    }
    for number, (change, _) in wrong.items():
        for age_s in (7200.0, 7 * DAY_S - 7200):
            document = report(number, age_s=age_s)
            where = dated_key(document)
            document["probe"] |= change
            if "started_at" in change:
                document["probe"]["started_at"] = rfc3339(NOW - age_s - change["started_at"])
            put(tmp_path / "b", where, document)
    rows = asked("reports since yesterday that count for nothing")
    assert {row["reason"]: row["reports"] for row in rows} == Counter(reason for _, reason in wrong.values() if reason)
    # A week ago only the right one counts.
    assert rows_as(asked("changed since a week ago"), "instance_id", "change") == [(instance_id(1), "silent")]


def test_reports_of_older_and_newer_minor_versions_are_read(tmp_path, asked):
    """Members that a later version adds are passed over, at any depth; those that an earlier one lacks are null."""
    newer, older = report(1, state="not-ready"), report(2, state="not-ready")
    newer["verdict"] |= {"added": {"deep": [1]}}
    newer["added"] = [{"a": 1}]
    newer["findings"] = [{"id": "x", "subject": "s", "implies": "not-ready", "severity": "blocker", "added": []}]
    for name in ("image", "control_plane", "code", "standing", "switched", "rehearsals"):
        older.pop(name, None)
    older["findings"] = [{"id": "x", "subject": "s", "implies": "not-ready"}]
    del older["verdict"]["confidence"], older["instance"]["owner"], older["instance"]["auto_scaling_group"]
    for document in (newer, older):
        put(tmp_path / "b", latest_key(document), document)
    assert rows_as(asked("blockers"), "finding", "alone", "hosts") == [("x", 2, 2)]
    assert {row["confidence"] for row in asked("verdicts")} == {None, newer["verdict"]["confidence"]}
    assert "" in {row["launched_by"] for row in asked("owners")}


def test_every_column_is_one_of_the_reports_and_has_its_value(tmp_path):
    """A whole report comes out of the table as it went in, as far as the schema has names for it."""
    document = report(2)
    put(tmp_path / "b", latest_key(document), document)
    athena = Athena(tmp_path / "b", tmp_path, TABLES)
    (row,) = athena.ask("SELECT * FROM latest")
    for name, value in document.items():
        assert _without_nulls(row[name]) == _without_nulls(value), name


def _without_nulls(value):
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return value
