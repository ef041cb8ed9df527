"""CloudWatch Logs: each report is one event, the whole of it where it fits, in a stream for each instance."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from imds_probe.config import AwsConfig, Settings, values
from imds_probe.config.keys import Section, setting
from imds_probe.dataclass import dataclass
from imds_probe.sinks.declaration import Declaration, Policy
from imds_probe.sinks.log_stream import stream_of
from imds_probe.sinks.sink import Report, SinkError, check_age, started_at
from imds_probe.sinks.summary import fitting

# CloudWatch counts 26 bytes more for each event; Logs Insights and most readers take 256 KB of one.
EVENT_BYTES_MAX = 256 * 1024 - 26
MISSING, THERE_ALREADY = "ResourceNotFoundException", "ResourceAlreadyExistsException"
# What it takes for retentionInDays: PutRetentionPolicy in its API reference.
RETENTION_DAYS: tuple[int, ...] = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731)
RETENTION_DAYS += (1096, 1827, 2192, 2557, 2922, 3288, 3653)


@dataclass(frozen=True)
class LogsConfig(Section):
    """`create`: make the group and the stream where they are missing, and `retention_days` for a new group."""

    group: str = setting(
        "cloudwatch-logs.group",
        "/imds-probe/reports",
        values.matching(r"[.\-_/#A-Za-z0-9]{1,512}", "the name of a log group"),
        "The log group that reports go to.",
    )
    create: bool = setting(
        "cloudwatch-logs.create",
        True,
        values.flag,
        "Make the group and the stream (the instance's id) if they are missing. To make the group, the instance's "
        "role needs packaging/iam/cloudwatch-logs-group.json.",
    )
    retention_days: int | None = setting(
        "cloudwatch-logs.retention_days",
        None,
        values.one_of(RETENTION_DAYS),
        "How long a group that imds-probe makes keeps reports. Without it: for ever.",
        example=90,
    )


class CloudWatchLogs:
    name = "cloudwatch-logs"
    keeps_each = True
    repeatable = False

    def __init__(self, logs: LogsConfig, aws: AwsConfig, environ: Mapping[str, str]) -> None:
        from imds_probe.sinks.aws_sender import AwsSender  # noqa: PLC0415

        self._config = logs
        self._sender = AwsSender("logs", aws, environ)

    def send(self, report: Report, deadline: float) -> None:
        check_age(report, time.time())
        event = {"timestamp": int(started_at(report) * 1000), "message": fitting(report, EVENT_BYTES_MAX)}
        where = {"logGroupName": self._config.group, "logStreamName": stream_of(report)}

        def put(client: Any) -> Any:
            return client.put_log_events(**where, logEvents=[event])

        try:
            answer = self._sender.call(report, put, deadline)
        except SinkError as error:
            if error.code != MISSING:
                raise
            if not self._config.create:
                raise SinkError(
                    f"the log group {self._config.group} or its stream {where['logStreamName']} does not exist",
                    "Make them, or set cloudwatch-logs.create.",
                ) from None
            self._create(report, where, deadline)
            answer = self._sender.call(report, put, deadline)
        rejected = answer.get("rejectedLogEventsInfo") or {}
        if rejected:
            raise SinkError(f"CloudWatch Logs rejected the report: {json.dumps(rejected)}", outcome="too-old")

    def _create(self, report: Report, where: Mapping[str, str], deadline: float) -> None:
        group = {"logGroupName": where["logGroupName"]}
        made = self._call(report, lambda client: client.create_log_group(**group), deadline)
        if made and self._config.retention_days is not None:
            days = self._config.retention_days
            self._sender.call(
                report, lambda client: client.put_retention_policy(**group, retentionInDays=days), deadline
            )
        self._call(report, lambda client: client.create_log_stream(**where), deadline)

    def _call(self, report: Report, operation: Any, deadline: float) -> bool:
        """Whether it was made here: another host, or an administrator, may have been first."""
        try:
            self._sender.call(report, operation, deadline)
        except SinkError as error:
            if error.code == THERE_ALREADY:
                return False
            raise
        return True


def make(settings: Settings, environ: Mapping[str, str]) -> CloudWatchLogs:
    """The sink; see Declaration."""
    return CloudWatchLogs(settings.of(LogsConfig), settings.of(AwsConfig), environ)


_GROUP = f"arn:aws:logs:*:*:log-group:{LogsConfig().group}"
SINK = Declaration(
    name="cloudwatch-logs",
    purpose="the report as one event, or a summary where it is too long, in a stream for each instance",
    make=make,
    settings=LogsConfig,
    shared=(AwsConfig,),
    policies=(
        Policy(
            "cloudwatch-logs",
            statement="SendReports",
            actions=("logs:CreateLogStream", "logs:PutLogEvents"),
            resources=(f"{_GROUP}:*",),
        ),
        Policy(
            "cloudwatch-logs-group",
            statement="MakeTheGroup",
            actions=("logs:CreateLogGroup", "logs:PutRetentionPolicy"),
            resources=(_GROUP, f"{_GROUP}:*"),  # CloudWatch Logs has spelt the group's ARN in both ways
        ),
    ),
)
