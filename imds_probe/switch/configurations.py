"""Launch configurations: none can be changed, so a copy with other options takes its place."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

from imds_probe.facts.control_plane import LaunchConfiguration
from imds_probe.switch.options import for_next, members
from imds_probe.switch.step import Plan

SUFFIX = "-imdsv2"
OLD, NEW, USER_DATA = "configuration-before.json", "configuration.json", "configuration.user-data"
# EC2 Auto Scaling knows three members here; what it answers besides, or answers empty, it does not accept.
_COPIED = (
    'del(.LaunchConfigurationARN, .CreatedTime, .UserData) | with_entries(select(.value != "" and .value != []))'
    " | .LaunchConfigurationName = $name | .MetadataOptions = $options"
)


def configuration_change(configuration: LaunchConfiguration, plan: Plan) -> tuple[str, tuple[str, ...], str]:
    """The name of the copy, the commands that make it, and the one that removes it."""
    name = f"{configuration.name}{SUFFIX}"
    # A launch configuration knows neither the IPv6 endpoint nor the tags.
    options = members(
        replace(for_next(configuration.options, plan.after), http_protocol_ipv6=None, instance_metadata_tags=None)
    )
    copied = f"jq --arg name {shlex.quote(name)} --argjson options {shlex.quote(json.dumps(options))} '{_COPIED}'"
    return (
        name,
        (
            f"aws autoscaling describe-launch-configurations{plan.region}"
            f" --launch-configuration-names {shlex.quote(configuration.name)} --query 'LaunchConfigurations[0]'"
            f" --output json > {OLD}",
            f"{copied} {OLD} > {NEW}",
            # It is answered in Base64, and the AWS CLI encodes what it is given.
            f"jq -r '.UserData // \"\"' {OLD} | base64 -d > {USER_DATA}",
            f"aws autoscaling create-launch-configuration{plan.region} --cli-input-json file://{NEW}"
            f" --user-data fileb://{USER_DATA}",
        ),
        f"aws autoscaling delete-launch-configuration{plan.region} --launch-configuration-name {shlex.quote(name)}",
    )
