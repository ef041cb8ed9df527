"""CloudWatch metrics, by PutMetricData: all of a report in one request, so that it counts as a whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from imds_probe.config.settings import Config
from imds_probe.sinks.aws_sender import AwsSender
from imds_probe.sinks.metrics import metrics_of
from imds_probe.sinks.sink import Report, Sink, SinkError, check_age, started_at

METRICS_MAX = 1000  # in one request: PutMetricData in CloudWatch's API reference


class CloudWatch:
    name = "cloudwatch"
    keeps_each = True

    def __init__(self, config: Config, environ: Mapping[str, str]) -> None:
        self._metrics = config.metrics
        self._sender = AwsSender("cloudwatch", config.aws, environ)

    def send(self, report: Report, deadline: float) -> None:
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


def make(config: Config, environ: Mapping[str, str]) -> Sink:
    return CloudWatch(config, environ)
