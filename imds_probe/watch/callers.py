"""Who calls, by thread: looked up at once, as many live for some milliseconds only, and by what the kernel noted where that
was too late.
"""

from __future__ import annotations

import os
import time
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from imds_probe.facts.callers import OF_ROOT_ALONE
from imds_probe.inventory.packages.package import printable
from imds_probe.kept.process_name import NAME_MAX, is_fetcher, kept_name
from imds_probe.watch.ancestry import PARENTS_MAX, is_runtime, is_shell
from imds_probe.watch.caller import (
    ENDED,
    SHOWN_MAX,
    Caller,
    Place,
    caller_of,
    cgroup_of,
    gone,
    has_begun_its_program,
    place_of,
)
from imds_probe.watch.lives import Life, Lives
from imds_probe.watch.room import Lately
from imds_probe.watch.stories import story_of

KNOWN_S, KNOWN_MAX = 5.0, 5000
PLACE_KNOWN_S, PLACES_MAX = 1.0, 256  # those that a script begins one after the other are in one place
GENERATIONS_MAX = 32
PROCESSES_MAX = 8  # among which a thread's is looked for before all about it is
# Whoever begins a process and puts it elsewhere: its own control group says nothing about where that is.
MANAGER = "systemd"


class _Known(NamedTuple):
    """A caller as it was looked at, of the monotonic clock in seconds. `mark` is what no other process's directory has, and what
    changes with its user; None where it had ended.
    """

    caller: Caller
    at: float
    mark: tuple[int, int] | None


