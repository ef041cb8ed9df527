"""Reports that wait to be sent, one file each, in a directory for each sink.

The name of a file says what is known of it: .waiting, .sending (by the process that holds the lock), .doubt (it was being
sent when its sender was killed or the connection broke: it may have arrived), .refused (the sink will never take it).
Files change by renames alone, so that a kill at any moment leaves each report whole, in one state.
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imds_probe.errors import ProbeError
from imds_probe.sinks.output_file import replace
from imds_probe.sinks.settings import SpoolConfig
from imds_probe.sinks.sink import Report, started_at

WAITING, SENDING, DOUBT, REFUSED = ".waiting", ".sending", ".doubt", ".refused"
STATES = (WAITING, SENDING, DOUBT, REFUSED)
REPORT_MAX_BYTES = 64 * 1024 * 1024


class SpoolError(ProbeError):
    """The spool cannot be written or read."""


class Spool:
    """The spool of one sink. Raises SpoolError where its directory cannot be made."""

    def __init__(self, directory: Path, bounds: SpoolConfig) -> None:
        self.directory, self._bounds = directory, bounds
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _cannot(directory, "made", error) from None

    def put(self, report: Report) -> int:
        """Add a report; what is beyond the bounds then is dropped, the oldest first. How many were. Raises SpoolError."""
        name = f"{int(started_at(report)):012d}-{report['probe']['run_id']}{WAITING}"
        try:
            replace(self.directory / name, gzip.compress(json.dumps(report).encode(), compresslevel=5, mtime=0), 0o600)
        except OSError as error:
            raise _cannot(self.directory, "written", error) from None
        return self._bound()

    def count(self, state: str) -> int:
        """How many reports are in a state, one of STATES."""
        return len(self._files(state))

    @contextmanager
    def sending(self) -> Iterator[bool]:
        """Hold the right to send what waits: one process at a time has it, and the kernel takes it back however that ends.

        False where another one has it. What a killed one was sending is in doubt from then on.
        """
        try:
            fd = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _cannot(self.directory, "written", error) from None
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            for file in self._files(SENDING):
                self._become(file, DOUBT)
            yield True
        finally:
            os.close(fd)

    def waiting(self) -> Iterator[Path]:
        """What waits, the oldest first, also what comes meanwhile. To be called with the right to send."""
        seen: set[Path] = set()
        while new := [file for file in self._files(WAITING) if file not in seen]:
            seen.add(new[0])
            yield new[0]

    def take(self, file: Path) -> tuple[Path, Report] | None:
        """Begin to send a report; None where it was dropped meanwhile, or is damaged, which is refused."""
        try:
            held = self._become(file, SENDING)
        except SpoolError:
            if file.exists():
                raise
            return None
        try:
            with gzip.open(held) as content:
                report = json.loads(content.read(REPORT_MAX_BYTES))
            started_at(report)
            return held, report
        except (OSError, EOFError, ValueError, KeyError, TypeError, RecursionError, zlib.error):
            self._become(held, REFUSED)
            return None

    def done(self, held: Path) -> None:
        """It has arrived, or will not be sent any more."""
        try:
            held.unlink(missing_ok=True)
        except OSError as error:
            raise _cannot(self.directory, "written", error) from None

    def give_back(self, held: Path, state: str) -> None:
        """It has not arrived: `state` says what is to become of it."""
        self._become(held, state)

    def _become(self, file: Path, state: str) -> Path:
        target = file.with_suffix(state)
        try:
            os.rename(file, target)
        except OSError as error:
            raise _cannot(self.directory, "written", error) from None
        return target

    def _files(self, *states: str) -> list[Path]:
        try:
            return sorted(file for file in self.directory.iterdir() if file.suffix in states)
        except OSError as error:
            raise _cannot(self.directory, "read", error) from None

    def _bound(self) -> int:
        """Drop the oldest until the rest is within the bounds. What is being sent counts, but stays."""
        sizes = {}
        for file in self._files(*STATES):
            with contextlib.suppress(FileNotFoundError):  # sent meanwhile
                sizes[file] = file.stat().st_size
        count, size, dropped = len(sizes), sum(sizes.values()), 0
        for file, length in sizes.items():
            if count <= self._bounds.reports and size <= self._bounds.size_bytes:
                break
            if file.suffix != SENDING:
                self.done(file)
                count, size, dropped = count - 1, size - length, dropped + 1
        return dropped


def _cannot(directory: Path, what: str, error: OSError) -> SpoolError:
    return SpoolError(
        f"the spool {directory} cannot be {what}: {error.strerror}",
        "See that its disk is writable and not full, or set state_directory.",
    )
