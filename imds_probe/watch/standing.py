"""Whether a program and its script are still what they were: by the kernel's word on their files."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from imds_probe.system import rootfs
from imds_probe.system.confined import FileUnreadable
from imds_probe.system.door import FileStatus
from imds_probe.system.small_file import read_link
from imds_probe.watch.ancestry import is_between
from imds_probe.watch.caller import Caller, caller_of, said_program


class Stamps(NamedTuple):
    """Of a program and its script. Empty where there is none, or its file could not be found."""

    program: str = ""
    script: str = ""


def stamp(status: FileStatus | None, *, on_host: bool) -> str:
    """The same for as long as nobody changes the file. Of a file in a container's image, the time of its last change differs by
    when the image was unpacked.
    """
    if status is None:
        return ""
    changed_ns = status.st_ctime_ns if on_host else 0
    return f"{status.st_size}.{status.st_mtime_ns}.{changed_ns}"


def stamps_of(proc: Path, caller: Caller) -> Stamps:
    """Those of a process that is there."""
    on_host = caller.container is None
    try:
        with rootfs.program(proc, caller.pid) as file:
            program = stamp(file.status(), on_host=on_host)
    except OSError:
        program = ""
    return Stamps(program, file_stamp(proc / str(caller.pid) / "root", caller.script, on_host=on_host))


def file_stamp(root: Path, path: str | None, *, on_host: bool) -> str:
    """That of a file below a root; empty where the path is none that leads there."""
    if path is None or not path.startswith("/"):
        return ""
    try:
        return stamp(rootfs.status(root, path), on_host=on_host)
    except (FileUnreadable, OSError):
        return ""


class Running(NamedTuple):
    """A process and its stamps."""

    caller: Caller
    stamps: Stamps


def running(proc: Path, pids: Iterable[int], programs: Collection[str]) -> list[Running]:
    """The processes among these that run one of the programs, or may run a script."""
    found = []
    for pid in pids:
        try:
            exe = read_link(proc / str(pid) / "exe")
        except OSError:
            continue
        if exe not in programs and not is_between(exe):
            continue
        caller = caller_of(proc, pid)
        if caller is not None and (caller.script or said_program(caller) in programs):
            found.append(Running(caller, stamps_of(proc, caller)))
    return found
