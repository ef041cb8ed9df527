"""All steps, in the order in which they should be made. To go back, they are undone in reverse order."""

from __future__ import annotations

from dataclasses import replace

from imds_probe.dataclass import dataclass
from imds_probe.switch import account, instance, owners, role
from imds_probe.switch.step import Plan, Step


@dataclass(frozen=True)
class Steps:
    """`all` of them. `first` is the one that tries a hop limit alone, None where nothing has to be tried. `template_waits_for` is
    what has to come before new instances are launched with tokens required, or with a role whose credentials IMDSv1 may not
    deliver, in sentences without a full stop.
    """

    all: tuple[Step, ...]
    first: Step | None
    template_waits_for: tuple[str, ...]


def planned(plan: Plan) -> Steps:
    """This instance comes first, as its way back is one command. The role comes next: what it shows of the other instances is
    undone by one command, too. What launches new instances follows, and the account is last. What is done already is left out.
    A hop limit that nobody has measured is tried on this instance before all. All steps but those on this instance reach new
    instances, and wait for what these need.
    """
    first = instance.trial(plan)
    waits_for = (*((instance.SHOWN_FIRST,) if first is not None else ()), *plan.waits_for)
    this = instance.step(plan, tried_first=first is not None)
    launches, default = owners.step(plan), account.step(plan)
    if launches is not None:
        # A template may say what it will where the account enforces tokens, but nothing is launched from it then.
        locked = launches.no_rollback or instance.no_way_back(plan)
        rollback = () if locked else launches.rollback
        launches = replace(launches, waits_for=waits_for, rollback=rollback, no_rollback=locked)
    tried = replace(role.step(plan), waits_for=waits_for) if this is not None or launches is not None else None
    default = replace(default, waits_for=waits_for) if default is not None else None
    there = tuple(each for each in (first, this, tried, launches, default) if each is not None)
    return Steps(there, first, waits_for)


def steps_of(plan: Plan) -> tuple[Step, ...]:
    """Those of `planned`, where nothing else is asked of them."""
    return planned(plan).all
