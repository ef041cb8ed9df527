"""Which risks the configuration accepts, and on which day the run asks that. Nothing is looked at but the clock."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from imds_probe.collect.collector import Collected, Collector
from imds_probe.collect.context import Context
from imds_probe.dataclass import dataclass
from imds_probe.facts.acceptances import Acceptance, Acceptances, UnusableAcceptance


@dataclass(frozen=True)
class AcceptanceOptions:
    """`entries` are those of the configuration."""

    entries: Sequence[Acceptance | UnusableAcceptance] = ()


def _collect(context: Context) -> Collected:
    entries = context.option(AcceptanceOptions).entries
    found = Acceptances(
        day=datetime.datetime.now(datetime.UTC).date().isoformat(),
        entries=tuple(each for each in entries if isinstance(each, Acceptance)),
        unusable=tuple(each for each in entries if isinstance(each, UnusableAcceptance)),
    )
    return Collected((found,))


COLLECTOR = Collector(
    id="acceptances",
    collect=_collect,
    gives=(Acceptances,),
    without="the risks that the configuration accepts",
    applies=lambda context: bool(context.option(AcceptanceOptions).entries),
    aside=True,
    of_image=True,
    confirms=True,
)
