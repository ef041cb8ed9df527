"""What is said on a terminal while something takes long: one line on standard error, which the next one takes the place of."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from types import TracebackType
from typing import TextIO

from imds_probe.commands.terminal import WIDTH_MIN, columns_of
from imds_probe.escape import terminal

EVERY_S = 0.1


class Progress:
    """Nothing is shown where the stream is no terminal, or one that cannot take a line back: it is never in a log."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self.shows = self._stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._shown, self._shown_at = "", 0.0

    def say(self, message: str) -> None:
        """Show this in the place of what was shown."""
        if self.shows:
            self._show(message)

    def count(self, message: str) -> None:
        """The same of what changes all the time: as often as somebody can read it."""
        if self.shows and time.monotonic() - self._shown_at >= EVERY_S:
            self._show(message)

    def end(self) -> None:
        """Take away what is shown: before anything else is said, and at the end."""
        if self._shown:
            self._show("")

    def _show(self, message: str) -> None:
        # What is wider than the terminal goes on in its next line, which could not be taken back.
        self._shown = terminal(message)[: (columns_of(self._stream) or WIDTH_MIN) - 1]
        self._shown_at = time.monotonic()
        with contextlib.suppress(OSError):
            self._stream.write(f"\r\x1b[K{self._shown}")
            self._stream.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
