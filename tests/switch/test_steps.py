import shlex
import subprocess
from dataclasses import replace
from typing import get_args

import pytest
from aws_argv import calls, parsed
from switch_plans import BEFORE, TEMPLATE_ID, plan

from imds_probe.facts.control_plane import (
    AccountDefaults,
    AutoScalingGroup,
    ControlPlane,
    LaunchConfiguration,
    MetadataOptions,
    Template,
)
from imds_probe.facts.owner import LaunchedFrom, Owner, OwnerKind
from imds_probe.switch.instance import BY_A_RUN, SHOWN_FIRST
from imds_probe.switch.steps import planned, steps_of

LAUNCHED = LaunchedFrom(TEMPLATE_ID, "3", "a label")
REQUIRED = AccountDefaults(MetadataOptions("required"))
NONE = AccountDefaults(MetadataOptions())
DONE = Template(TEMPLATE_ID, None, "3", 3, options=MetadataOptions("required", 2))


def test_this_instance_comes_first_and_the_account_last():
    whats = [each.what for each in steps_of(plan())]
    assert [what.partition(" ")[0] for what in whats] == ["Require", "Let", "Require", "Require"]
    assert whats[0] == "Require tokens on this instance, and raise its hop limit to 2"
    assert "refuse credentials of the instance role that were fetched by IMDSv1" in whats[1]
    assert "launches the next instance" in whats[2]
    assert "by default" in whats[3]


def test_a_hop_limit_that_nobody_has_measured_is_tried_alone():
    first, second, role, launches, default = steps_of(replace(plan(), untried=BY_A_RUN))
    _, _, tried, _ = parsed(shlex.split(first.commands[0])[1:])
    assert tried == {"InstanceId": "i-0123456789abcdef0", "HttpPutResponseHopLimit": 2, "HttpEndpoint": "enabled"}
    _, _, undone, _ = parsed(shlex.split(first.rollback[0])[1:])
    assert undone["HttpPutResponseHopLimit"] == 1
    assert first.notes == (BY_A_RUN,)
    assert (second.what, second.waits_for) == ("Require tokens on this instance", (SHOWN_FIRST,))
    assert [each.waits_for for each in (role, launches, default)] == [(SHOWN_FIRST,)] * 3
    _, this, *later = steps_of(replace(plan(), untried=BY_A_RUN, waits_for=("what ran once",)))
    assert this.waits_for == (SHOWN_FIRST,)
    assert [each.waits_for for each in later] == [(SHOWN_FIRST, "what ran once")] * 3
    assert not any(each.waits_for for each in steps_of(plan()))
    required = replace(plan(), untried=BY_A_RUN, before=replace(BEFORE, http_tokens="required"))
    assert steps_of(required)[0].what == "Raise the hop limit of this instance to 2"  # nothing is left that could break
    assert not any(each.waits_for for each in steps_of(required))


def test_every_part_of_the_switch_is_told_the_same_of_a_hop_limit_that_is_tried_first():
    there = planned(replace(plan(), untried=BY_A_RUN, waits_for=("what ran once",)))
    assert there.first is there.all[0]
    assert there.template_waits_for == there.all[-2].waits_for == (SHOWN_FIRST, "what ran once")
    measured = planned(replace(plan(), waits_for=("what ran once",)))
    assert (measured.first, measured.template_waits_for) == (None, ("what ran once",))


def test_what_is_done_already_is_no_step():
    switched = replace(plan(account=REQUIRED, launched_from=DONE), before=replace(BEFORE, http_tokens="required"))
    (raised, _) = steps_of(switched)
    assert raised.what == "Raise the hop limit of this instance to 2"
    assert "--http-tokens required --http-put-response-hop-limit 1" in raised.rollback[0]
    assert steps_of(replace(switched, before=MetadataOptions("required", 2, "enabled"))) == ()
    low = replace(DONE, options=MetadataOptions("required", 1))
    assert "template" in steps_of(replace(plan(account=REQUIRED, launched_from=low)))[2].what


def test_endpoint_by_ipv6_and_tags_stay_as_they_are_both_ways():
    kept = {"http_protocol_ipv6": "enabled", "instance_metadata_tags": "disabled"}
    there = plan()
    step = steps_of(replace(there, before=replace(there.before, **kept), after=replace(there.after, **kept)))[0]
    for line, tokens, limit in ((step.commands[0], "required", 2), (step.rollback[0], "optional", 1)):
        _, operation, parameters, _ = parsed(shlex.split(line)[1:])
        assert operation == "ModifyInstanceMetadataOptions"
        assert parameters == {
            "InstanceId": "i-0123456789abcdef0",
            "HttpTokens": tokens,
            "HttpPutResponseHopLimit": limit,
            "HttpEndpoint": "enabled",
            "HttpProtocolIpv6": "enabled",
            "InstanceMetadataTags": "disabled",
        }


