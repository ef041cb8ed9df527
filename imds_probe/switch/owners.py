"""What launches the next instance: an instance that is switched alone is replaced by one that is not."""

from __future__ import annotations

from imds_probe.facts.control_plane import Template
from imds_probe.facts.owner import Owner, OwnerKind
from imds_probe.switch.clusters import CLUSTERS, Made, eks_auto_mode
from imds_probe.switch.groups import known_group, unknown_group
from imds_probe.switch.options import cloudformation, terraform
from imds_probe.switch.services import SERVICES
from imds_probe.switch.step import EKS, Plan, Setting, Step
from imds_probe.switch.templates import OTHERS_ON_DEFAULT, is_done, new_version

BY_KIND: dict[OwnerKind, Made] = {**CLUSTERS, **SERVICES}
_CODE_FIRST = (
    "If Terraform, CloudFormation or the CDK makes the template, change the code instead: it would undo these commands."
)
_LATER = "`imds-probe run --control-plane` reads which template and group this instance belongs to."


def step(plan: Plan) -> Step | None:
    """None where what launches the next instance requires tokens already."""
    owner, known = plan.owner, plan.control_plane
    if known is not None and known.managed_by == EKS:  # node groups and Karpenter have instances of the account's own
        return eks_auto_mode(owner, plan)
    if owner is not None and owner.kind in BY_KIND:
        return BY_KIND[owner.kind](owner, plan)
    if known is not None and known.managed_by:
        return Step(
            what=f"Require tokens where {known.managed_by} launches instances",
            notes=(f"{known.managed_by} owns this instance, as EC2 says. Look for the option in that service.",),
        )
    group = plan.instance.auto_scaling_group if plan.instance else None
    if known is not None and known.group is not None:
        if known.group.is_described:
            return with_code(known_group(known.group, plan), plan)
        group = known.group.name
    if owner is not None and owner.kind == "auto-scaling":
        group = owner.name or group
    if group or owner is not None:  # what is left of owners launches by a group
        return with_code(unknown_group(group, plan), plan)
    return with_code(_template_alone(plan), plan)


def template_of(plan: Plan) -> Template:
    """The template that this instance was launched from, as far as it is known."""
    known, named = plan.control_plane, plan.instance.launch_template if plan.instance else None
    if known is not None and known.launched_from is not None:
        return known.launched_from
    if named is not None:
        return Template(named.launch_template_id, None, named.version)
    return Template(None, None, None)


def with_code(made: Step | None, plan: Plan) -> Step | None:
    """The step, with what to write into the code that may make the template."""
    if made is None:
        return None
    return Step(
        what=made.what,
        commands=made.commands,
        rollback=made.rollback,
        settings=(*made.settings, *code_of(plan)),
        notes=(*made.notes, *((_CODE_FIRST,) if made.commands else ())),
    )


def code_of(plan: Plan) -> tuple[Setting, ...]:
    """For code that makes instances, launch templates or launch configurations."""
    return (
        Setting("Terraform", terraform(plan.after, plan.limit_reason)),
        Setting("CloudFormation", cloudformation(plan.after)),
        *_BUILDERS,
    )


_BUILDERS = (
    Setting(
        "CDK", "requireImdsv2: true  // ec2.LaunchTemplate, ec2.Instance; httpPutResponseHopLimit of a LaunchTemplate"
    ),
    Setting(
        "Packer",
        'imds_support = "v2.0"  # for the image that it makes\nmetadata_options {\n  http_endpoint = "enabled"\n'
        '  http_tokens   = "required"\n}',
    ),
)


def _template_alone(plan: Plan) -> Step | None:
    """Nobody said that a group launches the next instance: somebody does, by the template's default version or by a number."""
    template = template_of(plan)
    if is_done(template.options, plan):
        return None
    if not template.launch_template_id and not template.launch_template_name:
        version = new_version(template, plan)
        return Step(
            what="Require tokens in what launches the next instance",
            commands=(*version.create, version.make_default),
            rollback=(version.default_as_before, version.delete),
            notes=(
                "Set LAUNCH_TEMPLATE_ID, and SOURCE_VERSION to its default version. Keep both for the rollback.",
                *version.notes,
                OTHERS_ON_DEFAULT,
                _LATER,
            ),
        )
    version = new_version(template, plan)
    what = "Require tokens in the launch template that this instance was launched from"
    if template.is_default:
        return Step(
            what=what,
            commands=(*version.create, version.make_default),
            rollback=(version.default_as_before, version.delete),
            notes=(
                "A launch that names the version by its number has to name the new one.",
                *version.notes,
                OTHERS_ON_DEFAULT,
            ),
        )
    return Step(
        what=what,
        commands=version.create,
        rollback=(version.delete,),
        notes=(
            f'Launch the next instance from the new version: "${version.variable}" has its number. The default version of the '
            "template is another one, or not known, and stays as it is.",
            *version.notes,
            *(() if plan.control_plane else (_LATER,)),
        ),
    )


def general(kind: OwnerKind, plan: Plan) -> Step | None:
    """The step for an owner of a kind, where no host is known: variables stand for what a host would tell."""
    owner = Owner(kind, None, ())
    return BY_KIND[kind](owner, plan) if kind in BY_KIND else unknown_group(None, plan)
