"""The steps of the switch are made on moto as they are printed: the next instance has the options of the switch, and after the
rollback everything is as it was.
"""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from aws_argv import client, run

from imds_probe.facts.control_plane import (
    AccountDefaults,
    AutoScalingGroup,
    ControlPlane,
    GroupOverride,
    LaunchConfiguration,
    MetadataOptions,
    Template,
)
from imds_probe.facts.instance import Instance
from imds_probe.switch.step import Plan
from imds_probe.switch.steps import steps_of

GROUP, IMAGE = "web", "ami-12c6146b"
BEFORE = MetadataOptions("optional", 1, "enabled", "enabled", "enabled")
AFTER = replace(BEFORE, http_tokens="required", http_put_response_hop_limit=2)
OLD = {
    "HttpTokens": "optional",
    "HttpEndpoint": "enabled",
    "HttpProtocolIpv6": "enabled",
    "InstanceMetadataTags": "enabled",
}
NEW = OLD | {"HttpTokens": "required", "HttpPutResponseHopLimit": 2}
USER_DATA = "#!/bin/sh\necho grüß Gott\n"


class Fleet:
    """An account with launch templates and a group that launches from them."""

    def __init__(self, aws):
        self.ec2, self.autoscaling, self.iam = (client(aws, each) for each in ("ec2", "autoscaling", "iam"))

    def template(self, name):
        """Its version 2 is the default one, and version 1 has no metadata options."""
        made = self.ec2.create_launch_template(
            LaunchTemplateName=name, LaunchTemplateData={"ImageId": IMAGE, "InstanceType": "t3.micro"}
        )["LaunchTemplate"]["LaunchTemplateId"]
        data = {"ImageId": IMAGE, "InstanceType": "t3.small", "MetadataOptions": OLD}
        self.ec2.create_launch_template_version(LaunchTemplateId=made, LaunchTemplateData=data)
        self.ec2.modify_launch_template(LaunchTemplateId=made, DefaultVersion="2")
        return made

    def group(self, name=GROUP, **launched_from):
        self.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            MinSize=0,
            MaxSize=9,
            DesiredCapacity=1,
            AvailabilityZones=["eu-west-1a"],
            **launched_from,
        )

    def next_instance(self):
        """The metadata options of the instance that the group launches now."""
        known = self.instances()
        self.autoscaling.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=len(known) + 1)
        (new,) = set(self.instances()) - set(known)
        return {key: value for key, value in self.instances()[new]["MetadataOptions"].items() if key != "State"}

    def instances(self):
        pages = self.ec2.describe_instances()["Reservations"]
        return {each["InstanceId"]: each for page in pages for each in page["Instances"]}

    def everything(self):
        """What a rollback has to leave as it was."""
        templates = self.ec2.describe_launch_templates()["LaunchTemplates"]
        (group,) = self.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
        kept = ("LaunchTemplate", "MixedInstancesPolicy", "LaunchConfigurationName")
        configurations = self.autoscaling.describe_launch_configurations()["LaunchConfigurations"]
        return (
            {key: group.get(key) for key in kept},
            [
                self.ec2.describe_launch_template_versions(LaunchTemplateId=each["LaunchTemplateId"])[
                    "LaunchTemplateVersions"
                ]
                for each in templates
            ],
            configurations,
            self.ec2.get_instance_metadata_defaults()["AccountLevel"],
            [
                self.iam.list_role_policies(RoleName=each["RoleName"])["PolicyNames"]
                for each in self.iam.list_roles()["Roles"]
            ],
        )


@pytest.fixture
def fleet(aws):
    return Fleet(aws)


def named(template_id, version_named, version=2, **changes):
    return Template(template_id, None, version_named, version, options=None, **changes)


def spec(template_id, version=None):
    return {"LaunchTemplateId": template_id, **({"Version": version} if version else {})}


def plan(group=None, **changes):
    return Plan(
        before=BEFORE,
        after=AFTER,
        instance=Instance("i-0123456789abcdef0", "eu-west-1", auto_scaling_group=GROUP),
        control_plane=ControlPlane("2026-11-29T00:00:00Z", group=group, account=AccountDefaults(MetadataOptions())),
    )


def launching(steps):
    (step,) = [each for each in steps if "launch" in each.what]
    return step


def holds(aws, fleet, tmp_path, step):
    """The step, the next instance, the rollback: and all is as before."""
    before = fleet.everything()
    old = fleet.next_instance()
    run(step.commands, aws, tmp_path)
    new = fleet.next_instance()
    run(step.rollback, aws, tmp_path)  # in a shell of its own, as days may have passed
    assert fleet.everything() == before
    assert fleet.next_instance() == old
    return old, new


@pytest.mark.parametrize("version", [None, "2"])
def test_a_group_with_a_template(aws, fleet, tmp_path, version):
    template = fleet.template("web")
    fleet.group(LaunchTemplate=spec(template, version))
    step = launching(steps_of(plan(AutoScalingGroup(GROUP, named(template, version)))))
    old, new = holds(aws, fleet, tmp_path, step)
    assert (old["HttpTokens"], new) == ("optional", NEW)


