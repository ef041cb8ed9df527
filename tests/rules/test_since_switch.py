from __future__ import annotations

from dataclasses import replace

import pytest
from observed import FACTS, report_of
from since_switch_seen import FOR_GOOD, HOUR_S, MENDED, RECOVERED, SINCE, as_caller, since

from imds_probe.facts.callers import REJECTED, MetricCompared
from imds_probe.facts.facts import Facts
from imds_probe.facts.switched import WatchedSince
from imds_probe.rules.since_switch import SinceSwitch

UNSEEN = MetricCompared(20, 9, 2, SINCE, "2026-11-22T20:00:00Z", REJECTED)


def told(facts: Facts) -> SinceSwitch:
    switched = report_of(facts).verdict.switched
    assert switched is not None
    return switched


@pytest.mark.parametrize(
    ("facts", "state", "clean_hours"),
    [
        (since(), "clean", 24),
        (since(RECOVERED), "clean", 24),
        (since(MENDED, age_s=48 * HOUR_S, watched=WatchedSince(48 * HOUR_S, (MENDED,))), "clean", 24),
        (since(watched=WatchedSince(5 * HOUR_S), age_s=5 * HOUR_S), "clean-so-far", 5),
        (since(watched=WatchedSince(5 * HOUR_S)), "clean-so-far", 5),  # what was not watched is not known to be clean
        (since(FOR_GOOD), "refused", 4),
        (since(FOR_GOOD, metric=UNSEEN), "refused", 4),
        (since(metric=UNSEEN), "refused-unseen", 24),
        (since(watched=None), "not-watched", None),
    ],
)
def test_what_it_comes_to(facts, state, clean_hours):
    found = told(facts)
    assert (found.state, found.clean_hours) == (state, clean_hours)


def test_callers_and_requests_are_counted_apart():
    found = told(since(FOR_GOOD, as_caller(RECOVERED, unit="b.service"), as_caller(RECOVERED, unit="c.service")))
    assert (found.refused_callers, found.recovered_callers, found.refused_requests) == (1, 2, 9)
    assert (found.since, found.hours, found.watched_hours) == (SINCE, 24, 24)
    assert told(since(watched=None)).refused_callers is None


@pytest.mark.parametrize(
    ("facts", "summary"),
    [
        (
            since(),
            "Clean for 1 d: no caller was left without metadata. imds-probe has watched for 1 d since then",
        ),
        (
            since(FOR_GOOD),
            "1 caller was refused and did not ask again with a token. imds-probe has watched for 1 d since then",
        ),
        (since(watched=None), "No daemon watches which programs are refused"),
        (since(metric=UNSEEN), "CloudWatch counted refused calls that the watch did not see"),
        (
            since(watched=WatchedSince(HOUR_S)),
            "Clean so far: no caller was left without metadata. imds-probe has watched for 1 h since then. Programs that keep "
            "credentials may fail up to 6 h after the switch",
        ),
    ],
)
def test_it_is_said_in_words(facts, summary):
    assert told(facts).summary == f"IMDSv1 was turned off on or before 2026-11-22, at least 1 d ago. {summary}"


def test_before_that_is_clean_confidence_is_limited():
    early = since(watched=WatchedSince(HOUR_S))
    assert report_of(early).verdict.state == "ready"
    assert report_of(early).verdict.confidence != "high"


def test_without_a_switch_there_is_nothing_to_tell():
    assert report_of(FACTS).verdict.switched is None
    assert replace(FOR_GOOD, recovered=1).recovered == 1


@pytest.mark.parametrize(("age_s", "ago"), [(0.0, ""), (59.0, ""), (60.0, ", at least 1 min ago")])
def test_a_switch_of_just_now_has_no_age(age_s, ago):
    begins = f"IMDSv1 was turned off on or before 2026-11-22{ago}. "
    assert told(since(watched=None, age_s=age_s)).summary.startswith(begins)
