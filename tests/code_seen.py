"""Code that was read, for tests of what is made of it: a script of root's cron, and a program that could not be read."""

from __future__ import annotations

from dataclasses import replace

from observed import FACTS, changed

from imds_probe.facts.callers import BootWatched, Callers, CallerSeen
from imds_probe.facts.code import Code, CodeRead, CodeSeen, NotRead
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.facts import Facts
from imds_probe.inventory.code import unread
from imds_probe.watch.evidence import callers_of

DAY_S = 86400.0
WINDOW_S = 14 * DAY_S
BACKUP = CodeSeen(
    path="/usr/local/bin/backup",
    line=7,
    quote=("169.254.169.254", "latest/meta-data"),
    speaks="v1",
    form="shell",
    runs="scheduled",
    started_by=("/etc/cron.d/backup, daily",),
)
AGENT = CodeSeen(
    path="/opt/agent/agent",
    line=None,
    quote=("169.254.169.254", "latest/meta-data"),
    speaks="v1",
    form="elf",
    runs="running",
    pids=(41, 42),
)
PACKED = NotRead("/opt/packed/bin/run", unread.PACKED, pids=(77,))


def with_code(*code: CodeSeen, not_read: tuple[NotRead, ...] = (), facts: Facts = FACTS, status: str = "ok") -> Facts:
    """These facts on a host of which this code was read."""
    read = CodeRead(programs=43, programs_read=43 - len(not_read), not_read=not_read)
    run = CollectorRun("code", status, 1.0)
    return changed(facts, collectors=(*facts.collectors, run)).with_(Code(code), read)


def watched(*by: CallerSeen, coverage: float = 1.0, boots: tuple[BootWatched, ...] = ()) -> Callers:
    """Two weeks in which these called, so much of them watched, and the boots that are known."""
    callers = callers_of(
        by,
        window_s=WINDOW_S,
        observed_s=WINDOW_S * coverage,
        needed_coverage=0.99,
        dropped=0,
        watched_until="2026-11-23T00:00:00Z",
    )
    return replace(callers, boots=boots)
