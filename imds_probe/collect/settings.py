"""The settings in force of the software that was found, where the catalog knows settings that matter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import Row
from imds_probe.collect.collector import Collected, Collector
from imds_probe.collect.containers import SeenContainers, host_pids
from imds_probe.collect.context import Context
from imds_probe.collect.software import Packages, packages
from imds_probe.facts.software import Software
from imds_probe.inventory.settings.looking import Looking
from imds_probe.inventory.settings.programs import find


@dataclass(frozen=True)
class HostSoftware:
    """The host's packages with the settings in force."""

    software: tuple[Software, ...]


def _collect(context: Context) -> Collected:
    pids = host_pids(context, of_users=False)
    found = with_settings(packages(context), context.catalog, root=context.root, proc=context.proc, pids=pids)
    problems = dict.fromkeys(one.problem for entry in found for one in entry.settings if one.problem)
    nothing = "" if any(entry.settings for entry in found) else "no installed software depends on a setting"
    return Collected((HostSoftware(found),), nothing=nothing, partial="; ".join(problems))


def with_settings(
    found: Sequence[Software], catalog: Catalog, *, root: Path, proc: Path, pids: Iterable[int]
) -> tuple[Software, ...]:
    """The same software with its settings and running programs, as one system at `root` with the processes `pids` has
    them. Trouble with one place is part of what is seen there.
    """
    rows = {row.id: row for entry in found if (row := catalog.row(entry.component)) and _has_settings(row)}
    if not rows:
        return tuple(found)
    variables = {
        place.key
        for row in rows.values()
        for _, switch in row.switches()
        for place in switch.places
        if place.kind == "environment"
    }
    ends = {row.id: row.programs for row in rows.values() if row.programs}
    programs = find(proc, pids, ends, variables) if ends else {}
    looking = Looking(root)
    settings = {row.id: looking.look(row, programs.get(row.id, ())) for row in rows.values()}
    return tuple(
        replace(
            entry,
            settings=settings[entry.component],
            pids=tuple(program.pid for program in programs.get(entry.component, ())),
        )
        if entry.component in settings
        else entry
        for entry in found
    )


def _has_settings(row: Row) -> bool:
    return next(row.switches(), None) is not None


COLLECTOR = Collector(
    id="settings",
    collect=_collect,
    gives=(HostSoftware,),
    without="the settings of the software on this host",
    needs=(Packages, SeenContainers),
)
