import shlex
from dataclasses import replace

import pytest
from aws_argv import parsed
from switch_plans import TEMPLATE_ID, plan

from imds_probe.facts.control_plane import AutoScalingGroup, ControlPlane, MetadataOptions, NotAnswered, Template
from imds_probe.facts.owner import LaunchedFrom, Owner
from imds_probe.switch.owners import step

OLD = MetadataOptions("optional", 1, "enabled")
GROUP = AutoScalingGroup("web", Template(TEMPLATE_ID, None, "3", 3, options=OLD))


def test_an_eks_node_group_is_told_of_its_own_template_and_not_of_ekss_copy():
    owner, launched = Owner("eks-node-group", "blue", (), "shop"), LaunchedFrom("lt-own", "4", "a label")
    made = step(plan(owner=owner, launched=launched, group="eks-blue", **{"launched_from": GROUP.template}))
    assert "--launch-template-id lt-own --source-version 4" in made.commands[0]
    assert made.commands[-1].endswith('id=lt-own,version="$VERSION"')
    assert made.rollback[0].endswith("id=lt-own,version=4")
    none = step(plan(owner=owner))
    assert (none.commands, none.rollback) == ((), ())
    assert "By its labels" in none.notes[0]


def test_a_group_is_looked_up_where_only_the_host_names_it():
    made = step(plan(group="web"))
    assert "--auto-scaling-group-names web" in made.commands[0]
    ecs = step(replace(plan(owner=Owner("ecs", "cluster", ()), group="web")))
    assert "--auto-scaling-group-names web" in ecs.commands[0]


@pytest.mark.parametrize("kind", ["", "auto-scaling", "ecs"])
def test_a_group_that_aws_did_not_describe_keeps_its_step(kind):
    """Its name alone is no sign that it requires tokens already."""
    denied = NotAnswered("autoscaling:DescribeAutoScalingGroups", "not allowed (AccessDenied)")
    owner = Owner(kind, "web" if kind == "auto-scaling" else "cluster", ()) if kind else None
    there = plan(owner=owner, group="web")
    for gaps in ((denied,), ()):
        known = ControlPlane("2026-11-29T00:00:00Z", group=AutoScalingGroup("web"), not_answered=gaps)
        made = step(replace(there, control_plane=known))
        assert made.what == "Require tokens in the launch template of the Auto Scaling group web"
        assert made.commands == step(there).commands
        (note,) = [each for each in made.notes if "AWS did not say what the group launches from" in each]
        assert ("not allowed (AccessDenied)" in note) == bool(gaps)
    assert not any("AWS did not say" in note for note in step(there).notes)


@pytest.mark.parametrize("kind", ["auto-scaling", "batch"])
def test_who_follows_the_versions_of_a_template_is_told_how_to_go_on_following_them(kind):
    """What moto bears out of groups is in tests/packaging/test_switch_on_aws.py."""
    made = step(plan(owner=Owner(kind, "blue", ())))
    assert any("names $Default or $Latest" in note or "names $Latest or $Default" in note for note in made.notes)
    updates = [line for line in made.commands if "update-auto-scaling-group" in line]
    assert all(line.startswith('case "$NAMED_VERSION" in [0-9]*) aws autoscaling update-auto') for line in updates)
    assert len(updates) == (kind == "auto-scaling")


def test_clusters_of_emr_have_security_configurations_of_their_own():
    names = set()
    for cluster in ("j-1", "j-2", None, "a'b"):
        made = step(plan(owner=Owner("emr", cluster, ())))
        _, _, created, _ = parsed(shlex.split(made.commands[0])[1:])
        _, _, deleted, _ = parsed(shlex.split(made.rollback[0])[1:])
        assert created["Name"] == deleted["Name"]
        names.add(created["Name"])
    assert len(names) == 4
    assert {"require-tokens-j-1", "require-tokens-$CLUSTER_ID"} < names


@pytest.mark.parametrize(("is_default", "lines"), [(True, 2), (False, 1), (None, 1)])
def test_the_default_version_is_changed_only_where_it_is_the_one_that_was_launched(is_default, lines):
    launched = Template(TEMPLATE_ID, None, "3", 3, is_default=is_default, options=OLD)
    made = step(plan(launched_from=launched))
    assert (len(made.commands), len(made.rollback)) == (lines, lines)
    assert ("--default-version 3" in made.rollback[0]) == bool(is_default)


def test_an_instance_of_an_aws_service_is_that_services():
    made = step(plan(managed_by="ecs.amazonaws.com"))
    assert made.what == "Require tokens where ecs.amazonaws.com launches instances"


@pytest.mark.parametrize(
    "of_auto_mode",
    [
        {"owner": Owner("eks-auto-mode", "general-purpose", ())},
        {"managed_by": "eks.amazonaws.com"},
        {"managed_by": "eks.amazonaws.com", "owner": Owner("karpenter", "general-purpose", ())},
    ],
)
def test_the_nodes_of_eks_auto_mode_are_left_to_eks(of_auto_mode):
    made = step(plan(**of_auto_mode))
    assert "EKS Auto Mode" in made.what
    assert (made.commands, made.rollback, made.settings) == ((), (), ())
    done = plan(**of_auto_mode)
    assert step(replace(done, before=replace(done.before, http_tokens="required"))) is None


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("kops", "httpPutResponseHopLimit: 2"),
        ("eksctl", "disableIMDSv1: true"),
        ("parallelcluster", "ImdsSupport: v2.0"),
        ("elastic-beanstalk", "DisableIMDSv1: true"),
        ("batch", '"HttpTokens": "required"'),
        ("auto-scaling", "requireImdsv2: true"),
        ("auto-scaling", 'imds_support = "v2.0"'),
        ("auto-scaling", 'http_tokens                 = "required"'),
    ],
)
def test_the_key_to_set_is_said(kind, text):
    made = step(plan(owner=Owner(kind, "blue", ())))
    assert any(text in setting.text for setting in made.settings)


@pytest.mark.parametrize(
    ("owner", "named"),
    [
        (Owner("elastic-beanstalk", "e-commerce01", ()), {"EnvironmentName": "e-commerce01"}),
        (Owner("elastic-beanstalk", None, (), environment_id="e-abcd123456"), {"EnvironmentId": "e-abcd123456"}),
        (Owner("elastic-beanstalk", None, (), environment_id="e-a'; id #"), {"EnvironmentId": "e-a'; id #"}),
    ],
)
def test_an_environment_is_named_by_its_id_where_its_name_is_not_known(owner, named):
    made = step(plan(owner=owner))
    assert made.what.endswith(next(iter(named.values())))
    for line in (*made.commands, *made.rollback):
        _, _, parameters, _ = parsed(shlex.split(line)[1:])
        assert {key: value for key, value in parameters.items() if key != "OptionSettings"} == named


@pytest.mark.parametrize("kind", ["elastic-beanstalk", "parallelcluster", "eksctl"])
def test_a_tool_without_a_key_for_the_hop_limit_says_so(kind):
    notes = " ".join(step(plan(owner=Owner(kind, "blue", ()))).notes)
    assert "option for the hop limit" in notes or "no key for the hop limit" in notes
