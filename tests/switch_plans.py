"""Hosts of which the switch is planned."""

from __future__ import annotations

from dataclasses import replace

from imds_probe.facts.control_plane import ControlPlane, MetadataOptions
from imds_probe.facts.instance import Instance
from imds_probe.switch.step import Plan

BEFORE = MetadataOptions("optional", 1, "enabled")
AFTER = MetadataOptions("required", 2, "enabled")
INSTANCE = Instance("i-0123456789abcdef0", "eu-west-1")
TEMPLATE_ID = "lt-0123456789abcdef0"


def plan(*, owner=None, group=None, launched=None, **known: object) -> Plan:
    """One that the control plane was asked about where `known` says what it answered."""
    return Plan(
        before=BEFORE,
        after=AFTER,
        instance=replace(INSTANCE, owner=owner, auto_scaling_group=group, launch_template=launched),
        control_plane=ControlPlane("2026-11-29T00:00:00Z", **known) if known else None,
        limit_reason="hop limit 2 is for web",
    )
