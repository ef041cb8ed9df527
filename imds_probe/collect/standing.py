"""What a later run needs to tell whether the verdict still holds: the boot, the schedules, and how long a verdict counts."""

from __future__ import annotations

from pathlib import Path

from imds_probe.collect.callers_options import CallersOptions
from imds_probe.collect.collector import Collected, Collector
from imds_probe.collect.context import Context
from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.facts.standing import VALID_S, VALID_UNWATCHED_S, SchedulesSeen, Standing
from imds_probe.reading.reader import share_of
from imds_probe.reading.task import Task
from imds_probe.system.state_directory import check_file
from imds_probe.watch import boots
from imds_probe.watch.history_format import FILE

READ_S = 5.0


@dataclass(frozen=True)
class StandingOptions:
    """For how long a verdict counts: see facts.standing."""

    valid_s: float = VALID_S
    valid_unwatched_s: float = VALID_UNWATCHED_S


def _collect(context: Context) -> Collected:
    options = context.option(StandingOptions)
    answer = context.reader.ask(SCHEDULES_NOW, str(context.root), [context.root], share_of(context.deadline, READ_S))
    boot = boots.this_boot(context.proc)
    found = Standing(
        boot_id=boot.boot_id if boot else None,
        schedules=None if answer.failed else answer.found,
        valid_s=options.valid_s,
        valid_unwatched_s=options.valid_unwatched_s,
        history=_has_history(context.option(CallersOptions).state),
    )
    return Collected((found,), partial=answer.failed)


def _has_history(state: Path) -> bool:
    """One that cannot be read is there all the same; the collector of callers says why."""
    try:
        return check_file(state / FILE)
    except (ProbeError, OSError):
        return True


SCHEDULES_NOW: Task[str, SchedulesSeen] = Task(
    "schedules as they are", SchedulesSeen, "imds_probe.collect.standing_reading:read_schedules"
)
COLLECTOR = Collector(
    id="standing",
    collect=_collect,
    gives=(Standing,),
    without="whether the verdict will still hold later",
    confirms=True,
    reads=(SCHEDULES_NOW,),
)
