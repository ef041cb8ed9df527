"""What a sink is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from imds_probe.errors import ProbeError
from imds_probe.timestamp import seconds_of

# later: nothing arrived, the same may work another time. refused: this report never will, too-old: because of its time.
# in-doubt: it may have arrived. in-part: what is its own has arrived, and what the newest report replaces has not; that may work
# another time, and keeps no other report from being sent.
Outcome = Literal["later", "refused", "too-old", "in-doubt", "in-part"]
Report = Mapping[str, Any]  # as Report.to_json gives it
OLDEST_S, NEWEST_S = 14 * 86400.0 - 300.0, 2 * 3600.0 - 300.0  # less some minutes, as clocks differ


class SinkError(ProbeError):
    """A report was not delivered, or nobody knows. `code` is the service's word for it, empty where it did not say one."""

    def __init__(self, problem: str, remedy: str = "", outcome: Outcome = "later", code: str = "") -> None:
        super().__init__(problem, remedy)
        self.outcome: Outcome = outcome
        self.code = code


def check_age(report: Report, now: float) -> None:
    """Raise SinkError for a report whose time CloudWatch does not take: PutMetricData and PutLogEvents, API references."""
    age_s = now - started_at(report)
    if age_s > OLDEST_S:
        raise SinkError(
            f"a report of {report['probe']['started_at']} is older than CloudWatch takes", outcome="too-old"
        )
    if age_s < -NEWEST_S:
        raise SinkError(
            f"a report of {report['probe']['started_at']} is from the future",
            "Set this host's clock.",
            outcome="refused",
        )


def started_at(report: Report) -> float:
    """When the run began, in seconds since the epoch: the time of everything that a report says."""
    return seconds_of(report["probe"]["started_at"])


class Sink(Protocol):
    """Delivers reports to one place. Its module declares it as SINK: see Declaration.

    `keeps_each`: each report counts, so what cannot be delivered waits in the spool. Otherwise only the newest one matters.
    `repeatable`: a report that is sent again is there once all the same, so what may have arrived is sent again.
    """

    name: str
    keeps_each: bool
    repeatable: bool

    def send(self, report: Report, deadline: float) -> None:
        """Deliver one report, by `deadline` (time.monotonic). Raises SinkError."""
