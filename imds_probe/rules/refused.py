"""Who was refused since tokens are required, put together by what somebody would mend, and what came of it."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Literal, get_args

from imds_probe.dataclass import dataclass
from imds_probe.facts.callers import Callers, CallerSeen
from imds_probe.facts.facts import Facts
from imds_probe.facts.switched import Refused, Switched, is_watched
from imds_probe.rules.caller_groups import has_ended, mended_as
from imds_probe.rules.caller_phrases import called, last
from imds_probe.rules.settled import unserved_caller

# Where nobody says for how long the watch is judged by.
WINDOW_S = 14 * 86400.0
# Once a caller is served the same with a token and was not refused for so long, it was changed, or does not need what it asked for.
QUIET_S = 24 * 3600.0
# What loses nothing by being refused: see CallerSeen.is_harmless.
_WITHOUT_EFFECT = ("head", "other-cloud")
# for-good: refused, and not seen asking with a token afterwards. just-now: refused too lately to tell. silent: refused for good,
# and not heard of for longer than the window of the watch. had-nothing: refused for good what the service did not have before the
# switch either. unserved: it is where no metadata is served. mended: refused for good before, and served with a token for QUIET_S
# since. recovered: each time the same process asked again, with a token.
Outcome = Literal["for-good", "just-now", "silent", "had-nothing", "unserved", "mended", "recovered"]
# What the switch has taken something from, as far as is known.
LOSING: tuple[Outcome, ...] = ("for-good", "just-now", "silent", "mended")


@dataclass(frozen=True)
class RefusedCaller:
    """One caller. `failed_ago_s` is how long ago it was last refused for good, None where it never was. `off` says why no metadata
    is served where it is, in a clause.
    """

    parts: tuple[Refused, ...]
    outcome: Outcome
    failed_ago_s: float | None
    off: str = ""

    @property
    def group(self) -> tuple[CallerSeen, ...]:
        return tuple(each.caller for each in self.parts)

    @property
    def subject(self) -> str:
        """That of its finding."""
        return called(self.group)

    @property
    def refused(self) -> int:
        return sum(each.caller.refused for each in self.parts)

    @property
    def recovered(self) -> int:
        return sum(each.recovered for each in self.parts)

    @property
    def last(self) -> str:
        """When it was last refused for good, and where it never was, when it last called."""
        failed = [each.failed_last for each in self.parts if each.failed_last is not None]
        return max(failed) if failed else last(self.group)

    @property
    def with_token_last(self) -> str:
        """When it, or what succeeded it, was last answered with a token; empty where that was not seen."""
        return max(max(each.with_token_last or "", each.successor_last or "") for each in self.parts)


def refused_callers(facts: Facts) -> list[RefusedCaller]:
    """All of them, those that were refused for good first. None where nobody watched, or tokens are optional."""
    switched = facts.get(Switched)
    if switched is None or switched.watched is None or not is_watched(switched):
        return []
    groups: dict[Hashable, list[Refused]] = defaultdict(list)
    for each in switched.watched.refused:
        if each.caller.path_class not in _WITHOUT_EFFECT and not each.caller.probe:
            groups[mended_as(each.caller, facts)].append(each)
    order = get_args(Outcome)
    found = (_together(each, facts) for each in groups.values())
    return sorted(found, key=lambda each: (order.index(each.outcome), -each.refused))


def refused_for_good(facts: Facts) -> list[RefusedCaller]:
    """Those whom the switch has broken, as far as anybody sees."""
    return [each for each in refused_callers(facts) if each.outcome == "for-good"]


def _together(parts: Sequence[Refused], facts: Facts) -> RefusedCaller:
    failed = [each.failed_ago_s for each in parts if each.failed_ago_s is not None]
    off = unserved_caller(parts[0].caller.container_id, facts)
    outcome: Outcome = "unserved" if failed and off else _outcome(parts, facts)
    return RefusedCaller(tuple(parts), outcome, min(failed, default=None), off)


def _outcome(parts: Sequence[Refused], facts: Facts) -> Outcome:
    failed = [each for each in parts if each.failed_last is not None]
    if not failed:
        return "recovered"
    gap_s = _longest_gap(failed)
    left = [each for each in failed if not _is_mended(each, gap_s, facts)]
    if not left:
        return "mended"
    if all(each.had_nothing for each in left):
        return "had-nothing"
    callers = facts.get(Callers)
    silence_s = max(callers.window_s if callers is not None else WINDOW_S, gap_s)
    if all((each.failed_ago_s or 0.0) > silence_s for each in left):
        return "silent"
    return "just-now" if all(each.may_recover for each in left) else "for-good"


def _longest_gap(failed: Sequence[Refused]) -> float:
    """Between two refusals: what calls once a week is silent for a week. Containers that start one after the other call so, too."""
    ago = sorted(each.failed_ago_s or 0.0 for each in failed)
    return max(*(each.longest_gap_s for each in failed), *(after - one for one, after in itertools.pairwise(ago)), 0.0)


def _is_mended(each: Refused, gap_s: float, facts: Facts) -> bool:
    """A container that runs still is as it was. What has ended, or was restarted as a unit, is succeeded by another."""
    succeeded = each.caller.container_id is None or has_ended(each.caller, facts)
    answered = max(each.with_token_last or "", (each.successor_last or "") if succeeded else "")
    if not answered or each.failed_last is None or each.failed_ago_s is None:
        return False
    return each.failed_ago_s >= max(QUIET_S, gap_s) and answered > each.failed_last
