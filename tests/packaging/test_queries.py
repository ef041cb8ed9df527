"""The saved queries: every field they name is one of the report's, and over reports they answer what they promise.

moto keeps log events, but does not evaluate queries: insights.py does, as far as these need it.
"""

import json
import time
from dataclasses import replace

import pytest
from cloudformation_template import Template
from golden_reports import golden_report
from insights import Event, Name, names_in, parse, run
from observed import FACTS, HOST, OLD_CLOUD_INIT, changed, report_of
from report_schema import check
from since_switch_seen import FOR_GOOD, SINCE, as_caller, since
from watched_calls import CALLER

from imds_probe.report import dump
from imds_probe.report_document import SCHEMA_FILE
from imds_probe.rules import RULES
from imds_probe.watch.evidence import callers_of


def resolved(schema, definitions):
    """The same schema with what it refers to in the place of each reference."""
    if isinstance(schema, list):
        return [resolved(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return resolved(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {key: resolved(value, definitions) for key, value in schema.items() if key != "$defs"}


WRITTEN = json.loads(SCHEMA_FILE.read_text())
SCHEMA = resolved(WRITTEN, WRITTEN["$defs"])
GROUP = "/imds-probe/reports"
QUERIES = {
    query["Name"].removeprefix("imds-probe/"): query["QueryString"]
    for query in Template("imds-probe-fleet.yaml").resources("AWS::Logs::QueryDefinition").values()
}
HOUR, DAY_S = 3600, 86400.0
ANYTHING = {"type": ["string", "number"]}  # what a function gives: it has no members
SYSTEM_FIELDS = {"@logStream", "@timestamp", "@message"}


def test_the_seven_questions():
    assert set(QUERIES) == {
        "who is not ready and why",
        "top blockers",
        "accepted risks",
        "hop limits needed",
        "IMDSv1 callers by program",
        "refused since the switch",
        "stale hosts",
    }


# Fields


def member(schema, name):
    """The schema of a member of an object, which may be null instead; None where it has no such member."""
    variants = (variant.get("properties", {}) for variant in schema.get("anyOf", [schema]))
    return next((properties[name] for properties in variants if name in properties), None)


def within(path, known):
    """The schema of what a query names; None where neither the commands before nor the report have it."""
    schema = known.get(path[0])
    for name in path[1:]:
        schema = schema and member(schema, name)
    return schema


def fields_that_are_none(query):
    """Names in a query that are no field of the report."""
    known = dict.fromkeys(SYSTEM_FIELDS, ANYTHING)
    missing = []
    for command in parse(query):
        named = [path for _, expression in command.columns for path in names_in(expression) if path != ("*",)]
        missing += [path for path in named + [(name,) for name in command.by] if within(path, known) is None]
        made = {}
        for name, expression in command.columns:
            if command.verb == "unnest":
                made[command.word] = (within(expression.path, known) or {}).get("items")
            elif isinstance(expression, Name):
                made[name] = within(expression.path, known)
            elif command.verb in ("fields", "stats"):
                made[name] = SCHEMA if expression.function == "jsonParse" else ANYTHING
        known = (dict.fromkeys(command.by, ANYTHING) if command.verb == "stats" else known) | made
    return missing


@pytest.mark.parametrize("name", QUERIES)
def test_every_field_is_one_of_the_reports(name):
    assert fields_that_are_none(QUERIES[name]) == []
    assert any("report." in line for line in QUERIES[name].splitlines())


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("report.verdict.state", "report.verdict.status"),
        ("finding.severity", "finding.level"),
        ("unnest report.findings", "unnest report.verdict"),
        ("by @logStream", "by @host"),
        ('filter verdict = "', 'filter state = "'),
    ],
)
def test_a_wrong_field_would_be_noticed(right, wrong):
    found = [fields_that_are_none(query.replace(right, wrong)) for query in QUERIES.values() if right in query]
    assert found
    assert all(found)


@pytest.mark.parametrize("name", QUERIES)
def test_words_it_compares_with_are_the_schemas(name):
    known = {"not-ready", "needs-hop-limit", "blocker", "v1", "false", "refused-for-good"}
    text = json.dumps([SCHEMA, [kind.id for rule in RULES for kind in rule.kinds]])
    for word in QUERIES[name].split('"')[1::2]:
        assert word == "-" or (word in known and (f'"{word}"' in text or word == "false"))


# Answers


def report(host, state=None, *, software=(), callers=None, hop_limit=None):
    """A report of a host, as the program would write it; `state` and `hop_limit` are put in its place."""
    facts = changed(FACTS, software=software, callers=callers, host=replace(HOST, hostname=f"name-of-{host}"))
    document = json.loads(dump(report_of(facts)))
    if state:
        document["verdict"]["state"] = state
    if hop_limit:
        document["verdict"]["switch"] = {
            "http_tokens": "required",
            "http_put_response_hop_limit": hop_limit,
            "aws_cli": "",
            "terraform": "",
            "cloudformation": "",
            "launch_template": "",
            "template_waits_for": [],
            "steps": [],
            "no_rollback": "",
            "try_first": "",
        }
    return check(document)


def watched(*by):
    return callers_of(
        by, window_s=14 * DAY_S, observed_s=14 * DAY_S, needed_coverage=0.99, dropped=0, watched_until=None
    )


def caller(program, count, **changes):
    return replace(CALLER, program=program, count=count, refused=1, **changes)


@pytest.fixture
def ask(aws):
    """Sends reports, as (host, hours ago, report), into the group that the template makes, and asks a query about them."""
    logs = aws.client("logs")
    aws.client("cloudformation").create_stack(
        StackName="imds-probe", TemplateBody=Template("imds-probe-fleet.yaml").body
    )
    now = time.time()

    def answer(name, *reports):
        for host, hours, document in sorted(reports, key=lambda each: -each[1]):
            if not logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=host)["logStreams"]:
                logs.create_log_stream(logGroupName=GROUP, logStreamName=host)
            event = {"timestamp": int((now - hours * HOUR) * 1000), "message": json.dumps(document)}
            logs.put_log_events(logGroupName=GROUP, logStreamName=host, logEvents=[event])
        kept = logs.filter_log_events(logGroupName=GROUP)["events"]
        assert len(kept) == len(reports)
        events = [Event(event["logStreamName"], event["timestamp"], event["message"]) for event in kept]
        return run(QUERIES[name], events, now)

    return answer


