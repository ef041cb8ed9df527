"""Settings of handing reports to the sinks, which any run reads."""

from __future__ import annotations

from imds_probe.config import values
from imds_probe.config.keys import Section, setting
from imds_probe.dataclass import dataclass
from imds_probe.sinks import SINKS


@dataclass(frozen=True)
class DeliveryConfig(Section):
    """report: the names of the sinks that get each report; time_limit_s: how long a run may take to send, over all sinks."""

    report: tuple[str, ...] = setting(
        "report",
        [],
        values.some_of(tuple(SINKS)),
        f"The sinks that get each report, beside standard output: {values.quoted(SINKS)}. "
        "`imds-probe run --report` takes the place of this list.",
    )
    time_limit_s: float = setting(
        "reporting.time_limit",
        "20s",
        values.duration,
        "How long a run tries to send reports, to all sinks together. The rest waits for the next run.",
    )


@dataclass(frozen=True)
class SpoolConfig(Section):
    """Bounds of what waits to be sent, for each sink."""

    reports: int = setting(
        "spool.reports",
        500,
        values.count(1, 100_000),
        table_help="Reports that could not be sent, by sink. Beyond these bounds the oldest are dropped, and the run says "
        "how many.",
    )
    size_bytes: int = setting("spool.size", "64MB", values.size)
