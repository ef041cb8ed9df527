"""What a process of /proc is called in a report, by more than what it says itself."""

from __future__ import annotations

import os
from pathlib import Path

from imds_probe.kept.process_name import kept_name
from imds_probe.system.small_file import read_head

ARGUMENTS_MAX_BYTES = 4096


def process_name(at: Path, comm: str) -> str:
    """The kernel's name `comm` for the process at /proc/PID if it is that of its program or script, else its program's."""
    try:
        exe = os.readlink(at / "exe")
    except OSError:
        return kept_name(comm, None, ())
    name = kept_name(comm, exe, ())
    if name == comm:
        return name
    try:
        return kept_name(comm, exe, arguments(at))
    except OSError:
        return name


def arguments(at: Path, limit_bytes: int = ARGUMENTS_MAX_BYTES) -> list[str]:
    """The arguments of the process at /proc/PID, at most so many bytes of them. Raises OSError."""
    return read_head(at / "cmdline", limit_bytes).decode(errors="replace").rstrip("\0").split("\0")
