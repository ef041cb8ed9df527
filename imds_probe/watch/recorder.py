"""From the watch to the history: calls and observed time, some seconds' worth at a time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType

from imds_probe.watch.boots import BootWatch
from imds_probe.watch.call_meaning import is_harmless, is_ours, may_be_ours
from imds_probe.watch.history import History
from imds_probe.watch.history_file import HistoryError
from imds_probe.watch.seen_call import SeenCall

CALLS_WITHIN_S = 2.0  # what a kill may cost
TIME_WITHIN_S = 30.0  # where nobody calls, only the time that was watched is to be kept
PENDING_MAX = 20_000
SENDERS_MAX, OTHERS = 100, "others"
JUMP_S = 2.0


class Recorder:
    """Keeps what cannot be written now for later, up to PENDING_MAX calls; what is lost then is on record as lost.

    `say` gets a line where writing begins to fail, and where it goes on. `boot` keeps how the boot is watched. Where another
    watch has seen what came before, `began` is when that one began, by both clocks.
    """

    def __init__(
        self,
        history: History,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
        *,
        boot: BootWatch | None = None,
        began: tuple[float, float] | None = None,
    ) -> None:
        self._boot = boot
        self._history, self._say, self._clock, self._steady = history, say, clock, steady
        self._calls: list[tuple[SeenCall, str | None]] = []
        self._lost = 0
        self._unconfirmed: Counter[str] = Counter()
        self._failing = False
        self._began, self._steady_began = began or (clock(), steady())
        self._tried_at = steady()

    def add(self, seen: SeenCall, container: str | None) -> None:
        """One call; `container` is what its container is called."""
        if len(self._calls) < PENDING_MAX:
            self._calls.append((seen, container))
        else:
            self._lost += 1

    def due_in_s(self) -> float:
        """In how many seconds `keep` will have something to do."""
        within = CALLS_WITHIN_S if (self._calls or self._unconfirmed) and not self._failing else TIME_WITHIN_S
        return max(0.0, within - (self._steady() - self._tried_at))

    def keep(
        self, dropped: int = 0, unconfirmed: Mapping[str, int] = MappingProxyType({}), *, now: bool = False
    ) -> None:
        """Write what is due, or all. Since this was called last, so many packets were lost, and so many requests not
        confirmed, by where they came from.
        """
        self._lost += dropped
        for sender, count in unconfirmed.items():
            known = sender in self._unconfirmed or len(self._unconfirmed) < SENDERS_MAX
            self._unconfirmed[sender if known else OTHERS] += count
        if self.due_in_s() and not now:
            return
        self._tried_at = self._steady()
        wall = self._clock()
        # The steady clock says how long we have watched; the other one may have been set, or the host been asleep.
        ended = self._began + (self._tried_at - self._steady_began)
        jumped = abs(wall - ended) > JUMP_S
        if not jumped:
            ended = max(wall, self._began)
        try:
            self._history.record(self._calls, self._began, ended, self._lost, self._unconfirmed)
        except HistoryError as error:
            if not self._failing:
                self._say(error.followed_by("what is seen stays in memory"))
            self._failing = True
            return
        if self._failing:
            self._say(f"{self._history.path} can be written again; {self._lost} calls or packets were lost")
        self._failing = False
        if self._boot is not None:
            by_v1 = sum(map(_loses, (seen for seen, _ in self._calls)))
            lost = bool(self._lost or self._unconfirmed)
            self._boot.kept(self._steady_began, self._tried_at, lost=lost, imdsv1=by_v1)
        self._calls.clear()
        self._unconfirmed.clear()
        self._lost = 0
        self._began, self._steady_began = (wall if jumped else ended), self._tried_at

    def end(self) -> None:
        """Nothing more comes."""
        if self._boot is not None:
            self._boot.end()


def _loses(seen: SeenCall) -> bool:
    """Whether it is a call by IMDSv1 that may lose something, and not the probe's."""
    return seen.version == "v1" and not (is_ours(seen) or may_be_ours(seen) or is_harmless(seen))
