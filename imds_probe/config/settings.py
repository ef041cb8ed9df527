"""What can be configured, as the rest of the program reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DAY_S = 86400.0


@dataclass(frozen=True)
class AwsConfig:
    """How AWS is reached. None leaves a thing to the environment, the instance and botocore, in that order."""

    region: str | None = None
    profile: str | None = None
    cloudwatch_endpoint: str | None = None
    logs_endpoint: str | None = None


@dataclass(frozen=True)
class MetricsConfig:
    """Metrics, whichever way they go to CloudWatch. `dimensions` are names of sinks.metrics.DIMENSIONS."""

    namespace: str = "ImdsProbe"
    dimensions: tuple[str, ...] = ()
    static_dimensions: Mapping[str, str] = field(default_factory=dict)
    per_instance: bool = False


@dataclass(frozen=True)
class LogsConfig:
    """CloudWatch Logs. `create`: make the group and the stream where they are missing, and `retention_days` for a new group."""

    group: str = "/imds-probe/reports"
    create: bool = True
    retention_days: int | None = None


@dataclass(frozen=True)
class SpoolConfig:
    """Bounds of what waits to be sent, for each sink."""

    reports: int = 500
    size_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True)
class Config:
    """What the files set.

    catalogs: files of the user's own to judge by, too. state_directory: where the daemon keeps its history, and runs the
    reports that could not be sent; None: not said here.
    window_s, coverage: for how long nobody may have been seen calling IMDSv1, and how much of that must have been watched,
    from 0 to 1, for high confidence. retention_s: for how long the history is kept. compare_metric: hold the history against
    CloudWatch's MetadataNoToken.
    interval_s, jitter_s: between the daemon's assessments, and up to how much is added to that at random.
    report: the names of the sinks that get each report; reporting_s: how long a run may take to send, over all sinks.
    emf_destination: tcp://HOST:PORT, udp://HOST:PORT, "stdout" or the path of a file. inventory_directory: None finds the
    node's own. textfile_directory: node_exporter's. report_file: the newest report, beside it `report_files_kept` older ones.
    """

    catalogs: tuple[Path, ...] = ()
    state_directory: Path | None = None
    window_s: float = 14 * DAY_S
    coverage: float = 0.99
    retention_s: float = 90 * DAY_S
    compare_metric: bool = True
    interval_s: float = 3600.0
    jitter_s: float = 900.0
    report: tuple[str, ...] = ()
    reporting_s: float = 20.0
    aws: AwsConfig = field(default_factory=AwsConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    logs: LogsConfig = field(default_factory=LogsConfig)
    emf_destination: str = "tcp://127.0.0.1:25888"
    inventory_directory: Path | None = None
    textfile_directory: Path = Path("/var/lib/prometheus/node-exporter")
    report_file: Path = Path("/var/lib/imds-probe/reports/report.json")
    report_files_kept: int = 10
    spool: SpoolConfig = field(default_factory=SpoolConfig)