class Callers:
    """Callers by thread, each looked at once: some call a thousand times a second. `lives` knows who has ended.

    `full_command_lines`: with all arguments, whatever they are.
    """

    def __init__(self, proc: Path, lives: Lives | None, *, full_command_lines: bool = False) -> None:
        self._proc, self._at = proc, str(proc)
        self._lives = lives
        self._full = full_command_lines
        self._known = Lately[int, _Known](KNOWN_MAX)
        # Each with how many programs it had executed by then.
        self._above_known = Lately[int, tuple[_Known, int]](KNOWN_MAX)
        self._processes: deque[int] = deque(maxlen=PROCESSES_MAX)  # those looked at last
        self._places: dict[
            tuple[str, int | None], tuple[Place, float]
        ] = {}  # by control groups and user, and since when
        self.looked_at = 0  # how many were not known

    def known(self, tid: int) -> Caller | None:
        """The process that a thread belongs to, where that need not be looked at anew."""
        now = time.monotonic()
        known = self._known.get(tid)
        if known is not None and now - known.at < KNOWN_S and self._runs_still(tid, known):
            return known.caller
        mark = self._mark(tid)
        of_process = self._of_process(tid, now)
        if of_process is None:
            return None
        self._known.put(tid, of_process._replace(mark=mark), now, KNOWN_S)
        return of_process.caller

    def caller(self, tid: int) -> Caller:
        """The process that a thread belongs to; one of which only its number is known where it has ended already."""
        known = self.known(tid)
        if known is not None:
            return known
        now, mark = time.monotonic(), self._mark(tid)
        self.looked_at += 1
        caller = self._look(tid)
        if caller is None or caller.exe is None:  # it has ended, or is just about to
            caller = self._ended(caller or gone(tid))
        caller = self._noted(caller)
        self._known.put(tid, _Known(caller, now, mark), now, KNOWN_S)
        if caller.pid != tid and caller.exe is not None:
            of_process = _Known(caller, now, self._mark(caller.pid))
            if mark is not None and self._mark(tid) == mark:  # so its process runs still, and that was its directory
                self._known.put(caller.pid, of_process, now, KNOWN_S)
        if self._known.get(caller.pid) is not None and caller.pid not in self._processes:
            self._processes.append(caller.pid)
        return caller

    def _of_process(self, tid: int, now: float) -> _Known | None:
        """What is known of the process of a thread: many that call have a thread for each of their requests."""
        for pid in self._processes:
            known = self._known.get(pid)
            if known is None or pid == tid or now - known.at >= KNOWN_S or known.mark is None:
                continue
            if os.path.exists(f"{self._proc}/{pid}/task/{tid}") and self._runs_still(pid, known):
                return known
        return None

    def _running(self, pid: int) -> Caller | None:
        """A process that begins others, looked at once in KNOWN_S seconds, as long as it is there and executes nothing else: a
        script that calls by curl begins one after the other.
        """
        now, mark, life = time.monotonic(), self._mark(pid), self._life(pid)
        runs = life.runs if life else 0
        known, then = self._above_known.get(pid) or (None, 0)
        is_same = mark is not None and known is not None and known.mark == mark and then == runs
        if known is not None and is_same and now - known.at < KNOWN_S and self._runs_still(pid, known):
            return known.caller
        caller = caller_of(self._proc, pid, place=self._place_in)
        if caller is not None and caller.exe is not None and mark is not None and self._mark(pid) == mark:
            self._above_known.put(pid, (_Known(caller, now, mark), runs), now, KNOWN_S)
        return caller

    def _look(self, tid: int) -> Caller | None:
        return caller_of(self._proc, tid, full_command_line=self._full, place=self._place_in)

    def _runs_still(self, tid: int, known: _Known) -> bool:
        """Whether it is the same process and runs the same program: numbers are used again, and a shell becomes what it starts."""
        mark = self._mark(tid)
        if mark is None:  # it has just ended: another one of its number would have begun since
            life = self._life(tid)
            return life is None or (life.process == known.caller.pid and life.began < known.at)
        if mark != known.mark:
            return False
        if tid != known.caller.pid and known.caller.exe is not None:
            return True  # whoever executes a program ends all other threads, and has the number of its process then
        try:
            return printable(os.readlink(f"{self._at}/{tid}/exe"), SHOWN_MAX) == known.caller.exe
        except OSError:
            return known.caller.exe is None  # it hides what it runs, as before

    def _mark(self, tid: int) -> tuple[int, int] | None:
        """The inode of a thread's directory, which is made anew for each thread that has its number, and whose it is."""
        try:
            found = os.stat(f"{self._at}/{tid}")
        except OSError:
            return None
        return found.st_ino, found.st_uid

    def _ended(self, caller: Caller) -> Caller:
        """The same, by what the kernel noted of its life, and by those who began it as far as they run still."""
        life = self._life(caller.pid)
        if life is None:
            return caller
        process = self._look(life.process)
        if process is not None and process.exe is not None:
            return process  # it was a thread, and only that has ended
        parents, above, together, runs = self._above(life)
        if not caller.unit and not caller.container:
            caller = replace(caller, **self._place(life, above if together else None))
        exe, comm = life.ran, name_of(life.ran) if life.ran else ENDED
        if exe is None and above is not None and not self._may_have_run(above.pid):
            exe, comm = above.exe, above.comm  # of which it was a copy
        if exe and exe.startswith("/") and caller.container is None and together:
            exe = _resolved(exe)
        # What a user's process began is his. Root's may have become anybody's since: cron, sudo -u and sshd begin such ones.
        uid = caller.uid if caller.uid is not None or above is None else above.uid or None
        comm = comm if caller.comm == ENDED else kept_name(caller.comm, exe, caller.command.split())
        return replace(
            caller,
            pid=life.process,
            comm=comm,
            exe=exe or None,
            parents=caller.parents or parents,
            started_by=caller.started_by or _starter(above),
            whole=False,
            uid=uid,
            # Where it was when it ran that is not known: what root's own began is believed to have been where root is. What
            # that executed in turn may be another user's by then, with mounts of his own.
            exe_by_anybody=bool(exe) and (above is None or above.exe_by_anybody or above.uid != 0 or runs > 1),
        )

    def _noted(self, caller: Caller) -> Caller:
        """The same, with what the kernel noted of those above it that were about to end, or had ended."""
        if caller.exe is None or (caller.whole and caller.client[1] is not None):
            return caller
        life = self._life(caller.pid)
        if life is None:
            return caller
        if not is_fetcher(caller.script or caller.exe):
            return caller if caller.client[1] is not None else replace(caller, noted_s=life.began)
        return story_of(life, self._life, self._look).told(caller)

    def _place(self, life: Life, above: Caller | None) -> Place:
        """Where it was: where the one above it is, as far as it was not moved."""
        lines = {}
        if above is not None and not _puts_elsewhere(above):
            for line in cgroup_of(self._proc, above.pid).splitlines():
                lines[line.partition(":")[0]] = line
        lines |= {str(hierarchy): f"{hierarchy}::{path}" for hierarchy, path in life.cgroups.items()}
        return self._place_in("".join(f"{line}\n" for line in lines.values()), above.uid if above else None)

    def _place_in(self, cgroup: str, uid: int | None) -> Place:
        """As place_of has it, looked at once in PLACE_KNOWN_S seconds: whose all the groups are costs more than all else that is
        asked of a process.
        """
        of, now = (cgroup, uid), time.monotonic()
        known = self._places.get(of)
        if known is None or now - known[1] > PLACE_KNOWN_S:
            if len(self._places) >= PLACES_MAX:
                self._places.clear()
            known = self._places[of] = place_of(cgroup, self._proc, uid), now
        return known[0]

    def _life(self, tid: int) -> Life | None:
        return self._lives.of(tid) if self._lives else None

    def _may_have_run(self, pid: int) -> bool:
        """Whether it may have executed what it runs now while it was watched. For a moment what a process runs is another
        program already, and not noted yet: it has that one's name by then, which is noted, but no command line.
        """
        if not has_begun_its_program(self._proc, pid):
            return True
        life = self._life(pid)
        return life is not None and (life.ran is not None or life.renamed)

    def _above(self, life: Life) -> tuple[tuple[str, ...], Caller | None, bool, int]:
        """The names of those above, the nearest first, the first of them that runs still, whether all of them to there
        began where that one is, and how many programs they executed one after the other.
        """
        names: list[str] = []
        pid, together, runs = life.parent, not life.elsewhere, life.runs
        for _ in range(GENERATIONS_MAX):
            if pid is None:
                break
            above = self._running(pid)
            if above is not None and above.exe is not None:
                names += [above.comm, *above.parents] if pid != 1 else []
                return tuple(names[:PARENTS_MAX]), above, together, runs
            before = self._life(pid)
            if before is None:
                break
            names += [name_of(before.ran)] if before.ran else []
            pid, together, runs = before.parent, together and not before.elsewhere, runs + before.runs
        return tuple(names[:PARENTS_MAX]), None, together, runs


def name_of(exe: str) -> str:
    """What the kernel calls a process that runs this."""
    return os.path.basename(exe)[:NAME_MAX]


def _starter(above: Caller | None) -> str | None:
    """What started a process that has ended."""
    if above is None or above.pid == 1 or is_runtime(above.comm):
        return None
    return above.started_by if is_shell(above.exe) and not above.script else above.script or above.comm


def _resolved(path: str) -> str:
    """As /proc has it, where root alone says what is there: looking elsewhere could take as long as anybody likes."""
    path = os.path.normpath(path)
    return os.path.realpath(path) if path.startswith(OF_ROOT_ALONE) else path


def _puts_elsewhere(caller: Caller) -> bool:
    """Only root can put a process outside of where his own are: in a container, and among a user's, a name means nothing."""
    if caller.uid not in (0, None) or caller.container is not None:
        return False
    return caller.pid == 1 or caller.comm == MANAGER or is_runtime(caller.comm)
