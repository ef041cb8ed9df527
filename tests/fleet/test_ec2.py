"""EC2 and Auto Scaling as moto has them, several pages long, and as they fail."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import fleets_made
import pytest
from aws_server import ACCOUNT, AwsServer, aws_server
from docs_commands import OURS
from fault_proxy import FaultProxy, proxied

from imds_probe import exitcodes
from imds_probe.aws import account, calls
from imds_probe.commands.dispatch import main
from imds_probe.errors import UsageError
from imds_probe.fleet.ec2 import Asked, asked
from imds_probe.fleet.launching import OTHERS, Default, NotAsked

IMAGE, HERE, THERE = "ami-12c6146b", "eu-west-1", "us-east-1"
V1, V2 = {"HttpTokens": "optional", "HttpEndpoint": "enabled"}, {"HttpTokens": "required", "HttpEndpoint": "enabled"}


@pytest.fixture(scope="module")
def server() -> Iterator[AwsServer]:
    with aws_server("launching_aws") as running:
        running.client("sts").get_caller_identity()
        fill(running)
        yield running


def fill(server: AwsServer) -> None:
    """Seven instances of nobody; a group by a template that requires tokens in its second version alone, one
    that says nothing, one by a launch configuration, in one Region; one instance in another.
    """
    ec2, groups = server.client("ec2", HERE), server.client("autoscaling", HERE)
    launch = {"ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    for _ in range(7):
        ec2.run_instances(**launch, MetadataOptions=V1)
    server.client("ec2", THERE).run_instances(**launch, MetadataOptions=V2)
    group = {"MinSize": 1, "MaxSize": 2, "DesiredCapacity": 2, "AvailabilityZones": [f"{HERE}a"]}
    for name, versions in (("web", (V1, V2)), ("silent", ({},))):
        data = [
            {"ImageId": IMAGE, "InstanceType": "t3.micro"} | ({"MetadataOptions": each} if each else {})
            for each in versions
        ]
        made = ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data[0])["LaunchTemplate"]
        for each in data[1:]:
            ec2.create_launch_template_version(LaunchTemplateId=made["LaunchTemplateId"], LaunchTemplateData=each)
        for version in ("$Default", "$Latest")[: len(versions)]:
            named = {"LaunchTemplateId": made["LaunchTemplateId"], "Version": version}
            groups.create_auto_scaling_group(AutoScalingGroupName=f"{name} {version}", LaunchTemplate=named, **group)
    groups.create_launch_configuration(
        LaunchConfigurationName="old", ImageId=IMAGE, InstanceType="t3.micro", MetadataOptions=V1
    )
    groups.create_auto_scaling_group(AutoScalingGroupName="batch", LaunchConfigurationName="old", **group)


@pytest.fixture(autouse=True)
def mine(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(account, "PAUSE_S", 0.01)
    monkeypatch.setattr(calls, "BASE_S", 0.001)
    monkeypatch.setattr(account, "INSTANCES_A_PAGE", 5)  # the least that EC2 takes
    monkeypatch.setattr(account, "GROUPS_A_PAGE", 1)


def ask(endpoint: AwsServer | FaultProxy, monkeypatch: pytest.MonkeyPatch, *regions: str, tags=()) -> Asked:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.endpoint)
    return asked(regions, None, os.environ, is_ec2=False, tags=tags)


def test_all_pages_of_instances_and_groups_are_read(server, monkeypatch):
    with proxied(server) as proxy:
        made = ask(proxy, monkeypatch, HERE)
        assert proxy.calls.count("DescribeInstances") >= 3
        assert proxy.calls.count("DescribeAutoScalingGroups") >= 4
    assert len(made.instances) == 7 + 4 * 2
    assert {each.region for each in made.instances.values()} == {HERE}
    assert {each.account for each in made.instances.values()} == {ACCOUNT}
    assert made.instances.covers(ACCOUNT, HERE)
    assert not made.instances.covers(ACCOUNT, THERE)
    assert made.launching.not_answered == ()


@pytest.mark.parametrize("words", [words for words in OURS if "--ec2" in words], ids=" ".join)
def test_the_commands_of_the_pages_run(server, monkeypatch, tmp_path, capsys, words):
    """On reports of made-up hosts, with the profile that a page names."""
    monkeypatch.setenv("AWS_REGION", HERE)
    (tmp_path / "aws").write_text(
        "[profile audit]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = made-up\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws"))
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/one.json").write_text(json.dumps(fleets_made.report(1)))
    monkeypatch.chdir(tmp_path)
    with proxied(server) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        code = main([*words, "--jobs", "1"])
        assert "DescribeInstances" in proxy.calls
    out, err = capsys.readouterr()
    assert code == exitcodes.READY, err
    assert out


def test_several_regions_are_asked_and_all_of_them(server, monkeypatch):
    made = ask(server, monkeypatch, HERE, THERE)
    assert len(made.instances) == 7 + 4 * 2 + 1
    assert made.instances.covers(ACCOUNT, THERE)
    monkeypatch.setenv("AWS_REGION", THERE)
    assert len(ask(server, monkeypatch).instances) == 1, "the Region of the configuration"


def test_what_will_launch_by_v1_again_is_named_with_its_hosts(server, monkeypatch):
    found = ask(server, monkeypatch, HERE).launching
    assert (found.groups, dict(found.tokens)) == (4, {"optional": 2, "image": 1, "required": 1})
    assert [(each.owner, each.launched_from, each.decided_by, each.hosts) for each in found.by_v1] == [
        ("auto-scaling batch", "launch configuration old", "template", 2),
        ("auto-scaling web $Default", "web version 1", "template", 2),
    ]
    assert found.hosts_by_v1 == 4
    assert found.defaults == (Default(ACCOUNT, HERE, None, None, None),)


def test_the_account_decides_what_templates_leave_open_and_what_it_enforces_nobody_launches(server, monkeypatch):
    ec2 = server.client("ec2", HERE)
    # An older botocore neither sends nor reads that tokens are enforced.
    members = ec2.meta.service_model.operation_model("ModifyInstanceMetadataDefaults").input_shape.members
    known = "HttpTokensEnforced" in members
    on, off = ({"HttpTokensEnforced": said} if known else {} for said in ("enabled", "disabled"))
    ec2.modify_instance_metadata_defaults(HttpTokens="required")
    try:
        found = ask(server, monkeypatch, HERE).launching
        assert dict(found.tokens) == {"optional": 2, "required": 2}
        ec2.modify_instance_metadata_defaults(HttpTokens="required", **on)
        found = ask(server, monkeypatch, HERE).launching
        assert dict(found.tokens) == {"refused" if known else "optional": 2, "required": 2}
        assert bool(found.by_v1) is not known
        assert [(each.http_tokens, each.enforced) for each in found.defaults] == [("required", known or None)]
    finally:
        ec2.modify_instance_metadata_defaults(HttpTokens="no-preference", **off)


def test_the_present_template_of_a_group_is_known_of_its_instances(server, monkeypatch):
    groups = server.client("autoscaling", HERE)
    (group,) = groups.describe_auto_scaling_groups(AutoScalingGroupNames=["web $Latest"])["AutoScalingGroups"]
    made = ask(server, monkeypatch, HERE)
    expected = f"{group['LaunchTemplate']['LaunchTemplateId']}:2"
    for each in group["Instances"]:
        assert made.instances[each["InstanceId"]].next_template == expected
    assert sum(each.next_template.startswith("lt-") for each in made.instances.values()) == 3 * 2
    assert sum(each.next_template == OTHERS for each in made.instances.values()) == 2, "of a launch configuration"


def test_throttling_and_answers_that_break_off_are_only_waited_for(server, monkeypatch):
    plan = {
        "DescribeInstances": ("throttle",) * 6 + ("half", "ok", "throttle", "reset"),
        "DescribeAutoScalingGroups": ("ok", "500", "throttle", "half"),
        "DescribeLaunchTemplateVersions": ("throttle", "ok", "throttle"),
        "GetInstanceMetadataDefaults": ("500", "500"),
        "DescribeRegions": ("throttle",),
        "GetCallerIdentity": ("throttle",),
    }
    with proxied(server, **plan) as proxy:
        made = ask(proxy, monkeypatch, HERE)
    assert made.launching.not_answered == ()
    assert len(made.instances) == 7 + 4 * 2
    assert made.launching.groups == 4


def test_what_is_denied_is_said_once_and_the_rest_goes_on(server, monkeypatch):
    denied = {
        "DescribeRegions": "ec2",
        "GetInstanceMetadataDefaults": "ec2",
        "DescribeLaunchTemplateVersions": "ec2",
        "DescribeLaunchConfigurations": "autoscaling",
    }
    with proxied(server, **dict.fromkeys(denied, ("always-denied",))) as proxy:
        made = ask(proxy, monkeypatch, HERE)
    assert made.launching.not_answered == tuple(
        NotAsked(HERE, f"{service}:{action}", "not allowed (UnauthorizedOperation)")
        for action, service in denied.items()
    )
    assert len(made.instances) == 7 + 4 * 2
    assert dict(made.launching.tokens) == {"unknown": 4}


def test_without_the_groups_the_instances_are_known_all_the_same(server, monkeypatch):
    with proxied(server, DescribeAutoScalingGroups=("ok", "always-denied")) as proxy:
        made = ask(proxy, monkeypatch, HERE)
    (missing,) = made.launching.not_answered
    assert missing.action == "autoscaling:DescribeAutoScalingGroups"
    assert made.launching.groups == 0
    assert len(made.instances) == 7 + 4 * 2


def test_a_region_whose_instances_are_denied_is_not_covered(server, monkeypatch):
    with proxied(server, **{f"DescribeInstances@{THERE}": ("always-denied",)}) as proxy:
        made = ask(proxy, monkeypatch, HERE, THERE)
    assert made.instances.covers(ACCOUNT, HERE)
    assert not made.instances.covers(ACCOUNT, THERE)
    assert made.launching.not_answered == (
        NotAsked(THERE, "ec2:DescribeInstances", "not allowed (UnauthorizedOperation)"),
    )


def test_a_listing_that_broke_off_in_the_middle_covers_nothing(server, monkeypatch):
    plan = {"DescribeInstances": ("ok", "denied")}
    with (
        proxied(server, **plan) as proxy,
        pytest.raises(UsageError, match=r"ec2:DescribeInstances in eu-west-1: not allowed"),
    ):
        ask(proxy, monkeypatch, HERE)


def test_regions_that_are_not_enabled_are_left_out_and_named(server, monkeypatch):
    made = ask(server, monkeypatch, HERE, "ap-east-1")
    known = server.client("ec2", HERE).describe_regions(AllRegions=True)["Regions"]
    (status,) = [each["OptInStatus"] for each in known if each["RegionName"] == "ap-east-1"]
    assert status == "not-opted-in"
    assert made.launching.not_answered == (NotAsked("ap-east-1", "", "the account has not enabled this Region"),)
    plan = {"DescribeRegions": ("always-denied",), f"DescribeInstances@{THERE}": ("always-disabled",)}
    with proxied(server, **plan) as proxy:
        made = ask(proxy, monkeypatch, HERE, THERE)
    assert [each.action for each in made.launching.not_answered] == ["ec2:DescribeRegions", "ec2:DescribeInstances"]
    assert len(made.instances) == 7 + 4 * 2


@pytest.mark.parametrize(
    ("regions", "said"),
    [((), "no AWS Region is known"), ((HERE, "eu-nowhere-1"), "there is no Region eu-nowhere-1")],
)
def test_mistakes_are_named(server, monkeypatch, regions, said):
    with pytest.raises(UsageError, match=said):
        ask(server, monkeypatch, *regions)


def test_all_regions_are_those_that_the_account_has(server, monkeypatch):
    monkeypatch.setenv("AWS_REGION", HERE)
    monkeypatch.setattr(
        "imds_probe.aws.account.InRegion.regions", lambda _: {HERE: True, THERE: True, "ap-east-1": False}
    )
    made = ask(server, monkeypatch, "all")
    assert made.instances.asked == {(ACCOUNT, HERE), (ACCOUNT, THERE)}
    assert made.launching.not_answered == ()


def test_without_credentials_nothing_is_asked(server, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(UsageError, match="EC2 was not asked: no credentials for AWS"):
        ask(server, monkeypatch, HERE)


def test_where_nobody_answers_that_is_said(monkeypatch):
    class Nobody:
        endpoint = "http://127.0.0.1:9"

    with pytest.raises(UsageError, match="EC2 was not asked: AWS cannot be reached"):
        ask(Nobody(), monkeypatch, HERE)


def test_tags_come_along(server, monkeypatch):
    made = ask(server, monkeypatch, HERE, tags=("aws:autoscaling:groupName",))
    assert sorted({each.tags[0] for each in made.instances.values()}) == [
        "",
        "batch",
        "silent $Default",
        "web $Default",
        "web $Latest",
    ]
    assert json.dumps(sorted({each.owner for each in made.instances.values() if each.owner})).count("auto-scaling") == 4
