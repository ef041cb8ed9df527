"""What a sink is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from imds_probe.errors import ProbeError

# later: nothing arrived, the same may work later. refused: this report never will. in-doubt: it may have arrived.
Outcome = Literal["later", "refused", "in-doubt"]
Report = Mapping[str, Any]  # as Report.to_json gives it


class SinkError(ProbeError):
    """A report was not delivered, or nobody knows."""

    def __init__(self, problem: str, remedy: str = "", outcome: Outcome = "later") -> None:
        super().__init__(problem, remedy)
        self.outcome: Outcome = outcome


class Sink(Protocol):
    """Delivers reports to one place. A module of a sink has a function `make(config, environ) -> Sink`, which only looks at
    what it is given: it reads no file and opens no connection.

    `keeps_each`: each report counts, so what cannot be delivered waits in the spool. Otherwise only the newest one matters.
    """

    name: str
    keeps_each: bool

    def send(self, report: Report, deadline: float) -> None:
        """Deliver one report, by `deadline` (time.monotonic). Raises SinkError."""
