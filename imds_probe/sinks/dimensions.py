"""What metrics may be told apart by, beside the verdict: little, as each new value is a metric to be paid for."""

from __future__ import annotations

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


def dimension(report: Mapping[str, Any], name: str) -> str:
    """The value of a dimension for a report: one of DIMENSIONS, or InstanceId."""
    field = "instance_id" if name == INSTANCE_ID else DIMENSIONS[name]
    instance = report.get("instance") or {}
    return str(instance.get(field) or UNKNOWN)
