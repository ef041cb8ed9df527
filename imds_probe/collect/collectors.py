"""What is observed, listed by hand, in the order in which the report names it.

When a collector starts is no matter of this order: it follows from what each needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from imds_probe.collect import (
    acceptances,
    available,
    callers,
    code,
    container_facts,
    container_software,
    containers,
    control_plane,
    host,
    image,
    instance,
    metadata_no_token,
    obstacles,
    options,
    owner,
    platform,
    rehearsals,
    sdks,
    settings,
    software,
    standing,
    switched,
    tokens_seen,
    user_data,
)
from imds_probe.collect.collector import Collector, Join, Question
from imds_probe.facts.section import Section
from imds_probe.inventory.containers.discovery import NAMING
from imds_probe.reading.task import Task

COLLECTORS: tuple[Collector, ...] = (
    image.COLLECTOR,
    platform.COLLECTOR,
    options.COLLECTOR,
    control_plane.COLLECTOR,
    instance.COLLECTOR,
    host.COLLECTOR,
    *software.COLLECTORS,
    obstacles.COLLECTOR,
    containers.DISCOVERY,
    owner.COLLECTOR,
    containers.COLLECTOR,
    settings.COLLECTOR,
    container_software.COLLECTOR,
    sdks.COLLECTOR,
    user_data.COLLECTOR,
    code.COLLECTOR,
    obstacles.INSIDE,
    callers.WATCH,
    tokens_seen.COLLECTOR,
    callers.COLLECTOR,
    metadata_no_token.COLLECTOR,
    rehearsals.COLLECTOR,
    acceptances.COLLECTOR,
    standing.COLLECTOR,
)
JOINS: tuple[Join, ...] = (instance.JOIN, container_facts.JOIN, callers.JOIN, switched.JOIN, obstacles.JOIN, sdks.JOIN)
QUESTIONS: tuple[Question, ...] = (available.QUESTION,)


def tasks_of(collectors: Iterable[Collector]) -> tuple[Task[Any, Any], ...]:
    """What they have the parser work on, with what all of a run needs."""
    return tuple(dict.fromkeys((*NAMING, *(task for each in collectors for task in each.reads))))


READING = tasks_of(COLLECTORS)
READING_MIB = max(each.memory_mib for each in COLLECTORS if each.reads)
# And what it needs for that beyond what is imported here: the files of most software's settings are in YAML.
READING_LOADS = ("yaml",)

# The sections of the report that come of these, each once.
SECTIONS: tuple[type[Section], ...] = tuple(
    dict.fromkeys(
        kind
        for kind in (*(given for each in COLLECTORS for given in each.gives), *(join.gives for join in JOINS))
        if issubclass(kind, Section)
    )
)
