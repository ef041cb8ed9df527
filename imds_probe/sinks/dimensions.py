"""What metrics may be told apart by, beside the verdict: little, as each new value is a metric to be paid for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

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
    instance = report.get("instance") or {}
    return dimension_value(str(instance.get(field) or ""))
