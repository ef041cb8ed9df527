"""What EC2 and Auto Scaling say of one instance and of what will launch the next one: read only, a call for each right."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from imds_probe.aws.calls import DENIED, CallError, call
from imds_probe.aws.clients import Aws
from imds_probe.dataclass import dataclass
from imds_probe.facts.control_plane import (
    AccountDefaults,
    AutoScalingGroup,
    ControlPlane,
    GroupOverride,
    LaunchConfiguration,
    MetadataOptions,
    NotAnswered,
    Template,
)
from imds_probe.facts.instance import Instance
from imds_probe.timestamp import rfc3339

TEMPLATES_MAX = 20  # of one group, each a call: a mixed-instances policy may have 40 overrides
MESSAGE_MAX = 500
_TOKENS, _ON_OFF = ("optional", "required"), ("enabled", "disabled")
_Answer = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """`lasting`: asked again at once, AWS would say the same, be it that this is not allowed."""

    found: ControlPlane
    lasting: bool


class _Asking:
    """The calls of one run. What is refused is told of in its place, and keeps no other call from being made."""

    def __init__(self, aws: Aws, deadline: float) -> None:
        self._deadline = deadline
        self.ec2, self.auto_scaling = aws.client("ec2"), aws.client("autoscaling")
        self.not_answered: list[NotAnswered] = []
        self.lasting = True
        self._heard = False  # of AWS, be it a refusal

    def ask(self, action: str, operation: Callable[[], _Answer]) -> _Answer:
        """The answer, empty where there is none. Raises CallError where AWS cannot be asked anything."""
        try:
            answer = call(operation, deadline=self._deadline, renew=lambda: None)
        except CallError as error:
            if not error.code and not self._heard:
                raise
            self._heard = True
            denied = error.code in DENIED
            self.lasting &= denied
            why = f"not allowed ({error.code})" if denied else error.problem
            self.missing(action, why)
            return {}
        self._heard = True
        return answer

    def missing(self, action: str, why: str) -> None:
        """It brought nothing, and why, a clause."""
        self.not_answered.append(NotAnswered(action, why))


def ask(aws: Aws, instance: Instance, *, deadline: float) -> Asked:
    """All that the API says, until `deadline` (time.monotonic). Raises CallError where nothing can be asked."""
    asking = _Asking(aws, deadline)
    described = _described(asking, str(instance.instance_id))
    group_name, template, configuration = _made_from(asking, instance, described)
    group = _group(asking, group_name) if group_name else None
    operator = described.get("Operator", {})
    found = ControlPlane(
        asked_at=rfc3339(time.time()),
        instance=options_of(described.get("MetadataOptions")),
        pending=_is_pending(described),
        managed_by=text_of(operator.get("Principal")) if operator.get("Managed") else None,
        account=_account(asking),
        image_imds_support=_image(asking, described.get("ImageId") or instance.image_id),
        launched_from=template,
        configuration=configuration,
        group=group,
    )
    found = _with_templates(asking, _with_configurations(asking, found))
    return Asked(replace(found, not_answered=tuple(asking.not_answered)), asking.lasting)


def ask_again(aws: Aws, instance: Instance, earlier: ControlPlane, *, deadline: float) -> ControlPlane:
    """An earlier answer with the options that the instance has now, in one call: they may have been changed since. Raises nothing
    where EC2 does not answer: nobody said then what the instance has.
    """
    action = "ec2:DescribeInstances"
    asking = _Asking(aws, deadline)
    try:
        described = _described(asking, str(instance.instance_id))
    except CallError as error:
        asking.missing(action, error.problem)
        described = {}
    others = [each for each in earlier.not_answered if each.action != action]
    return replace(
        earlier,
        instance=options_of(described.get("MetadataOptions")),
        pending=_is_pending(described),
        not_answered=(*asking.not_answered, *others),
    )


def _is_pending(described: _Answer) -> bool:
    return bool(described.get("MetadataOptions", {}).get("State") == "pending")


def options_of(answer: object) -> MetadataOptions | None:
    """Metadata options as the API has them in an instance, a template, a launch configuration or an account."""
    if not isinstance(answer, Mapping):
        return None

    def one(name: str, values: tuple[str, ...]) -> Any:
        return value if (value := answer.get(name)) in values else None

    limit = answer.get("HttpPutResponseHopLimit")
    return MetadataOptions(
        http_tokens=one("HttpTokens", _TOKENS),
        http_put_response_hop_limit=limit if isinstance(limit, int) and 1 <= limit <= 64 else None,  # -1: no preference
        http_endpoint=one("HttpEndpoint", _ON_OFF),
        http_protocol_ipv6=one("HttpProtocolIpv6", _ON_OFF),
        instance_metadata_tags=one("InstanceMetadataTags", _ON_OFF),
    )


def _described(asking: _Asking, instance_id: str) -> _Answer:
    # By a filter and with a page: calls by instance ids, or for everything, have an allowance ten times as small.
    client = asking.ec2
    answer = asking.ask(
        "ec2:DescribeInstances",
        lambda: client.describe_instances(
            Filters=[{"Name": "instance-id", "Values": [instance_id]}],
            MaxResults=5,
            **with_managed(client, "DescribeInstances"),
        ),
    )
    for reservation in answer.get("Reservations", ()):
        for described in reservation.get("Instances", ()):
            if described.get("InstanceId") == instance_id:
                found: _Answer = described
                return found
    if answer:
        asking.missing("ec2:DescribeInstances", f"the account has no instance {instance_id} in this Region")
    return {}


def _account(asking: _Asking) -> AccountDefaults | None:
    client = asking.ec2
    answer = asking.ask("ec2:GetInstanceMetadataDefaults", lambda: client.get_instance_metadata_defaults(DryRun=False))
    return account_of(answer) if answer else None


def account_of(answer: Mapping[str, Any]) -> AccountDefaults:
    """The defaults of an account as the API has them."""
    level = answer.get("AccountLevel") or {}
    enforced, managed_by = level.get("HttpTokensEnforced"), level.get("ManagedBy")
    return AccountDefaults(
        options=options_of(level) or MetadataOptions(),
        http_tokens_enforced=enforced == "enabled" if enforced in _ON_OFF else None,
        managed_by=managed_by if managed_by in ("account", "declarative-policy") else None,
        exception_message=text_of(level.get("ManagedExceptionMessage")) or "",
    )


def _image(asking: _Asking, image_id: str | None) -> Any:
    if not image_id:
        return None
    client = asking.ec2
    answer = asking.ask("ec2:DescribeImages", lambda: client.describe_images(ImageIds=[image_id]))
    images = answer.get("Images")
    if not images:
        return None  # one that was deregistered is no longer there
    return "v2.0" if images[0].get("ImdsSupport") == "v2.0" else ""


def _made_from(
    asking: _Asking, instance: Instance, described: _Answer
) -> tuple[str | None, Template | None, LaunchConfiguration | None]:
    """The Auto Scaling group, and what the instance was made from: by Auto Scaling, else by EC2's tags, else by the host."""
    client = asking.auto_scaling
    answer = asking.ask(
        "autoscaling:DescribeAutoScalingInstances",
        lambda: client.describe_auto_scaling_instances(InstanceIds=[str(instance.instance_id)]),
    )
    details: _Answer = next(iter(answer.get("AutoScalingInstances", ())), {})
    tags = {tag.get("Key"): tag.get("Value") for tag in described.get("Tags", ())}
    template = _template(details.get("LaunchTemplate"))
    if template is None and (template_id := tags.get("aws:ec2launchtemplate:id")):
        template = Template(text_of(template_id), None, text_of(tags.get("aws:ec2launchtemplate:version")))
    if template is None and instance.launch_template is not None:
        template = Template(instance.launch_template.launch_template_id, None, instance.launch_template.version)
    name = text_of(details.get("LaunchConfigurationName"))
    group = details.get("AutoScalingGroupName") or tags.get("aws:autoscaling:groupName") or instance.auto_scaling_group
    return text_of(group), template, LaunchConfiguration(name) if name else None


