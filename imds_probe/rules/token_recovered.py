"""Whether a caller that lost its tokens was seen to receive some since, so that it asks without one no more."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.facts.callers import Callers, CallerSeen
from imds_probe.facts.facts import Facts
from imds_probe.kept.process_name import is_fetcher
from imds_probe.rules.caller_place import is_over, is_relayed
from imds_probe.rules.refused import QUIET_S
from imds_probe.timestamp import seconds_of

QUIET_GAPS = 4  # as many times as long as between two calls


def tokens_since(group: Sequence[CallerSeen], callers: Callers, facts: Facts) -> str:
    """When a caller that fell back was last seen to receive a token after its last call by IMDSv1; empty where it was not, or where
    a process of the same name may still ask without one: some ask for no token again in all their life.
    """
    latest, distance = max(group, key=lambda each: each.last_seen), max(each.distance or 0 for each in group)
    received = [
        each
        for each in _of_same(latest, callers, facts)
        if (each.version, each.path_class, each.token) == ("v2", "token", "answered")
        and each.last_seen > latest.last_seen
        and (each.distance or 0) >= distance
    ]
    newest = max(received, key=lambda each: each.last_seen, default=None)
    if newest is None:
        return ""
    asks_anew = is_fetcher(latest.exe or latest.program) or is_over(latest, facts)
    asks_itself = latest.pid is not None and newest.pid == latest.pid
    is_known = (asks_anew or asks_itself) and not is_relayed(latest, facts)
    return newest.last_seen if is_known or _is_silent(group, newest.last_seen) else ""


def _of_same(caller: CallerSeen, callers: Callers, facts: Facts) -> Sequence[CallerSeen]:
    """All calls of one caller. One in a container that has ended is succeeded by those in others of its image."""
    if not caller.image or not is_over(caller, facts):
        return callers.of_each.get(caller.identity, ())
    return callers.of_images.get((caller.program, caller.script, caller.image, caller.namespace), ())


def _is_silent(group: Sequence[CallerSeen], until: str) -> bool:
    """Whether a process that goes on without tokens would have called again by then."""
    began, ended = min(each.first_seen for each in group), max(each.last_seen for each in group)
    try:
        lasted_s, silent_s = seconds_of(ended) - seconds_of(began), seconds_of(until) - seconds_of(ended)
    except ValueError:
        return False  # a stored report has a day that no calendar has
    gap_s = lasted_s / max(1, sum(each.count for each in group) - 1)
    return silent_s >= max(QUIET_S, QUIET_GAPS * gap_s)
