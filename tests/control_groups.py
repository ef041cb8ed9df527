"""Control groups that tests make, and take away again, on this very machine."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from soon import wait_for


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
            here = hierarchy / path.strip("/")
            wait_for(lambda here=here, top=hierarchy: _is_made(here, top, made))
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


def _is_made(directory: Path, top: Path, made: list[Path]) -> bool:
    """With those above it up to `top`, of which somebody else, who has made them too, may take an empty one away meanwhile."""
    above = [each for each in reversed(directory.parents) if each.is_relative_to(top) and each != top]
    try:
        for each in (*above, directory):
            with contextlib.suppress(FileExistsError):
                each.mkdir()
                made.append(each)
    except FileNotFoundError:
        return False
    return directory.is_dir()


class Frozen:
    """A control group of the freezer of version 1. What is in it and frozen does not even die when it is killed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def take(self, pid: int) -> None:
        """Freeze a process."""
        (self._directory / "cgroup.procs").write_text(f"{pid}\n")
        (self._directory / "freezer.state").write_text("FROZEN\n")
        wait_for(lambda: (self._directory / "freezer.state").read_text() == "FROZEN\n")

    def thaw(self) -> None:
        """Let go."""
        (self._directory / "freezer.state").write_text("THAWED\n")


@contextlib.contextmanager
def frozen(name: str) -> Iterator[Frozen]:
    """A group of this name that freezes; what is in it is let go, and the group removed."""
    with contextlib.ExitStack() as stack:
        freezer = Path("/sys/fs/cgroup/freezer")
        if not (freezer / "cgroup.procs").exists():
            freezer = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            subprocess.run(["mount", "-t", "cgroup", "-o", "freezer", "freezer", freezer], check=True)
            stack.callback(subprocess.run, ["umount", freezer], check=True)
        directory = freezer / name
        directory.mkdir()
        stack.callback(lambda: wait_for(lambda: _removed(directory)))
        group = Frozen(directory)
        stack.callback(group.thaw)
        yield group


@contextlib.contextmanager
def starving(name: str, *pids: int) -> Iterator[None]:
    """Give processes no memory beyond what they have, so that the kernel kills them over the next page that they need."""
    base = Path("/sys/fs/cgroup")
    version_2 = (base / "cgroup.controllers").exists()
    directory = (base if version_2 else base / "memory") / name
    if version_2:
        (base / "cgroup.subtree_control").write_text("+memory")
    directory.mkdir()
    try:
        limits = ("memory.max", "memory.swap.max") if version_2 else ("memory.limit_in_bytes",)
        for limit in limits:
            with contextlib.suppress(FileNotFoundError):  # a kernel without swap
                (directory / limit).write_text("0")
        for pid in pids:
            (directory / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        wait_for(lambda: _removed(directory))


def _removed(directory: Path) -> bool:
    try:
        directory.rmdir()
    except OSError:
        return False  # something in it has yet to end
    return True
