"""What a process was that has ended since: the kernel's tracing notes who began whom, what was run, and in which cgroup.

Many that call live for milliseconds only. The notes are in the kernel's memory, where new ones overwrite old ones, and are
read only when somebody is asked for: it costs nothing when nobody calls. Source: Linux, include/trace/events/task.h,
sched.h and cgroup.h.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TypeVar

from imds_probe.watch.tracing import Firing, Tracing

BEGUN, RUN, MOVED = "events/task/task_newtask", "events/sched/sched_process_exec", "events/cgroup/cgroup_attach_task"
RENAMED = "events/task/task_rename"
CLONE_THREAD, CLONE_INTO_CGROUP = 0x10000, 0x200000000  # <linux/sched.h>
# For some 10,000 notes on one CPU, and for no more on all of them than can be read in a moment.
SIZE_KB, SIZE_MIN_KB, SIZE_ALL_KB = 512, 16, 2048
LIVES_MAX = 20_000
PATH_MAX = 300
CGROUP_MAX = 1024
V = TypeVar("V")


@dataclass(slots=True)
class Life:
    """What is known of one process. `parent` is None where it had begun before. Nobody changes one that was made: frozen, it would
    cost six times as much to make, and one is made for each note.

    `ran` is the path that was executed, as it was given: "" for what has none, None where that was before. `cgroups` are
    paths by hierarchy, of those that it was moved in. `elsewhere`: it began in another cgroup than its parent, in which
    one is not known. `renamed`: it has another name than before. What executes a program gets its name first, and is noted
    to have run it a moment later; others name themselves. `runs` is how many programs it executed since it began: the
    first was chosen by whoever began it, each other one by itself. `began` is of the monotonic clock, in seconds; 0 where
    that was before.
    """

    process: int
    parent: int | None = None
    ran: str | None = None
    cgroups: dict[int, str] = field(default_factory=dict)
    elsewhere: bool = False
    renamed: bool = False
    began: float = field(default=0.0, compare=False)
    runs: int = field(default=0, compare=False)

    def gone_on(self, ran: str | None, cgroups: dict[int, str], *, renamed: bool, runs: int) -> Life:
        """The same process later on. As dataclasses.replace does it, in a tenth of the time."""
        return Life(self.process, self.parent, ran, cgroups, self.elsewhere, renamed, self.began, runs)


class Lives:
    """The lives of what begins while this is open. `number` tells those of one process apart. Raises NotToBeHad."""

    def __init__(self, number: int) -> None:
        self._known: OrderedDict[int, Life] = OrderedDict()
        self._threads: OrderedDict[int, int] = OrderedDict()  # to their processes
        self._known_since = 0
        size_kb = max(SIZE_MIN_KB, min(SIZE_KB, SIZE_ALL_KB // (os.cpu_count() or 1)))
        # In this order: of what is noted to have begun, everything that followed is noted, too.
        self._tracing = Tracing(number, dict.fromkeys((RENAMED, RUN, MOVED, BEGUN), ""), size_kb)

    def of(self, tid: int) -> Life | None:
        """The life of a thread's process, None where nothing is known."""
        self._catch_up()
        process = self._threads.get(tid)
        return self._known.get(tid) if process is None else self._of_process(process)

    def _of_process(self, pid: int) -> Life:
        return self._known.get(pid) or Life(pid)

    def _catch_up(self) -> None:
        firings = self._tracing.firings()
        if self._tracing.lost_until > self._known_since:  # what is known from before then may be half of it
            self._known_since = self._tracing.lost_until
            self._known.clear()
            self._threads.clear()
        for firing in firings:
            if self._known_since <= firing.at:
                self._take(firing)

    def _take(self, firing: Firing) -> None:
        if firing.event == RENAMED:  # the name of a thread is not its process's
            if firing.tid not in self._threads:
                life = self._of_process(firing.tid)
                if not life.renamed:
                    life = life.gone_on(life.ran, life.cgroups, renamed=True, runs=life.runs)
                self._note(life)
            return
        pid = firing.number("pid")
        if firing.event == BEGUN:
            self._begun(self._threads.get(firing.tid, firing.tid), pid, firing.number("clone_flags"), firing.at / 1e9)
            return
        life = self._of_process(self._threads.get(pid, pid))
        if firing.event == RUN:
            ran = _ran(firing.text("filename", PATH_MAX), life.ran)
            self._note(life.gone_on(ran, life.cgroups, renamed=life.renamed, runs=life.runs + 1))
        else:
            moved = {firing.number("dst_root"): firing.text("dst_path", CGROUP_MAX)}
            self._note(life.gone_on(life.ran, life.cgroups | moved, renamed=life.renamed, runs=life.runs))

    def _begun(self, parent: int, child: int, flags: int, at: float) -> None:
        if flags & CLONE_THREAD:
            _keep(self._threads, child, parent)
            return
        self._threads.pop(child, None)
        # The kernel notes no move for one that begins elsewhere, and it has none of its parent's cgroups: only version 2
        # knows this.
        before, elsewhere = self._known.get(parent), flags & CLONE_INTO_CGROUP != 0
        ran, cgroups = (before.ran, before.cgroups) if before is not None else (None, {})
        self._note(Life(child, parent, ran, {} if elsewhere else cgroups, elsewhere, False, at))

    def _note(self, life: Life) -> None:
        _keep(self._known, life.process, life)

    def close(self) -> None:
        """Switch it off."""
        self._tracing.close()


def _keep(known: OrderedDict[int, V], key: int, value: V) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > LIVES_MAX:
        known.popitem(last=False)


def _ran(path: str, before: str | None) -> str | None:
    """Executed by a descriptor, a program has no path of its own: /proc/self/exe is what ran before."""
    if path.startswith("/proc/self/exe"):
        return before
    return "" if path.startswith(("/dev/fd/", "/proc/self/fd/")) else path
