"""What moto bears out is in tests/packaging/test_switch_on_aws.py."""

import pytest
from switch_plans import AFTER, TEMPLATE_ID, plan

from imds_probe.facts.control_plane import (
    AutoScalingGroup,
    GroupOverride,
    LaunchConfiguration,
    MetadataOptions,
    Template,
)
from imds_probe.switch.groups import known_group

OLD = MetadataOptions("optional", 1, "enabled")


def template(version_named, options=OLD, version=3, template_id=TEMPLATE_ID):
    return Template(template_id, None, version_named, version, options=options)


@pytest.mark.parametrize(
    "group",
    [
        AutoScalingGroup("web", template("3", AFTER)),
        AutoScalingGroup("web", configuration=LaunchConfiguration("web-1", options=AFTER)),
        AutoScalingGroup(
            "web", template("3", AFTER), overrides=(GroupOverride(None, template("$Latest", AFTER)),), mixed=True
        ),
    ],
)
def test_a_group_that_requires_tokens_already_is_left_alone(group):
    assert known_group(group, plan()) is None


def test_only_the_override_that_does_not_require_tokens_is_changed():
    other = template("7", version=7, template_id="lt-0fedcba9876543210")
    group = AutoScalingGroup("web", template("3", AFTER), overrides=(GroupOverride("t3.small", other),) * 2, mixed=True)
    step = known_group(group, plan())
    assert sum("create-launch-template-version" in line for line in step.commands) == 1
    assert TEMPLATE_ID not in " ".join(step.commands)
    assert "--mixed-instances-policy" in step.commands[-1]


def test_a_default_version_of_unknown_number_is_looked_up_and_noted():
    step = known_group(AutoScalingGroup("web", template("$Default", None, None)), plan())
    assert step.commands[0].startswith("SOURCE_VERSION=$(aws ec2 describe-launch-template-versions")
    assert step.rollback[0].endswith('--default-version "$SOURCE_VERSION"')
    assert any("Note the value of SOURCE_VERSION" in note for note in step.notes)
