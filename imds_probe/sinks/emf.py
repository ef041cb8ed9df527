"""The sink "emf": metrics as EMF documents, for hosts whose CloudWatch agent may do what the host itself may not."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from imds_probe.config import Settings
from imds_probe.config.keys import Section, setting
from imds_probe.dataclass import dataclass
from imds_probe.sinks import emf_destinations
from imds_probe.sinks.declaration import Declaration
from imds_probe.sinks.log_stream import stream_of
from imds_probe.sinks.metrics_settings import METRICS_COST, MetricsConfig
from imds_probe.sinks.sink import Report

# What the agent's sockets send goes to this group, and to emf/logs/default where a document names none.
LOG_GROUP = "/imds-probe/metrics"


def read_destination(value: object) -> str:
    """Where EMF goes: a socket of the CloudWatch agent, standard output, or a file.

    Raises ValueError with the end of a sentence.
    """
    if isinstance(value, str):
        if value == "stdout" or (value.startswith("/") and "\0" not in value):
            return value
        with contextlib.suppress(ValueError):  # of a port that is none, in words of urllib's
            parts = urlsplit(value)
            if parts.scheme in ("tcp", "udp") and parts.hostname and parts.port and not parts.path:
                return value
    raise ValueError('must be "tcp://HOST:PORT", "udp://HOST:PORT", "stdout" or the absolute path of a file')


@dataclass(frozen=True)
class EmfConfig(Section):
    """destination: tcp://HOST:PORT, udp://HOST:PORT, "stdout" or the path of a file."""

    destination: str = setting(
        emf_destinations.SETTING,
        "tcp://127.0.0.1:25888",
        read_destination,
        'Where the CloudWatch agent listens ("tcp://127.0.0.1:25888", "udp://127.0.0.1:25888"), "stdout", or a file that it '
        "tails.",
    )


class EmfSink:
    """`destination` as the configuration has it. "stdout" is written by `write`, after all that is in Python's buffer; a
    report that stands there as well (without --out) would be before the documents.

    `now` is the time in seconds since the epoch.
    """

    name = "emf"
    keeps_each = True
    repeatable = False

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
        from imds_probe.sinks.emf_documents import documents  # noqa: PLC0415

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


def make(settings: Settings, environ: Mapping[str, str]) -> EmfSink:
    """The sink; see Declaration."""
    del environ
    return EmfSink(settings.of(EmfConfig).destination, settings.of(MetricsConfig))


SINK = Declaration(
    name="emf",
    purpose="the same metrics, to the CloudWatch agent's socket, a file that it tails, or standard output",
    make=make,
    settings=EmfConfig,
    shared=(MetricsConfig,),
    paths=("/var/log/imds-probe",),  # for a file, the only place that the units give it
    costs=METRICS_COST,
)