@pytest.mark.parametrize(
    ("managed_by", "who"),
    [
        ("account", "A user or role of this account with the right ec2:ModifyInstanceMetadataDefaults"),
        ("declarative-policy", "Only the organization's management account"),
    ],
)
def test_where_imdsv2_is_enforced_there_is_no_way_back_and_who_opens_it_is_said(managed_by, who):
    account = replace(NONE, http_tokens_enforced=True, managed_by=managed_by, exception_message="Ask cloud@example.com")
    this, role, launches, last = steps_of(plan(account=account, launched_from=replace(DONE, options=None)))
    for step in (this, launches):
        assert step.rollback == ()
        assert who in step.no_rollback
    assert role.rollback
    assert (last.commands == ()) == (managed_by == "declarative-policy")
    assert ("Ask cloud@example.com" in this.no_rollback) == (managed_by == "declarative-policy")


def test_each_step_that_reaches_new_instances_waits():
    """The policy on the role takes the credentials from user data that asks without a token, and the account's default the rest."""
    waiting = steps_of(replace(plan(), waits_for=("1 file asks without a token",)))
    assert [each.waits_for for each in waiting] == [(), *[("1 file asks without a token",)] * 3]


def test_where_tokens_were_required_a_raised_hop_limit_has_a_way_back_though_imdsv2_is_enforced():
    enforced = plan(account=replace(REQUIRED, http_tokens_enforced=True), launched_from=DONE)
    (raised, _) = steps_of(replace(enforced, before=replace(BEFORE, http_tokens="required")))
    assert raised.rollback and not raised.no_rollback


@pytest.mark.parametrize("kind", get_args(OwnerKind))
@pytest.mark.parametrize("known", [True, False])
def test_every_owner_has_a_step_of_calls_that_aws_has(kind, known):
    owner = Owner(kind, "blue" if known else None, (), "shop" if known else None)
    steps = steps_of(plan(owner=owner, launched=LAUNCHED if known else None))
    of_eks = kind == "eks-auto-mode"  # nobody else can change its instances
    assert len(steps) == 4 - of_eks
    launches = steps[2 - of_eks]
    assert launches.commands or launches.settings or of_eks
    assert bool(launches.notes)
    assert ("blue" in launches.what) == (known and kind not in ("emr", "ecs"))
    for step in steps:
        for line in (*step.commands, *step.rollback):
            for argv in calls(line):
                if "file:" not in line and argv[:2] != ["ec2", "delete-launch-template-versions"]:
                    parsed(argv)


@pytest.mark.parametrize("kind", [*get_args(OwnerKind), "template", "group", "mixed", "configuration"])
def test_text_of_strangers_is_no_command_of_the_shell(kind, tmp_path):
    """A stored report that is judged again is whoever's. A shell without any program runs all of it."""
    hostile = "a'; : > ran; '$(: > ran)`: > ran`{}{x}%s"
    template = Template(hostile, None, hostile)
    known = {
        "template": {"launched_from": Template(None, hostile, hostile)},
        "group": {"group": AutoScalingGroup(hostile, template)},
        "mixed": {"group": AutoScalingGroup(hostile, template, mixed=True)},
        "configuration": {"group": AutoScalingGroup(hostile, configuration=LaunchConfiguration(hostile))},
    }.get(kind, {})
    owner = None if known else Owner(kind, hostile, (), hostile)
    there = plan(owner=owner, launched=None if known else LaunchedFrom(hostile, hostile, ""))
    there = replace(
        there,
        instance=replace(there.instance, region=hostile, instance_id=hostile),
        control_plane=ControlPlane("2026-11-29T00:00:00Z", **known) if known else None,
    )
    lines = [line for step in steps_of(there) for line in (*step.commands, *step.rollback)]
    assert any(shlex.quote(hostile) in line for line in lines)
    shell = subprocess.run(
        ["/bin/bash", "-c", "\n".join(lines)], cwd=tmp_path, env={"PATH": "/nowhere"}, capture_output=True, check=False
    )
    assert b"aws: " in shell.stderr and b"unexpected" not in shell.stderr
    assert not (tmp_path / "ran").exists()
