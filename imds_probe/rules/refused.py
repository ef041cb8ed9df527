"""Who was refused since tokens are required, put together by what somebody would mend, and what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Literal

from imds_probe.dataclass import dataclass
from imds_probe.facts.callers import CallerSeen
from imds_probe.facts.facts import Facts
from imds_probe.facts.switched import Refused, Switched, is_watched
from imds_probe.rules.caller_phrases import called

# Once a caller is served the same with a token and was not refused for so long, it was changed, or does not need what it asked for.
QUIET_S = 24 * 3600.0
# What loses nothing by being refused: see CallerSeen.is_harmless.
_WITHOUT_EFFECT = ("head", "other-cloud")
# for-good: refused, and not seen asking with a token afterwards. just-now: refused too lately to tell. mended: refused for good
# before, and served with a token for QUIET_S since. recovered: each time the same process asked again, with a token.
Outcome = Literal["for-good", "just-now", "mended", "recovered"]


@dataclass(frozen=True)
class RefusedCaller:
    """One caller. `failed_ago_s` is how long ago it was last refused for good, None where it never was."""

    parts: tuple[Refused, ...]
    outcome: Outcome
    failed_ago_s: float | None

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


def refused_callers(facts: Facts) -> list[RefusedCaller]:
    """All of them, those that were refused for good first. None where nobody watched, or tokens are optional."""
    switched = facts.get(Switched)
    if switched is None or switched.watched is None or not is_watched(switched):
        return []
    groups: dict[Hashable, list[Refused]] = defaultdict(list)
    for each in switched.watched.refused:
        if each.caller.path_class not in _WITHOUT_EFFECT and not each.caller.probe:
            groups[each.caller.identity].append(each)
    order: tuple[Outcome, ...] = ("for-good", "just-now", "mended", "recovered")
    return sorted(map(_together, groups.values()), key=lambda each: (order.index(each.outcome), -each.refused))


def refused_for_good(facts: Facts) -> list[RefusedCaller]:
    """Those whom the switch has broken, as far as anybody sees."""
    return [each for each in refused_callers(facts) if each.outcome == "for-good"]


def _together(parts: Sequence[Refused]) -> RefusedCaller:
    failed = [each.failed_ago_s for each in parts if each.failed_ago_s is not None]
    return RefusedCaller(tuple(parts), _outcome(parts), min(failed, default=None))


def _outcome(parts: Sequence[Refused]) -> Outcome:
    failed = [each for each in parts if each.failed_last is not None]
    if not failed:
        return "recovered"
    left = [each for each in failed if not _is_mended(each)]
    if not left:
        return "mended"
    return "just-now" if all(each.may_recover for each in left) else "for-good"


def _is_mended(each: Refused) -> bool:
    if each.with_token_last is None or each.failed_last is None or each.failed_ago_s is None:
        return False
    return each.failed_ago_s >= QUIET_S and each.with_token_last > each.failed_last
