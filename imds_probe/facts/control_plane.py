"""What AWS's control plane says of this instance, and of what will launch the next one."""

from __future__ import annotations

from typing import ClassVar, Literal

from imds_probe.dataclass import dataclass
from imds_probe.facts.section import Section
from imds_probe.facts.shapes import HopLimit, Timestamp

OnOff = Literal["enabled", "disabled"]
HttpTokens = Literal["optional", "required"]


@dataclass(frozen=True)
class MetadataOptions:
    """The members that the API has. None: it says nothing of that one, so what comes next in precedence decides."""

    http_tokens: HttpTokens | None = None
    http_put_response_hop_limit: HopLimit | None = None
    http_endpoint: OnOff | None = None
    http_protocol_ipv6: OnOff | None = None
    instance_metadata_tags: OnOff | None = None


@dataclass(frozen=True)
class AccountDefaults:
    """The defaults of the account in this Region. `http_tokens_enforced`: neither launch nor change may make tokens optional.
    `managed_by` says whether the account itself may change them; `exception_message` is what the organisation says to who tries.
    """

    options: MetadataOptions
    http_tokens_enforced: bool | None = None
    managed_by: Literal["account", "declarative-policy"] | None = None
    exception_message: str = ""


@dataclass(frozen=True)
class Template:
    """A launch template as something names it. `version_named` is how: a number, "$Default" or "$Latest". `version` is the number
    that this comes to now, and `options` what that version says; both are None where it could not be read.
    """

    launch_template_id: str | None
    launch_template_name: str | None
    version_named: str | None
    version: int | None = None
    is_default: bool | None = None
    image_id: str | None = None
    options: MetadataOptions | None = None


@dataclass(frozen=True)
class LaunchConfiguration:
    """It cannot be changed. `options` is None where it could not be read."""

    name: str
    image_id: str | None = None
    options: MetadataOptions | None = None


@dataclass(frozen=True)
class GroupOverride:
    """An override of a mixed-instances policy with a template of its own."""

    instance_type: str | None
    template: Template


@dataclass(frozen=True)
class AutoScalingGroup:
    """The group of this instance, and what it launches the next one from: one of the two, and the overrides. `mixed` says that its
    template stands in a mixed-instances policy.
    """

    name: str
    template: Template | None = None
    configuration: LaunchConfiguration | None = None
    overrides: tuple[GroupOverride, ...] = ()
    mixed: bool = False

    @property
    def is_described(self) -> bool:
        """Whether it is known what it launches from: where AWS did not answer, only the name is known."""
        return self.template is not None or self.configuration is not None or bool(self.overrides)


@dataclass(frozen=True)
class NotAnswered:
    """A call that brought nothing: "ec2:DescribeImages", and why, a clause."""

    action: str
    reason: str


@dataclass(frozen=True)
class ControlPlane(Section):
    """There only where a run was told to ask. `asked_at` is when: an earlier run may have asked for this one, though not
    of the instance.

    `instance` is what the instance has, None where nobody said; while `pending`, a change of it is not yet in force. `managed_by`
    is the AWS service that the instance belongs to. `launched_from` and `configuration` are what it was made from, as the host or
    its Auto Scaling group says. `image_imds_support` is the AMI's ImdsSupport: "v2.0", "" where it has none, None where that is
    not known. What is in `not_answered` is not known.
    """

    report_key: ClassVar[str] = "control_plane"

    asked_at: Timestamp
    instance: MetadataOptions | None = None
    pending: bool = False
    managed_by: str | None = None
    account: AccountDefaults | None = None
    launched_from: Template | None = None
    configuration: LaunchConfiguration | None = None
    group: AutoScalingGroup | None = None
    image_imds_support: Literal["v2.0", ""] | None = None
    not_answered: tuple[NotAnswered, ...] = ()
