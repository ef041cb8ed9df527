"""What the sinks on AWS have in common: a client that is made when first needed, and its troubles as a sink's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from imds_probe.aws.calls import CallError, call
from imds_probe.aws.clients import Aws
from imds_probe.config import AwsConfig
from imds_probe.sinks.extract import instance
from imds_probe.sinks.sink import Report, SinkError

T = TypeVar("T")


class AwsSender:
    """Calls one service. The instance's role signs only where the report says that this is an EC2 instance."""

    def __init__(self, service: str, config: AwsConfig, environ: Mapping[str, str]) -> None:
        self._service, self._config, self._environ = service, config, environ
        self._clients: dict[tuple[bool, str | None], Any] = {}

    def call(self, report: Report, operation: Callable[[Any], T], deadline: float) -> T:
        """Do `operation` with a client. Raises SinkError."""
        region = instance(report).get("region")
        way = (bool(report["platform"]["is_ec2"]), region)
        try:
            return call(
                lambda: operation(self._client(way)),
                deadline=deadline,
                renew=lambda: self._clients.pop(way, None) and None,
            )
        except CallError as error:
            raise SinkError(error.problem, error.remedy, error.outcome, error.code) from error

    def _client(self, way: tuple[bool, str | None]) -> Any:
        if way not in self._clients:
            is_ec2, region = way
            aws = Aws(self._config, self._environ, is_ec2=is_ec2, region=region)
            self._clients[way] = aws.client(self._service)
        return self._clients[way]
