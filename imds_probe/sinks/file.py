"""The sink "file": the report as JSON on disk, and older ones beside it: report.json.1 is the one before, and so on."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from imds_probe.config import Settings, values
from imds_probe.config.keys import Section, setting
from imds_probe.dataclass import dataclass
from imds_probe.sinks.declaration import Declaration
from imds_probe.sinks.output_directory import output_directory
from imds_probe.sinks.output_file import check_replaceable, written_beside
from imds_probe.sinks.sink import Report, SinkError

MODE, DIRECTORY_MODE, LOCK_MODE = 0o640, 0o750, 0o600  # command lines and names of a whole host are in it
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
            with self._turn(directory, deadline):
                with written_beside(directory, self._path.name, content, MODE) as temporary:
                    self._make_room(directory)
                    os.replace(temporary, self._path.name, src_dir_fd=directory, dst_dir_fd=directory)
                self._remove_surplus(directory)

    @contextlib.contextmanager
    def _turn(self, directory: int, deadline: float) -> Iterator[None]:
        """Two at once would rename each other's reports away. The lock is on a file that nobody else can open: who may read a
        directory can hold a lock on the directory itself. It ends with the descriptor.
        """
        name = f".{self._path.name}.lock"
        while (opened := _locked(directory, name)) is None:
            if time.monotonic() > deadline:
                raise SinkError(f"{self._path} cannot be written: another process holds {self._path.parent / name}")
            time.sleep(TRIED_EVERY_S)
        try:
            yield
        finally:
            os.close(opened)

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


def _locked(directory: int, name: str) -> int | None:
    """A lock file, open and locked; None where another process holds it. Raises OSError."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    _remove_planted(directory, name)
    opened = os.open(name, flags, LOCK_MODE, dir_fd=directory)
    try:
        os.fchmod(opened, LOCK_MODE)  # also where somebody has opened it to others
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(directory, name, opened):
            return opened
    except BlockingIOError:
        pass
    except BaseException:
        os.close(opened)
        raise
    os.close(opened)
    return None


def _remove_planted(directory: int, name: str) -> None:
    """What stands in the place of our lock file, where everybody may make files: theirs they can lock for ever."""
    with contextlib.suppress(FileNotFoundError):
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if found.st_uid != os.geteuid() or not stat.S_ISREG(found.st_mode):
            os.unlink(name, dir_fd=directory)


def _is_at(directory: int, name: str, opened: int) -> bool:
    """Whether the file is still there under its name, is ours, and so is the one that others would lock."""
    with contextlib.suppress(FileNotFoundError):
        there, ours = os.stat(name, dir_fd=directory, follow_symlinks=False), os.fstat(opened)
        return os.path.samestat(there, ours) and ours.st_uid == os.geteuid() and stat.S_ISREG(ours.st_mode)
    return False


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
