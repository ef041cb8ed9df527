"""What the simulated instance is and how its metadata options stand. Validated, JSON in and out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, field, fields, replace
from typing import Any, Literal

from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.simulator.faults import Fault, parse_faults
from imds_probe.simulator.state_checks import CHECKS, OPTIONAL, TEXT, checked

Switch = Literal["enabled", "disabled"]


@dataclass(frozen=True)
class InstanceState:
    """One instance at one moment. The defaults are those of an instance launched from an AMI without preferences.

    Every field is checked when a state is made; a bad value raises ProbeError naming the field. Identities, keys and
    addresses are made up (documentation ranges). None means that the item is absent, which is answered 404.
    """

    # Metadata options, by the names and values of the EC2 API (MetadataOptions).
    http_tokens: Literal["optional", "required"] = "optional"
    http_endpoint: Switch = "enabled"
    hop_limit: int = 1  # 1 to 64: the IP TTL of packets that carry a token
    http_protocol_ipv6: Switch = "disabled"  # disabled: IPv6 listeners are closed, so that connections are refused
    instance_metadata_tags: Switch = "disabled"

    # Identity.
    instance_id: str = "i-0123456789abcdef0"
    region: str = "us-east-1"
    availability_zone: str = "us-east-1a"
    availability_zone_id: str = "use1-az1"
    account_id: str = "123456789012"
    image_id: str = "ami-0123456789abcdef0"
    instance_type: str = "m5.large"
    architecture: Literal["i386", "x86_64", "arm64"] = "x86_64"
    life_cycle: Literal["on-demand", "spot", "scheduled"] = "on-demand"
    reservation_id: str = "r-0123456789abcdef0"
    launch_time: str = "2026-01-01T00:00:00Z"
    hostname: str = "ip-10-0-0-10.ec2.internal"
    private_ips: tuple[str, ...] = ("10.0.0.10",)
    public_ip: str | None = None
    mac: str = "02:00:00:00:00:0a"
    security_groups: tuple[str, ...] = ("default",)
    key_name: str | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: {"Name": "example"})
    user_data: str | None = None

    # Credentials and notices.
    iam_role: str | None = None
    spot_instance_action: Literal["terminate", "stop", "hibernate"] | None = None
    spot_action_time: str | None = None  # None: two minutes ahead, the notice that EC2 gives
    rebalance_notice_time: str | None = None
    maintenance_scheduled: tuple[Mapping[str, Any], ...] = ()
    maintenance_history: tuple[Mapping[str, Any], ...] = ()
    autoscaling_target_lifecycle_state: str | None = None
    instance_monitoring: Switch = "disabled"  # detailed monitoring: one-minute points

    # How it answers.
    server_header: str = "EC2ws"  # another name plays a proxy such as kube2iam
    http_version: Literal["1.1", "1.0"] = "1.1"
    error_body: Literal["empty", "xhtml"] = "empty"  # both were captured; XHTML goes with HTTP/1.0
    # AWS's error table says 401 for an invalid token without qualification; its prose says so only for `required`.
    invalid_token_when_optional: Literal["unauthorized", "ignored"] = "unauthorized"
    latency_ms: float = 0.0
    throttle_requests_per_s: int | None = None  # more than that in one second: 503
    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        for name in CHECKS:
            object.__setattr__(self, name, checked(name, getattr(self, name)))
        object.__setattr__(self, "faults", parse_faults(self.faults))

    def changed(self, changes: Mapping[str, Any]) -> InstanceState:
        """This state with some fields changed, validated; raises ProbeError naming an unknown field or a bad value."""
        known = [entry.name for entry in fields(self)]
        for name in changes:
            if name not in known:
                raise ProbeError(f"there is no field {name!r} in the state", f"Use one of {', '.join(known)}")
        return replace(self, **changes)

    @classmethod
    def from_json(cls, text: str) -> InstanceState:
        """A state from a JSON object with any of its fields; the others keep their defaults. Raises ProbeError."""
        return cls().changed(parse_changes(text))

    def to_mapping(self) -> dict[str, Any]:
        """Plain values, ready for JSON; `InstanceState().changed(...)` takes them back."""
        return asdict(self) | {"faults": [fault.to_mapping() for fault in self.faults]}

    def to_json(self) -> str:
        return json.dumps(self.to_mapping(), indent=2)


def parse_changes(text: str) -> dict[str, Any]:
    """The JSON object in a text; raises ProbeError where there is none."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProbeError(f"not JSON: {error}", 'Give an object, e.g. {"http_tokens": "required"}') from None
    if not isinstance(values, dict):
        raise ProbeError("the JSON is not an object", 'Give an object, e.g. {"http_tokens": "required"}')
    return values


def parse_setting(setting: str) -> tuple[str, Any]:
    """One KEY=VALUE as (key, value). Text fields take the value as it stands, the others read it as JSON.

    `null` or nothing makes a field that may be absent so. Raises ProbeError where there is no such field or no JSON.
    """
    name, equals, text = setting.partition("=")
    if not equals:
        raise ProbeError(f"{setting!r} is not KEY=VALUE", "Write e.g. http_tokens=required")
    known = [entry.name for entry in fields(InstanceState)]
    if name not in known:
        raise ProbeError(f"there is no field {name!r} in the state", f"Use one of {', '.join(known)}")
    if name in OPTIONAL and text in {"null", ""}:
        return name, None
    if name in TEXT:
        return name, text
    try:
        return name, json.loads(text)
    except (ValueError, RecursionError):
        raise ProbeError(f"{name}: {text!r} is not JSON", 'Write e.g. hop_limit=2 or tags={"Name":"web"}') from None
