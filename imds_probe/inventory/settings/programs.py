"""Find the running programs of a piece of software, with what they were started with."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.system.procfs import processes
from imds_probe.system.small_file import read_head, read_link

LIMIT_BYTES = 256 * 1024  # of an environment or command line
SCRIPT_ARGUMENTS = 4  # an interpreter's script stands among the first of them
SAME_MAX = 16  # workers of one program are alike; of one user, as another may call his own so


@dataclass(frozen=True)
class Program:
    """One process. `name` is that of the file by which it was found. `environment` holds only the variables that were asked
    for; None where it may not be read.
    """

    pid: int
    name: str
    arguments: tuple[str, ...]
    directory: str
    environment: Mapping[str, str] | None


def running(proc: Path) -> list[int]:
    """The processes there are; none where `proc` is no /proc, as below the root of a system that does not run."""
    try:
        return processes(proc)
    except (FileNotFoundError, NotADirectoryError):
        return []


def find(
    proc: Path, pids: Iterable[int], ends: Mapping[str, Sequence[str]], variables: Collection[str]
) -> dict[str, list[Program]]:
    """The processes among `pids` whose executable or script has a path with one of the ends, by the key of `ends`.

    What has ended meanwhile is left out. Only the named `variables` are kept of an environment: others may be secrets.
    """
    by_last: dict[str, list[tuple[str, str]]] = {}
    for key, paths in ends.items():
        for path in paths:
            by_last.setdefault(path.rpartition("/")[2], []).append((key, f"/{path.strip('/')}"))
    found: dict[str, list[Program]] = {key: [] for key in ends}
    same: Counter[tuple[str, int]] = Counter()
    for pid in pids:
        at = proc / str(pid)
        try:
            arguments = _split(read_head(at / "cmdline", LIMIT_BYTES))
        except OSError:
            continue
        if not arguments:
            continue  # a kernel thread, or a process that is ending
        own = {_link(at / "exe"), *(f"/{argument.lstrip('/')}" for argument in arguments[:SCRIPT_ARGUMENTS])}
        keys = {
            key: end.rpartition("/")[2]
            for path in own
            for key, end in by_last.get(path.rpartition("/")[2], ())
            if path.endswith(end)
        }
        for key, name in keys.items():
            who = key, _user(at)
            same[who] += 1
            if same[who] <= SAME_MAX:
                found[key].append(_program(at, pid, name, arguments, variables))
    return found


def _program(at: Path, pid: int, name: str, arguments: Sequence[str], variables: Collection[str]) -> Program:
    return Program(pid, name, tuple(arguments), _link(at / "cwd") or "/", _environment(at, variables))


def _user(process: Path) -> int:
    try:
        return os.stat(process).st_uid
    except OSError:
        return -1  # it has ended


def _environment(at: Path, variables: Collection[str]) -> dict[str, str] | None:
    try:
        content = read_head(at / "environ", LIMIT_BYTES)
    except OSError:
        return None
    kept: dict[str, str] = {}
    for entry in _split(content):
        name, separator, value = entry.partition("=")
        if separator and name in variables:
            kept.setdefault(name, value)  # getenv(3) finds the first
    return kept


def _split(content: bytes) -> list[str]:
    return [part.decode(errors="replace") for part in content.split(b"\0") if part]


def _link(path: Path) -> str:
    try:
        return read_link(path).removesuffix(" (deleted)")
    except OSError:
        return ""
