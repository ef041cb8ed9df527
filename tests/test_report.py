import json
from dataclasses import replace

import pytest
from observed import FACTS, HOST, changed, report_of
from report_schema import check
from watched_calls import CALLER

from imds_probe.report import SCHEMA, dump
from imds_probe.watch.evidence import callers_of


@pytest.mark.parametrize(
    "facts", [FACTS, changed(FACTS, imds=None, instance=None), changed(FACTS, software=(), containers=None)]
)
def test_every_report_keeps_to_its_schema(facts):
    report = report_of(facts)
    document = check(report.to_json())
    assert document["schema"] == SCHEMA
    assert json.loads(dump(report)) == document


def test_the_schema_notices_what_is_wrong():
    document = report_of(FACTS).to_json()
    document["imds"]["hop_limit"] = 65
    with pytest.raises(AssertionError, match="imds"):
        check(document)


def test_hostile_text_is_escaped_in_json():
    hostile = changed(FACTS, host=replace(HOST, hostname="a\x1b[2J\u202eb\n"))
    text = dump(report_of(hostile))
    assert text.isascii()
    assert "\x1b" not in text


def test_what_was_not_seen_of_sdks_is_kept():
    document = check(report_of(changed(FACTS, sdks_unseen=("3 hide",), sdks_left_out=("the disk",))).to_json())
    assert (document["sdks_unseen"], document["sdks_left_out"]) == (["3 hide"], ["the disk"])


def test_each_finding_says_where_its_help_is():
    document = report_of(changed(FACTS, imds=None, instance=None, containers=None)).to_json()
    assert all(finding["help"] == f"imds-probe explain {finding['id']}" for finding in document["findings"])


def test_who_called_is_kept():
    callers = callers_of(
        (CALLER,), window_s=10.0, observed_s=5.0, needed_coverage=0.99, dropped=1, watched_until="2023-11-14T22:13:20Z"
    )
    document = check(report_of(changed(FACTS, callers=callers)).to_json())
    assert document["callers"]["by"][0]["cmdline"] == CALLER.cmdline
    assert (document["callers"]["coverage"], document["callers"]["imdsv1"]) == (0.5, CALLER.count)
