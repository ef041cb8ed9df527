from __future__ import annotations

import contextlib
import gc
import os
import weakref
from pathlib import Path

import pytest

from imds_probe.system.own_memory import head, heads, read_by

PROC = Path("/proc")


def test_each_is_read_or_says_why_not() -> None:
    own = f"{os.getpid()}/cmdline"
    found, missing = heads(PROC, [own, "0/cmdline"], 8)
    assert found == (PROC / own).read_bytes()[:8]
    assert isinstance(missing, FileNotFoundError)
    assert head(PROC, own, 8) == found
    with pytest.raises(FileNotFoundError):
        head(PROC, "0/cmdline", 8)


class Other:
    """Whoever reads it in the place of this process."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    def heads(self, proc: Path, paths: list[str], limit_bytes: int, of: object = None) -> list[bytes]:
        self.asked.append((proc, *paths, limit_bytes, of))
        return [b"read elsewhere" for _ in paths]


def test_somebody_else_reads_it_for_as_long_as_that_is_wanted() -> None:
    other, own = Other(), f"{os.getpid()}/environ"
    with read_by(other):
        assert heads(PROC, [own, own], 4, of="user") == [b"read elsewhere"] * 2
        with read_by(Other()):
            head(PROC, own, 4)
        assert head(PROC, own, 4) == b"read elsewhere"
    assert other.asked == [(PROC, own, own, 4, "user"), (PROC, own, 4, None)]
    assert head(PROC, f"{os.getpid()}/cmdline", 4) != b"read elsewhere"


def test_an_error_inside_gives_the_door_back() -> None:
    with pytest.raises(KeyError), read_by(Other()):
        raise KeyError
    assert head(PROC, f"{os.getpid()}/cmdline", 4) != b"read elsewhere"


class Gone(OSError):
    """One of which it can be known whether anybody has it still."""


def test_what_was_raised_and_caught_is_let_go_at_once() -> None:
    class Failing:
        def heads(self, proc: Path, paths: list[str], limit_bytes: int, of: object = None) -> list[Gone]:
            del proc, paths, limit_bytes, of
            gone = Gone()
            left.append(weakref.ref(gone))
            return [gone]

    left: list[weakref.ref[Gone]] = []
    gc.disable()
    try:
        with read_by(Failing()):
            with contextlib.suppress(Gone):
                head(PROC, "1/cmdline", 8)
        assert [each() for each in left] == [None]
    finally:
        gc.enable()
