"""The main job with a record of each path that its own process names to the kernel, without its readers.

As a program: own_reads.py ROOT ARGUMENTS... runs `imds-probe run` with these arguments, and says on the last line of standard
error which paths at or below ROOT it named, with the calls. What begins at a directory that is held open is not counted. For
"content" it did not go there itself, but had it brought what is in a file.
"""

from __future__ import annotations

import functools
import io
import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from imds_probe.reading import messages as m
from imds_probe.reading.places import Places

CALLS = ("open", "stat", "lstat", "readlink", "listdir", "scandir", "access", "statvfs")
# In its own time, after the last of what is assessed: see commands/switched_off.py.
SWITCH = "imds-probe-switch"


def recorded(root: str, seen: set[str], name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """The same call, which is put on record."""

    @functools.wraps(call)
    def wrapper(path: Any = ".", *arguments: Any, **named: Any) -> Any:
        text = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
        below = (text == root or text.startswith(f"{root}/")) and named.get("dir_fd") is None
        if below and threading.current_thread().name != SWITCH:
            seen.add(f"{name} {text.removeprefix(root) or '/'}")
        return call(path, *arguments, **named)

    return wrapper


def with_content(root: str, seen: set[str], asked: Callable[..., Any]) -> Callable[..., Any]:
    """The same for what is asked of an opener."""

    def wrapper(places: Any, request: Any) -> Any:
        if isinstance(request, m.Open) and os.fsdecode(request.root) == root:
            seen.add(f"content {os.fsdecode(request.path)}")
        return asked(places, request)

    return wrapper


def _main(root: str, *arguments: str) -> int:
    from imds_probe.commands.dispatch import main

    seen: set[str] = set()
    for name in CALLS:
        setattr(os, name, recorded(root, seen, name, getattr(os, name)))
    Places._asked = with_content(root, seen, Places._asked)  # type: ignore[method-assign]
    io.open = recorded(root, seen, "open", io.open)  # type: ignore[assignment]
    try:
        return main(["run", "--root", root, *arguments])
    finally:
        print(json.dumps(sorted(seen)), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
