"""How findings speak of callers: who, how often, when."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.duration import in_words
from imds_probe.facts.callers import HAVE_ENDED, UNKNOWN, VIRTUAL_MACHINE, Callers, CallerSeen
from imds_probe.facts.containers import Containers, short
from imds_probe.facts.facts import Facts
from imds_probe.facts.switched import Switched
from imds_probe.kept.generated_names import lasting, lasting_unit


def who(caller: CallerSeen) -> str:
    """The script and the program, whose they are, and where."""
    return _called(caller) + (f" in {caller.container}" if caller.container else "") + _at(caller)


def of_all(group: Sequence[CallerSeen], facts: Facts) -> str:
    """The same of several: containers of one image that have ended are one."""
    newest = max(group, key=lambda each: each.last_seen)
    ended = newest.container_id is not None and facts[Containers].by_identity(newest.container_id) is None
    containers = {each.container_id for each in group}
    if not ended or not (newest.image or len(containers) > 1):
        return who(group[0])
    where = f"{newest.container}" if len(containers) == 1 else f"{len(containers)} containers"
    of = f"of image {newest.image}" if newest.image else "that have ended"
    return f"{_called(newest)} in {where} {of}{_at(newest)}"


def is_nameless(caller: CallerSeen) -> bool:
    """Whether nothing is known of its container but its number: those of a build, and those that end at once."""
    if caller.container_id is None or caller.image:
        return False
    return caller.container in (None, short(caller.container_id), short(caller.container_id.rpartition(":")[2]))


def _called(caller: CallerSeen) -> str:
    user = f" of user {caller.uid}" if caller.uid and not caller.container else ""
    unit = lasting_unit(caller.unit) if caller.unit else ""
    if not caller.script:
        return _program(caller) + user + (f" ({unit})" if unit else "")
    starter = f", started by {lasting(caller.started_by)}" if caller.started_by else ""
    inside = [_program(caller).rpartition("/")[2], *([unit] if unit else [])]
    return f"{lasting(caller.script)}{user}{starter} ({', '.join(inside)})"


def _program(caller: CallerSeen) -> str:
    if caller.program == UNKNOWN:
        return "an unknown process"
    if caller.program == VIRTUAL_MACHINE:
        return "a virtual machine"
    if caller.origin == "user-mode-network":
        return f"the user-mode network {caller.program}"
    program = lasting(caller.program)
    return f"the virtual machine {program}" if caller.origin == "virtual-machine" else program


def _at(caller: CallerSeen) -> str:
    """Where somebody is that no process is known of."""
    if caller.client is None:
        return ""
    behind = f" behind {caller.interface}" if caller.interface else ""
    return f"{behind} at {caller.client}"


def imdsv1_off(switched: Switched) -> str:
    """When the switch was made, to the day in UTC: a clause that also follows "since"."""
    day, before = (switched.since or "")[:10], (switched.optional_last or "")[:10]
    return f"IMDSv1 was turned off {'on' if before == day else 'on or before'} {day}"


def no_call(callers: Callers) -> str:
    """That nobody called, as far as it matters."""
    return "no call by IMDSv1 was seen" if not callers.imdsv1 else "no call by IMDSv1 that returned metadata was seen"


def called(group: Sequence[CallerSeen]) -> str:
    """The subject of a finding on one caller's requests, by what somebody would mend: its container and script, the script that
    something else started, its unit, or else its program.
    """
    caller = group[0]
    script = lasting(caller.script) if caller.script else ""
    if len({each.container_id for each in group}) > 1:
        where = caller.image or HAVE_ENDED
        return f"{where}: {script}" if script else where
    if caller.container:
        return f"{caller.container}: {script}" if script else caller.container
    if script and (caller.started_by or not caller.unit):
        return script
    return lasting_unit(caller.unit) if caller.unit else lasting(caller.program)


def times(count: int) -> str:
    """How often."""
    return "once" if count == 1 else f"{count} times"


def last(group: Sequence[CallerSeen]) -> str:
    """When the last of their calls was."""
    return max(each.last_seen for each in group)


def watched_part(callers: Callers) -> str:
    """How much was watched, which is never more than the window."""
    observed, window = in_words(min(callers.observed_s, callers.window_s)), in_words(callers.window_s)
    return f"the {observed} that were watched{'' if observed == window else f' of the last {window}'}"
