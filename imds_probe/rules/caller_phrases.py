"""How findings speak of callers: who, how often, when."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.facts.callers import CallerSeen


def who(caller: CallerSeen) -> str:
    """The program, and whose it is."""
    name = "an unknown process" if caller.program == "unknown" else caller.program
    user = f" of user {caller.uid}" if caller.uid and not caller.container else ""
    unit = f"{user} ({caller.unit})" if caller.unit else user
    return name + unit + (f" in {caller.container}" if caller.container else "")


def called(group: Sequence[CallerSeen]) -> str:
    """The subject of a finding on one caller's requests: the container that it is in, its unit, or else its program."""
    return group[0].container or group[0].unit or group[0].program


def times(count: int) -> str:
    """How often."""
    return "once" if count == 1 else f"{count} times"


def last(group: Sequence[CallerSeen]) -> str:
    """When the last of their calls was."""
    return max(each.last_seen for each in group)
