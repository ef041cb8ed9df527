"""How wide a text is, and in which colours, by where it goes."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

from imds_probe.render.columns import WIDTH_MAX
from imds_probe.render.lines import Style

WIDTH, WIDTH_MIN = 100, 80  # columns


def style(*, to_file: bool = False) -> Style:
    """For standard output, or for a file."""
    to_terminal = not to_file and sys.stdout.isatty()
    colour = to_terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM", "") not in ("", "dumb")
    return Style(width=width(sys.stdout if to_terminal else None), colour=colour)


def width(terminal: TextIO | None) -> int:
    """What COLUMNS says, else what the terminal is wide, else WIDTH; never less than WIDTH_MIN nor more than WIDTH_MAX."""
    said = os.environ.get("COLUMNS", "")
    columns = int(said[:6]) if said.isascii() and said.isdigit() else columns_of(terminal)
    return min(WIDTH_MAX, max(WIDTH_MIN, columns)) if columns else WIDTH


def columns_of(terminal: TextIO | None) -> int:
    """What the terminal itself says, 0 where there is none or it does not say."""
    if terminal is not None:
        with contextlib.suppress(OSError, ValueError):
            return os.get_terminal_size(terminal.fileno()).columns
    return 0
