"""What a process was that has ended since: the kernel's tracing notes who began whom, what was run, and in which cgroup.

Many that call live for milliseconds only. The notes are in the kernel's memory, where new ones overwrite old ones, and are
read only when somebody is asked for: it costs nothing when nobody calls. Source: Linux, include/trace/events/task.h,
sched.h and cgroup.h.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace

from imds_probe.watch.tracing import Firing, Tracing

BEGUN, RUN, MOVED = "events/task/task_newtask", "events/sched/sched_process_exec", "events/cgroup/cgroup_attach_task"
CLONE_THREAD = 0x10000  # <linux/sched.h>
SIZE_KB = 128  # for some 2,000 notes on one CPU
LIVES_MAX = 20_000
PATH_MAX = 300
CGROUP_MAX = 1024


@dataclass(frozen=True, slots=True)
class Life:
    """What is known of one thread. `process` is the process id, `parent` None where it had begun before.

    `ran` is the path that was executed, as it was given; None where that was before. `cgroups` are paths by hierarchy.
    """

    process: int
    parent: int | None = None
    ran: str | None = None
    cgroups: dict[int, str] = field(default_factory=dict)

    @property
    def cgroup(self) -> str:
        """As in /proc/PID/cgroup, with the hierarchies that the process was moved in; empty where it was in none."""
        return "".join(f"{hierarchy}::{path}\n" for hierarchy, path in self.cgroups.items())


class Lives:
    """The lives of what begins while this is open. `number` tells those of one process apart. Raises NotToBeHad."""

    def __init__(self, number: int) -> None:
        self._known: OrderedDict[int, Life] = OrderedDict()
        self._known_since = 0
        self._later: list[Firing] = []
        self._tracing = Tracing(number, {BEGUN: "", RUN: "", MOVED: ""}, SIZE_KB)

    def of(self, tid: int) -> Life | None:
        """The life of a thread, None where nothing is known."""
        self._catch_up()
        return self._known.get(tid)

    def _catch_up(self) -> None:
        # CPUs are read one after another: of what fires meanwhile, an effect may be read without its cause.
        until = time.monotonic_ns()
        firings = sorted(self._later + self._tracing.firings())
        self._later = [firing for firing in firings if firing.at > until]
        if self._tracing.lost_until > self._known_since:  # what is known from before then may be half of it
            self._known_since = self._tracing.lost_until
            self._known.clear()
        for firing in firings:
            if self._known_since <= firing.at <= until:
                self._take(firing)

    def _take(self, firing: Firing) -> None:
        if firing.event == BEGUN:
            self._begun(firing.tid, firing.number("pid"), firing.number("clone_flags") & CLONE_THREAD != 0)
            return
        tid_then = firing.number("pid")
        life = self._known.get(tid_then) or Life(tid_then)
        if firing.event == RUN:
            self._note(tid_then, replace(life, ran=_ran(firing.text("filename", PATH_MAX), life.ran)))
        else:
            moved = {firing.number("dst_root"): firing.text("dst_path", CGROUP_MAX)}
            self._note(tid_then, replace(life, cgroups=life.cgroups | moved))

    def _begun(self, parent: int, child: int, is_thread: bool) -> None:
        known = self._known.get(parent) or Life(parent)
        if is_thread:
            self._note(child, known)
        else:
            self._note(child, replace(known, process=child, parent=known.process))

    def _note(self, tid: int, life: Life) -> None:
        self._known[tid] = life
        self._known.move_to_end(tid)
        if len(self._known) > LIVES_MAX:
            self._known.popitem(last=False)

    def close(self) -> None:
        """Switch it off."""
        self._tracing.close()


def _ran(path: str, before: str | None) -> str | None:
    """Executed by a descriptor, a program has no path of its own: /proc/self/exe is what ran before."""
    if path.startswith("/proc/self/exe"):
        return before
    return None if path.startswith(("/dev/fd/", "/proc/self/fd/")) else path