@pytest.mark.parametrize("version", ["2", None, "$Default", "$Latest"])
def test_a_group_that_nobody_asked_the_control_plane_about(aws, fleet, tmp_path, version):
    """One that follows the versions of its template goes on following them."""
    fleet.group(LaunchTemplate=spec(fleet.template("web"), version))
    step = launching(steps_of(replace(plan(), control_plane=None)))
    before = fleet.everything()
    run(step.commands, aws, tmp_path)
    assert fleet.next_instance() == NEW
    (group,) = fleet.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert group["LaunchTemplate"].get("Version") == (
        "3" if version == "2" else before[0]["LaunchTemplate"].get("Version")
    )
    run(("SOURCE_VERSION=2", *step.rollback), aws, tmp_path)  # which was noted; days may have passed
    assert fleet.everything() == before


def test_groups_that_share_a_template_are_rolled_back_one_by_one(aws, fleet, tmp_path):
    template = fleet.template("web")
    steps = []
    for name in ("web-1a", "web-1b"):
        fleet.group(name, LaunchTemplate=spec(template, "2"))
        steps.append(launching(steps_of(plan(AutoScalingGroup(name, named(template, "2"))))))
        run(steps[-1].commands, aws, tmp_path)
    run(steps[0].rollback, aws, tmp_path)
    groups = fleet.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert {each["AutoScalingGroupName"]: each["LaunchTemplate"]["Version"] for each in groups} == {
        "web-1a": "2",
        "web-1b": "4",
    }
    versions = fleet.ec2.describe_launch_template_versions(LaunchTemplateId=template)["LaunchTemplateVersions"]
    assert sorted(each["VersionNumber"] for each in versions) == [1, 2, 4]


def test_a_mixed_group_whose_overrides_have_templates_of_their_own(aws, fleet, tmp_path):
    base, arm, same = fleet.template("base"), fleet.template("arm"), fleet.template("same")
    overrides = [
        {"InstanceType": "t4g.small", "LaunchTemplateSpecification": spec(arm, "2"), "WeightedCapacity": "1"},
        {"InstanceType": "t3.small", "LaunchTemplateSpecification": spec(same, "$Default")},
        {"InstanceType": "t3.large"},
    ]
    policy = {"LaunchTemplate": {"LaunchTemplateSpecification": spec(base, "2"), "Overrides": overrides}}
    fleet.group(MixedInstancesPolicy=policy)
    group = AutoScalingGroup(
        GROUP,
        named(base, "2"),
        overrides=(GroupOverride("t4g.small", named(arm, "2")), GroupOverride("t3.small", named(same, "$Default"))),
        mixed=True,
    )
    step = launching(steps_of(plan(group)))
    assert "3 launch templates" in step.what
    _, new = holds(aws, fleet, tmp_path, step)
    assert new == NEW
    run(step.commands, aws, tmp_path)
    (made,) = fleet.autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    launches = made["MixedInstancesPolicy"]["LaunchTemplate"]
    assert launches["LaunchTemplateSpecification"]["Version"] == "3"
    assert [each.get("LaunchTemplateSpecification", {}).get("Version") for each in launches["Overrides"]] == [
        *("3", "$Default", None)
    ]


def test_a_group_with_a_launch_configuration(aws, fleet, tmp_path):
    fleet.autoscaling.create_launch_configuration(
        LaunchConfigurationName="web-1",
        ImageId=IMAGE,
        InstanceType="t3.small",
        UserData=USER_DATA,
        MetadataOptions={"HttpTokens": "optional", "HttpEndpoint": "enabled"},
    )
    fleet.group(LaunchConfigurationName="web-1")
    step = launching(steps_of(plan(AutoScalingGroup(GROUP, configuration=LaunchConfiguration("web-1")))))
    _, new = holds(aws, fleet, tmp_path, step)
    assert (new["HttpTokens"], new["HttpPutResponseHopLimit"]) == ("required", 2)
    run(step.commands, aws, tmp_path)
    copies = fleet.autoscaling.describe_launch_configurations()["LaunchConfigurations"]
    assert [base64.b64decode(each["UserData"]).decode() for each in copies] == [USER_DATA, USER_DATA]


def test_instance_role_and_account(aws, fleet, tmp_path):
    fleet.iam.create_role(RoleName="web-role", AssumeRolePolicyDocument="{}")
    fleet.iam.create_instance_profile(InstanceProfileName="web-profile")
    fleet.iam.add_role_to_instance_profile(InstanceProfileName="web-profile", RoleName="web-role")
    fleet.group(LaunchTemplate=spec(fleet.template("web")))
    (instance,) = fleet.ec2.run_instances(
        ImageId=IMAGE,
        MinCount=1,
        MaxCount=1,
        IamInstanceProfile={"Name": "web-profile"},
        MetadataOptions={**OLD, "HttpPutResponseHopLimit": 1},
    )["Instances"]
    there = plan()
    steps = steps_of(replace(there, instance=replace(there.instance, instance_id=instance["InstanceId"])))
    this, role, _, account = steps
    before = fleet.everything(), fleet.instances()
    for step in (this, role, account):
        run(step.commands, aws, tmp_path)
    options = fleet.instances()[instance["InstanceId"]]["MetadataOptions"]
    assert {key: options[key] for key in NEW} == NEW
    assert fleet.iam.list_role_policies(RoleName="web-role")["PolicyNames"] == ["imds-probe-refuse-imdsv1-credentials"]
    assert fleet.ec2.get_instance_metadata_defaults()["AccountLevel"] == {"HttpTokens": "required"}
    for step in (account, role, this):
        run(step.rollback, aws, tmp_path)
    assert (fleet.everything(), fleet.instances()) == before
