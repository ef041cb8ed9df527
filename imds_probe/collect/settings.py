"""The settings in force of the software that was found, where the catalog knows settings that matter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import ASKED, IN_YAML, Row
from imds_probe.collect.collector import Collected, Collector
from imds_probe.collect.containers import RunningContainers, host_pids
from imds_probe.collect.context import Context
from imds_probe.collect.needs import Need
from imds_probe.collect.software import Packages, packages
from imds_probe.dataclass import dataclass
from imds_probe.facts.software import SettingSeen, Software
from imds_probe.inventory.settings.looked import Looked, Seen
from imds_probe.reading.reader import Reader
from imds_probe.reading.task import Task


@dataclass(frozen=True)
class HostSoftware:
    """The host's packages with the settings in force."""

    software: tuple[Software, ...]


@dataclass(frozen=True)
class System:
    """Where settings are in force: a root, and the processes of `proc` that run there. They are read until `deadline`."""

    root: Path
    proc: Path
    pids: Iterable[int]
    deadline: float


def _collect(context: Context) -> Collected:
    system = System(context.root, context.proc, host_pids(context, of_users=False), context.deadline)
    found = with_settings(packages(context), context.catalog, context.reader, system)
    # What software asks for by its configuration matters where a token may be lost on the way, which is in containers.
    decides = [one for entry in found for one in entry.settings if not one.switch.startswith(ASKED)]
    problems = dict.fromkeys(one.problem for one in decides if one.problem)
    nothing = "" if decides else "no installed software depends on a setting"
    return Collected((HostSoftware(found),), nothing=nothing, partial="; ".join(problems))


def with_settings(found: Sequence[Software], catalog: Catalog, reader: Reader, system: System) -> tuple[Software, ...]:
    """The same software with its settings and running programs, as one system has them. Trouble with one place is part of
    what is seen there.
    """
    rows = {row.id: row for entry in found if (row := catalog.row(entry.component)) and _has_settings(row)}
    if not rows:
        return tuple(found)
    looked = Looked(str(system.root), str(system.proc), tuple(system.pids), tuple(rows.values()))
    formats = {place.format for row in rows.values() for _, switch in row.switches() for place in switch.places}
    answer = reader.ask(
        SETTINGS,
        looked,
        [system.root, system.proc],
        system.deadline,
        modules=["yaml"] if formats & IN_YAML else (),
    )
    seen = {row.id: _unseen(row, answer.failed) for row in rows.values()}
    seen.update((each.component, each) for each in answer.found if each.component in rows)
    return tuple(
        replace(entry, settings=seen[entry.component].settings, pids=seen[entry.component].pids)
        if entry.component in seen
        else entry
        for entry in found
    )


def _unseen(row: Row, why: str) -> Seen:
    """What stands for the settings of a row that could not be looked up."""
    switches = ((name, switch.places[0]) for name, switch in row.switches())
    return Seen(row.id, tuple(SettingSeen(name, str(place), place.key, None, why) for name, place in switches), ())


def _has_settings(row: Row) -> bool:
    return next(row.switches(), None) is not None


SETTINGS: Task[Looked, Seen] = Task("settings", Seen, "imds_probe.inventory.settings.reading:read_settings")
COLLECTOR = Collector(
    id="settings",
    collect=_collect,
    gives=(HostSoftware,),
    without="the settings of the software on this host",
    needs=(Packages, RunningContainers),
    reads=(SETTINGS,),
    of_image=True,
    of_host=(Need.FILES,),
)
