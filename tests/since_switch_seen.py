"""Facts of a host on which tokens are required already, for tests of what is said of the time since."""

from __future__ import annotations

from dataclasses import replace

from code_seen import watched
from observed import changed, with_imds
from watched_calls import CALLER

from imds_probe.facts.callers import CallerSeen
from imds_probe.facts.facts import Facts
from imds_probe.facts.switched import Refused, Switched, WatchedSince

HOUR_S = 3600.0
SINCE = "2026-11-22T00:00:00Z"
CALLS = replace(
    CALLER,
    count=3,
    refused=3,
    served=0,
    origin="process",
    uid=0,
    first_seen="2026-11-22T04:00:00Z",
    last_seen="2026-11-22T20:00:00Z",
)
FOR_GOOD = Refused(CALLS, 0, CALLS.last_seen, 4 * HOUR_S)
RECOVERED = Refused(CALLS, 3)
MENDED = replace(FOR_GOOD, failed_ago_s=24 * HOUR_S, with_token_last="2026-11-22T21:00:00Z")
SWITCHED = Switched(SINCE, 24 * HOUR_S, "2026-11-21T23:00:00Z", kept=True, watched=WatchedSince(24 * HOUR_S))


def as_caller(refused: Refused, **changes: object) -> Refused:
    """The same by another caller."""
    return replace(refused, caller=replace(refused.caller, **changes))


def since(*refused: Refused, **changes: object) -> Facts:
    """A healthy host that was switched a day ago and watched, on which these were refused."""
    told = replace(SWITCHED, watched=WatchedSince(24 * HOUR_S, refused))
    seen: tuple[CallerSeen, ...] = tuple(each.caller for each in refused)
    return changed(with_imds(tokens="required"), callers=watched(*seen), switched=replace(told, **changes))
