"""What is said on a terminal while something takes long: one line on standard error, which the next one takes the place of."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from types import TracebackType
from typing import TextIO

from imds_probe.commands import messages
from imds_probe.commands.terminal import WIDTH_MIN, columns_of
from imds_probe.duration import in_words
from imds_probe.escape import terminal
from imds_probe.system.background import Background
from imds_probe.widths import within

DRAWN_EVERY_S = 1.0
COUNTED_EVERY_S = 0.1


class Progress:
    """Nothing is shown where the stream is no terminal, or one that cannot take a line back: it is never in a log. Each line ends
    with how long it has been going on, `of` how many seconds at most, where that is known. What is said by messages.say
    meanwhile takes the line away first.
    """

    def __init__(self, of: float | None = None, stream: TextIO | None = None) -> None:
        self._stream, self._of = stream or sys.stderr, of
        self.shows = self._stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._message, self._shown, self._drawn_at = "", False, 0.0
        self._began = time.monotonic()
        self._lock, self._over = threading.Lock(), threading.Event()

    def say(self, message: str) -> None:
        """Show this in the place of what was shown."""
        if self.shows:
            self._message = message
            self._draw()

    def count(self, message: str) -> None:
        """The same of what changes all the time: as often as somebody can read it."""
        if self.shows and time.monotonic() - self._drawn_at >= COUNTED_EVERY_S:
            self.say(message)

    def clear(self) -> None:
        """Take away what is shown, until it is drawn again."""
        with self._lock:
            if self._shown:
                self._write("")

    def _draw(self) -> None:
        with self._lock:
            if not self._message or self._over.is_set():
                return
            now = time.monotonic()
            gone = in_words(now - self._began)
            limit = f" of at most {in_words(self._of)}" if self._of else ""
            self._drawn_at = now
            self._write(f"{self._message} ({gone}{limit})")

    def _write(self, line: str) -> None:
        # What is wider than the terminal goes on in its next line, which could not be taken back.
        shown = within(terminal(line), (columns_of(self._stream) or WIDTH_MIN) - 1)
        with contextlib.suppress(OSError):
            self._stream.write(f"\r\x1b[K{shown}")
            self._stream.flush()
        self._shown = bool(shown)

    def _go_on(self) -> None:
        while not self._over.wait(DRAWN_EVERY_S):
            self._draw()

    def __enter__(self) -> Progress:
        if self.shows:
            messages.before_a_line(self.clear)
            with contextlib.suppress(RuntimeError):  # the host has no room for a thread: the time stands still
                Background("progress", self._go_on)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self.clear()
        messages.before_a_line(None)
