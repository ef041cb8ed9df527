"""What a walk over a disk hands on: mostly told by names alone, as it meets half a million files."""

from __future__ import annotations

import os

from imds_probe.dataclass import dataclass

EXECUTABLE = 0o111


@dataclass(frozen=True)
class Scripts:
    """Files whose names have one of `ends`, of this size or longer, but not in directories below one of `not_below`."""

    ends: tuple[str, ...]
    not_below: tuple[str, ...]
    min_bytes: int


@dataclass(frozen=True)
class Sought:
    """What a walk hands on, mostly by name alone, in this order of what counts: directories of these names, whose files are
    looked at like others; no file with one of the endings `data`; files whose names end or begin so; scripts; nothing with
    one of the endings `passed_over`; programs that are so long.
    """

    directories: frozenset[str]
    data: frozenset[str]
    ends: tuple[str, ...]
    begins: tuple[str, ...]
    scripts: tuple[Scripts, ...]
    passed_over: frozenset[str]
    program_min_bytes: int

    def takes(self, name: str) -> bool | None:
        """Whether a file is handed on by its name; None where its size decides."""
        _, dot, end = name.rpartition(".")
        if dot and end in self.data:
            return False
        if name.endswith(self.ends) or name.startswith(self.begins):
            return True
        if end in self.passed_over and not any(name.endswith(scripts.ends) for scripts in self.scripts):
            return False
        return None

    def takes_sized(self, name: str, directory: str, status: os.stat_result) -> bool:
        """The same of one whose size decides."""
        for scripts in self.scripts:
            if name.endswith(scripts.ends):
                inside = any(f"/{other}" in directory for other in scripts.not_below)
                return not inside and status.st_size >= scripts.min_bytes
        return bool(status.st_mode & EXECUTABLE) and status.st_size >= self.program_min_bytes
