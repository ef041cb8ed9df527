"""A rehearsal from its beginning to its end: kept up, watched over, taken back, and summed up."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from imds_probe import exitcodes
from imds_probe.commands.messages import say
from imds_probe.commands.progress import Progress
from imds_probe.commands.recording import Recording
from imds_probe.commands.rehearsal_output import document
from imds_probe.duration import in_words
from imds_probe.rehearsal import words
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.callers import end_short, totals
from imds_probe.rehearsal.checks import Checking
from imds_probe.rehearsal.rehearsal import BEAT_EVERY_S, Rehearsal

if TYPE_CHECKING:
    from imds_probe.rehearsal.host import HostRehearsal

DRAINED_S = 30.0
POLLED_S = 0.05
STARTS_POLLED_S = (
    0.01  # while a unit is about to start: until the rules name its new control group, it is served directly
)


class Asked(NamedTuple):
    """What the user wants. `argv` is a command to start in it, `restarts` one that restarts its target; each may be empty.
    `stop_on` are reasons to end early: refused, exit.
    """

    seconds: float
    argv: Sequence[str]
    restarts: Sequence[str]
    stop_on: Sequence[str]
    whom: str = ""  # in words, where it is neither a target nor a command
    as_json: bool = False  # the result on standard output, too


class Rehearsing:
    """One that is ready. `stopped` is set by whoever wants it to end."""

    def __init__(
        self,
        rehearsal: Rehearsal | HostRehearsal,
        asked: Asked,
        checking: Checking,
        stopped: threading.Event,
        recording: Recording,
    ) -> None:
        self._rehearsal, self._asked, self._checking, self._stopped = rehearsal, asked, checking, stopped
        self._recording = recording
        self._progress = Progress(asked.seconds)
        self._child: subprocess.Popen[bytes] | None = None
        self._restart: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """The exit code. However it ends, it is taken back first."""
        rehearsal, seconds = self._rehearsal, self._asked.seconds
        who = rehearsal.target.name if rehearsal.target is not None else (*self._asked.argv, self._asked.whom)[0]
        whom = self._asked.whom or f"{who} and what it starts"
        say(f"{whom} receive no metadata without a token, for {in_words(seconds)} at most")
        for line in rehearsal.not_rehearsed():
            say(line)
        began, drained_s, ended_by = time.monotonic(), 0.0, ""
        try:
            rehearsal.beat()
            self._start()
            with self._progress:
                ended_by = self._keep_up()
            self._recording.look(rehearsal.members())
            drained_s = DRAINED_S
        finally:
            lasted_s = time.monotonic() - began
            end_short(rehearsal.seen(), lapses=rehearsal.lapses)
            end = rehearsal.end(drained_within_s=drained_s)
            seen = rehearsal.seen()
            if ended_by:
                say(f"the rehearsal ended early: {ended_by}")
            elif not rehearsal.target_is_there:
                ended_by = f"{who} is not running"
                say(ended_by)
            for line in words.summary(seen, totals(seen), lasted_s, rehearsal.lapsed_s):
                say(line)
            for line in words.undone(end):
                say(line)
            kept = self._recording.done(seen, lasted_s, rehearsal.lapsed_s, ended_by)
        try:
            if self._asked.as_json:
                print(document(kept, end, [words.left(each) for each in rehearsal.leavers.all()]), flush=True)
        finally:  # also where it cannot be printed
            code = self._command_ended()
        if end.left:
            return exitcodes.UNAVAILABLE
        return exitcodes.NOT_READY if words.gave_up(seen) or code or ended_by else exitcodes.READY

    def _start(self) -> None:
        if self._asked.argv and self._rehearsal.group is not None:
            # In this terminal, with the environment that was handed down: it is the user's own, as if it were typed.
            argv = [*self._rehearsal.group.launcher(), *self._asked.argv]
            self._child = subprocess.Popen(argv, env=environment())
        if self._asked.restarts:
            self._restart = subprocess.Popen(self._asked.restarts, env=environment(), stdin=subprocess.DEVNULL)

    def _keep_up(self) -> str:
        """Heartbeats, and on a terminal the counts, until the time is up, the command ends or somebody stops it.

        Returns what ended it before that, in words; empty where nothing did.
        """
        rehearsal = self._rehearsal
        began = time.monotonic()
        beaten_at, restarting = began - BEAT_EVERY_S, self._restart is not None
        while not self._is_over(began) and not self._stopped.wait(self._pause_s(starts=restarting)):
            still = self._restart is not None and self._restart.poll() is None
            if ended_by := self._followed(asked_for=restarting or still):
                return ended_by
            restarting, now = still, time.monotonic()
            if now - beaten_at >= BEAT_EVERY_S:
                beaten_at = now
                rehearsal.beat()
                if replaced := self._replaced():
                    return replaced
                try:
                    leaving = rehearsal.leavers.look(rehearsal.members())
                except CannotRehearse as error:
                    return error.problem
                for left in leaving:
                    say(words.left(left))
            counted = totals(rehearsal.seen())
            if "refused" in self._asked.stop_on and counted.refused:
                return "a request without a token was refused"
            if failed := self._checking.failure():
                return failed
            self._progress.count(words.counts(counted))
        return ""

    def _pause_s(self, *, starts: bool) -> float:
        return STARTS_POLLED_S if starts or not self._rehearsal.target_is_there else POLLED_S

    def _is_over(self, began: float) -> bool:
        ended = self._child is not None and self._child.poll() is not None
        return ended or time.monotonic() - began >= self._asked.seconds

    def _followed(self, *, asked_for: bool) -> str:
        """Stay with a target that begins anew; what ends the rehearsal, in words."""
        target = self._rehearsal.target
        if target is None:
            return ""
        try:
            change = self._rehearsal.follow()
        except CannotRehearse as error:
            return error.problem
        if self._restart is not None and self._restart.poll():
            return f"{' '.join(self._asked.restarts)} failed"
        if change and not asked_for and "exit" in self._asked.stop_on:
            return f"{target.name} {change}"
        if change == "restarted":
            say(f"{target.name} {change}: it is rehearsed again")
        elif change and not asked_for:
            say(f"{target.name} {change}: it is rehearsed again when it starts")
        return ""

    def _replaced(self) -> str:
        """That the target will not start again, in words."""
        target = self._rehearsal.target
        if target is None or self._rehearsal.target_is_there or not target.is_replaced():
            return ""
        return f"a new container is called {target.name}, and is not rehearsed"

    def _command_ended(self) -> int:
        """Wait for a command that outlives its rehearsal; its exit code. Who stopped the rehearsal is not kept waiting."""
        child = self._child
        if child is None:
            return 0
        if child.poll() is None and not self._stopped.is_set():
            say("the command keeps running, with IMDSv1 as before")
        while child.poll() is None and not self._stopped.wait(POLLED_S):
            pass
        code = child.poll()
        if code:
            say(f"the command ended with exit code {code}" if code > 0 else f"the command was ended by signal {-code}")
        return code or 0


def environment() -> dict[bytes, bytes] | None:
    """As this process was given it: a packaged one has changed its own since, and what Python reads with it."""
    try:
        variables = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    return {name: value for name, equals, value in (each.partition(b"=") for each in variables) if equals}
