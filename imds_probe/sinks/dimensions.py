"""What metrics may be told apart by, beside the verdict: little, as each new value is a metric to be paid for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from imds_probe.sinks.extract import instance

# CloudWatch's own names for these, and the field of report.instance.
DIMENSIONS = {
    "AutoScalingGroupName": "auto_scaling_group",
    "ImageId": "image_id",
    "InstanceType": "instance_type",
    "AvailabilityZone": "availability_zone",
    "AccountId": "account_id",
}
INSTANCE_ID = "InstanceId"
UNKNOWN = "unknown"  # CloudWatch takes no empty value
VALUE_MAX = 1024


def dimension_value(value: str) -> str:
    """As CloudWatch takes it: printable ASCII, not empty, not too long. Source: Dimension in its API reference."""
    return re.sub(r"[^ -~]", "?", value[:VALUE_MAX]).strip() or UNKNOWN


def dimension(report: Mapping[str, Any], name: str) -> str:
    """The value of a dimension for a report: one of DIMENSIONS, or InstanceId."""
    field = "instance_id" if name == INSTANCE_ID else DIMENSIONS[name]
    return dimension_value(str(instance(report).get(field) or ""))


def read_dimensions(value: object) -> Mapping[str, str]:
    """Names and values that CloudWatch takes: DimensionName, DimensionValue in the CloudWatch API reference.

    Reads a value of the configuration; raises ValueError with the end of a sentence.
    """
    if not isinstance(value, dict) or len(value) > 10:
        raise ValueError("must be a table of at most 10 names with values")
    for name, one in value.items():
        if not re.fullmatch(r"[!-9;-~][ -~]{0,254}", name) or not isinstance(one, str):
            raise ValueError(f"has a name or value that is no text for CloudWatch: {name!r}")
        if not re.fullmatch(r"[ -~]{1,1024}", one) or not one.strip():
            raise ValueError(f"{name} must be 1 to 1024 printable ASCII characters")
    return dict(value)
