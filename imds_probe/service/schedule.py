"""The daemon's assessments: `imds-probe run` as a process of its own, now and then.

Of its own, because the watch must not wait for it: it would lose packets.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from imds_probe import exitcodes
from imds_probe.errors import ProbeError
from imds_probe.system import process

REPORT = "report.json"
TIME_LIMIT_S = 180.0
LOOKED_AT_EVERY_S = 0.5
SOONER_AFTER_S = 900.0  # whoever may have runs begun by what he does has few
AGAIN_AFTER_S = 300.0  # after one that did not come to a verdict
SIZE_LIMIT_BYTES = 64 * 1024 * 1024
VERDICTS = (exitcodes.READY, exitcodes.NOT_READY, exitcodes.UNKNOWN, exitcodes.NEEDS_HOP_LIMIT)


class ScheduledRuns:
    """Runs `imds-probe run` with `arguments` each `interval_s` seconds and up to `jitter_s` later, the first one up to
    `jitter_s` from now: a fleet that was started together must not report together.

    The report is left in `directory`. `say` gets a line about each.
    """

    def __init__(
        self,
        directory: Path,
        arguments: Sequence[str],
        say: Callable[[str], None],
        environ: Mapping[str, str],
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._report, self._arguments, self._say, self._steady = directory / REPORT, tuple(arguments), say, steady
        self._environ = dict(environ)
        self._interval_s = self._jitter_s = 0.0
        self._next = float("inf")
        self._child: subprocess.Popen[bytes] | None = None
        self._started = -SOONER_AFTER_S

    def schedule(self, interval_s: float, jitter_s: float) -> None:
        """Begin, or go on otherwise: what was due before is due by then at the latest."""
        first = self._next == float("inf")
        self._interval_s, self._jitter_s = interval_s, jitter_s
        self._next = min(self._next, self._steady() + self._within(jitter_s if first else interval_s + jitter_s))

    def sooner(self, within_s: float) -> None:
        """The next one is due in `within_s` seconds, and not before SOONER_AFTER_S after the last one began."""
        self._next = min(self._next, max(self._steady() + within_s, self._started + SOONER_AFTER_S))

    @staticmethod
    def _within(seconds: float) -> float:
        return random.uniform(0, seconds)  # noqa: S311 - spreads load, hides nothing

    def due_in_s(self) -> float:
        """In how many seconds `tick` has something to do."""
        return LOOKED_AT_EVERY_S if self._child else max(0.0, self._next - self._steady())

    def tick(self) -> None:
        """Begin what is due, and see to what has ended."""
        if self._child is not None:
            self._look_after(self._child)
        elif self._steady() >= self._next:
            self._begin()

    def _begin(self) -> None:
        self._started = self._steady()
        self._next = self._started + self._interval_s + self._within(self._jitter_s)
        # -P: not from wherever the daemon was started in.
        argv = [sys.executable, "-P", "-m", "imds_probe", "run", "--output", "json", "--out", str(self._report)]
        try:
            self._child = process.start([*argv, *self._arguments], env=self._environ, stdout=subprocess.DEVNULL)
        except ProbeError as error:
            self._say(f"no assessment: {error}")

    def _look_after(self, child: subprocess.Popen[bytes]) -> None:
        if child.poll() is None and self._steady() - self._started < TIME_LIMIT_S:
            return
        ended = child.returncode
        self.stop()
        if ended in VERDICTS:
            self._say(_in_short(self._report))
            return
        if ended == exitcodes.SWITCHED_OFF:
            return  # in the middle of it, which the daemon is about to notice
        if ended == exitcodes.NOT_WRITTEN:
            self._say(f"assessed, and sent to the sinks; {self._report} could not be written")
            return
        self._next = min(self._next, self._steady() + AGAIN_AFTER_S)
        how = f"did not end within {TIME_LIMIT_S:g} s" if ended is None else f"ended with exit code {ended}"
        self._say(f"no assessment: imds-probe run {how}")

    def stop(self) -> None:
        """End what still runs."""
        if self._child is not None:
            process.stop(self._child)
            self._child = None


def _in_short(path: Path) -> str:
    """The verdict in a line."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        with path.open("rb") as file:
            verdict = json.loads(file.read(SIZE_LIMIT_BYTES))["verdict"]
        reasons = verdict["reasons"]
        more = f" and {len(reasons) - 1} more" if len(reasons) > 1 else ""
        why = f": {reasons[0]}{more}" if reasons else ""
        risks = len(verdict.get("accepted") or ())
        accepted = f", {risks} risk{'' if risks == 1 else 's'} accepted" if risks else ""
        return f"verdict {verdict['state']}{accepted}, confidence {verdict['confidence']}{why} ({path})"
    return f"no report to read at {os.fspath(path)}"
