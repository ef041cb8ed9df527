"""The metadata service: what the instance allows, and what each of its addresses answers."""

from __future__ import annotations

import ipaddress
from typing import ClassVar, Literal

from imds_probe.dataclass import dataclass
from imds_probe.facts.section import Section
from imds_probe.facts.shapes import HopLimit, Milliseconds

EndpointState = Literal["enabled", "disabled", "unreachable", "refuses-tokens", "loses-tokens", "unknown"]
TokensState = Literal["optional", "required", "unknown"]
HopLimitMethod = Literal["capture", "minttl", "ec2-api", "unknown"]
Family = Literal["ipv4", "ipv6"]
SERVICE = ("169.254.169.254", "fd00:ec2::254")


@dataclass(frozen=True)
class EndpointReply:
    """One address of the metadata service: what came of the token PUT there."""

    family: Family
    address: str
    state: EndpointState
    token_outcome: str  # a value of imds.replies.Outcome, or "no-route"
    detail: str
    answered_by: str | None = None  # the Server header
    latency_ms: Milliseconds | None = None
    hop_limit: HopLimit | None = None
    hop_limit_method: HopLimitMethod = "unknown"
    hop_limit_reason: str = ""  # why it is not known; empty where it is

    @property
    def is_named(self) -> bool:
        """Whether it is not the service's own address: then the environment names it, and what answers there was asked for."""
        return self.address not in SERVICE

    @property
    def on_loopback(self) -> bool:
        """Whether nobody outside of one network namespace reaches the address."""
        try:
            return ipaddress.ip_address(self.address).is_loopback
        except ValueError:  # in a stored report anything may stand
            return False


@dataclass(frozen=True)
class Imds(Section):
    """What the instance allows, told apart from what could not be found out."""

    report_key: ClassVar[str] = "imds"

    endpoint: EndpointState
    tokens: TokensState
    tokens_method: str  # "v1-probe", "ec2-api", "ec2-api-pending", "not-tried", "not-answered"
    hop_limit: HopLimit | None
    hop_limit_method: HopLimitMethod
    ipv6: str  # "enabled", "no-route", "not-tried" or why not
    instance_tags: bool | None
    answered_by: str | None
    latency_ms: Milliseconds | None
    endpoints: tuple[EndpointReply, ...]


def switched_already(imds: Imds | None) -> bool:
    """Whether this instance is known to be IMDSv2-only."""
    return imds is not None and imds.tokens == "required"
