"""Running collectors: each with its outcome and duration on record, one's failure never another's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from imds_probe.errors import ProbeError
from imds_probe.facts import CollectorRun, CollectorStatus

T = TypeVar("T")


class Collecting:
    """The collectors of one run. `deadline` is a time.monotonic: what has not begun by then is skipped and said."""

    def __init__(self, deadline: float, progress: Callable[[str], None]) -> None:
        self.deadline = deadline
        self._progress = progress
        self._runs: list[CollectorRun] = []

    @property
    def runs(self) -> tuple[CollectorRun, ...]:
        return tuple(self._runs)

    @property
    def left_s(self) -> float:
        return max(0.0, self.deadline - time.monotonic())

    def run(
        self,
        collector_id: str,
        collect: Callable[[], T],
        empty: Callable[[T], str] = lambda _: "",
        partial: Callable[[T], str] = lambda _: "",
    ) -> T | None:
        """Call `collect` and keep the record. None where it failed or was skipped.

        `empty` says in a sentence why a result is nothing, `partial` what is missing from it; both return an empty
        string where that is not so.
        """
        if not self.left_s:
            self._runs.append(CollectorRun(collector_id, "skipped", 0.0, "the run's time limit came first"))
            return None
        self._progress(f"looking at {collector_id}")
        started = time.monotonic()
        result: T | None = None
        status: CollectorStatus = "ok"
        try:
            result = collect()
            if reason := partial(result):
                status = "partial"
            elif reason := empty(result):
                status = "nothing"
        except ProbeError as error:
            status, reason = "failed", str(error)
        except OSError as error:
            status, reason = "failed", f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
        self._runs.append(CollectorRun(collector_id, status, round((time.monotonic() - started) * 1000, 3), reason))
        return result

    def note(self, collector_id: str, status: CollectorStatus, reason: str) -> None:
        """Put a collector on record that has no call of its own."""
        self._runs.append(CollectorRun(collector_id, status, 0.0, reason))
