from __future__ import annotations

from dataclasses import replace

import pytest
from observed import FACTS, changed, container, report_of
from since_switch_seen import CALLS, FOR_GOOD, HOUR_S, MENDED, RECOVERED, as_caller, since

from imds_probe.facts.imds import Imds
from imds_probe.rules.refused import QUIET_S, refused_callers, refused_for_good

DAY_S = 24 * HOUR_S


@pytest.mark.parametrize(
    ("refused", "outcome"),
    [
        (RECOVERED, "recovered"),
        (FOR_GOOD, "for-good"),
        (replace(FOR_GOOD, recovered=2), "for-good"),
        (replace(FOR_GOOD, failed_ago_s=2.0, may_recover=True), "just-now"),
        (MENDED, "mended"),
        (replace(MENDED, failed_ago_s=QUIET_S - 1), "for-good"),  # a daily job may not have come round
        (replace(MENDED, with_token_last="2026-11-22T19:00:00Z"), "for-good"),
        (replace(MENDED, with_token_last=None), "for-good"),
        (replace(MENDED, longest_gap_s=7 * DAY_S), "for-good"),  # it asks once a week
        (replace(MENDED, longest_gap_s=7 * DAY_S, failed_ago_s=7 * DAY_S), "mended"),
        (replace(MENDED, with_token_last=None, successor_last=MENDED.with_token_last), "mended"),
        (replace(FOR_GOOD, had_nothing=True), "had-nothing"),
        (replace(FOR_GOOD, failed_ago_s=15 * DAY_S), "silent"),
        (replace(FOR_GOOD, failed_ago_s=15 * DAY_S, longest_gap_s=28 * DAY_S), "for-good"),  # once a month
    ],
)
def test_what_came_of_a_caller(refused, outcome):
    (caller,) = refused_callers(since(refused))
    assert caller.outcome == outcome
    assert [each.outcome for each in refused_for_good(since(refused))] == ["for-good"] * (outcome == "for-good")


def test_one_that_is_refused_one_thing_for_good_is_refused_for_good():
    (caller,) = refused_callers(since(RECOVERED, as_caller(FOR_GOOD, path_class="credentials")))
    assert (caller.outcome, caller.refused, caller.recovered, caller.failed_ago_s) == ("for-good", 6, 3, 4 * HOUR_S)
    assert caller.subject == "web.service"
    apart = refused_callers(since(RECOVERED, as_caller(FOR_GOOD, unit="db.service")))
    assert [(each.subject, each.outcome) for each in apart] == [
        ("db.service", "for-good"),
        ("web.service", "recovered"),
    ]


ENDED = {"container": "pod", "container_id": "c" * 64, "image": "shop/app:1", "unit": None}


def test_containers_that_have_ended_are_one_caller_and_the_next_one_mends_it():
    one, other = (
        as_caller(FOR_GOOD, **ENDED),
        as_caller(FOR_GOOD, **ENDED | {"container": "pod2", "container_id": "d" * 64}),
    )
    assert [each.outcome for each in refused_callers(since(one, other))] == ["for-good"]
    succeeded = {"successor_last": "2026-11-22T21:00:00Z", "failed_ago_s": 25 * HOUR_S}
    one, other = replace(one, **succeeded), replace(other, **succeeded)
    assert [each.outcome for each in refused_callers(since(one, other))] == ["mended"]
    weekly = replace(one, failed_ago_s=8 * DAY_S)  # each by another container
    assert [each.outcome for each in refused_callers(since(weekly, other))] == ["for-good"]


def test_a_container_that_runs_is_not_mended_by_another_of_its_image():
    running = container("shop", 1, "ok", 2)
    refused = as_caller(MENDED, **ENDED | {"container_id": running.id})
    refused = replace(refused, with_token_last=None, successor_last=MENDED.with_token_last)
    facts = changed(since(refused), containers=(running,))
    assert [each.outcome for each in refused_callers(facts)] == ["for-good"]


def test_where_no_metadata_is_served_the_switch_has_taken_nothing():
    facts = since(FOR_GOOD)
    off = changed(facts, imds=replace(facts[Imds], endpoint="disabled"))
    (caller,) = refused_callers(off)
    assert (caller.outcome, bool(caller.off)) == ("unserved", True)
    report = report_of(off)
    assert (report.verdict.state, report.verdict.rollback) == ("ready", None)
    assert "refused-unserved" in {each.id for each in report.findings}


@pytest.mark.parametrize("changes", [{"path_class": "head"}, {"path_class": "other-cloud"}, {"probe": True}])
def test_what_loses_nothing_is_nobody(changes):
    assert refused_callers(since(as_caller(FOR_GOOD, **changes))) == []


def test_where_nobody_watched_or_tokens_are_optional_nobody_is_refused():
    assert CALLS.refused
    assert refused_callers(FACTS) == []
    assert refused_callers(since(FOR_GOOD, watched=None)) == []
    assert refused_callers(since(FOR_GOOD, since=None)) == []
