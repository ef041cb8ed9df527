"""What is shown while something takes long: on a terminal, and nowhere else."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from types import SimpleNamespace

import pytest
from soon import SOON_S, wait_for

from imds_probe.commands import messages
from imds_probe.commands.progress import Progress
from imds_probe.widths import columns

WIDE = 60


@pytest.fixture
def terminal():
    """The end that a program writes to, and what came of it so far."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, WIDE, 0, 0))
    os.set_blocking(ours, False)
    seen = []

    def read():
        try:
            while True:
                seen.append(os.read(ours, 65536).decode())
        except BlockingIOError:
            return "".join(seen)

    with os.fdopen(theirs, "w") as stream:
        yield stream, read
    os.close(ours)


def lines(text):
    """Each as it was shown; what takes a line back is between them."""
    return [each for each in re.split(r"\r\x1b\[K", text) if each]


def until(read, words):
    deadline = time.monotonic() + SOON_S
    while words not in read():
        assert time.monotonic() < deadline, read()
        time.sleep(0.02)


def test_a_line_takes_the_place_of_the_one_before(terminal, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("imds_probe.commands.progress.DRAWN_EVERY_S", 1e6)
    monkeypatch.setattr("imds_probe.commands.progress.time", SimpleNamespace(monotonic=lambda: 0.0))
    stream, read = terminal
    with Progress(30.0, stream) as progress:
        progress.say("1 of 2, platform")
        progress.say("2 of 2, sdks: " + "x" * 100)
    first, second = lines(read())[:2]
    assert first == "1 of 2, platform (0 s of at most 30 s)"
    assert len(second) == WIDE - 1
    assert read().endswith("\r\x1b[K")


def test_it_goes_on_by_itself(terminal, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("imds_probe.commands.progress.DRAWN_EVERY_S", 0.01)
    stream, read = terminal
    with Progress(None, stream) as progress:
        progress.say("reading")
        wait_for(lambda: re.search(r"reading \([1-9]", read()), read)  # of its seconds it may miss some


def test_what_changes_all_the_time_is_shown_now_and_then(terminal, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream, read = terminal
    for name in ("COUNTED_EVERY_S", "DRAWN_EVERY_S"):
        monkeypatch.setattr(f"imds_probe.commands.progress.{name}", 1e6)
    with Progress(None, stream) as progress:
        progress._drawn_at = time.monotonic()
        for number in range(1000):
            progress.count(f"{number} reports")
    assert "reports" not in read()


def test_what_is_said_meanwhile_has_a_line_of_its_own(terminal, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream, read = terminal
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress(None, stream) as progress:
        progress.say("looking")
        messages.say("something is wrong")
    assert "\r\x1b[Kimds-probe: something is wrong\r\n" in read()
    messages.say("afterwards")
    assert read().endswith("imds-probe: afterwards\r\n")


def test_hostile_text_moves_no_cursor(terminal, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream, read = terminal
    with Progress(None, stream) as progress:
        progress.say("a\x1b[2Jb")
    assert "\x1b[2J" not in read()


@pytest.mark.parametrize("term", ["dumb", None])
def test_nothing_on_a_terminal_that_cannot_take_it_back(terminal, monkeypatch, term):
    monkeypatch.delenv("TERM", raising=False) if term is None else monkeypatch.setenv("TERM", term)
    stream, read = terminal
    with Progress(None, stream) as progress:
        progress.say("looking")
        progress.count("looking")
    assert read() == ""


def test_nothing_in_a_log():
    stream = io.StringIO()
    with Progress(None, stream) as progress:
        progress.say("looking")
    assert stream.getvalue() == ""


def test_fleet_says_how_far_it_is(terminal, tmp_path, monkeypatch):
    """The whole program, its standard error on a terminal."""
    from reports_made import report

    monkeypatch.setenv("TERM", "xterm")
    (tmp_path / "one.json").write_text(json.dumps(report()))
    stream, read = terminal
    argv = [sys.executable, "-m", "imds_probe", "fleet", str(tmp_path)]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=stream, check=True, timeout=2 * SOON_S)
    assert b"\x1b" not in done.stdout
    until(read, "reports read so far: 1 (hosts: 1)")
    quiet = subprocess.run(argv, capture_output=True, check=True, timeout=2 * SOON_S)
    assert quiet.stderr == b""


def test_a_line_of_wide_letters_stays_on_its_line(terminal, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream, read = terminal
    with Progress(stream=stream) as progress:
        progress.say("reading " + "漢字" * 40)
        stream.flush()
        (shown, *_) = lines(read())
    assert WIDE - 3 < columns(shown) < WIDE
