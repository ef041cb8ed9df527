"""What is kept of a setting's value: its class, or one of the words that such settings are set to."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.inventory.packages.package import printable
from imds_probe.kept.shapes import OMITTED

EMPTY, SET, BY_VARIABLE = "empty", "set", "by a variable"
BY_CLOUD, BY_CLOUD_AND_REGION = "provider=aws", "provider=aws region=…"
_OFF = frozenset(("false", "no", "off", "0", "f", "n"))
# What settings are set to. Any other value may be a secret that stands beside, or in the wrong place.
_HARMLESS = frozenset(
    (
        *("ec2snitch", "ec2multiregionsnitch", "simplesnitch", "propertyfilesnitch", "gossipingpropertyfilesnitch"),
        *("true", "false", "yes", "no", "on", "off", "1", "0", "t", "f", "y", "n", "enabled", "disabled", "required"),
        *(
            "optional",
            "auto",
            "default",
            "none",
            "v1",
            "v2",
            "imdsv1",
            "imdsv2",
            "1.0",
            "2.0",
            "2",
            "aws",
            "ec2",
            "shared",
        ),
    )
)


def said(value: str, wanted: Sequence[str]) -> str:
    """The value, if it is one that such a setting has; else its class."""
    plain = value.strip().lower()
    if not plain:
        return EMPTY
    if joins := _join_by_cloud(plain):
        return joins
    if "$" in plain:
        return BY_VARIABLE
    if SET in wanted and plain not in _OFF:
        return SET
    known = plain in (*_HARMLESS, *(each.lower() for each in wanted)) or (value.isdigit() and len(value) < 4)
    return printable(value, 100) if known else OMITTED


def _join_by_cloud(value: str) -> str:
    """Of how HashiCorp's agents find each other on AWS, whether they are told the region. Keys may stand beside it."""
    words = value.replace("+", " ").split()
    if BY_CLOUD not in words:
        return ""
    return BY_CLOUD_AND_REGION if any(len(each) > 7 and each.startswith("region=") for each in words) else BY_CLOUD
