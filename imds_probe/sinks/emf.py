"""The sink "emf": metrics as EMF documents, for hosts whose CloudWatch agent may do what the host itself may not."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from imds_probe.config.settings import Config, MetricsConfig
from imds_probe.sinks import emf_destinations
from imds_probe.sinks.emf_documents import documents
from imds_probe.sinks.log_stream import stream_of
from imds_probe.sinks.sink import Report

# What the agent's sockets send goes to this group, and to emf/logs/default where a document names none.
LOG_GROUP = "/imds-probe/metrics"


def make(config: Config, environ: Mapping[str, str]) -> EmfSink:
    """The sink; see Sink."""
    del environ
    return EmfSink(config.emf_destination, config.metrics)


class EmfSink:
    """`destination` as the configuration has it. "stdout" is written by `write`, after all that is in Python's buffer; a
    report that stands there as well (without --out) would be before the documents.

    `now` is the time in seconds since the epoch.
    """

    name = "emf"
    keeps_each = True

    def __init__(
        self,
        destination: str,
        metrics: MetricsConfig,
        write: Callable[[str], None] = emf_destinations.to_standard_output,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._destination, self._metrics, self._write, self._now = destination, metrics, write, now

    def send(self, report: Report, deadline: float) -> None:
        """Raises SinkError."""
        parts = urlsplit(self._destination)
        to_agent = parts.scheme in ("tcp", "udp")
        where = {"LogGroupName": LOG_GROUP, "LogStreamName": stream_of(report)} if to_agent else {}
        made = documents(report, self._metrics, self._now(), where)
        if to_agent:
            send = emf_destinations.over_tcp if parts.scheme == "tcp" else emf_destinations.over_udp
            send((parts.hostname or "", parts.port or 0), made, deadline)
        elif self._destination == "stdout":
            emf_destinations.through(self._write, made)
        else:
            emf_destinations.to_file(Path(self._destination), made)
