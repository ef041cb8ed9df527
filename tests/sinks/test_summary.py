from __future__ import annotations

import json

from golden_reports import CASES
from reports_made import hostile, report

from imds_probe.sinks.summary import SCHEMA, fitting

LIMIT = 256 * 1024 - 26


def test_what_fits_is_the_whole_report_on_one_line():
    line = fitting(report(), LIMIT)
    assert json.loads(line) == report()
    assert list(json.loads(line))[:3] == ["schema", "verdict", "instance"]  # within the fields that Logs Insights finds
    assert line.isascii()
    assert "\n" not in line


def test_what_does_not_fit_is_a_summary_with_the_same_names():
    large = hostile(200)
    line = fitting(large, LIMIT)
    assert len(line) <= LIMIT
    summary = json.loads(line)
    assert list(summary)[:4] == ["schema", "summary_of_bytes", "verdict", "instance"]
    assert summary["schema"] == SCHEMA
    assert summary["summary_of_bytes"] > LIMIT
    assert summary["verdict"]["state"] == large["verdict"]["state"]
    assert [each["id"] for each in summary["findings"]] == [each["id"] for each in large["findings"]]
    assert summary["callers"]["imdsv1"] == large["callers"]["imdsv1"]
    assert summary["probe"]["run_id"] == large["probe"]["run_id"]


def test_thousands_of_findings_are_counted_where_they_are_left_out():
    many = report()
    many["findings"] = many["findings"] * 4000
    summary = json.loads(fitting(many, LIMIT))
    assert len(summary["findings"]) + summary["findings_left_out"] == len(many["findings"])
    assert summary["findings"]


def test_a_summary_has_the_accepted_risks_and_counts_those_that_are_left_out():
    made = report(CASES["ready-accepted"]())
    summary = json.loads(fitting(made, len(json.dumps(made)) // 2))
    assert [each["owner"] for each in summary["verdict"]["accepted"]] == ["team-app", "team-os"]
    assert {each["id"] for each in summary["findings"] if each["accepted"]} == {"code-not-read", "software-too-old"}
    made["verdict"]["accepted"] *= 2000
    verdict = json.loads(fitting(made, LIMIT))["verdict"]
    assert len(verdict["accepted"]) + verdict["accepted_left_out"] == 4000
