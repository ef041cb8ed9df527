"""What moto lacks of changing the metadata options of an instance, added to its server, which imports this. As the EC2 API
Reference has it: what is not named stays, a change is pending before it is applied, and an account that enforces IMDSv2 lets
nobody make tokens optional. By its tags an instance refuses calls, or never applies a change.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import MetadataOptions
from moto.ec2.responses import EC2Response

REFUSES, NEVER_APPLIES = "made-up:refuses", "made-up:never-applies"  # the first has tokens that may not be set
MEMBERS = (
    ("HttpTokens", "http_tokens"),
    ("HttpEndpoint", "http_endpoint"),
    ("HttpPutResponseHopLimit", "http_put_response_hop_limit"),
    ("HttpProtocolIpv6", "http_protocol_ipv6"),
    ("InstanceMetadataTags", "instance_metadata_tags"),
)


class Changed(MetadataOptions):
    """Pending when it is looked at for the first time."""

    def __init__(self, options: dict[str, Any], *, ever: bool) -> None:
        self._looks, self._ever = 0, ever
        super().__init__(options)

    @property
    def state(self) -> str:
        self._looks += 1
        return "applied" if self._ever and self._looks > 1 else "pending"

    @state.setter
    def state(self, value: str) -> None:
        del value


def modify(self: Any) -> ActionResult:
    instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
    tags = {tag["key"]: tag["value"] for tag in instance.get_tags()}
    tokens = self._get_param("HttpTokens")
    if tokens in tags.get(REFUSES, "").split():
        raise EC2ClientError("UnauthorizedOperation", "You are not authorized to perform this operation.")
    defaults = vars(self.ec2_backend).get("metadata_defaults", {})
    if tokens == "optional" and defaults.get("HttpTokensEnforced") == "enabled":
        raise EC2ClientError("UnsupportedOperation", "The account enforces HttpTokens.")
    before = {name: getattr(instance.metadata_options, attribute) for name, attribute in MEMBERS}
    given = {name: value for name, _ in MEMBERS if (value := self._get_param(name)) is not None}
    instance.metadata_options = Changed({**before, **given}, ever=tokens not in tags.get(NEVER_APPLIES, "").split())
    return ActionResult({"InstanceId": instance.id, "InstanceMetadataOptions": instance.metadata_options})


EC2Response.modify_instance_metadata_options = modify
