"""The rules, listed by hand, in the order in which the report names them."""

from __future__ import annotations

from imds_probe.rules import (
    acceptance,
    boots,
    callers,
    code,
    containers,
    control_plane,
    elsewhere,
    endpoint,
    expired_tokens,
    hop_limit,
    observed,
    obstacles,
    platform,
    rehearsals,
    sdks,
    software,
    switched,
    tokens,
)
from imds_probe.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    platform.RULE,
    endpoint.RULE,
    tokens.RULE,
    hop_limit.RULE,
    control_plane.RULE,
    containers.RULE,
    obstacles.RULE,
    elsewhere.RULE,
    software.RULE,
    sdks.RULE,
    code.RULE,
    callers.RULE,
    switched.RULE,
    boots.RULE,
    rehearsals.RULE,
    expired_tokens.RULE,
    observed.RULE,
    acceptance.RULE,
)
