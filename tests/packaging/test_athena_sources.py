"""The saved queries over what AWS itself has, SSM's inventory and CloudTrail, give what a plain count gives."""

import csv
import re
from collections import Counter
from pathlib import Path

import pytest
import sqlglot
from athena_engine import Athena
from cloudformation_template import Template
from fleet_buckets import put_inventory, put_records, record
from fleets_made import NOW, instance_id, report, templates
from reports_made import report as valid_report

from imds_probe.fleet import trail
from imds_probe.sinks.readiness import readiness
from imds_probe.timestamp import rfc3339

LOCATIONS = {"InventoryLocation": "s3://inventory/sync", "TrailLocation": "s3://trail/AWSLogs"}
TEMPLATE = Template("imds-probe-athena-sources.yaml", StaleHours="48", TrailDays="7", **LOCATIONS)
TABLES = {table["TableInput"]["Name"]: table for table in TEMPLATE.resources("AWS::Glue::Table").values()}
QUERIES = {
    query["Name"].removeprefix("imds-probe/"): query["QueryString"]
    for query in TEMPLATE.resources("AWS::Athena::NamedQuery").values()
}
CREDENTIALS = "credentials delivered by IMDSv1"


def test_the_inventorys_columns_are_the_entrys_attributes():
    columns = {each["Name"]: each["Type"] for each in TABLES["inventory"]["TableInput"]["StorageDescriptor"]["Columns"]}
    assert list(columns) == [
        "resourceid",
        "capturetime",
        "schemaversion",
        *(name.lower() for name in readiness(valid_report())),
    ]
    assert set(columns.values()) == {"string"}


@pytest.fixture(scope="module")
def entries():
    """The entry of each host, as the sink writes it, by its node."""
    made = [report(number, age_s=(60 if number % 9 == 4 else 5) * 3600.0) for number in range(len(templates()))]
    return {each["instance"]["instance_id"]: (each, readiness(each)) for each in made}


@pytest.fixture(scope="module")
def ask(entries, tmp_path_factory):
    buckets = tmp_path_factory.mktemp("buckets")
    for document, _ in entries.values():
        put_inventory(buckets, document)
    put_inventory(buckets, report(5000), resourceId=instance_id(1))  # of another node than its file: dropped
    put_inventory(buckets, report(5001), Verdict="?")
    athena = Athena(buckets, tmp_path_factory.mktemp("work"), [TABLES["inventory"]])
    return lambda name: athena.ask(QUERIES[f"inventory, {name}"])


@pytest.fixture(scope="module")
def fresh(entries):
    return {node: said for node, (_, said) in entries.items() if said["ReportedAt"] > rfc3339(NOW - 48 * 3600)}


def test_who_is_not_ready_and_why(ask, entries, fresh):
    rows = ask("who is not ready and why")
    expected = {
        node: (
            entries[node][0]["instance"]["account_id"],
            entries[node][0]["instance"]["region"],
            said["Verdict"],
            said["Reasons"],
        )
        for node, said in fresh.items()
        if said["Verdict"] in ("not-ready", "unknown")
    }
    assert {row["instance_id"]: (row["account"], row["region"], row["verdict"], row["why"]) for row in rows} == expected
    assert len(rows) > 50


def parts(said):
    return set() if said in ("", "none") else set(said.split("; "))


def test_blockers(ask, fresh):
    held = {node: parts(said["Blockers"]) for node, said in fresh.items() if said["Verdict"] == "not-ready"}
    hosts = Counter(each for blockers in held.values() for each in blockers)
    alone = Counter(each for blockers in held.values() for each in blockers if len(blockers) == 1)
    rows = ask("blockers")
    assert [(row["finding"], row["alone"], row["hosts"]) for row in rows] == sorted(
        ((each, alone[each], count) for each, count in hosts.items()), key=lambda row: (-row[1], -row[2], row[0])
    )
    assert len(rows) > 3


def test_hop_limits_needed(ask, fresh):
    counted = Counter(
        (said["HopLimitNeeded"], said["HopLimit"]) for said in fresh.values() if said["Verdict"] == "needs-hop-limit"
    )
    rows = ask("hop limits needed")
    assert {(row["hop_limit_needed"], row["hop_limit_now"]): row["hosts"] for row in rows} == counted
    assert rows


