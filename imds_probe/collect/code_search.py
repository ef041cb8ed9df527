"""Asking the parser for the code of one system: what costs it too much is passed over and said, and all else is kept."""

from __future__ import annotations

import posixpath
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import get_args

from imds_probe.collect.code_tasks import (
    LYING,
    RUNNING,
    SCHEDULES,
    Begun,
    Due,
    Left,
    Lying,
    Piece,
    Program,
    Reading,
    Running,
    Schedules,
)
from imds_probe.collect.disk_tasks import ON_DISK, Disk, places
from imds_probe.collect.dues import Dues, Elsewhere, longest, together
from imds_probe.collect.named_tasks import NAMED, NamedIn, Naming
from imds_probe.collect.own_software import OwnPackage
from imds_probe.collect.sdk_systems import System
from imds_probe.collect.sdk_tasks import Processes
from imds_probe.dataclass import dataclass
from imds_probe.facts.code import ALL_SCHEDULED, OTHER_SCHEDULED
from imds_probe.inventory.code import unread
from imds_probe.inventory.code.following.known import Kept
from imds_probe.inventory.code.following.trail import Trail
from imds_probe.inventory.code.spoken import Spoken, worse
from imds_probe.inventory.containers.processes import Place, age_s, place_of, runs_of
from imds_probe.inventory.schedules.starters import STARTERS, Starter
from imds_probe.reading.reader import OUT_OF_TIME, Reader
from imds_probe.system import pressure, procfs
from imds_probe.system.small_file import control_groups
from imds_probe.system.walk import TIME_OVER

NAMED_MAX = 100  # files that settings are searched for
STARTED_MAX = 20_000
ATTEMPTS_MAX = 20  # each passes over the program that those before ended at
STUCK_S = 5.0  # at one file
NOT_ALL = "some schedules were not read"


@dataclass(frozen=True)
class Memory:
    """What an earlier run has left: files by their paths, what programs load, files that nothing starts, and what schedules come
    to, in bytes that parsers alone know; None where these were not looked for.
    """

    files: Mapping[str, Kept]
    trails: Mapping[str, Trail]
    lying: Mapping[str, Kept] | None = None
    schedules: bytes | None = None


@dataclass
class Terms:
    """What holds for all systems: the libraries left to their recognisers, the probe's own package, what may still be read."""

    left: Left
    own: OwnPackage | None
    bytes: int
    names: Mapping[str, Collection[str]] = field(default_factory=dict)


@dataclass
class Found:
    """What was found in one system. `spoken` are wholes by their roots, `pids` those that have loaded each and `cgroups` the texts
    of their control groups, `programs` are by what tells them apart. `beside` are the roots of what only lies there. `began_s` is
    for how long a container has run. `named` are files of settings by the paths of the code that they name.
    """

    on_host: bool
    programs: dict[object, Program] = field(default_factory=dict)
    spoken: dict[str, Spoken] = field(default_factory=dict)
    pids: dict[str, set[int]] = field(default_factory=dict)
    cgroups: dict[str, set[str]] = field(default_factory=dict)
    beside: set[str] = field(default_factory=set)
    beside_whole: bool = True
    searched: int = 0
    ages_s: dict[int, float | None] = field(default_factory=dict)
    places: dict[int, Place | None] = field(default_factory=dict)
    due: Dues = field(default_factory=Dues)
    began_s: float | None = None
    named: dict[str, str] = field(default_factory=dict)

    def oldest_s(self, pids: Iterable[int]) -> float | None:
        """For how long the oldest of these processes has run; None where that is not known of one of them."""
        return longest(self.ages_s.get(pid) for pid in pids)

    def say(self, spoken: Iterable[Spoken]) -> None:
        """What wholes say. Each program has loaded its own part of one, and the worst of them counts."""
        self.spoken.update((each.root, worse(self.spoken.get(each.root), each)) for each in spoken)

    def add(self, program: Program) -> None:
        """One more program, or processes of one that is known."""
        for root in program.roots:
            self.pids.setdefault(root, set()).update(program.pids)
            self.cgroups.setdefault(root, set()).update(program.cgroups)
        key = program.name or program.pids
        self.programs[key] = together(self.programs.get(key), program)

    def started(self) -> tuple[str, ...]:
        """The files of what runs, and of what will run."""
        programs = (*self.programs.values(), *self.due.programs.values())
        paths = dict.fromkeys(path for each in programs for path in (each.name, *each.parts, *each.loaded))
        return tuple(path for path in paths if path.startswith("/"))[:STARTED_MAX]

    def matters_by_name(self, program: Program) -> bool:
        """Whether what a program loads by names that only running tells could call the service: where something that it would
        find does.
        """
        if not program.by_name:
            return False
        asking = (self.spoken[root] for root in self.beside if self.spoken[root].speaks in ("v1", "both"))
        return not self.beside_whole or any(
            each.root.startswith(f"{environment}/") for each in asking for environment in program.environments
        )


