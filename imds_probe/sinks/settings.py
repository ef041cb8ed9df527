"""Settings that several sinks share, and those of handing reports to all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from imds_probe.config import values
from imds_probe.config.keys import Conflict, Section, setting
from imds_probe.sinks import SINKS
from imds_probe.sinks.dimensions import DIMENSIONS, read_dimensions

METRICS_COST = "CloudWatch charges for each different set of a metric's name and dimensions: see [metrics]."


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


@dataclass(frozen=True)
class DeliveryConfig(Section):
    """report: the names of the sinks that get each report; time_limit_s: how long a run may take to send, over all sinks."""

    report: tuple[str, ...] = setting(
        "report",
        [],
        values.some_of(tuple(SINKS)),
        f"Which sinks get each report, beside standard output: {_quoted(SINKS)}. "
        "`imds-probe run --report` takes the place of this list.",
    )
    time_limit_s: float = setting(
        "reporting.time_limit",
        "20s",
        values.duration,
        "For so long a run tries to send reports, over all sinks. What is not sent by then waits for the next run.",
    )


@dataclass(frozen=True)
class MetricsConfig(Section):
    """Metrics, whichever way they go to CloudWatch. `dimensions` are names of sinks.dimensions.DIMENSIONS."""

    namespace: str = setting(
        "metrics.namespace",
        "ImdsProbe",
        values.matching(
            r"(?!AWS/)[0-9A-Za-z.\-_/#]{1,255}", "a namespace for CloudWatch that does not begin with AWS/"
        ),
        table_help='For the sinks "cloudwatch" and "emf". CloudWatch charges for each different set of name and dimensions, '
        "so the three below the namespace are what a fleet costs.",
    )
    dimensions: tuple[str, ...] = setting(
        "metrics.dimensions",
        [],
        values.some_of(tuple(DIMENSIONS)),
        f"A second set of each metric, by some of {_quoted(DIMENSIONS)}.",
    )
    static_dimensions: Mapping[str, str] = setting(
        "metrics.static_dimensions",
        {},
        read_dimensions,
        'Dimensions that are the same for all of this host\'s metrics, such as { Environment = "production" }.',
    )
    per_instance: bool = setting(
        "metrics.per_instance", False, values.flag, "One more set by InstanceId: as many metrics for each host."
    )

    def conflict(self) -> Conflict | None:
        """See Section."""
        both = set(self.dimensions) & set(self.static_dimensions)
        if both:
            return Conflict(
                "metrics.static_dimensions", f"has {', '.join(sorted(both))}, which metrics.dimensions has, too"
            )
        return None


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
