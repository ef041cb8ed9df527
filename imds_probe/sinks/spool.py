"""Reports that wait to be sent, one file each, in a directory for each sink.

The name of a file says what is known of it: .waiting, .sending (by the process that holds the lock), .doubt (it was being
sent when its sender was killed or the connection broke: it may have arrived; where it does no harm to send it again, it waits),
.refused (the sink will never take it).
Files change by renames alone, so that a kill at any moment leaves each report whole, in one state.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gzip
import io
import json
import os
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from imds_probe.errors import ProbeError
from imds_probe.escape import encodable_document
from imds_probe.report import SCHEMA
from imds_probe.sinks.output_file import remove_left_over, replace
from imds_probe.sinks.settings import SpoolConfig
from imds_probe.sinks.sink import Report, started_at
from imds_probe.system.small_file import read_head
from imds_probe.system.state_directory import StateError, check_directory

WAITING, SENDING, DOUBT, REFUSED = ".waiting", ".sending", ".doubt", ".refused"
STATES = (WAITING, SENDING, DOUBT, REFUSED)
REPORT_MAX_BYTES = 64 * 1024 * 1024


class SpoolError(ProbeError):
    """The spool cannot be written or read."""

    page = "reporting.md"


class Spool:
    """The spool of one sink. `within` are the directories above that have to be ours alone, too. Raises SpoolError where its
    directory cannot be made, or others can change what is in it.
    """

    def __init__(self, directory: Path, bounds: SpoolConfig, within: Sequence[Path] = ()) -> None:
        self.directory, self._bounds = directory, bounds
        self.left: Counter[str] = Counter()  # how many reports were met that could not be sent from here, and why
        try:
            for each in (*within, directory):
                check_directory(each)
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except StateError as error:
            raise SpoolError(f"the spool {directory} is not used: {error.problem}", error.remedy) from None
        except OSError as error:
            raise _cannot(directory, "made", error) from None

    def put(self, report: Report) -> None:
        """Add a report. Raises SpoolError, and then it is not there."""
        path = self.directory / f"{int(started_at(report)):012d}-{report['probe']['run_id']}{WAITING}"
        try:
            replace(path, gzip.compress(json.dumps(report).encode(), compresslevel=5, mtime=0), 0o600)
        except OSError as error:
            if not os.path.lexists(path):  # else it is there whole, whatever failed after the last step
                raise _cannot(self.directory, "written", error) from None

    def count(self, state: str) -> int:
        """How many reports are in a state, one of STATES."""
        return len(self._files(state))

    @contextmanager
    def sending(self, left_over: str = DOUBT) -> Iterator[bool]:
        """Hold the right to send what waits: one process at a time has it, and the kernel takes it back however that ends.

        False where another one has it. What a killed one was sending has the state `left_over` from then on.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            fd = os.open(self.directory / "lock", flags, 0o600)
        except OSError as error:
            raise _cannot(self.directory, "written", error) from None
        try:
            if not self._held(fd):
                yield False
                return
            for file in self._files(SENDING):
                self._become(file, left_over)
            yield True
        finally:
            with contextlib.suppress(OSError):  # it is closed even so: close(2)
                os.close(fd)

    def _held(self, fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise _cannot(self.directory, "locked", error) from None
        return True

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
            content = read_head(held, REPORT_MAX_BYTES)
        except OSError as error:
            is_file = error.errno != errno.EINVAL
            self._leave(held, WAITING if is_file else REFUSED, f"that cannot be read ({error.strerror})")
            return None
        try:
            with gzip.open(io.BytesIO(content)) as unpacked:
                # Text of an earlier version's, which may have put in what UTF-8 cannot encode.
                report = encodable_document(json.loads(unpacked.read(REPORT_MAX_BYTES)))
            started_at(report)
            schema = report["schema"]
        except (OSError, EOFError, ValueError, KeyError, TypeError, RecursionError, zlib.error):
            self._leave(held, REFUSED, "that are damaged")
            return None
        if schema != SCHEMA:
            self._leave(held, WAITING, "of another version of imds-probe")
            return None
        return held, report

    def _leave(self, held: Path, state: str, why: str) -> None:
        self._become(held, state)
        self.left[why] += 1

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

    def bound(self) -> int:
        """Drop the oldest until the rest is within the bounds, and say how many. What is being sent counts, but stays. Raises
        SpoolError.
        """
        sizes = {}
        for file in self._files(*STATES):
            try:
                sizes[file] = file.lstat().st_size
            except FileNotFoundError:
                continue  # sent meanwhile
            except OSError as error:
                raise _cannot(self.directory, "read", error) from None
        self._remove_left_over()
        count, size, dropped = len(sizes), sum(sizes.values()), 0
        for file, length in sizes.items():
            if count <= self._bounds.reports and size <= self._bounds.size_bytes:
                break
            if file.suffix != SENDING:
                self.done(file)
                count, size, dropped = count - 1, size - length, dropped + 1
        return dropped

    def _remove_left_over(self) -> None:
        """What was being written by one who was killed: nobody writes under that name again."""
        with contextlib.suppress(OSError):
            directory = os.open(self.directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                remove_left_over(directory, ".")
            finally:
                os.close(directory)


def _cannot(directory: Path, what: str, error: OSError) -> SpoolError:
    return SpoolError(
        f"the spool {directory} cannot be {what}: {error.strerror}",
        "Free space on its disk, make it writable, or set state_directory.",
    )