def _group(asking: _Asking, name: str) -> AutoScalingGroup:
    client = asking.auto_scaling
    answer = asking.ask(
        "autoscaling:DescribeAutoScalingGroups",
        lambda: client.describe_auto_scaling_groups(AutoScalingGroupNames=[name]),
    )
    said: _Answer = next(iter(answer.get("AutoScalingGroups", ())), {})
    if answer and not said:
        asking.missing(
            "autoscaling:DescribeAutoScalingGroups", f"the account has no Auto Scaling group {name} in this Region"
        )
    mixed = (said.get("MixedInstancesPolicy") or {}).get("LaunchTemplate") or {}
    configuration = text_of(said.get("LaunchConfigurationName"))
    overrides = [
        GroupOverride(text_of(each.get("InstanceType")), template)
        for each in mixed.get("Overrides", ())
        if (template := _template(each.get("LaunchTemplateSpecification"))) is not None
    ]
    return AutoScalingGroup(
        name=name,
        template=_template(said.get("LaunchTemplate")) or _template(mixed.get("LaunchTemplateSpecification")),
        configuration=LaunchConfiguration(configuration) if configuration else None,
        overrides=tuple(overrides),
        mixed=bool(mixed),
    )


def _template(answer: object) -> Template | None:
    """A template as Auto Scaling names it. A group that names no version takes the default one."""
    if not isinstance(answer, Mapping):
        return None
    version = text_of(answer.get("Version")) or "$Default"
    return Template(text_of(answer.get("LaunchTemplateId")), text_of(answer.get("LaunchTemplateName")), version)


