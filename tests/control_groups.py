"""Control groups that tests make, and take away again, on this very machine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path


def hierarchies() -> list[Path]:
    """Directories of this machine's control groups: one under v2, one a hierarchy under v1."""
    base = Path("/sys/fs/cgroup")
    return [base] if (base / "cgroup.procs").exists() else [base / "pids", base / "freezer", base / "systemd"]


@contextlib.contextmanager
def control_group(path: str, *pids: int) -> Iterator[None]:
    """Move processes into a control group of this path in each hierarchy; what was made is removed."""
    made: list[Path] = []
    try:
        for hierarchy in hierarchies():
            here = hierarchy
            for part in path.strip("/").split("/"):
                here = here / part
                with contextlib.suppress(FileExistsError):
                    here.mkdir()
                    made.append(here)
            for pid in pids:
                (here / "cgroup.procs").write_text(f"{pid}\n")
        yield
    finally:
        for hierarchy in hierarchies():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    (hierarchy / "cgroup.procs").write_text(f"{pid}\n")
        for directory in reversed(made):
            with contextlib.suppress(OSError):  # somebody else has something in it by now
                directory.rmdir()
