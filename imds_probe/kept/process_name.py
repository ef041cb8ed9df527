"""What a process may be called in a report. A program can give itself any name, also one that is a secret."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from imds_probe.kept.programs import FETCHERS, INTERPRETERS, KNOWN
from imds_probe.kept.shapes import LOWER, OMITTED, is_name

NAME_MAX = 15  # the kernel's own limit: TASK_COMM_LEN in <linux/sched.h>
DELETED = " (deleted)"
# runc while it makes a container: nsexec.c
_IN_BETWEEN = ("runc:[0:PARENT]", "runc:[1:CHILD]", "runc:[2:INIT]")


def file_name(path: str) -> str:
    """The name of a program's file, as the kernel has its path in /proc/PID/exe."""
    return posixpath.basename(path.removesuffix(DELETED))


def family(name: str) -> str:
    """A program's name without the version that distributions put behind it: "python" of "python3.11"."""
    return name.rstrip("0123456789.-") or name


def is_named_after(name: str, exe: str) -> bool:
    """Whether a name is that of the program's file, perhaps with another version, or of a program that is known."""
    return name in KNOWN or family(name) in INTERPRETERS or name == file_name(exe) or _is_shorter(name, file_name(exe))


def kept_name(comm: str, exe: str | None, arguments: Sequence[str]) -> str:
    """The name that the kernel has for a process, if it is that of its program's file or of the script that it runs; else
    the file's own. `exe` is None where the file is not known any more: then a name that looks like a program's is kept.
    """
    comm = comm.strip("\n")[:NAME_MAX]
    if exe is None:
        return comm if is_name(comm) and (comm in KNOWN or LOWER.issuperset(comm[:4])) else OMITTED
    if any(comm == each[:NAME_MAX] for each in (file_name(exe), *KNOWN, *_IN_BETWEEN)) or is_named_after(comm, exe):
        return comm
    if family(file_name(exe)) in INTERPRETERS:
        scripts = (file_name(argument[:4096]) for argument in arguments[1:6] if "/" in argument)
        if any(comm == script[:NAME_MAX] and is_name(script) for script in scripts):
            return comm
    name = file_name(exe)[:NAME_MAX]
    return name if name.isprintable() and name else OMITTED


def _is_shorter(name: str, file: str) -> bool:
    return len(name) > 1 and family(name) == family(file) and file.startswith(name)


def is_fetcher(path: str | None) -> bool:
    """Whether a program, or a script of an interpreter, is one that others ask with."""
    return path is not None and file_name(path) in FETCHERS