def test_who_is_not_ready_and_why_by_the_newest_report(ask):
    rows = ask(
        "who is not ready and why",
        ("i-1", 1, report("i-1", software=(OLD_CLOUD_INIT,))),
        ("i-2", 2, report("i-2", software=(OLD_CLOUD_INIT,))),
        ("i-2", 1, report("i-2", "ready")),
        ("i-3", 2, report("i-3", "ready")),
        ("i-3", 1, report("i-3", "not-ready")),
    )
    assert [row["@logStream"] for row in rows] == ["i-1", "i-3"]
    assert rows[0]["hostname"] == "name-of-i-1"
    (why,) = json.loads(rows[0]["why"])
    assert why.endswith("[software-too-old]")
    assert rows[0]["instance_type"] == "m7i.large"


def test_top_blockers_count_hosts_and_not_reports(ask):
    two = report("i-1", software=(OLD_CLOUD_INIT,))
    blocker = two["findings"][0]
    assert blocker["severity"] == "blocker"
    other = blocker | {"id": "sdk-too-old", "subject": "botocore"}
    warning = blocker | {"id": "only-a-warning", "severity": "warning"}
    two["findings"] = [warning, blocker, other]
    rows = ask(
        "top blockers",
        ("i-1", 1, two),
        ("i-1", 0.5, two),  # twice, and still one host
        ("i-2", 1, report("i-2", software=(OLD_CLOUD_INIT,))),
        ("i-3", 1, report("i-3")),
    )
    assert [(row["blocker"], row["hosts"]) for row in rows] == [("software-too-old", 2), ("sdk-too-old", 1)]
    assert rows[1]["for_example"] == "botocore"


def test_accepted_risks_by_who_answers_for_them_and_the_first_to_expire(ask):
    accepting = json.loads(dump(golden_report("ready-accepted")))
    rows = ask(
        "accepted risks",
        ("i-1", 1, accepting),
        ("i-1", 0.5, accepting),  # twice, and still one host
        ("i-2", 1, accepting),
        ("i-3", 1, report("i-3")),
    )
    assert [(row["finding"], row["owner"], row["expires"], row["hosts"]) for row in rows] == [
        ("code-not-read", "team-app", "2026-12-01", 2),
        ("software-too-old", "team-os", "2027-01-31", 2),
    ]
    assert rows[1]["accepted_because"] == "this host never boots again"


