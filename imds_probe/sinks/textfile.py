"""The sink "textfile": gauges of the newest report for node_exporter's textfile collector.

It reads files that end in .prom, and takes no timestamps: README.md of prometheus/node_exporter, "Textfile Collector".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from imds_probe.config import Settings, values
from imds_probe.config.keys import Section, setting
from imds_probe.dataclass import dataclass
from imds_probe.sinks.declaration import Declaration
from imds_probe.sinks.output_directory import output_directory
from imds_probe.sinks.output_file import replace_in
from imds_probe.sinks.sink import Report

FILE = "imds_probe.prom"
SETTING = "textfile.directory"


@dataclass(frozen=True)
class TextfileConfig(Section):
    """directory: node_exporter's."""

    directory: Path = setting(
        SETTING,
        "/var/lib/prometheus/node-exporter",
        values.absolute,
        "The directory that node_exporter's --collector.textfile.directory names.",
    )


class TextfileSink:
    name = "textfile"
    keeps_each = False
    repeatable = True

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE

    def send(self, report: Report, deadline: float) -> None:
        """Replace the file. Raises SinkError."""
        from imds_probe.sinks.exposition import exposition  # noqa: PLC0415

        del deadline
        content = exposition(report)
        with output_directory(self._path, SETTING) as directory:
            replace_in(directory, FILE, content, 0o644)  # node_exporter runs as a user of its own


def make(settings: Settings, environ: Mapping[str, str]) -> TextfileSink:
    """The sink; see Declaration."""
    del environ
    return TextfileSink(settings.of(TextfileConfig).directory)


SINK = Declaration(
    name="textfile",
    purpose="gauges for node_exporter's textfile collector",
    make=make,
    settings=TextfileConfig,
    paths=(str(TextfileConfig().directory),),
)
