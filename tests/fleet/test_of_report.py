from dataclasses import replace

import fleets_made
import msgspec
import pytest
from code_seen import BACKUP, with_code
from observed import FACTS, INSTANCE, changed, report_of

from imds_probe.facts.control_plane import ControlPlane
from imds_probe.facts.owner import Owner
from imds_probe.fleet import of_report
from imds_probe.fleet.hosts import SUMMARY
from imds_probe.fleet.inventory import NotInventory, host_of_inventory
from imds_probe.fleet.lean import REPORT
from imds_probe.fleet.of_report import host_of
from imds_probe.rules.code_kinds import CODE_IMDSV1_ONCE
from imds_probe.sinks.readiness import readiness
from imds_probe.sinks.summary import fitting


def row(**verdict):
    return host_of(REPORT.decode(msgspec.json.encode(fleets_made.report(1, **verdict))))


def test_how_long_a_verdict_counts():
    assert row(valid_until="2026-11-30T00:00:00Z").valid_until == fleets_made.NOW
    assert row(valid_until=None).valid_until == 0
    with pytest.raises(ValueError, match="is no time"):
        row(valid_until="for ever")


def test_the_first_risk_to_expire():
    risks = [{"id": "x", "expires": day} for day in ("2027-01-01", "2026-12-01")]
    found = row(accepted=risks, accepted_left_out=3)
    assert (found.accepted, found.accepted_until) == (5, "2026-12-01")


def test_a_hop_limit_that_nobody_has_measured_is_not_known():
    switch = {"http_put_response_hop_limit": 2}
    assert row(switch=switch).hop_limit_needed == 2
    assert row(switch=switch | {"try_first": "aws ec2 ..."}).hop_limit_needed == 0


ONCE = replace(BACKUP, path="user-data", runs="once", started_by=("user data",))


def test_what_the_template_waits_for_is_kept_of_whole_and_short_reports():
    whole = report_of(with_code(ONCE)).to_json()
    (waits,) = whole["verdict"]["switch"]["template_waits_for"]
    short = fitting(whole, len(msgspec.json.encode(whole)) - 1)
    before = whole | {"verdict": whole["verdict"] | {"switch": {}}}  # reports from before have the finding alone
    for content in (msgspec.json.encode(whole), short, msgspec.json.encode(before)):
        assert host_of(REPORT.decode(content)).template_waits == waits
    for code in (BACKUP, replace(BACKUP, runs="lies")):
        found = report_of(with_code(code)).to_json()
        assert host_of(REPORT.decode(msgspec.json.encode(found))).template_waits == ""
    assert CODE_IMDSV1_ONCE.id == of_report.ONCE


@pytest.mark.parametrize(
    ("owner", "managed_by", "expected"),
    [
        ("eks-auto-mode", None, "eks.amazonaws.com"),
        ("karpenter", "eks.amazonaws.com", "eks.amazonaws.com"),
        ("ecs", "ecs.amazonaws.com", "ecs.amazonaws.com"),
        ("karpenter", None, ""),
    ],
)
def test_whose_options_only_an_aws_service_can_change(owner, managed_by, expected):
    facts = changed(FACTS, instance=replace(INSTANCE, owner=Owner(owner, "general", ())))
    if managed_by:
        facts = facts.with_(ControlPlane("2026-11-29T00:00:00Z", managed_by=managed_by))
    report = report_of(facts).to_json()
    assert (report["verdict"]["switch"]["aws_cli"] == "") == (expected == "eks.amazonaws.com")
    assert host_of(REPORT.decode(msgspec.json.encode(report))).managed_by == expected
    summary = fitting(report, len(msgspec.json.encode(report)) - 1)  # has the command, and not who says so
    found = host_of(REPORT.decode(summary)).managed_by
    assert bool(found) == (expected == "eks.amazonaws.com")
    (row,) = host_of_inventory(readiness(report), "")
    assert row.managed_by == ("an AWS service" if expected == "eks.amazonaws.com" else "")


@pytest.mark.parametrize("kind", ["software", "code", "callers", "containers"])
def test_a_summary_names_the_same_fixes_and_callers_as_its_report(kind):
    seen = 0
    for each in [each for each in fleets_made.templates() if each.get(kind)][:12]:
        report = each | {"collectors": [{"reason": "x" * 300}] * 100}  # of no use to a fleet
        text = fitting(report, len(msgspec.json.encode(report)) - 1)
        whole, short = (host_of(REPORT.decode(content)) for content in (msgspec.json.encode(each), text))
        assert short.detail == SUMMARY
        assert (short.fixes, short.fixes_left_out, short.callers) == (whole.fixes, whole.fixes_left_out, whole.callers)
        seen += bool(whole.fixes)
    assert seen


def test_a_group_with_several_templates_has_no_next_one():
    def next_of(*versions):
        report = fleets_made.report(1)
        one, *others = [{"launch_template_id": "lt-1", "version": version} for version in versions]
        overrides = [{"instance_type": "m5.large", "template": each} for each in others]
        report["control_plane"] = {"group": {"name": "web", "template": one, "overrides": overrides}}
        return host_of(REPORT.decode(msgspec.json.encode(report))).next_template

    assert [next_of(3), next_of(3, 3), next_of(3, 4)] == ["lt-1:3", "lt-1:3", ""]


def test_the_inventory_says_until_when_a_verdict_counts_and_what_the_template_waits_for():
    report = report_of(with_code(ONCE)).to_json()
    report["verdict"] |= {"valid_until": "2026-11-30T00:00:00Z"}
    entry = readiness(report)
    (row,) = host_of_inventory(entry, "")
    assert row.valid_until == fleets_made.NOW
    assert row.template_waits == report["verdict"]["switch"]["template_waits_for"][0]
    before = {name: value for name, value in entry.items() if name not in ("ValidUntil", "TemplateWaitsFor")}
    (row,) = host_of_inventory(before, "")
    assert (row.valid_until, row.template_waits) == (0, None)
    (row,) = host_of_inventory(readiness(report_of(FACTS).to_json()), "")
    assert row.template_waits == ""
    with pytest.raises(NotInventory, match="is no time"):
        host_of_inventory(entry | {"ValidUntil": "for ever"}, "")
