"""Since when tokens are required, as this run and those before it saw that. What this run saw is noted for those after it."""

from __future__ import annotations

import time

from imds_probe.collect.callers_options import CallersOptions
from imds_probe.collect.collector import Collected, Collector
from imds_probe.collect.context import Context
from imds_probe.collect.instance import Identity, instance_of
from imds_probe.collect.needs import Need
from imds_probe.dataclass import dataclass
from imds_probe.facts.imds import Imds
from imds_probe.facts.switched import SwitchedBefore
from imds_probe.system.remembered import is_safe
from imds_probe.timestamp import rfc3339
from imds_probe.watch import boots
from imds_probe.watch.switches import Look, Period, Record, note, noted

NEVER = "tokens are optional, and no run has seen that they were required"


@dataclass(frozen=True)
class TokensSeen:
    """`since` is when tokens were first seen to be required, `optional_last` when they were last seen to be optional before that,
    both in seconds since the epoch and None where that is not so. `age_s` and the rest are as in Switched.
    """

    since: float | None
    age_s: float = 0.0
    optional_last: float | None = None
    kept: bool = False
    earlier: tuple[SwitchedBefore, ...] = ()

    @property
    def begun(self) -> float:
        """From when on somebody may have been refused, in seconds since the epoch. When tokens were last seen to be optional, the
        clock may have been wrong.
        """
        since = self.since or 0.0
        return since if self.optional_last is None else min(self.optional_last, since)


def _collect(context: Context) -> Collected:
    imds, instance = context.get(Imds), instance_of(context)
    if imds is None or imds.tokens == "unknown":
        return Collected(nothing="it is not known whether tokens are required")
    state = context.option(CallersOptions).state
    instance_id = (instance.instance_id if instance is not None else None) or ""
    look = Look(instance_id, imds.tokens, time.time(), boots.this_boot())
    if any(each.is_named for each in imds.endpoints):
        record, trouble = noted(Record(), look), "the environment names another endpoint than this instance's own"
    elif not is_safe(context.root, state):
        record, trouble = noted(Record(), look), f"{state} leads out of {context.root}"
    else:
        record, trouble = note(state, look)
    found = seen(record, kept=not trouble or trouble.endswith("begun anew"))
    if found is None:
        return Collected(nothing=NEVER)
    return Collected((found,), partial=trouble)


def seen(record: Record, *, kept: bool) -> TokensSeen | None:
    """What the record says; None where tokens were never required."""
    *before, latest = record.periods
    earlier = tuple(_earlier(each) for each in before if each.tokens == "required")
    if latest.tokens == "required":
        optional_last = before[-1].last if before else None
        return TokensSeen(latest.first, latest.lasted_s, optional_last, kept, earlier)
    return TokensSeen(None, kept=kept, earlier=earlier) if earlier else None


def _earlier(period: Period) -> SwitchedBefore:
    return SwitchedBefore(rfc3339(period.first), rfc3339(period.last))


COLLECTOR = Collector(
    id="tokens-seen",
    collect=_collect,
    gives=(TokensSeen,),
    without="when IMDSv1 was turned off",
    needs=(Imds, Identity),
    applies=lambda context: (imds := context.get(Imds)) is not None and imds.tokens != "unknown",
    aside=True,
    of_host=(Need.RECORDS,),
)
