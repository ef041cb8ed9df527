"""All steps, in the order in which they should be made. To go back, they are undone in reverse order."""

from __future__ import annotations

from dataclasses import replace

from imds_probe.switch import account, instance, owners, role
from imds_probe.switch.step import Plan, Step


def steps_of(plan: Plan) -> tuple[Step, ...]:
    """This instance comes first, as its way back is one command. The role comes next: what it shows of the other instances is
    undone by one command, too. What launches new instances follows, and the account is last. What is done already is left out.
    """
    this, launches, default = instance.step(plan), owners.step(plan), account.step(plan)
    if launches is not None:
        # A template may say what it will where the account enforces tokens, but nothing is launched from it then.
        locked = launches.no_rollback or instance.no_way_back(plan)
        rollback = () if locked else launches.rollback
        launches = replace(launches, waits_for=template_waits_for(plan), rollback=rollback, no_rollback=locked)
    tried = role.step(plan) if this is not None or launches is not None else None
    first = instance.trial(plan)
    return tuple(each for each in (first, this, tried, launches, default) if each is not None)


def template_waits_for(plan: Plan) -> tuple[str, ...]:
    """What has to come before new instances are launched with tokens required, in sentences without a full stop: a hop limit that
    nobody has measured is tried on this instance first.
    """
    return (*((instance.SHOWN_FIRST,) if instance.trial(plan) is not None else ()), *plan.waits_for)
