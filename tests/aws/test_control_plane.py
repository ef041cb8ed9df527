"""What EC2 and Auto Scaling are asked: moto as far as it goes; botocore's Stubber, which holds answers to AWS's own model, for what
moto does not know.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from aws_server import REGION, AwsServer, aws_server
from botocore.stub import ANY, Stubber

from imds_probe.aws.calls import CallError
from imds_probe.aws.clients import Aws
from imds_probe.aws.control_plane import Asked, ask, ask_again, options_of
from imds_probe.config import AwsConfig
from imds_probe.facts.control_plane import ControlPlane, LaunchConfiguration, MetadataOptions, NotAnswered, Template
from imds_probe.facts.instance import Instance
from imds_probe.facts.owner import LaunchedFrom

IMAGE = "ami-12c6146b"  # which moto has
INSTANCE = Instance("i-0123456789abcdef0", REGION, image_id="ami-0123456789abcdef0")
OPTIONS = {
    "State": "applied",
    "HttpTokens": "optional",
    "HttpPutResponseHopLimit": 2,
    "HttpEndpoint": "enabled",
    "HttpProtocolIpv6": "disabled",
    "InstanceMetadataTags": "disabled",
}
KNOWN = MetadataOptions("optional", 2, "enabled", "disabled", "disabled")


@pytest.fixture(scope="module")
def aws():
    with aws_server() as server:
        yield server


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")


def asked_of(server: AwsServer, instance_id: str) -> Asked:
    config = AwsConfig(region=REGION, ec2_endpoint=server.endpoint, autoscaling_endpoint=server.endpoint)
    aws = Aws(config, {}, is_ec2=False, region=None)
    return ask(aws, Instance(instance_id, REGION), deadline=time.monotonic() + 300)


def test_a_group_of_mixed_instances_is_followed_to_the_versions_of_its_templates(aws):
    ec2, groups = aws.client("ec2"), aws.client("autoscaling")

    def template(name: str, **options: object) -> str:
        data = {"ImageId": IMAGE, "InstanceType": "t3.micro", "MetadataOptions": options}
        made = ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
        return str(made["LaunchTemplate"]["LaunchTemplateId"])

    web, arm = template("web", HttpTokens="optional", HttpPutResponseHopLimit=2), template("arm", HttpTokens="required")
    changed = {"ImageId": IMAGE, "InstanceType": "t3.micro", "MetadataOptions": {"HttpTokens": "required"}}
    ec2.create_launch_template_version(LaunchTemplateId=web, LaunchTemplateData=changed)
    specification = {"LaunchTemplateId": web, "Version": "$Latest"}
    override = {"InstanceType": "t4g.micro", "LaunchTemplateSpecification": {"LaunchTemplateId": arm, "Version": "1"}}
    groups.create_auto_scaling_group(
        AutoScalingGroupName="web",
        MinSize=1,
        MaxSize=1,
        AvailabilityZones=[f"{REGION}a"],
        MixedInstancesPolicy={
            "LaunchTemplate": {"LaunchTemplateSpecification": specification, "Overrides": [override]}
        },
    )
    (group,) = groups.describe_auto_scaling_groups()["AutoScalingGroups"]
    found = asked_of(aws, group["Instances"][0]["InstanceId"]).found
    assert found.group is not None
    assert (found.group.name, found.group.mixed) == ("web", True)
    assert found.group.template == Template(
        web, "web", "$Latest", 2, is_default=False, image_id=IMAGE, options=MetadataOptions("required")
    )
    (one,) = found.group.overrides
    assert (one.instance_type, one.template.version) == ("t4g.micro", 1)
    assert one.template.options == MetadataOptions("required")
    # moto has no defaults of accounts: a call that brings nothing keeps no other from being made.
    assert [each.action for each in found.not_answered] == ["ec2:GetInstanceMetadataDefaults"]


class Stubbed:
    """In the place of `Aws`: clients whose answers are laid out, each for one call and in this order."""

    def __init__(self) -> None:
        session = botocore.session.Session()
        session.set_credentials("AKIAIOSFODNN7EXAMPLE", "made-up")
        self.clients: dict[str, Any] = {
            name: session.create_client(name, region_name=REGION) for name in ("ec2", "autoscaling")
        }
        self.stubs = {name: Stubber(client) for name, client in self.clients.items()}
        for stub in self.stubs.values():
            stub.activate()

    def client(self, service: str) -> Any:
        return self.clients[service]

    def instance(self, **described: object) -> None:
        answer = {"InstanceId": INSTANCE.instance_id, "ImageId": INSTANCE.image_id, **described}
        self.stubs["ec2"].add_response("describe_instances", {"Reservations": [{"Instances": [answer]}]})

    def knows_enforcement(self) -> bool:
        model = self.clients["ec2"].meta.service_model
        return "HttpTokensEnforced" in model.shape_for("InstanceMetadataDefaultsResponse").members

    def account(self, **level: object) -> None:
        self.stubs["ec2"].add_response("get_instance_metadata_defaults", {"AccountLevel": level})

    def image(self, **image: object) -> None:
        self.stubs["ec2"].add_response("describe_images", {"Images": [image]})

    def of_group(self, **details: object) -> None:
        answers = [details] if details else []
        self.stubs["autoscaling"].add_response("describe_auto_scaling_instances", {"AutoScalingInstances": answers})

    def asked(self, instance: Instance = INSTANCE) -> Asked:
        found = ask(self, instance, deadline=time.monotonic() + 60)  # type: ignore[arg-type]
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()
        return found


@pytest.fixture
def stubbed(monkeypatch: pytest.MonkeyPatch) -> Stubbed:
    monkeypatch.setattr("imds_probe.aws.calls.BASE_S", 1e-6)
    return Stubbed()


def test_a_change_that_is_pending_an_account_that_enforces_and_an_image(stubbed):
    stubbed.instance(MetadataOptions=OPTIONS | {"State": "pending"})
    stubbed.of_group()
    # A botocore that does not know the member yet does not hand it on.
    enforced = {"HttpTokensEnforced": "enabled"} if stubbed.knows_enforcement() else {}
    stubbed.account(
        HttpTokens="required",
        **enforced,
        ManagedBy="declarative-policy",
        ManagedExceptionMessage="Ask\nthe platform team.",
    )
    stubbed.image(ImageId=INSTANCE.image_id, ImdsSupport="v2.0")
    asked = stubbed.asked()
    assert asked.lasting
    assert (asked.found.instance, asked.found.pending) == (KNOWN, True)
    account = asked.found.account
    assert account is not None
    assert account.options == MetadataOptions("required")
    assert (account.http_tokens_enforced, account.managed_by) == (True if enforced else None, "declarative-policy")
    assert account.exception_message == "Ask?the platform team."
    assert asked.found.image_imds_support == "v2.0"
    assert asked.found.group is None
    assert asked.found.not_answered == ()


@pytest.mark.parametrize("state", ["applied", "pending"])
def test_again_it_is_asked_what_the_instance_has_and_nothing_else(stubbed, state):
    earlier = ControlPlane(
        "2026-11-28T00:00:00Z",
        MetadataOptions("required"),
        pending=state == "applied",
        image_imds_support="",
        not_answered=(NotAnswered("ec2:DescribeInstances", "denied"), NotAnswered("ec2:DescribeImages", "denied")),
    )
    stubbed.instance(MetadataOptions=OPTIONS | {"State": state})
    found = ask_again(stubbed, INSTANCE, earlier, deadline=time.monotonic() + 60)
    others = (NotAnswered("ec2:DescribeImages", "denied"),)
    assert found == replace(earlier, instance=KNOWN, pending=state == "pending", not_answered=others)


def test_where_ec2_does_not_answer_again_nobody_says_what_the_instance_has(stubbed):
    earlier = ControlPlane("2026-11-28T00:00:00Z", MetadataOptions("required"), image_imds_support="v2.0")
    found = ask_again(stubbed, INSTANCE, earlier, deadline=time.monotonic() - 1)
    assert (found.instance, found.pending, found.image_imds_support) == (None, False, "v2.0")
    assert [each.action for each in found.not_answered] == ["ec2:DescribeInstances"]


def test_an_account_without_preferences_and_an_instance_of_a_service(stubbed):
    stubbed.instance(MetadataOptions=OPTIONS, Operator={"Managed": True, "Principal": "ecs.amazonaws.com"})
    stubbed.of_group()
    stubbed.account()
    stubbed.image(ImageId=INSTANCE.image_id)
    found = stubbed.asked().found
    assert found.account is not None
    assert (found.account.options, found.account.http_tokens_enforced) == (MetadataOptions(), None)
    assert (found.managed_by, found.image_imds_support, found.pending) == ("ecs.amazonaws.com", "", False)


def test_a_launch_configuration_of_a_group(stubbed):
    name = {"LaunchConfigurationName": "old"}
    stubbed.instance(MetadataOptions=OPTIONS)
    stubbed.of_group(
        **name,
        InstanceId=INSTANCE.instance_id,
        AutoScalingGroupName="web",
        AvailabilityZone="a",
        LifecycleState="InService",
        HealthStatus="HEALTHY",
        ProtectedFromScaleIn=False,
    )
    said = {"AutoScalingGroupName": "web", "MinSize": 1, "MaxSize": 1, "DesiredCapacity": 1, "DefaultCooldown": 1}
    said |= {"AvailabilityZones": ["a"], "HealthCheckType": "EC2", "CreatedTime": 0, **name}
    stubbed.stubs["autoscaling"].add_response("describe_auto_scaling_groups", {"AutoScalingGroups": [said]})
    stubbed.account()
    stubbed.image(ImageId=INSTANCE.image_id)
    configuration = {**name, "ImageId": "ami-1", "InstanceType": "t3.micro", "CreatedTime": 0}
    configuration["MetadataOptions"] = {"HttpTokens": "required"}
    stubbed.stubs["autoscaling"].add_response(
        "describe_launch_configurations",
        {"LaunchConfigurations": [configuration]},
        {"LaunchConfigurationNames": ["old"]},
    )
    found = stubbed.asked().found
    expected = LaunchConfiguration("old", "ami-1", MetadataOptions("required"))
    assert found.configuration == expected
    assert found.group is not None
    assert (found.group.configuration, found.group.template) == (expected, None)


def test_the_template_that_the_host_names_is_read_where_no_group_tells_of_one(stubbed):
    stubbed.instance(MetadataOptions=OPTIONS)
    stubbed.of_group()
    stubbed.account()
    stubbed.image(ImageId=INSTANCE.image_id)
    version = {
        "LaunchTemplateId": "lt-0123456789abcdef0",
        "LaunchTemplateName": "nodes",
        "VersionNumber": 3,
        "DefaultVersion": True,
        "LaunchTemplateData": {"MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2}},
    }
    stubbed.stubs["ec2"].add_response(
        "describe_launch_template_versions",
        {"LaunchTemplateVersions": [version]},
        {"LaunchTemplateId": "lt-0123456789abcdef0", "Versions": ["3"], "IncludeManagedResources": ANY}
        if "IncludeManagedResources"
        in stubbed.clients["ec2"]
        .meta.service_model.operation_model("DescribeLaunchTemplateVersions")
        .input_shape.members
        else None,
    )
    template = LaunchedFrom("lt-0123456789abcdef0", "3", "")
    found = stubbed.asked(Instance(INSTANCE.instance_id, REGION, launch_template=template)).found
    assert found.launched_from == Template(
        "lt-0123456789abcdef0", "nodes", "3", 3, is_default=True, options=MetadataOptions("required", 2)
    )


def test_what_is_denied_is_told_and_lasts_and_what_is_throttled_does_not(stubbed):
    ec2, groups = stubbed.stubs["ec2"], stubbed.stubs["autoscaling"]
    ec2.add_client_error("describe_instances", "UnauthorizedOperation", "encoded", 403)
    groups.add_client_error("describe_auto_scaling_instances", "AccessDenied", "no", 403)
    stubbed.account(HttpTokens="required")
    ec2.add_client_error("describe_images", "UnauthorizedOperation", "encoded", 403)
    asked = stubbed.asked()
    assert asked.lasting
    assert asked.found.instance is None
    assert asked.found.account is not None
    assert asked.found.not_answered == (
        NotAnswered("ec2:DescribeInstances", "not allowed (UnauthorizedOperation)"),
        NotAnswered("autoscaling:DescribeAutoScalingInstances", "not allowed (AccessDenied)"),
        NotAnswered("ec2:DescribeImages", "not allowed (UnauthorizedOperation)"),
    )
    for _ in range(4):
        ec2.add_client_error("describe_instances", "RequestLimitExceeded", "slow down", 503)
    stubbed.of_group()
    stubbed.account()
    stubbed.image(ImageId=INSTANCE.image_id)
    throttled = stubbed.asked()
    assert not throttled.lasting
    (missing,) = throttled.found.not_answered
    assert "RequestLimitExceeded" in missing.reason


def test_a_group_that_is_not_described_is_told_of(stubbed):
    denied = "autoscaling:DescribeAutoScalingGroups", "not allowed (AccessDenied)"
    none = denied[0], "the account has no Auto Scaling group web in this Region"
    for answer in (denied, none):
        stubbed.instance(MetadataOptions=OPTIONS, Tags=[{"Key": "aws:autoscaling:groupName", "Value": "web"}])
        stubbed.of_group()
        groups = stubbed.stubs["autoscaling"]
        if answer == denied:
            groups.add_client_error("describe_auto_scaling_groups", "AccessDenied", "no", 403)
        else:
            groups.add_response("describe_auto_scaling_groups", {"AutoScalingGroups": []})
        stubbed.account()
        stubbed.image(ImageId=INSTANCE.image_id)
        found = stubbed.asked().found
        assert found.group is not None
        assert (found.group.name, found.group.is_described) == ("web", False)
        assert found.not_answered == (NotAnswered(*answer),)


def test_an_instance_that_the_account_does_not_have(stubbed):
    stubbed.stubs["ec2"].add_response("describe_instances", {"Reservations": []})
    stubbed.of_group()
    stubbed.account()
    found = stubbed.asked(Instance("i-0123456789abcdef0", REGION)).found
    assert [each.action for each in found.not_answered] == ["ec2:DescribeInstances"]


def test_without_a_way_to_aws_one_call_is_enough():
    nowhere = "http://127.0.0.1:9"
    aws = Aws(
        AwsConfig(region=REGION, ec2_endpoint=nowhere, autoscaling_endpoint=nowhere), {}, is_ec2=False, region=None
    )
    with pytest.raises(CallError, match="AWS cannot be reached"):
        ask(aws, INSTANCE, deadline=time.monotonic() + 60)


def test_options_that_make_no_sense_say_nothing():
    assert options_of({"HttpTokens": "sometimes", "HttpPutResponseHopLimit": -1}) == MetadataOptions()
    assert options_of(None) is None
