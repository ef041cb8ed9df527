"""Auto Scaling groups: what they launch from, pinned or not, with the overrides of a mixed-instances policy."""

from __future__ import annotations

import shlex

from imds_probe.facts.control_plane import AutoScalingGroup, LaunchConfiguration, Template
from imds_probe.switch.configurations import configuration_change
from imds_probe.switch.step import Plan, Step, word
from imds_probe.switch.templates import (
    DEFAULT,
    LATEST,
    OTHERS_ON_DEFAULT,
    SOURCE,
    NewVersion,
    is_done,
    launched_by,
    new_version,
)

_NAMED = "NAMED_VERSION"
DESCRIBE_GROUPS = "autoscaling:DescribeAutoScalingGroups"
BEFORE, POLICY = "policy-before.json", "policy.json"
_NO_REFRESH = "Instances that were switched already need no instance refresh."
# DescribeAutoScalingGroups names a template twice, which UpdateAutoScalingGroup does not accept.
_ONE_NAME = 'walk(if type == "object" and .LaunchTemplateId then del(.LaunchTemplateName) else . end)'
_VERSION = 'walk(if type == "object" and .LaunchTemplateId == $id and .Version == $from then .Version = $to else . end)'


def known_group(group: AutoScalingGroup, plan: Plan) -> Step | None:
    """The step for a group of which the control plane said what it launches from; None where nothing is left to change."""
    if group.configuration is not None:
        return None if is_done(group.configuration.options, plan) else _configured(group, group.configuration, plan)
    named = [each for each in (group.template, *(each.template for each in group.overrides)) if each is not None]
    templates = [each for each in {_key(each): each for each in named}.values() if not is_done(each.options, plan)]
    if not templates:
        return None
    by = launched_by(group.name, "AUTO_SCALING_GROUP")
    versions = [new_version(each, plan, by, place) for place, each in enumerate(templates, 1)]
    pinned = [each for each in versions if each.template.version_named not in (None, DEFAULT, LATEST)]
    default = [each for each in versions if each.template.version_named in (None, DEFAULT)]
    commands, rollback, notes = [line for each in versions for line in each.create], [], [_NO_REFRESH]
    notes += [note for each in versions for note in each.notes]
    notes += [OTHERS_ON_DEFAULT] if default else []
    if pinned:
        told, untold = _mixed(group, pinned, plan) if group.mixed else _plain(group, pinned[0], plan)
        commands += told
        rollback += untold
        if group.mixed:
            notes.append(f"The commands need jq. Keep {BEFORE}: the rollback needs it.")
    return Step(
        what=f"Require tokens in {_templates(len(versions))} of the Auto Scaling group {group.name}",
        commands=(*commands, *(each.make_default for each in default)),
        rollback=(*rollback, *(each.default_as_before for each in default), *(each.delete for each in versions)),
        notes=tuple(dict.fromkeys(notes)),
    )


def unknown_group(name: str | None, plan: Plan) -> Step:
    """The step for a group of which nobody said what it launches from, because the control plane was not asked or did not answer:
    the commands look for its template themselves.
    """
    group = word(name, "AUTO_SCALING_GROUP")
    look = f"aws autoscaling describe-auto-scaling-groups{plan.region} --auto-scaling-group-names {group} --output text --query "
    version = new_version(Template(None, None, None), plan, launched_by(name, "AUTO_SCALING_GROUP"))
    update = (
        f"aws autoscaling update-auto-scaling-group{plan.region} --auto-scaling-group-name {group} --launch-template "
        f"{version.specification},Version="
    )
    template = "AutoScalingGroups[0].LaunchTemplate"
    found = (
        f"LAUNCH_TEMPLATE_ID=$({look}'{template}.LaunchTemplateId')",
        f"{_NAMED}=$({look}'not_null({template}.Version, `\"{DEFAULT}\"`)')",
    )
    return Step(
        what=f"Require tokens in the launch template of the Auto Scaling group{f' {name}' if name else ''}",
        commands=(
            *found,
            f"{SOURCE}=$({version.look_up(_NAMED)})",
            *version.create,
            _by_name(f"{update}{version.number}", version.make_default),
        ),
        rollback=(*found, _by_name(f"{update}{version.source}", version.default_as_before), version.delete),
        notes=(
            '"None" in LAUNCH_TEMPLATE_ID means that the group has no launch template of its own, but a mixed-instances policy or '
            "a launch configuration.",
            "A group that names a number is told of the new version. One that names $Default or $Latest goes on naming it. For "
            "$Default, the new version becomes the default one, and others that launch it require tokens, too.",
            *version.notes,
            _gap(plan),
            _NO_REFRESH,
        ),
    )