def patience_s(deadline: float) -> float:
    """How long after its deadline the reading of schedules may still hang. It is not to take the time of what comes after it:
    from a run that is late nothing at all is left.
    """
    return min(STUCK_S, max(0.0, deadline - time.monotonic()) / 2)


class Search:
    """One system, and what was found there so far."""

    def __init__(self, system: System, proc: Path, reader: Reader, terms: Terms) -> None:
        self.system = system
        self.found = Found(on_host=False)
        self.troubles: list[str] = []
        self.learnt: dict[str, Kept] = {}
        self.trails: dict[str, Trail] = {}
        self.learnt_lying: dict[str, Kept] | None = None
        self.learnt_schedules: bytes | None = None
        self.elsewhere: dict[str, Elsewhere] = {}
        self.asked: list[Due] = []  # of containers, by what will run here
        self.remembers = False
        self._proc, self._reader, self._terms = proc, reader, terms
        self._left = list(system.pids)
        self._passed_over: list[int] = []
        self._begun: tuple[int, ...] = ()
        self._late: dict[tuple[int, ...], Program] = {}
        self._loaded: set[str] = set()
        self._memory = Memory({}, {})
        self._before_ns: int | None = None
        self._why = unread.NO_TIME  # of what nobody looked at

    def of_host(self, memory: Memory, before_ns: int) -> None:
        """This system is the host, with what an earlier run has left."""
        self.found.on_host, self.remembers = True, True
        self._memory, self._before_ns = memory, before_ns

    def look(self, deadline: float) -> None:
        """Read what runs, until `deadline`."""
        for _ in range(ATTEMPTS_MAX):
            if not self._left or time.monotonic() > deadline:
                return
            self._begin(())
            running = Running(self.reading(deadline), Processes(str(self._proc), tuple(self._left)))
            roots = [self.system.root, self._proc]
            answer = self._reader.ask(RUNNING, running, roots, deadline + STUCK_S, seen=self._take, stuck_s=STUCK_S)
            if not answer.failed or answer.failed == OUT_OF_TIME:
                return
            if not self._begun:
                self.troubles.append(f"some programs were not read: {answer.failed}")
                return
            # The program that it was at is given up.
            self._take(Piece(program=Program("", self._begun, why=unread.TOO_LONG)))

    def look_beside(self, deadline: float) -> None:
        """Read what lies where the programs look for libraries, and nothing has loaded."""
        programs = (*self.found.programs.values(), *self.found.due.programs.values())
        environments = dict.fromkeys(each for one in programs for each in one.environments)
        if not environments:
            return
        lying = Lying(self.reading(deadline), tuple(environments), tuple(sorted(self._loaded)))
        answer = self._reader.ask(
            LYING, lying, [self.system.root], deadline + STUCK_S, seen=self._take_beside, stuck_s=STUCK_S, modest=True
        )
        if answer.failed:
            self.found.beside_whole = False
        if not self.found.beside_whole:
            why = answer.failed or TIME_OVER
            self.troubles.append(f"not all libraries beside the loaded ones were read: {why}")

    def look_on_disk(self, deadline: float, written: Sequence[Path] = ()) -> None:
        """Read what lies in the host's own places, and where programs of it run; `written` as of SearchOptions."""
        if not self.found.on_host:
            return
        programs = (*self.found.programs.values(), *self.found.due.programs.values())
        parts = {part for one in programs for part in one.parts}
        for inside, other in self.elsewhere.items():
            parts.update(f"{inside}{path}" for path in other.paths())
        beside = {each for one in programs for each in one.environments if self.found.beside_whole}
        before = self._memory.lying or {}
        disk = Disk(
            replace(self.reading(deadline), kept=before, trails={}),
            places(one.name for one in programs),
            tuple(
                sorted({*parts, *self._loaded, *self.found.spoken, *(one.path for one in self.found.spoken.values())})
            ),
            tuple(sorted({*beside, *self._loaded})),
        )
        learnt: dict[str, Kept] = {}
        cut_short = ""

        def take(piece: Piece) -> str:
            nonlocal cut_short
            cut_short = cut_short or piece.left_out
            learnt.update(piece.learnt)
            learnt.update((path, before[path]) for path in piece.files_held if path in before)
            self.found.beside.update(each.root for each in piece.spoken)
            self.keep(replace(piece, learnt=(), files_held=()))
            return pressure.need(written)

        ends = deadline + STUCK_S
        answer = self._reader.ask(ON_DISK, disk, [self.system.root], ends, seen=take, stuck_s=STUCK_S, modest=True)
        self.learnt_lying = learnt
        if why := answer.failed or cut_short:
            self.learnt_lying = {**before, **learnt}
            self.troubles.append(f"not all code on disk that nothing starts was read: {why}")

    def look_for_names(self, deadline: float) -> None:
        """Look for the settings that name the code which asks without a token, and which nothing is known to start."""
        found = self.found
        asking = (root for root, each in found.spoken.items() if each.speaks == "v1" and each.path == root)
        paths = sorted(path for path in asking if not found.pids.get(path) and not found.due.roots.get(path))
        if not found.on_host or not paths:
            return

        def take(naming: Naming) -> str:
            if naming.cut_short:
                self.troubles.append(f"not all settings were searched for code that they name: {naming.cut_short}")
            else:
                found.named[naming.path] = naming.place
            return ""

        asked = NamedIn(str(self.system.root), tuple(paths[:NAMED_MAX]), deadline)
        answer = self._reader.ask(
            NAMED, asked, [self.system.root], deadline + STUCK_S, seen=take, stuck_s=STUCK_S, modest=True
        )
        if answer.failed:
            self._leave_out(unread.NO_TIME if answer.failed == OUT_OF_TIME else unread.TOO_LONG, answer.failed)

    def look_ahead(
        self, deadline: float, user_data: bytes = b"", *, image: bool = False, asked: Sequence[Due] = ()
    ) -> None:
        """Read what will run: of the host or an `image` all, and the user data; elsewhere what is started by what runs there. Of a
        container also what it begins with, and what it is `asked` for by schedules of the host.
        """
        by = tuple(get_args(Starter)) if self.found.on_host else self._starters()
        begun = self._begun_by(asked)
        if not by and begun is None:
            return
        kept = self._memory.schedules
        self.learnt_schedules = kept
        answer = self._reader.ask(
            SCHEDULES,
            Schedules(self.reading(deadline), by, user_data if self.found.on_host else b"", image, kept or b"", begun),
            [self.system.root, *([self._proc] if begun is not None else [])],
            deadline + patience_s(deadline),
            modules=["yaml"],
            seen=self._take_dues,
            stuck_s=STUCK_S,
        )
        self.found.due.read = True
        if answer.failed:
            self._leave_out(unread.NO_TIME if answer.failed == OUT_OF_TIME else unread.TOO_LONG, answer.failed)

    def _begun_by(self, asked: Sequence[Due]) -> Begun | None:
        container = self.system.container
        if container is None:
            return None
        there = Processes(str(self._proc), tuple(self.system.pids))
        names = tuple(dict.fromkeys(each.name for each in self.found.programs.values() if each.name))
        self.found.began_s = age_s(self._proc, self.system.pids[0]) if self.system.pids else None
        return Begun(there, container.begins, tuple(asked), names, container.checks)

    def leave_open(self, asked: Due) -> None:
        """No container runs here in which that would be done."""
        self._take_due(replace(asked, asked=None))

    def _leave_out(self, why: str, trouble: str) -> None:
        """Schedules were not read to their end, which leaves the verdict open: there may be anything among the rest."""
        self.found.due.programs[OTHER_SCHEDULED] = Program(OTHER_SCHEDULED, (), why=why)
        self.troubles.append(f"{NOT_ALL}: {trouble}")

    def _starters(self) -> tuple[Starter, ...]:
        """Those that run here, also where their code was not read: what they start is not seen in them."""
        named = [program for program in self.found.programs.values() if program.name]
        others = set(self.system.pids).difference(*(program.pids for program in named))
        names = [program.name for program in named] + [runs_of(self._proc, pid) for pid in sorted(others)]
        return tuple(dict.fromkeys(STARTERS[name] for name in map(posixpath.basename, names) if name in STARTERS))

    def pass_over_running(self, why: str) -> None:
        """Read nothing of what runs, for this reason."""
        self._passed_over, self._left, self._why = self._left, [], why

    def pass_over(self) -> None:
        """Read nothing, as the host is in need. That leaves the verdict open: anything may run, and be started later."""
        self.pass_over_running(unread.IN_NEED)
        if self.found.on_host or self.system.container is not None or self._starters():
            self.found.due.programs[ALL_SCHEDULED] = Program(ALL_SCHEDULED, (), why=unread.IN_NEED)

    def give_up_rest(self) -> None:
        """Say of what was not looked at, or not to its end, that it was not."""
        self._left += self._passed_over
        if not self._left:
            return
        # What has ended meanwhile is no matter any more.
        left = set(self._left).intersection(procfs.processes(self._proc))
        for pids, program in self._late.items():
            if left.intersection(pids):
                left.difference_update(pids)
                self.found.add(program)
        for pid in sorted(left):
            self.found.add(self._owned(Program("", (pid,), why=self._why)))
        self._left = []

    def _owned(self, unknown: Program) -> Program:
        """With the control groups of processes of which the parser found out nothing: they answer here all the same."""
        return replace(unknown, cgroups=tuple(control_groups(self._proc, pid) for pid in unknown.pids))

    def reading(self, deadline: float) -> Reading:
        """What there is to read in, and what may be read of it."""
        return Reading(
            str(self.system.root),
            self._terms.left,
            self._terms.own,
            self.system.image,
            deadline,
            self._terms.bytes,
            self._memory.files,
            self._memory.trails,
            self._before_ns,
            self._terms.names,
        )

    def _begin(self, pids: tuple[int, ...]) -> None:
        """The program that the parser is at."""
        self._begun = pids

    def _take(self, piece: Piece) -> str:
        if piece.begun:
            self._begin(piece.begun)
        done = piece.ended
        program = piece.program
        if program is not None and program.why == unread.NO_TIME:
            self._late[program.pids] = program  # there may be more time once all others have had their turn
        elif program is not None:
            done = (*done, *program.pids)
            self.found.add(program if program.name else self._owned(program))
        if program is not None:
            self._loaded.update(program.loaded)
            self.found.ages_s.update((pid, age_s(self._proc, pid)) for pid in program.pids)
            self.found.places.update((pid, place_of(self._proc, pid)) for pid in program.pids)
        gone = set(done)
        if gone:
            self._left = [pid for pid in self._left if pid not in gone]
        self.keep(piece)
        return ""

    def _take_beside(self, piece: Piece) -> str:
        self.found.beside.update(each.root for each in piece.spoken)
        self.found.beside_whole = self.found.beside_whole and not piece.left_out
        self.keep(piece)
        return ""

    def _take_dues(self, dues: tuple[Due, ...]) -> str:
        for due in dues:
            self._take_due(due)
        return ""

    def _take_due(self, due: Due) -> None:
        if due.trouble:
            self.troubles.append(due.trouble)
        self.learnt_schedules = due.kept or self.learnt_schedules
        if due.asked is not None:
            self.asked.append(due)
            return
        if due.inside:
            self.elsewhere.setdefault(due.inside, Elsewhere()).add(due)
            return
        if due.piece.left_out:
            self._leave_out(due.piece.left_out, due.piece.left_out)
        self.found.due.add(due)
        if due.piece.program is not None:
            self._loaded.update(due.piece.program.loaded)
        self.keep(due.piece)

    def keep(self, piece: Piece) -> None:
        """What was read, and what a later run can have."""
        self.found.say(piece.spoken)
        files, trails = self._memory.files, self._memory.trails
        self.learnt.update(piece.learnt)
        self.learnt.update((path, files[path]) for path in piece.files_held if path in files)
        self.trails.update(piece.trails)
        self.trails.update((key, trails[key]) for key in piece.trails_held if key in trails)
        self.found.searched += piece.searched
        self._terms.bytes -= piece.searched
