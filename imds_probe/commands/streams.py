"""The standard streams, as whoever started the program left them: closed, full, slow, or with nobody at the other end.

What is printed goes to standard output by whichever `print`. Where it cannot, OutputError is raised once, and what is
printed after that is dropped: a command that has more to do than to print catches it and goes on. What cannot be said on
standard error is dropped at once, as there is no other place to say it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

from imds_probe.errors import OutputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

INPUT, OUTPUT, ERROR = 0, 1, 2
ESCAPED = "backslashreplace"  # what cannot be encoded (a Latin-1 terminal, LANG=C under SSM) does not end the run
_ABOVE = 3


def prepare() -> None:
    """To be called before anything is opened. Streams that somebody has put in the place of Python's own stay."""
    _occupy_closed()
    if sys.stdin is None:
        sys.stdin = open(INPUT, encoding="utf-8", closefd=False)  # noqa: SIM115 - open for as long as the process
    sys.stdout = _prepared(sys.stdout, sys.__stdout__, OUTPUT, _refused)
    sys.stderr = _prepared(sys.stderr, sys.__stderr__, ERROR, lambda _: None)


def stopping() -> tuple[int, ...]:
    """The signals that ask a command to finish: that the terminal is gone, too, unless nohup(1) says that this is no matter."""
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return (signal.SIGINT, signal.SIGTERM, *(() if ignored else (signal.SIGHUP,)))


@contextlib.contextmanager
def outliving_terminal(needed: bool) -> Iterator[None]:
    """Where a report goes to other places as well, a terminal that is gone is no reason to stop."""
    if not needed or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _occupy_closed() -> None:
    """Take the numbers of closed streams, or the next file that is opened has one of them and is written into.

    What takes them refuses to be read or written as before. It is an end of a pipe, for which no /dev has to be there.
    """
    closed = [fd for fd in (INPUT, OUTPUT, ERROR) if not _is_open(fd)]
    if not closed:
        return
    ends = os.pipe()
    reading, writing = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for end in ends)
    for end in ends:
        os.close(end)
    for fd in closed:
        os.dup2(writing if fd == INPUT else reading, fd)
    os.close(reading)
    os.close(writing)


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _prepared(
    stream: TextIO | None, own: TextIO | None, fd: int, failed: Callable[[OSError], None]
) -> io.TextIOWrapper:
    if stream is not own:
        assert isinstance(stream, io.TextIOWrapper)  # noqa: S101 - as everything that stands in for a stream
        stream.reconfigure(errors=ESCAPED)
        return stream
    raw = _Stream(fd, failed)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    buffered = fd != ERROR and not raw.isatty()
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding=encoding, errors=ESCAPED, line_buffering=not buffered)


def _refused(error: OSError) -> None:
    raise OutputError(
        f"standard output cannot be written: {error.strerror}",
        "Free space on its disk, or send the output to a file on another one."
        if error.errno in (errno.ENOSPC, errno.EDQUOT)
        else "",
        reader_left=isinstance(error, BrokenPipeError),
    ) from None


class _Stream(io.FileIO):
    """Writes until that fails for the first time; `failed` is told. What comes after that is taken and dropped."""

    def __init__(self, fd: int, failed: Callable[[OSError], None]) -> None:
        super().__init__(fd, "w", closefd=False)
        self._failed = failed
        self._dropping = False

    def write(self, content: ReadableBuffer, /) -> int:
        size = memoryview(content).nbytes
        if self._dropping:
            return size
        try:
            while (written := super().write(content)) is None:
                # Somebody has made it non-blocking, as programs do with terminals and pipes that they share with us.
                select.select((), (self,), ())
        except OSError as error:
            self._dropping = True
            self._failed(error)
            return size
        return written
