"""Instance metadata options: those in force, and how the AWS CLI, the API, Terraform and CloudFormation write them."""

from __future__ import annotations

import re

from imds_probe.facts.control_plane import ControlPlane, HttpTokens, MetadataOptions, OnOff
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds

# What else than these a comment of Terraform may not hold: names of containers are whoever's.
_NOT_IN_COMMENTS = re.compile(r"[^\w ,.;/()-]", re.ASCII)


def in_force(facts: Facts) -> MetadataOptions:
    """What the API says of the instance, and where it says nothing what was measured on it. The higher of both hop limits
    counts, as none is to be lowered: the API may tell of what is not yet in force, and a packet rule may lower what arrives.
    """
    imds, control_plane = facts.get(Imds), facts.get(ControlPlane)
    said = control_plane.instance if control_plane and control_plane.instance else MetadataOptions()
    tokens: HttpTokens | None = None
    endpoint: OnOff = "enabled"
    if imds is not None:
        tokens = imds.tokens if imds.tokens != "unknown" else None
        endpoint = "disabled" if imds.endpoint == "disabled" else "enabled"
    limits = said.http_put_response_hop_limit, imds.hop_limit if imds is not None else None
    return MetadataOptions(
        http_tokens=said.http_tokens or tokens,
        http_put_response_hop_limit=max((limit for limit in limits if limit is not None), default=None),
        http_endpoint=said.http_endpoint or endpoint,
        # What is enabled need not answer: the host may have no IPv6 route, and the instance no tags.
        http_protocol_ipv6=said.http_protocol_ipv6 or ("enabled" if imds and imds.ipv6 == "enabled" else None),
        instance_metadata_tags=said.instance_metadata_tags or ("enabled" if imds and imds.instance_tags else None),
    )


def for_next(own: MetadataOptions | None, after: MetadataOptions) -> MetadataOptions:
    """What launches the next instance is to say: tokens of the switch, the higher of both hop limits, as none is lowered, and the
    rest as it says already, or else as the instance has it.
    """
    own = own or MetadataOptions()
    limits = own.http_put_response_hop_limit, after.http_put_response_hop_limit
    return MetadataOptions(
        http_tokens=after.http_tokens,
        http_put_response_hop_limit=max((limit for limit in limits if limit is not None), default=None),
        http_endpoint=own.http_endpoint or after.http_endpoint,
        http_protocol_ipv6=own.http_protocol_ipv6 or after.http_protocol_ipv6,
        instance_metadata_tags=own.instance_metadata_tags or after.instance_metadata_tags,
    )


def command_line(options: MetadataOptions) -> str:
    """Options of the AWS CLI, with a space before. Setting HttpTokens should also pass HttpEndpoint: EC2 API,
    ModifyInstanceMetadataOptions. What is not known is not named: the API then leaves it as it is.
    """
    named = (
        ("http-tokens", options.http_tokens),
        ("http-put-response-hop-limit", options.http_put_response_hop_limit),
        ("http-endpoint", options.http_endpoint),
        ("http-protocol-ipv6", options.http_protocol_ipv6),
        ("instance-metadata-tags", options.instance_metadata_tags),
    )
    return "".join(f" --{name} {value}" for name, value in named if value is not None)


def members(options: MetadataOptions) -> dict[str, str | int]:
    """The members of the API's MetadataOptions that are known."""
    named: dict[str, str | int | None] = {
        "HttpTokens": options.http_tokens,
        "HttpEndpoint": options.http_endpoint,
        "HttpPutResponseHopLimit": options.http_put_response_hop_limit,
        "HttpProtocolIpv6": options.http_protocol_ipv6,
        "InstanceMetadataTags": options.instance_metadata_tags,
    }
    return {name: value for name, value in named.items() if value is not None}


def terraform(options: MetadataOptions, limit_reason: str) -> str:
    """The block for an instance, a launch template or a launch configuration. A launch configuration knows neither the IPv6
    endpoint nor the tags: what is off by default is left out. The reason of a hop limit above 1 is there for Checkov.
    """
    said: dict[str, str | int | None] = {
        "http_endpoint": options.http_endpoint,
        "http_tokens": options.http_tokens,
        "http_put_response_hop_limit": options.http_put_response_hop_limit,
        **_turned_on(options, "http_protocol_ipv6", "instance_metadata_tags"),
    }
    rows = {name: f'"{value}"' if isinstance(value, str) else str(value) for name, value in said.items() if value}
    width = max(map(len, rows))
    return "\n".join(
        [
            "metadata_options {",
            *_skip(options, limit_reason),
            *(f"  {name:<{width}} = {value}" for name, value in rows.items()),
            "}",
        ]
    )


def cloudformation(options: MetadataOptions) -> str:
    """The property of an instance, of a launch template's data or of a launch configuration."""
    said: dict[str, str | int | None] = {
        "HttpEndpoint": options.http_endpoint,
        "HttpTokens": options.http_tokens,
        "HttpPutResponseHopLimit": options.http_put_response_hop_limit,
        **_turned_on(options, "HttpProtocolIpv6", "InstanceMetadataTags"),
    }
    return "\n".join(["MetadataOptions:", *(f"  {name}: {value}" for name, value in said.items() if value)])


def _turned_on(options: MetadataOptions, ipv6: str, tags: str) -> dict[str, str]:
    named = {ipv6: options.http_protocol_ipv6, tags: options.instance_metadata_tags}
    return {name: value for name, value in named.items() if value == "enabled"}


def _skip(options: MetadataOptions, reason: str) -> list[str]:
    if (options.http_put_response_hop_limit or 1) < 2:
        return []
    return [f"  # checkov:skip=CKV_AWS_341:{_NOT_IN_COMMENTS.sub('_', reason)}"]