def _with_configurations(asking: _Asking, found: ControlPlane) -> ControlPlane:
    group = found.group
    configurations = (found.configuration, group.configuration if group else None)
    names = sorted({each.name for each in configurations if each is not None})
    if not names:
        return found
    client = asking.auto_scaling
    answer = asking.ask(
        "autoscaling:DescribeLaunchConfigurations",
        lambda: client.describe_launch_configurations(LaunchConfigurationNames=names),
    )
    read = {
        said.get("LaunchConfigurationName"): LaunchConfiguration(
            str(said.get("LaunchConfigurationName")),
            text_of(said.get("ImageId")),
            options_of(said.get("MetadataOptions") or {}),
        )
        for said in answer.get("LaunchConfigurations", ())
    }
    own, of_group = (read.get(each.name, each) if each else None for each in configurations)
    return replace(found, configuration=own, group=replace(group, configuration=of_group) if group else None)


def _with_templates(asking: _Asking, found: ControlPlane) -> ControlPlane:
    """With the versions of all templates read, each once."""
    read: dict[tuple[str | None, str | None], Template] = {}

    def whole(template: Template | None) -> Template | None:
        if template is None:
            return None
        key = template.launch_template_id or template.launch_template_name, template.version_named
        if key not in read:
            if len(read) == TEMPLATES_MAX:
                return template
            read[key] = _version(asking, template)
        return read[key]

    def override(each: GroupOverride) -> GroupOverride:
        return replace(each, template=whole(each.template) or each.template)

    group = found.group
    if group is not None:
        group = replace(group, template=whole(group.template), overrides=tuple(map(override, group.overrides)))
    return replace(found, launched_from=whole(found.launched_from), group=group)


def _version(asking: _Asking, template: Template) -> Template:
    client = asking.ec2
    by_id = template.launch_template_id
    which = {"LaunchTemplateId": by_id} if by_id else {"LaunchTemplateName": template.launch_template_name}
    answer = asking.ask(
        "ec2:DescribeLaunchTemplateVersions",
        lambda: client.describe_launch_template_versions(
            **which,
            Versions=[template.version_named or "$Default"],
            **with_managed(client, "DescribeLaunchTemplateVersions"),
        ),
    )
    said = next(iter(answer.get("LaunchTemplateVersions", ())), None)
    if said is None:
        return template
    data = said.get("LaunchTemplateData") or {}
    number = said.get("VersionNumber")
    return replace(
        template,
        launch_template_id=text_of(said.get("LaunchTemplateId")) or by_id,
        launch_template_name=text_of(said.get("LaunchTemplateName")) or template.launch_template_name,
        version=number if isinstance(number, int) else None,
        is_default=bool(said.get("DefaultVersion")),
        image_id=text_of(data.get("ImageId")),
        options=options_of(data.get("MetadataOptions") or {}),
    )


def with_managed(client: Any, operation: str) -> dict[str, bool]:
    """What AWS services launched is left out unless it is asked for; an older botocore cannot ask for it."""
    members = client.meta.service_model.operation_model(operation).input_shape.members
    return {"IncludeManagedResources": True} if "IncludeManagedResources" in members else {}


def text_of(value: object) -> str | None:
    """Text of the API on one line, None where there is none."""
    if not isinstance(value, str) or not value:
        return None
    return "".join(c if c.isprintable() else "?" for c in value)[:MESSAGE_MAX]