def _by_name(pinned: str, default: str) -> str:
    """The command for a group by how it names its version: a number, or $Default; $Latest needs none."""
    return f"case \"${_NAMED}\" in [0-9]*) {pinned} ;; '{DEFAULT}') {default} ;; esac"


def _gap(plan: Plan) -> str:
    """Why the group is not known, and what to do."""
    if plan.control_plane is None:
        return "`imds-probe run --control-plane` reads the group, and prints the commands for what it launches from."
    because = next(
        (f": {each.reason}" for each in plan.control_plane.not_answered if each.action == DESCRIBE_GROUPS), ""
    )
    return (
        f"AWS did not say what the group launches from ({DESCRIBE_GROUPS}{because}). Once it does, "
        "`imds-probe run --control-plane` prints the commands for that."
    )


def _key(template: Template) -> tuple[str | None, str | None]:
    return (template.launch_template_id or template.launch_template_name, template.version_named)


def _templates(number: int) -> str:
    return "the launch template" if number == 1 else f"the {number} launch templates"


def _update(group: AutoScalingGroup, plan: Plan) -> str:
    name = shlex.quote(group.name)
    return f"aws autoscaling update-auto-scaling-group{plan.region} --auto-scaling-group-name {name}"


def _plain(group: AutoScalingGroup, version: NewVersion, plan: Plan) -> tuple[list[str], list[str]]:
    update = f"{_update(group, plan)} --launch-template {version.specification},Version="
    return [f"{update}{version.number}"], [f"{update}{word(version.template.version_named, '')}"]


def _mixed(group: AutoScalingGroup, pinned: list[NewVersion], plan: Plan) -> tuple[list[str], list[str]]:
    """The policy is written as a whole: what an update does with members that it leaves out is nowhere said."""
    read = (
        f"aws autoscaling describe-auto-scaling-groups{plan.region} --auto-scaling-group-names {shlex.quote(group.name)}"
        f" --query 'AutoScalingGroups[0].MixedInstancesPolicy' --output json | jq '{_ONE_NAME}' > {BEFORE}"
    )
    first, *others = (
        f"jq --arg id {word(each.template.launch_template_id, 'LAUNCH_TEMPLATE_ID')}"
        f" --arg from {word(each.template.version_named, '')} --arg to {each.number} '{_VERSION}'"
        for each in pinned
    )
    changed = " | ".join((f"{first} {BEFORE}", *others))
    update = f"{_update(group, plan)} --mixed-instances-policy file://"
    return [read, f"{changed} > {POLICY}", f"{update}{POLICY}"], [f"{update}{BEFORE}"]


def _configured(group: AutoScalingGroup, configuration: LaunchConfiguration, plan: Plan) -> Step:
    name, create, delete = configuration_change(configuration, plan)
    update = f"{_update(group, plan)} --launch-configuration-name "
    return Step(
        what=f"Require tokens in the launch configuration of the Auto Scaling group {group.name}",
        commands=(*create, f"{update}{shlex.quote(name)}"),
        rollback=(f"{update}{shlex.quote(configuration.name)}", delete),
        notes=(
            "A launch configuration cannot be changed, so the commands make a copy. They need jq.",
            "AWS offers launch configurations no more to new accounts: consider a launch template instead.",
            _NO_REFRESH,
        ),
    )
