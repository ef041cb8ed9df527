"""What moto does not know of groups and pages: botocore's Stubber holds answers to AWS's own model."""

from __future__ import annotations

import datetime
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from imds_probe.aws.account import Group, InRegion, LaunchedBy, in_text
from imds_probe.facts.control_plane import MetadataOptions, NotAnswered

FIRST, SECOND = "lt-0123456789abcdef0", "lt-0fedcba9876543210"


class Stubbed:
    """Stands where Aws does, and makes the clients that answer."""

    def __init__(self) -> None:
        session = botocore.session.Session()
        session.set_credentials("AKIAIOSFODNN7EXAMPLE", "made-up")
        self.clients: dict[str, Any] = {
            name: session.create_client(name, region_name="eu-west-1") for name in ("ec2", "autoscaling")
        }
        self.stubs = {name: Stubber(client) for name, client in self.clients.items()}
        for stub in self.stubs.values():
            stub.activate()

    def client(self, service: str) -> Any:
        return self.clients[service]

    def version(self, template_id: str, number: int, tokens: str | None) -> None:
        data = {"MetadataOptions": {"HttpTokens": tokens}} if tokens else {}
        said = {"LaunchTemplateId": template_id, "LaunchTemplateName": f"of-{template_id[-1]}", "VersionNumber": number}
        answer = {"LaunchTemplateVersions": [said | {"LaunchTemplateData": data}]}
        self.stubs["ec2"].add_response("describe_launch_template_versions", answer)


@pytest.fixture(scope="module")
def aws() -> Stubbed:
    return Stubbed()


def test_a_mixed_group_launches_from_its_template_and_from_those_of_its_overrides(aws):
    specification = {"LaunchTemplateId": FIRST, "Version": "$Latest"}
    overrides = [
        {"InstanceType": "m5.large"},
        {"InstanceType": "m6g.large", "LaunchTemplateSpecification": {"LaunchTemplateId": SECOND}},
        {"InstanceType": "m7g.large", "LaunchTemplateSpecification": {"LaunchTemplateId": SECOND}},
    ]
    policy = {"LaunchTemplate": {"LaunchTemplateSpecification": specification, "Overrides": overrides}}
    said = {
        "AutoScalingGroupName": "web",
        "MinSize": 1,
        "MaxSize": 1,
        "DesiredCapacity": 1,
        "DefaultCooldown": 1,
        "AvailabilityZones": [],
        "HealthCheckType": "EC2",
        "CreatedTime": datetime.datetime(2026, 11, 30, tzinfo=datetime.UTC),
        "Tags": [{"Key": "eks:nodegroup-name", "Value": "blue"}],
        "MixedInstancesPolicy": policy,
    }
    aws.stubs["autoscaling"].add_response("describe_auto_scaling_groups", {"AutoScalingGroups": [said]})
    aws.version(FIRST, 7, "required")
    aws.version(SECOND, 3, None)
    asking = InRegion(aws)  # type: ignore[arg-type]
    assert asking.groups() == [
        Group(
            "web",
            {"eks:nodegroup-name": "blue"},
            (),
            (
                LaunchedBy(FIRST, "of-0", 7, MetadataOptions("required")),
                LaunchedBy(SECOND, "of-0", 3, MetadataOptions()),
            ),
        )
    ]
    assert asking.not_answered == []


def test_a_version_that_was_deleted_keeps_no_other_from_being_read(aws):
    groups = [
        {
            "AutoScalingGroupName": name,
            "MinSize": 1,
            "MaxSize": 1,
            "DesiredCapacity": 1,
            "DefaultCooldown": 1,
            "AvailabilityZones": [],
            "HealthCheckType": "EC2",
            "CreatedTime": datetime.datetime(2026, 11, 30, tzinfo=datetime.UTC),
            "LaunchTemplate": {"LaunchTemplateId": FIRST, "Version": version},
        }
        for name, version in (("old", "1"), ("new", "2"))
    ]
    aws.stubs["autoscaling"].add_response("describe_auto_scaling_groups", {"AutoScalingGroups": groups})
    aws.stubs["ec2"].add_client_error(
        "describe_launch_template_versions", "InvalidLaunchTemplateId.VersionNotFound", "no such version", 400
    )
    aws.version(FIRST, 2, "optional")
    asking = InRegion(aws)  # type: ignore[arg-type]
    old, new = asking.groups() or ()
    assert old.launches == (LaunchedBy(FIRST, version=1),)
    assert new.launches == (LaunchedBy(FIRST, "of-0", 2, MetadataOptions("optional")),)
    (missing,) = asking.not_answered
    assert missing.action == "ec2:DescribeLaunchTemplateVersions"
    assert "VersionNotFound" in missing.reason


def test_a_page_that_comes_twice_is_the_last(aws):
    page = {"Reservations": [{"OwnerId": "123456789012", "Instances": []}], "NextToken": "again"}
    for _ in range(2):
        aws.stubs["ec2"].add_response("describe_instances", page)
    asking = InRegion(aws)  # type: ignore[arg-type]
    assert len(list(asking.reservations())) == 2
    assert asking.not_answered == [NotAnswered("ec2:DescribeInstances", "the same page came twice")]


def test_pages_that_name_each_other_come_to_an_end(aws):
    for token in ("one", "other", "one"):
        aws.stubs["ec2"].add_response("describe_instances", {"Reservations": [{"Instances": []}], "NextToken": token})
    asking = InRegion(aws)  # type: ignore[arg-type]
    assert len(list(asking.reservations())) == 3
    assert asking.not_answered == [NotAnswered("ec2:DescribeInstances", "the same page came twice")]


def test_times_are_text_as_the_command_line_prints_them():
    at = datetime.datetime(2026, 11, 30, 5, 14, 3, tzinfo=datetime.UTC)
    made = in_text({"OwnerId": "1", "Instances": [{"InstanceId": "i-1", "LaunchTime": at}]})
    assert made == {"OwnerId": "1", "Instances": [{"InstanceId": "i-1", "LaunchTime": "2026-11-30T05:14:03+00:00"}]}
