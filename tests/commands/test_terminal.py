"""How wide a text is, by where it goes."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios

import pytest

from imds_probe.commands.terminal import style, width


@pytest.mark.parametrize(
    ("columns", "expected"),
    [("120", 120), ("80", 80), ("20", 80), ("5000", 200), ("", 100), ("wide", 100), ("-3", 100), ("0", 100)],
)
def test_columns_count_where_there_is_no_terminal(monkeypatch, columns, expected):
    monkeypatch.setenv("COLUMNS", columns)
    assert width(None) == expected


@pytest.mark.parametrize(("wide", "expected"), [(132, 132), (40, 80), (0, 100)])
def test_a_terminal_says_how_wide_it_is(monkeypatch, wide, expected):
    monkeypatch.delenv("COLUMNS", raising=False)
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, wide, 0, 0))
        with os.fdopen(os.dup(theirs), "w") as terminal:
            assert width(terminal) == expected
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize(
    ("term", "no_colour", "expected"),
    [("xterm", None, True), ("xterm", "1", False), ("dumb", None, False), ("", None, False), (None, None, False)],
)
def test_only_a_terminal_that_is_known_to_have_colours_gets_them(monkeypatch, term, no_colour, expected):
    for name, value in (("TERM", term), ("NO_COLOR", no_colour)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    ours, theirs = pty.openpty()
    try:
        with os.fdopen(os.dup(theirs), "w") as terminal:
            monkeypatch.setattr("sys.stdout", terminal)
            assert style().colour is expected
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_file_has_no_colours(monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    found = style(to_file=True)
    assert (found.width, found.colour) == (90, False)
