"""Places where files cannot be written, for tests of what writes them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, TypeVar

CLONE_NEWNS = 0x20000
Result = TypeVar("Result")


def on_disk(
    directory: Path, state: Literal["full", "read-only"], act: Callable[[], Result], size_kib: int = 64
) -> Result:
    """What `act` gives while a file system of that size that is full or read-only is at `directory`, which is made.

    In a thread that has its own mounts, so that nothing is left of them and a user namespace will do.
    """

    def run() -> Result:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNS):
            raise OSError(ctypes.get_errno(), "no mounts of its own")
        options = f"size={size_kib}k,mode=755,{'ro' if state == 'read-only' else 'rw'}"
        for command in (("--make-rprivate", "/"), ("-t", "tmpfs", "-o", options, "tmpfs", str(directory))):
            subprocess.run(["mount", *command], check=True)
        if state == "full":
            fill(directory)
        return act()

    directory.mkdir()
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(run).result()


def fill(directory: Path) -> None:
    """Leave no room for one more block."""
    with open(directory / "filler", "wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass


def of_somebody_else(directory: Path) -> Path:
    """A directory of a user who is neither root nor us."""
    directory.mkdir()
    try:
        os.chown(directory, 65534, 65534)
    except OSError:  # a user namespace with one user, to whom the machine's root is somebody else
        return Path("/usr")
    return directory


def as_ordinary_user(code: str) -> str:
    """What a program prints that has no privilege, and for which modes count."""
    done = subprocess.run(
        ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ) | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
