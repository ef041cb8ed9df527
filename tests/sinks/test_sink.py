from __future__ import annotations

import pytest
from reports_made import STARTED, report

from imds_probe.config import Settings
from imds_probe.sinks import SINKS
from imds_probe.sinks.delivery import make_sinks
from imds_probe.sinks.sink import NEWEST_S, OLDEST_S, SinkError, check_age, started_at


def test_the_time_of_a_report_is_its_runs():
    assert started_at({"probe": {"started_at": "1970-01-02T00:00:01Z"}}) == 86401.0


@pytest.mark.parametrize(("age_s", "outcome"), [(OLDEST_S + 1, "too-old"), (-NEWEST_S - 1, "refused")])
def test_what_cloudwatch_would_refuse_is_not_sent(age_s, outcome):
    with pytest.raises(SinkError) as caught:
        check_age(report(), STARTED + age_s)
    assert caught.value.outcome == outcome


@pytest.mark.parametrize("age_s", [OLDEST_S - 1, 0, -NEWEST_S + 1])
def test_what_it_takes_is(age_s):
    check_age(report(), STARTED + age_s)


@pytest.mark.parametrize("name", SINKS)
def test_each_goes_by_its_name_and_does_nothing_before_it_is_asked_to(name):
    (made,) = make_sinks([name, name], Settings(), {})
    assert made.name == name
    assert isinstance(made.keeps_each, bool)
