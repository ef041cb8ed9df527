"""CloudWatch Logs: each report is one event, the whole of it where it fits, in a stream for each instance."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from imds_probe.aws.calls import CallError
from imds_probe.config.settings import Config
from imds_probe.sinks.aws_sender import AwsSender
from imds_probe.sinks.log_stream import stream_of
from imds_probe.sinks.sink import Report, Sink, SinkError, check_age, started_at
from imds_probe.sinks.summary import fitting

# CloudWatch counts 26 bytes more for each event; Logs Insights and most readers take 256 KB of one.
EVENT_BYTES_MAX = 256 * 1024 - 26
MISSING, THERE_ALREADY = "ResourceNotFoundException", "ResourceAlreadyExistsException"


class CloudWatchLogs:
    name = "cloudwatch-logs"
    keeps_each = True

    def __init__(self, config: Config, environ: Mapping[str, str]) -> None:
        self._config = config.logs
        self._sender = AwsSender("logs", config.aws, environ)

    def send(self, report: Report, deadline: float) -> None:
        check_age(report, time.time())
        event = {"timestamp": int(started_at(report) * 1000), "message": fitting(report, EVENT_BYTES_MAX)}
        where = {"logGroupName": self._config.group, "logStreamName": stream_of(report)}

        def put(client: Any) -> Any:
            return client.put_log_events(**where, logEvents=[event])

        try:
            answer = self._sender.call(report, put, deadline)
        except SinkError as error:
            if not (isinstance(error.__cause__, CallError) and error.__cause__.code == MISSING):
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
            if isinstance(error.__cause__, CallError) and error.__cause__.code == THERE_ALREADY:
                return False
            raise
        return True


def make(config: Config, environ: Mapping[str, str]) -> Sink:
    return CloudWatchLogs(config, environ)
