"""What a process of /proc is called in a report, by more than what it says itself."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

from imds_probe.kept.process_name import kept_name
from imds_probe.system.own_memory import head
from imds_probe.system.small_file import read_link

ARGUMENTS_MAX_BYTES = 4096


def process_name(at: Path, comm: str, of: Hashable = None) -> str:
    """The kernel's name `comm` for the process at /proc/PID if it is that of its program or script, else its program's.

    `of` as for own_memory.heads.
    """
    try:
        exe = read_link(at / "exe")
    except OSError:
        return kept_name(comm, None, ())
    name = kept_name(comm, exe, ())
    if name == comm:
        return name
    try:
        return kept_name(comm, exe, arguments(at, of=of))
    except OSError:
        return name


def arguments(at: Path, limit_bytes: int = ARGUMENTS_MAX_BYTES, of: Hashable = None) -> list[str]:
    """The arguments of the process at /proc/PID, at most so many bytes of them. Raises OSError."""
    return head(at.parent, f"{at.name}/cmdline", limit_bytes, of).decode(errors="replace").rstrip("\0").split("\0")
