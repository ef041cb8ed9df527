"""CloudWatch metrics, by PutMetricData: all of a report in one request, so that it counts as a whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from imds_probe.config import AwsConfig, Settings
from imds_probe.sinks.declaration import Declaration, Policy
from imds_probe.sinks.metrics_settings import METRICS_COST, MetricsConfig
from imds_probe.sinks.sink import Report, SinkError, check_age, started_at

METRICS_MAX = 1000  # in one request: PutMetricData in CloudWatch's API reference


class CloudWatch:
    name = "cloudwatch"
    keeps_each = True
    repeatable = False

    def __init__(self, metrics: MetricsConfig, aws: AwsConfig, environ: Mapping[str, str]) -> None:
        from imds_probe.sinks.aws_sender import AwsSender  # noqa: PLC0415

        self._metrics = metrics
        self._sender = AwsSender("cloudwatch", aws, environ)

    def send(self, report: Report, deadline: float) -> None:
        """Raises SinkError."""
        from imds_probe.sinks.metrics import metrics_of  # noqa: PLC0415

        now = time.time()
        check_age(report, now)
        at = started_at(report)
        data = [
            {
                "MetricName": metric.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions.items()],
                "Timestamp": at,
                "Value": metric.value,
                "Unit": metric.unit,
            }
            for metric in metrics_of(report, self._metrics, now)
        ]
        if len(data) > METRICS_MAX:
            raise SinkError(f"the report has {len(data)} metrics, more than one request takes", outcome="refused")

        def put(client: Any) -> None:
            client.put_metric_data(Namespace=self._metrics.namespace, MetricData=data)

        self._sender.call(report, put, deadline)


def make(settings: Settings, environ: Mapping[str, str]) -> CloudWatch:
    """The sink; see Declaration."""
    return CloudWatch(settings.of(MetricsConfig), settings.of(AwsConfig), environ)


SINK = Declaration(
    name="cloudwatch",
    purpose="metrics that sum over a fleet, by PutMetricData",
    make=make,
    shared=(AwsConfig, MetricsConfig),
    policies=(
        Policy(
            "cloudwatch",
            statement="SendMetricsOfOneNamespace",
            actions=("cloudwatch:PutMetricData",),
            resources=("*",),  # it knows none; the namespace is what it can be confined by
            conditions={"StringEquals": {"cloudwatch:namespace": MetricsConfig().namespace}},
        ),
    ),
    costs=METRICS_COST,
)
