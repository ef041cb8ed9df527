"""The sink "file": the report as JSON on disk, and older ones beside it: report.json.1 is the one before, and so on."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path

from imds_probe.config import Settings, values
from imds_probe.config.keys import Section, setting
from imds_probe.dataclass import dataclass
from imds_probe.sinks.declaration import Declaration
from imds_probe.sinks.output_directory import output_directory
from imds_probe.sinks.output_file import check_replaceable, written_beside
from imds_probe.sinks.sink import Report, SinkError

MODE, DIRECTORY_MODE = 0o640, 0o750  # command lines and names of a whole host are in it
TRIED_EVERY_S = 0.05
SETTING = "file.path"


@dataclass(frozen=True)
class FileConfig(Section):
    """path: the newest report; beside it `keep` older ones."""

    path: Path = setting(
        SETTING,
        "/var/lib/imds-probe/reports/report.json",
        values.absolute,
        "The newest report. file.keep older ones are beside it, as report.json.1, report.json.2 and so on.",
    )
    keep: int = setting("file.keep", 10, values.count(0, 10_000))


class FileSink:
    name = "file"
    keeps_each = True
    repeatable = False

    def __init__(self, path: Path, kept: int) -> None:
        self._path, self._kept = path, kept

    def send(self, report: Report, deadline: float) -> None:
        """Put the report in the place of the newest, which becomes the first of the older ones. Raises SinkError.

        Killed at any moment, it leaves each report that was there, but one that is older than `kept` others.
        """
        content = (json.dumps(report, indent=2, ensure_ascii=True) + "\n").encode("ascii")
        with output_directory(self._path, SETTING, create=DIRECTORY_MODE) as directory:
            check_replaceable(directory, self._path.name)
            self._wait_for_turn(directory, deadline)
            with written_beside(directory, self._path.name, content, MODE) as temporary:
                self._make_room(directory)
                os.replace(temporary, self._path.name, src_dir_fd=directory, dst_dir_fd=directory)
            self._remove_surplus(directory)

    def _wait_for_turn(self, directory: int, deadline: float) -> None:
        """Two at once would rename each other's reports away. The lock ends with the descriptor."""
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            if time.monotonic() > deadline:
                raise SinkError(f"{self._path} cannot be written: another process holds {self._path.parent}")
            time.sleep(TRIED_EVERY_S)

    def _make_room(self, directory: int) -> None:
        """Rename the newest and what follows it without a gap by one. A gap is what somebody left who was killed here; a link,
        too, is no report to keep.
        """
        names = [self._path.name, *(f"{self._path.name}.{number}" for number in range(1, self._kept + 1))]
        with os.scandir(directory) as entries:
            there = {entry.name for entry in entries if entry.is_file(follow_symlinks=False)}
        gap = next((at for at, name in enumerate(names) if name not in there), self._kept)
        for at in range(gap, 0, -1):
            os.replace(names[at - 1], names[at], src_dir_fd=directory, dst_dir_fd=directory)

    def _remove_surplus(self, directory: int) -> None:
        """What is left of a time when more were kept."""
        older = re.compile(re.escape(self._path.name) + r"\.([1-9]\d{0,5})")
        for name in os.listdir(directory):
            if (match := older.fullmatch(name)) and int(match[1]) > self._kept:
                os.unlink(name, dir_fd=directory)


def make(settings: Settings, environ: Mapping[str, str]) -> FileSink:
    """The sink; see Declaration."""
    del environ
    config = settings.of(FileConfig)
    return FileSink(config.path, config.keep)


SINK = Declaration(
    name="file",
    purpose="the report as JSON on disk, with older ones beside it",
    make=make,
    settings=FileConfig,
    paths=(str(FileConfig().path.parent),),
)