def test_callers_by_program(ask, fresh):
    counted = Counter(program for said in fresh.values() for program in parts(said["IMDSv1Callers"]))
    rows = ask("IMDSv1 callers by program")
    assert {row["program"]: row["hosts"] for row in rows} == counted
    assert rows


def test_stale_hosts(ask, entries, fresh):
    assert [row["instance_id"] for row in ask("stale hosts")] == sorted(set(entries) - set(fresh))


# CloudTrail


def columns_of(rows):
    return [tuple(row.values()) for row in rows]


def test_calls_with_credentials_by_imdsv1_and_the_fleet_takes_the_result(tmp_path):
    """The result as Athena exports it is read by `imds-probe fleet --cloudtrail`, and comes to the same."""
    one, two = instance_id(1), instance_id(2)
    put_object, list_objects = ("s3.amazonaws.com", "PutObject"), ("s3.amazonaws.com", "ListObjects")
    recent = [
        record(one, "web", put_object, "2026-11-29T10:00:00Z", "1.0"),
        record(one, "web", put_object, "2026-11-29T11:00:00Z", "1.0"),
        record(one, "web", list_objects, "2026-11-29T09:00:00Z", "1.0"),
        record(two, "batch", put_object, "2026-11-29T12:00:00Z", "1.0"),
        record(two, "batch", put_object, "2026-11-29T13:00:00Z", "2.0"),
        record(instance_id(3), "mail", put_object, "2026-11-29T13:00:00Z", "2.0"),
        record(instance_id(4), "mail", put_object, "2026-11-29T13:00:00Z", None),
    ]
    put_records(tmp_path / "b", "2026/11/29", recent)
    put_records(tmp_path / "b", "2026/11/01", [record(two, "batch", put_object, "2026-11-01T13:00:00Z", "1.0")])
    rows = Athena(tmp_path / "b", tmp_path, [TABLES["trail"]]).ask(QUERIES[CREDENTIALS])
    session = "arn:aws:sts::111111111111:assumed-role"
    assert columns_of(rows) == [
        (f"{session}/web/{one}", "s3.amazonaws.com", "PutObject", 2, "2026-11-29T11:00:00Z"),
        (f"{session}/batch/{two}", "s3.amazonaws.com", "PutObject", 1, "2026-11-29T12:00:00Z"),
        (f"{session}/web/{one}", "s3.amazonaws.com", "ListObjects", 1, "2026-11-29T09:00:00Z"),
    ]
    with (tmp_path / "result.csv").open("w", newline="") as file:  # as Athena writes it: each value in quotation marks
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(rows[0])
        writer.writerows(columns_of(rows))
    uses = trail.uses([str(tmp_path / "result.csv")])
    assert uses.not_read == 0
    assert {key: (use.role, use.calls, use.undated) for key, use in uses.instances.items()} == {
        one: ("web", 3, False),
        two: ("batch", 1, False),
    }
    assert uses.actions == {"web": {"s3:PutObject": 2, "s3:ListObjects": 1}, "batch": {"s3:PutObject": 1}}
    assert rfc3339(uses.instances[one].last) == "2026-11-29T11:00:00Z"


def test_each_of_them_has_an_answer_for_nothing(tmp_path):
    (tmp_path / "b").mkdir()
    athena = Athena(tmp_path / "b", tmp_path, TABLES.values())
    assert len(QUERIES) == 6
    for query in QUERIES.values():
        assert athena.ask(query) == []


def test_the_page_has_the_query_for_a_table_of_ones_own():
    """With other names of table and time, and the same columns, condition and groups."""
    page = (Path(__file__).parents[2] / "docs/fleet.md").read_text()
    (shown,) = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    of_page, of_template = (sqlglot.parse_one(each, read="athena") for each in (shown, QUERIES[CREDENTIALS]))
    assert of_page.named_selects == of_template.named_selects
    assert [each.sql() for each in of_page.selects] == [each.sql() for each in of_template.selects]
    delivered = "useridentity.sessioncontext.ec2roledelivery = '1.0'"
    assert delivered in of_page.args["where"].sql() and delivered in of_template.args["where"].sql()
    groups = {each.sql() for each in of_template.args["group"].expressions}
    assert groups == {"useridentity.arn", "eventsource", "eventname"}
    assert [each.name for each in of_page.args["group"].expressions] == ["1", "2", "3"]
