"""Whose evidence a state directory has. An image that was made of an instance brings that one's along, and what it says of its
calls, boots and rehearsals tells nothing of the instances that are launched from the image.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from imds_probe.errors import ProbeError
from imds_probe.system.machine import firmware_id
from imds_probe.system.small_file import read_head
from imds_probe.system.state_directory import LOCK, check_directory, check_file
from imds_probe.watch import boots, history_format, rehearsed
from imds_probe.watch.sealed import replace

FILE = "instance"
SIZE_MAX_BYTES = 100
_ID = re.compile(r"[0-9a-f-]{8,40}|i-[0-9a-f]{8,17}")
_EVIDENCE = (history_format.FILE, boots.FILE, rehearsed.FILE)


def of_another(directory: Path, root: Path) -> str:
    """The instance that wrote what is in the state directory, where that is not the one below `root`; empty where it is, and where
    that cannot be told. Raises ProbeError or OSError where the directory is not ours alone, or cannot be read.
    """
    noted = _noted(directory)
    here = firmware_id(root) if noted else ""
    return noted if here and noted != here else ""


def claim(directory: Path, root: Path, say: Callable[[str], None]) -> None:
    """Have the state directory be this instance's: what another one left in it is moved into a directory there. What was left
    before this was noted is taken for this instance's. Raises ProbeError.
    """
    try:
        other, here = _noted(directory), firmware_id(root)
        if not here or other == here:
            return
        if other:
            aside = directory / f"of-{other}"
            _put_aside(directory, aside)
            say(
                f"{directory} has the evidence of another instance, {other}: it is kept in {aside} and does not count here"
            )
        replace(directory / FILE, f"{here}\n".encode())
    except OSError as error:
        raise ProbeError(
            f"{directory} cannot be written: {error.strerror}", "Free space on its disk, or make it writable."
        ) from None


def _noted(directory: Path) -> str:
    check_directory(directory)
    if not check_file(directory / FILE):
        return ""
    noted = read_head(directory / FILE, SIZE_MAX_BYTES).decode("latin-1").strip()
    return noted if _ID.fullmatch(noted) else ""


def _put_aside(directory: Path, aside: Path) -> None:
    if aside.exists():  # of a start that was killed here, or of an instance that came back
        shutil.rmtree(aside)
    aside.mkdir(mode=0o700)
    for each in sorted(directory.iterdir(), reverse=True):  # the sign that a history was begun before the file itself
        if each.name.startswith(_EVIDENCE):
            os.rename(each, aside / each.name)
    # No daemon has begun here, unless it is at work.
    with contextlib.suppress(FileNotFoundError, BlockingIOError), (directory / LOCK).open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lock.truncate()
