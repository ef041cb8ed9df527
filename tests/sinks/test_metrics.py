from __future__ import annotations

from dataclasses import replace

from golden_reports import CASES
from observed import INSTANCE, changed
from reports_made import BARE, STARTED, TROUBLED, UNTRIED, report
from since_switch_seen import FOR_GOOD, as_caller, since

from imds_probe.sinks.metrics import Metric, metrics_of
from imds_probe.sinks.metrics_settings import MetricsConfig

NOW = STARTED + 90.5


def named(found: tuple[Metric, ...]) -> dict[tuple[str, ...], float]:
    return {(each.name, *each.dimensions.values()): each.value for each in found}


def test_counts_sum_over_a_fleet_and_no_metric_knows_the_instance():
    found = metrics_of(report(), MetricsConfig(), NOW)
    values = named(found)
    assert {name[1]: value for name, value in values.items() if name[0] == "Hosts"} == {
        "ready": 0,
        "needs-hop-limit": 0,
        "not-ready": 1,
        "unknown": 0,
    }
    assert values[("Heartbeat",)] == 1
    assert values[("IMDSv1Calls",)] == 3
    assert values[("ReportAge",)] == 90.5
    assert values[("HopLimitNeeded",)] == 2
    assert values[("Blockers", "software-too-old")] == 1
    assert len(found) == len(values) < 20
    assert "i-0" not in str(found)


def test_what_was_not_observed_has_no_value():
    names = {each.name for each in metrics_of(report(BARE), MetricsConfig(), NOW)}
    assert names == {"Heartbeat", "Hosts", "ReportAge"} | ({"Blockers"} & names)


def test_a_hop_limit_that_has_to_be_tried_is_none():
    assert ("HopLimitNeeded",) not in named(metrics_of(report(UNTRIED), MetricsConfig(), NOW))


def test_each_set_of_dimensions_has_all_metrics():
    config = MetricsConfig(
        dimensions=("AutoScalingGroupName", "ImageId"), static_dimensions={"Env": "prod"}, per_instance=True
    )
    facts = changed(TROUBLED, instance=replace(INSTANCE, auto_scaling_group="web-blue"))
    found = metrics_of(report(facts), config, NOW)
    beats = [dict(each.dimensions) for each in found if each.name == "Heartbeat"]
    assert beats == [
        {"Env": "prod"},
        {"Env": "prod", "AutoScalingGroupName": "web-blue", "ImageId": "ami-0123456789abcdef0"},
        {"Env": "prod", "InstanceId": "i-0123456789abcdef0"},
    ]
    assert len(found) == 3 * len(metrics_of(report(facts), MetricsConfig(), NOW))
    unknown = metrics_of(report(BARE), config, NOW)
    assert {each.dimensions["InstanceId"] for each in unknown if "InstanceId" in each.dimensions} == {"unknown"}


def test_accepted_risks_are_counted():
    made = report(CASES["ready-accepted"]())
    assert named(metrics_of(made, MetricsConfig(), NOW))[("AcceptedRisks",)] == 2
    del made["verdict"]["accepted"]  # as an earlier version wrote it
    assert ("AcceptedRisks",) not in named(metrics_of(made, MetricsConfig(), NOW))


def test_of_a_switched_host_refused_callers_and_clean_hours_are_sent():
    values = named(metrics_of(report(since(FOR_GOOD, as_caller(FOR_GOOD, unit="b.service"))), MetricsConfig(), NOW))
    assert (values[("RefusedCallers",)], values[("CleanHours",)]) == (2, 4)
    values = named(metrics_of(report(since()), MetricsConfig(), NOW))
    assert (values[("RefusedCallers",)], values[("CleanHours",)]) == (0, 24)
    for facts in (TROUBLED, since(watched=None)):
        assert not {("RefusedCallers",), ("CleanHours",)} & set(named(metrics_of(report(facts), MetricsConfig(), NOW)))
    made = report(since())
    del made["verdict"]["switched"]  # as an earlier version wrote it
    assert ("RefusedCallers",) not in named(metrics_of(made, MetricsConfig(), NOW))


def test_a_clock_that_was_set_back_gives_no_negative_age():
    assert named(metrics_of(report(), MetricsConfig(), STARTED - 100))[("ReportAge",)] == 0
