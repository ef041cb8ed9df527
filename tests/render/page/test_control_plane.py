from observed import FACTS, report_of

from imds_probe.facts.control_plane import (
    AccountDefaults,
    AutoScalingGroup,
    ControlPlane,
    GroupOverride,
    LaunchConfiguration,
    MetadataOptions,
    Template,
)
from imds_probe.render.page.bounds import SHORT
from imds_probe.render.page.control_plane import control_plane

AT = "2026-11-29T12:00:00Z"
WEB = Template("lt-1", "web", "$Latest", 2, is_default=False, options=MetadataOptions("required", 2, "enabled"))


def rows(found: ControlPlane) -> list[tuple[str, str]]:
    (part,) = control_plane(report_of(FACTS.with_(found)), SHORT)
    return list(part.blocks[0].rows)


def test_it_is_shown_only_where_it_was_asked():
    assert list(control_plane(report_of(FACTS), SHORT)) == []
    assert rows(ControlPlane(AT)) == [("asked", AT), ("instance", "not known")]


def test_a_group_that_aws_did_not_describe():
    assert rows(ControlPlane(AT, group=AutoScalingGroup("web")))[-2:] == [
        ("Auto Scaling group", "web"),
        ("next instance", "not known"),
    ]


def test_an_instance_its_group_and_its_account():
    group = AutoScalingGroup(
        "web", WEB, overrides=(GroupOverride("t4g.micro", Template("lt-2", None, "1")),), mixed=True
    )
    account = AccountDefaults(MetadataOptions("required"), http_tokens_enforced=True, managed_by="declarative-policy")
    assert rows(
        ControlPlane(
            AT,
            MetadataOptions("optional", 1, "enabled"),
            pending=True,
            account=account,
            launched_from=WEB,
            configuration=LaunchConfiguration("old", options=MetadataOptions()),
            group=group,
            image_imds_support="",
        )
    ) == [
        ("asked", AT),
        ("instance", "tokens optional, hop limit 1, endpoint enabled, not yet in force"),
        ("launched from", "launch template web version 2 ($Latest): tokens required, hop limit 2, endpoint enabled"),
        ("launched from", "launch configuration old: nothing said"),
        ("Auto Scaling group", "web"),
        ("next instance", "launch template web version 2 ($Latest): tokens required, hop limit 2, endpoint enabled"),
        ("next t4g.micro", "launch template lt-2 version 1: not known"),
        ("image", "no ImdsSupport"),
        ("account default", "tokens required"),
        ("enforced", "tokens cannot be made optional; set by a declarative policy of the organization"),
    ]
