"""The watch from early in the boot: before the network is up, and before the daemon has a place to write to.

It keeps what it sees in memory until the daemon takes over. The unit that starts it is ordered before whatever may call, and
is never waited for: nothing of a boot depends on it.
"""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from types import FrameType

from imds_probe.errors import ProbeError
from imds_probe.facts.callers import BOOT_S
from imds_probe.service.handover import CALLS_MAX, Handed, Listening, sent
from imds_probe.watch.boots import nothing_was_connected
from imds_probe.watch.seen_call import SeenCall
from imds_probe.watch.unconfirmed import counted
from imds_probe.watch.watcher import Watcher

TURN_S = 1.0  # so soon it ends when told
SENDERS_MAX, OTHERS = 100, "others"
ANSWERED_WITHIN_S = 0.5  # what was asked just before somebody took over has its answer by then


class EarlyWatch:
    """Watches until a daemon has taken over, or for `at_most_s` seconds. `say` gets each line of the log.

    Raises ProbeError where nothing can be watched, or nobody takes over.
    """

    def __init__(
        self, directory: Path, say: Callable[[str], None], *, full: bool = False, at_most_s: float = BOOT_S
    ) -> None:
        self._directory, self._say, self._full, self._at_most_s = directory, say, full, at_most_s
        self._stop = threading.Event()
        self._calls: list[SeenCall] = []
        self._unconfirmed: Counter[str] = Counter()
        self._lost = 0

    def run(self) -> None:
        """Until it was taken over from, or until SIGTERM."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stopped)
        with (
            closing(Listening(self._directory)) as listening,
            Watcher(wake=listening.fileno(), full_command_lines=self._full) as watcher,
        ):
            from_start = nothing_was_connected()
            began, steady_began = time.time(), time.monotonic()
            self._say("watching until the daemon takes over")
            for trouble in watcher.troubles():
                self._say(trouble)
            if (daemon := self._watched(watcher, listening, steady_began + self._at_most_s)) is None:
                self._say("stopped, and nobody has taken over")
                return
            with daemon:
                self._note(watcher.calls(ANSWERED_WITHIN_S), watcher)
                ended = time.time()
                self._note((seen for seen in watcher.rest() if seen.at < ended), watcher)
                handed = Handed(
                    began=began,
                    steady_began=steady_began,
                    ended=ended,
                    from_start=from_start,
                    lost=self._lost + watcher.dropped,
                    unconfirmed=self._unconfirmed,
                    calls=tuple(self._calls),
                )
                try:
                    sent(daemon, handed)
                except OSError as error:
                    raise ProbeError(f"the calls that were seen could not be handed over: {error}") from None
            self._say(f"the daemon took over, with {len(self._calls)} calls")

    def _watched(self, watcher: Watcher, listening: Listening, deadline: float) -> socket.socket | None:
        """Watch until somebody takes over; None where we are to stop before that."""
        while not self._stop.is_set():
            self._note(watcher.calls(TURN_S), watcher)
            if (daemon := listening.connected()) is not None:
                return daemon
            if time.monotonic() > deadline:
                raise ProbeError("no daemon has taken over", "Find out why imds-probe-daemon.service did not start.")
        return None

    def _note(self, calls: Iterable[SeenCall], watcher: Watcher) -> None:
        for seen in calls:
            if len(self._calls) < CALLS_MAX:
                self._calls.append(seen)
            else:
                self._lost += 1
        for where, requests in counted(watcher.senders(), lambda _: None).items():
            known = where in self._unconfirmed or len(self._unconfirmed) < SENDERS_MAX
            self._unconfirmed[where if known else OTHERS] += requests

    def _stopped(self, number: int, frame: FrameType | None) -> None:
        self._stop.set()
