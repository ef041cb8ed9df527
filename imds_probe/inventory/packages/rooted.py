"""Find a path below another system's root without being led out of it by that system's links."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from imds_probe.system import rootfs
from imds_probe.system.confined import FileUnanswered, FileUnreadable

LINKS_MAX = 40  # what Linux itself follows in one look-up: path_resolution(7)


class LinkLoop(OSError):
    """More links than the kernel would follow."""


def to_look(trouble: OSError | FileUnreadable) -> str:
    """The remedy for what could not be looked at: root's rights are of no help where a file system does not answer."""
    unanswered = isinstance(trouble, FileUnanswered) or (
        isinstance(trouble, OSError) and trouble.errno == errno.EHOSTDOWN
    )
    return "" if unanswered else "Run as root"


def resolve(root: Path, path: str) -> Path | None:
    """The place of `path` under `root`, with links read as a process chrooted there would read them.

    None where there is nothing. Raises OSError where it cannot be looked at. What it returns was free of links when it
    was looked at; somebody who can write there can change that later.
    """
    try:
        rootfs.status(root, path)  # by whoever may wait for it: what answers is looked at more closely
    except FileUnanswered:
        raise OSError(errno.EHOSTDOWN, "its file system does not answer", str(root / path)) from None
    except rootfs.FileUnreadable:
        pass  # why not is found out here
    done: list[str] = []
    ahead = [part for part in reversed(path.split("/")) if part]
    links = 0
    while ahead:
        part = ahead.pop()
        if part == ".":
            continue
        if part == "..":
            del done[-1:]  # /.. is / at the root
            continue
        place = root.joinpath(*done, part)
        try:
            mode = place.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISLNK(mode):
            done.append(part)
            continue
        links += 1
        if links > LINKS_MAX:
            raise LinkLoop(f"too many symbolic links at {place}")
        target = os.readlink(place)
        if target.startswith("/"):
            done.clear()
        ahead.extend(part for part in reversed(target.split("/")) if part)
    return root.joinpath(*done)