def test_hop_limits_needed_now(ask):
    rows = ask(
        "hop limits needed",
        ("i-1", 1, report("i-1", "needs-hop-limit", hop_limit=2)),
        ("i-2", 1, report("i-2", "needs-hop-limit", hop_limit=2)),
        ("i-3", 1, report("i-3", "needs-hop-limit", hop_limit=3)),
        ("i-4", 2, report("i-4", "needs-hop-limit", hop_limit=5)),
        ("i-4", 1, report("i-4", "ready")),
    )
    assert [(row["hop_limit_needed"], row["hop_limit_now"], row["hosts"]) for row in rows] == [(3, 1, 1), (2, 1, 2)]
    assert rows[1]["for_example"] == "i-1"


def test_who_is_refused_since_the_switch_with_the_way_back(ask):
    switched, later = (
        json.loads(dump(report_of(since(FOR_GOOD, *more)))) for more in ((), (as_caller(FOR_GOOD, unit="b.service"),))
    )
    accepted = json.loads(json.dumps(switched))
    for finding in accepted["findings"]:
        terms = {
            "reason": "a test",
            "owner": "sre",
            "expires": "2027-01-31",
            "severity": "blocker",
            "implies": "not-ready",
        }
        finding["accepted"] = terms if finding["id"] == "refused-for-good" else None
    rows = ask(
        "refused since the switch",
        ("i-1", 2, switched),
        ("i-1", 1, later),
        ("i-2", 1, check(accepted)),
        ("i-3", 1, report("i-3")),
    )
    assert sorted((row["host"], row["subject"], row["accepted_by"]) for row in rows) == [
        ("i-1", "b.service", "-"),
        ("i-1", "web.service", "-"),
        ("i-2", "web.service", "sre"),
    ]
    assert {row["since"] for row in rows} == {SINCE}
    assert all("--http-tokens optional" in row["command_to_undo"] for row in rows)
    assert "was refused 3 times" in rows[0]["what"]


def test_callers_are_counted_once_and_without_the_probe(ask):
    calls = watched(
        caller("/usr/bin/curl", 5, unit="web.service"),
        caller("/usr/bin/curl", 2, unit="web.service", path_class="credentials"),
        caller("/opt/imds-probe", 9, probe=True),
        caller("/usr/bin/aws", 7, version="v2"),
    )
    fewer = watched(caller("/usr/bin/curl", 4, unit="web.service"), caller("/usr/sbin/agent", 1))
    rows = ask(
        "IMDSv1 callers by program",
        ("i-1", 2, report("i-1", callers=fewer)),
        ("i-1", 1, report("i-1", callers=calls)),
        ("i-2", 1, report("i-2", callers=calls)),
        ("i-3", 1, report("i-3")),  # nobody watched there
    )
    assert [(row["program"], row["calls"], row["refused_calls"], row["hosts"]) for row in rows] == [
        ("/usr/bin/curl", 14, 4, 2),
        ("/usr/sbin/agent", 1, 1, 1),
    ]


def test_stale_hosts(ask):
    rows = ask(
        "stale hosts",
        ("i-1", 1, report("i-1")),
        ("i-2", 5, report("i-2")),
        ("i-3", 50, report("i-3", "not-ready")),
        ("i-4", 50, report("i-4")),
        ("i-4", 2, report("i-4")),
    )
    assert [(row["@logStream"], round(row["hours_silent"]), row["last_verdict"]) for row in rows] == [
        ("i-3", 50, "not-ready"),
        ("i-2", 5, "ready"),
    ]


def test_what_is_called_stale_can_be_set():
    queries = Template("imds-probe-fleet.yaml", StaleHours="48").resources("AWS::Logs::QueryDefinition")
    assert "hours_silent > 48" in queries["StaleHosts"]["QueryString"]


@pytest.mark.parametrize("name", QUERIES)
def test_no_reports_are_no_rows(ask, name):
    assert ask(name) == []


# What runs the queries must not be kinder than AWS.


@pytest.mark.parametrize(
    "query",
    [
        "fields nowhere",
        "fields report.verdict",
        "fields frobnicate(@message)",
        "stats latest(@message) as a by @logStream | stats latest(a) as b",
        "fields jsonParse(@message) as r | fields r.verdict as v | stats count(*) as n by v",
        "stats count(*) as n | filter @logStream = 1",
        "stats count(*) as a | stats count(*) as b | stats count(*) as c",
        "filter count(*) = 1",
        "fields @message as a b",
        "dedup @logStream",
    ],
)
def test_what_insights_would_refuse(query):
    with pytest.raises((SyntaxError, KeyError, TypeError)):
        run(query, [Event("i-1", 0, '{"verdict": {}}')], 0.0)
