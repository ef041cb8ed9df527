"""The record of rehearsals, and whether what was rehearsed is still the same."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from imds_probe.collect.collector import Collected, Collector
from imds_probe.collect.containers import RunningContainers, host_pids
from imds_probe.collect.context import Context
from imds_probe.collect.needs import Need
from imds_probe.collect.sdks import SdksFound
from imds_probe.dataclass import dataclass
from imds_probe.duration import SECONDS, in_words
from imds_probe.facts.rehearsals import Rehearsal, Rehearsals, RehearsedCaller
from imds_probe.facts.software import SdkSoftware
from imds_probe.system import rootfs
from imds_probe.system.unchanged import is_settled
from imds_probe.timestamp import rfc3339
from imds_probe.watch import rehearsed, standing
from imds_probe.watch.ancestry import is_between
from imds_probe.watch.caller import NOT_VERIFIED, said_program
from imds_probe.watch.rehearsed import Kept, KeptCaller
from imds_probe.watch.standing import Running, Stamps
from imds_probe.watch.whose import of_another

MAX_AGE_S = 30.0 * SECONDS["d"]
NS = 1_000_000_000
ROOTS_MAX = 5  # processes of a container below whose roots a file is looked for


@dataclass(frozen=True)
class RehearsalOptions:
    """Where the record is, None for nowhere, and for how long a rehearsal counts."""

    state: Path | None = None
    max_age_s: float = MAX_AGE_S


def _collect(context: Context) -> Collected:
    options = context.option(RehearsalOptions)
    kept = rehearsed.read(options.state) if options.state is not None else ()
    if kept and options.state is not None and (other := of_another(options.state, context.root)):
        return Collected(nothing=f"the rehearsals on record are of another instance, {other}")
    if not kept:
        return Collected(nothing="no rehearsal is on record")
    present = _present(context, kept)
    now = time.time()
    found = tuple(_rehearsal(each, present, now, options.max_age_s) for each in reversed(kept))
    return Collected((Rehearsals(found),))


class _Present:
    """What is there now: processes, containers by identity, and the libraries that each process uses, with where they are."""

    def __init__(
        self, context: Context, processes: Sequence[Running], libraries: Mapping[int, list[tuple[str, str]]]
    ) -> None:
        self.root, self.proc = context.root, context.proc
        self.processes, self._libraries = processes, libraries
        running = context.get(RunningContainers)
        self.containers = {each.identity: each.pids for each in running.containers} if running is not None else {}

    def of(self, caller: KeptCaller) -> list[Running]:
        """The processes that are this caller, or run the script that is."""
        return [each for each in self.processes if _is(each, caller)]

    def file_stamps(self, caller: KeptCaller) -> Stamps:
        """Those of its files as they are where it ran: in a container, below the root of a process that can be looked below."""
        on_host = caller.container_id is None
        pids = self.containers.get(caller.container_id or "", ())[:ROOTS_MAX]
        roots = [self.root] if on_host else [self.proc / str(pid) / "root" for pid in pids]
        paths = _path(caller), caller.script
        found = [Stamps(*(standing.file_stamp(root, path, on_host=on_host) for path in paths)) for root in roots]
        return max(found, key=lambda each: sum(map(bool, each)), default=Stamps())

    def changed_library(self, processes: Sequence[Running], before_s: float) -> str:
        """A library of theirs that was changed after this time; empty where none was."""
        for each in processes:
            root = self.root if each.caller.container is None else self.proc / str(each.caller.pid) / "root"
            named = self._libraries.get(each.caller.pid, [])
            statuses = rootfs.statuses(root, [path for _, path in named])
            for (name, _), status in zip(named, statuses, strict=True):
                if status is not None and not is_settled(status, int(before_s * NS)):
                    return name
        return ""


def _present(context: Context, kept: Sequence[Kept]) -> _Present:
    programs = {_path(caller) for each in kept for caller in each.callers if caller.outcome != "silent"}
    running = context.get(RunningContainers)
    inside = [pid for each in running.containers for pid in each.pids] if running is not None else []
    processes = standing.running(context.proc, [*host_pids(context), *inside], programs)
    libraries: dict[int, list[tuple[str, str]]] = {}
    sdks = context.get(SdksFound)
    for entry in sdks.software if sdks is not None else ():
        if isinstance(entry, SdkSoftware):
            for pid in entry.pids:
                libraries.setdefault(pid, []).extend((entry.package, path) for path in entry.sdk.paths)
    return _Present(context, processes, libraries)


def _rehearsal(kept: Kept, present: _Present, now: float, max_age_s: float) -> Rehearsal:
    age_s = max(0.0, now - kept.began)
    old = ""
    if age_s > max_age_s:
        old = f"it is {in_words(age_s)} old, and rehearse.max_age is {in_words(max_age_s)}"
    elif kept.began > now + SECONDS["h"]:
        old = "it lies in the future by the clock of this host"
    return Rehearsal(
        kind=kept.kind,
        target=kept.target,
        began=rfc3339(kept.began),
        age_s=round(age_s, 3),
        lasted_s=round(kept.lasted_s, 3),
        hop_limit=kept.hop_limit,
        callers=tuple(_caller(each, kept, present, old) for each in kept.callers),
        lapsed_s=round(kept.lapsed_s, 3),
        restarted=kept.restarted,
        ended_by=kept.ended_by,
        unidentified=0 if old else kept.unidentified,  # as all of an old one, it counts no more
    )


def _caller(caller: KeptCaller, kept: Kept, present: _Present, old: str) -> RehearsedCaller:
    counts = caller.outcome not in ("silent", "other")
    processes = present.of(caller) if counts else []
    stale = old or _changed(caller, processes, kept.began, present) if counts else ""
    return RehearsedCaller(
        program=caller.program,
        outcome=caller.outcome,
        comm=caller.comm,
        script=caller.script,
        unit=caller.unit,
        container=caller.container,
        container_id=caller.container_id,
        uid=caller.uid,
        on_host=caller.on_host,
        refused=caller.refused,
        tokens=caller.tokens,
        served=caller.served,
        known_by=caller.known_by,
        pids=() if stale else tuple(sorted(each.caller.pid for each in _asking(processes, caller))),
        stale=stale,
    )


def _asking(processes: Sequence[Running], caller: KeptCaller) -> Sequence[Running]:
    """Those of its processes of which the rehearsal tells: the ones that asked, while one of these lives. Of others, it tells where
    the files say what they run. An interpreter without a script may run anything.
    """
    asked = [each for each in processes if each.caller.client in caller.processes]
    if asked:
        return asked
    return processes if caller.script or not is_between(_path(caller)) else ()


def _changed(caller: KeptCaller, processes: Sequence[Running], began: float, present: _Present) -> str:
    """What has changed since, a clause; empty where all is as it was."""
    if not caller.program_stamp or (caller.script and not caller.script_stamp):
        return f"the file of {caller.script or caller.program} was not found when it was rehearsed"
    if caller.container_id is not None and caller.container_id not in present.containers:
        return "its container does not run any more, or was made anew"
    for each in processes or (None,):
        program, script = _stamps(caller, each, present)
        for name, now, then in (
            (_path(caller), program, caller.program_stamp),
            (caller.script, script, caller.script_stamp),
        ):
            if then and now != then:
                return f"{name} was changed" if now else f"{name} is not there any more"
    library = present.changed_library(processes, began)
    return f"{library}, which it uses, was changed" if library else ""


def _stamps(caller: KeptCaller, process: Running | None, present: _Present) -> tuple[str, str]:
    """Of program and script as they are now: those of a process, or of the files where nothing runs them."""
    if process is None:
        return present.file_stamps(caller)
    if said_program(process.caller) == caller.program:
        return process.stamps
    # What the script asks with is started by it now and then.
    root = present.proc / str(process.caller.pid) / "root"
    return standing.file_stamp(root, _path(caller), on_host=caller.container_id is None), process.stamps.script


def _is(running: Running, caller: KeptCaller) -> bool:
    process = running.caller
    where = (process.unit, process.container) == (caller.unit, caller.container_id)
    same_user = caller.container_id is not None or process.uid == caller.uid
    if caller.script:
        return where and same_user and process.script == caller.script
    return where and same_user and process.script is None and said_program(process) == caller.program


def _path(caller: KeptCaller) -> str:
    return caller.program.removesuffix(NOT_VERIFIED)


COLLECTOR = Collector(
    id="rehearsals",
    collect=_collect,
    gives=(Rehearsals,),
    without="the rehearsals of the switch on this host",
    needs=(RunningContainers, SdksFound),
    applies=lambda context: context.option(RehearsalOptions).state is not None,
    of_host=(Need.RECORDS,),
)
