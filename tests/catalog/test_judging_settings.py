"""The catalog's own rows with settings, as their makers describe them, each way they can be set."""

from __future__ import annotations

import pytest

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import RequiredSetting, Requirement
from imds_probe.facts.software import SettingSeen

CATALOG = Catalog.load()
YAML = "/etc/datadog-agent/datadog.yaml"


def judged(component: str, version: str, *seen: SettingSeen) -> Requirement:
    return CATALOG.judge(component, manager="dpkg", version=version, settings=seen)


def prefer(value: str | None, problem: str = "") -> SettingSeen:
    return SettingSeen("setting", YAML, "ec2_prefer_imdsv2", value, problem)


def transition(value: str | None) -> SettingSeen:
    return SettingSeen("prevented_by[0]", YAML, "ec2_imdsv2_transition_payload_enabled", value)


@pytest.mark.parametrize(
    ("version", "seen", "status"),
    [
        ("1:7.17.0-1", [prefer("true")], "too-old"),
        ("1:7.40.0-1", [], "needs-setting"),
        ("1:7.40.0-1", [prefer(None)], "needs-setting"),
        ("1:7.40.0-1", [prefer("false")], "needs-setting"),
        ("1:7.40.0-1", [prefer("true")], "ok"),
        ("1:7.40.0-1", [prefer("true"), prefer("false")], "needs-setting"),
        ("1:7.40.0-1", [prefer(None, f"{YAML} is not yaml: line 3")], "unknown"),
        ("1:7.64.0-1", [prefer(None)], "ok"),
        ("1:7.64.0-1", [prefer(None), transition(None)], "ok"),
        ("1:7.64.0-1", [prefer(None), transition("false")], "needs-setting"),
        ("1:7.64.0-1", [prefer("true"), transition("false")], "ok"),
    ],
)
def test_datadog(version, seen, status):
    assert judged("datadog-agent", version, *seen).status == status


def test_what_is_missing_is_named_with_file_key_and_value():
    requirement = judged("datadog-agent", "1:7.40.0-1", prefer("false"))
    assert requirement.setting == RequiredSetting(YAML, "ec2_prefer_imdsv2", "true")
    assert f"{YAML} sets ec2_prefer_imdsv2 to 'false'" in requirement.why
    assert "does not set" in judged("datadog-agent", "1:7.40.0-1", prefer(None)).why
    assert judged("datadog-agent", "1:7.40.0-1").setting.place == YAML


def test_what_takes_imdsv2_away_is_named_too():
    seen = SettingSeen("prevented_by[0]", "/etc/fluent-bit/fluent-bit.conf", "aws.imds_version", "v1")
    requirement = judged("fluent-bit", "2.2.0", seen)
    assert requirement.status == "needs-setting"
    assert requirement.setting == RequiredSetting(seen.place, "aws.imds_version", "v2")
    assert "imds_version v1 keeps filter_aws on IMDSv1" in requirement.why


def test_an_unread_file_is_not_a_good_one():
    broken = SettingSeen("prevented_by[0]", "/etc/amazon/efs/efs-utils.conf", "mount.x", None, "it is not ini")
    requirement = judged("efs-utils", "1.36.0-1", broken)
    assert requirement.status == "unknown"
    assert "it is not ini" in requirement.why


def test_a_version_from_before_the_setting_is_not_judged_by_it():
    seen = SettingSeen("prevented_by[0]", "/etc/amazon/efs/efs-utils.conf", "mount.x", "true")
    assert judged("efs-utils", "1.21-1", seen).status == "too-old"
    assert judged("efs-utils", "1.36.0-1", seen).status == "needs-setting"


@pytest.mark.parametrize(("value", "falls_back"), [("true", False), ("false", True), (None, True)])
def test_with_imdsv1_turned_off_nothing_falls_back(value, falls_back):
    seen = SettingSeen("no_v1_fallback", "/home/ann/.aws/config", "default.ec2_metadata_v1_disabled", value)
    requirement = judged("aws-cli-v2", "2.15.1-1", seen)
    assert requirement.status == "ok"
    assert ("uses IMDSv1 when the token response does not arrive" in requirement.why) is falls_back
