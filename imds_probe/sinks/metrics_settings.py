"""Settings that the sinks share which send metrics to CloudWatch."""

from __future__ import annotations

from collections.abc import Mapping

from imds_probe.config import values
from imds_probe.config.keys import Conflict, Section, setting
from imds_probe.dataclass import dataclass
from imds_probe.sinks.dimensions import DIMENSIONS, read_dimensions

METRICS_COST = "CloudWatch charges for each different set of a metric's name and dimensions: see [metrics]."


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
        "so dimensions, static_dimensions and per_instance decide what a fleet costs.",
    )
    dimensions: tuple[str, ...] = setting(
        "metrics.dimensions",
        [],
        values.some_of(tuple(DIMENSIONS)),
        f"A second set of each metric, by some of {values.quoted(DIMENSIONS)}.",
    )
    static_dimensions: Mapping[str, str] = setting(
        "metrics.static_dimensions",
        {},
        read_dimensions,
        'Dimensions that are the same for all of this host\'s metrics, such as { Environment = "production" }.',
    )
    per_instance: bool = setting(
        "metrics.per_instance", False, values.flag, "Send all metrics once more by InstanceId: a set for each host."
    )

    def conflict(self) -> Conflict | None:
        """See Section."""
        both = set(self.dimensions) & set(self.static_dimensions)
        if both:
            return Conflict(
                "metrics.static_dimensions", f"has {', '.join(sorted(both))}, which metrics.dimensions has, too"
            )
        return None
