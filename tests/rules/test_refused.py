from __future__ import annotations

from dataclasses import replace

import pytest
from observed import FACTS
from since_switch_seen import CALLS, FOR_GOOD, HOUR_S, MENDED, RECOVERED, as_caller, since

from imds_probe.rules.refused import QUIET_S, refused_callers, refused_for_good


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


@pytest.mark.parametrize("changes", [{"path_class": "head"}, {"path_class": "other-cloud"}, {"probe": True}])
def test_what_loses_nothing_is_nobody(changes):
    assert refused_callers(since(as_caller(FOR_GOOD, **changes))) == []


def test_where_nobody_watched_or_tokens_are_optional_nobody_is_refused():
    assert CALLS.refused
    assert refused_callers(FACTS) == []
    assert refused_callers(since(FOR_GOOD, watched=None)) == []
    assert refused_callers(since(FOR_GOOD, since=None)) == []
