from __future__ import annotations

from dataclasses import replace

import pytest
from code_seen import watched
from observed import FACTS, changed, report_of
from watched_calls import CALLER

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.callers import CallerSeen
from imds_probe.findings import Found
from imds_probe.rules.expired_tokens import NAMED_MAX, RULE
from imds_probe.rules.rule import NothingToJudge

BY_TOKEN = replace(CALLER, version="v2", count=4, refused=4)


def judged(*by: CallerSeen) -> list[Found]:
    found = RULE.judge(changed(FACTS, callers=watched(*by)), Catalog(()))
    assert isinstance(found, list)
    return found


def test_where_nobody_watched_it_says_so():
    assert isinstance(RULE.judge(FACTS, Catalog(())), NothingToJudge)


def test_who_is_refused_with_a_token_is_said_and_blocks_nothing():
    (finding,) = judged(BY_TOKEN, replace(BY_TOKEN, path_class="token", path="/latest/api/token", count=2, refused=0))
    assert (finding.id, finding.severity, finding.implies) == ("token-expired", "warning", None)
    assert finding.summary == (
        "/usr/bin/curl (web.service) was refused 4 times with a token that is expired or invalid, last at "
        "or before 2023-11-14T22:13:20Z"
    )
    assert finding.evidence == (
        "answered with 401: 4 of 6 requests by IMDSv2; requested /latest/meta-data/",
        "last refused: process 7: curl …",
    )
    report = report_of(changed(FACTS, callers=watched(BY_TOKEN)))
    assert report.verdict.state == "ready"
    assert "imdsv1-refused" not in {each.id for each in report.findings}


@pytest.mark.parametrize(("refused", "severity"), [(4, "info"), (5, "warning")])
def test_one_that_renews_its_token_after_a_refusal_is_no_warning(refused, severity):
    (finding,) = judged(replace(BY_TOKEN, count=40, refused=refused))
    assert finding.severity == severity


@pytest.mark.parametrize("changes", [{"refused": 0}, {"version": "v1"}, {"probe": True}])
def test_nobody_else_is_named(changes):
    assert judged(replace(BY_TOKEN, **changes)) == []


def test_many_are_counted_together():
    found = judged(*(replace(BY_TOKEN, program=f"/opt/{number}") for number in range(NAMED_MAX + 2)))
    assert len(found) == NAMED_MAX + 1
    assert found[-1].summary == "2 more callers were refused with a token that is expired or invalid, 8 times in all"
