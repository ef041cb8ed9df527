"""Every key of the configuration file: its name, its default as it would stand there, and how its value is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from imds_probe.config import values
from imds_probe.sinks import SINKS
from imds_probe.sinks.dimensions import DIMENSIONS

# What CloudWatch Logs takes for retentionInDays: PutRetentionPolicy in its API reference.
RETENTION_DAYS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)


@dataclass(frozen=True)
class Key:
    """`default` is None where the key has none: what happens then is said in the shipped file."""

    name: str
    default: Any
    read: Callable[[object], Any]


KEYS = (
    Key("state_directory", None, values.absolute),
    Key("report", [], values.some_of(tuple(SINKS))),
    Key("catalog.files", [], values.paths),
    Key("watch.window", "14d", values.duration),
    Key("watch.coverage", 0.99, values.share),
    Key("watch.retention", "90d", values.duration),
    Key("watch.compare_metric", True, values.flag),
    Key("daemon.interval", "1h", values.duration),
    Key("daemon.jitter", "15m", values.duration),
    Key("reporting.time_limit", "20s", values.duration),
    Key("aws.region", None, values.matching(r"[a-z]{2}(-[a-z]+)+-\d{1,2}", "a Region, such as eu-west-1")),
    Key("aws.profile", None, values.matching(r"[^\0\n]{1,200}", "the name of a profile")),
    Key("aws.cloudwatch_endpoint", None, values.url),
    Key("aws.logs_endpoint", None, values.url),
    Key(
        "metrics.namespace",
        "ImdsProbe",
        values.matching(
            r"(?!AWS/)[0-9A-Za-z.\-_/#]{1,255}", "a namespace for CloudWatch that does not begin with AWS/"
        ),
    ),
    Key("metrics.dimensions", [], values.some_of(tuple(DIMENSIONS))),
    Key("metrics.static_dimensions", {}, values.dimensions),
    Key("metrics.per_instance", False, values.flag),
    Key(
        "cloudwatch-logs.group",
        "/imds-probe/reports",
        values.matching(r"[.\-_/#A-Za-z0-9]{1,512}", "the name of a log group"),
    ),
    Key("cloudwatch-logs.create", True, values.flag),
    Key("cloudwatch-logs.retention_days", None, values.one_of(RETENTION_DAYS)),
    Key("emf.destination", "tcp://127.0.0.1:25888", values.destination),
    Key("ssm-inventory.directory", None, values.absolute),
    Key("textfile.directory", "/var/lib/prometheus/node-exporter", values.absolute),
    Key("file.path", "/var/lib/imds-probe/reports/report.json", values.absolute),
    Key("file.keep", 10, values.count(0, 10_000)),
    Key("spool.reports", 500, values.count(1, 100_000)),
    Key("spool.size", "64MB", values.size),
)
