"""Who calls the metadata service: what the daemon's history knows, and what is watched during the run."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from imds_probe.config.settings import AwsConfig
from imds_probe.facts import Callers
from imds_probe.system.state_directory import DEFAULT
from imds_probe.watch import history as histories
from imds_probe.watch.evidence import merged, rfc3339
from imds_probe.watch.history import MEMORY, History, NoHistory
from imds_probe.watch.names import ContainerNames
from imds_probe.watch.watcher import Watcher

NOBODY = "nobody watches here: enable imds-probe's daemon, or run with --watch"


@dataclass(frozen=True)
class Request:
    """Where the history is, the window to judge by and how much of it must have been watched (0 to 1), and for how long to
    watch now; 0: not at all.
    """

    state: Path = DEFAULT
    window_s: float = 14 * 86400.0
    coverage: float = 0.99
    watch_s: float = 0.0
    compare: AwsConfig | None = None  # how CloudWatch is asked for its count; None: it is not


@dataclass(frozen=True)
class Watched:
    """What was seen during this run, from `began` (RFC 3339) on. `degraded` says why callers may stay unknown."""

    callers: Callers
    began: str
    degraded: str


def watch(request: Request, root: Path) -> Watched:
    """Watch for `watch_s` seconds. Raises ProbeError where packets cannot be captured."""
    names = ContainerNames(root)
    calls = []
    began, steady = time.time(), time.monotonic()
    with Watcher() as watcher:
        while (left := request.watch_s - (time.monotonic() - steady)) > 0:
            calls += [(seen, names.name(seen.caller)) for seen in watcher.calls(left)]
        calls += [(seen, names.name(seen.caller)) for seen in watcher.rest()]
        dropped, degraded = watcher.dropped, watcher.degraded
    ended = time.time()
    with History(MEMORY) as history:
        history.record(calls, began, ended, dropped)
        return Watched(history.evidence(ended, request.window_s, request.coverage), rfc3339(began), degraded)


def collect(request: Request, watched: Watched | None) -> Callers | None:
    """What is known; None where nobody ever watched. Raises HistoryError where there is a history that cannot be read."""
    try:
        with History(request.state / histories.FILE, read_only=True) as history:
            known = history.evidence(time.time(), request.window_s, request.coverage)
    except NoHistory:
        return watched.callers if watched else None
    return merged(known, watched.callers, watched.began) if watched else known
