"""What a caller is a part of: the script that runs it, and what started that.

A script that calls the metadata service by curl is one client, whose curl lives for milliseconds: its request for a token and
what follows are made by different processes.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import NamedTuple

from imds_probe.inventory.containers.processes import start_ticks
from imds_probe.kept.command_line import script_of
from imds_probe.kept.process_name import family, file_name, is_fetcher, kept_name
from imds_probe.system.called import arguments
from imds_probe.system.small_file import read_head, read_link

PARENTS_MAX, GENERATIONS_MAX = 4, 8
SHELLS = frozenset(("sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish"))
# What runs another program and has nothing to say about why.
WRAPPERS = frozenset(
    (
        *(
            "timeout",
            "env",
            "nice",
            "ionice",
            "nohup",
            "setsid",
            "flock",
            "xargs",
            "chroot",
            "unshare",
            "nsenter",
            "time",
        ),
        *("sudo", "su", "runuser", "setpriv", "gosu", "su-exec", "tini", "dumb-init", "stdbuf", "chronic", "taskset"),
        *("run-parts", "busybox", "toybox", "tee", "watch", "find", "parallel", "doas", "pkexec", "script", "unbuffer"),
        *("systemd-cat", "systemd-inhibit", "logger", "strace", "cgexec", "prlimit", "chrt", "faketime", "envdir"),
    )
)
# Whoever runs containers: outside of the container, and no answer to what is wrong in it.
RUNTIMES = ("containerd", "dockerd", "conmon", "crun", "runc", "youki", "lxc-", "crio", "podman", "systemd-nspawn")
Process = tuple[int, int | None]  # its number and when it began, in ticks since boot; None where that is not known


class Ancestor(NamedTuple):
    """One process above a caller. `script` is as script_of has it."""

    pid: int
    name: str
    exe: str | None
    script: str | None
    words: tuple[str, ...]
    is_root: bool = True  # nothing above it could not be looked at

    @property
    def is_about_to_end(self) -> bool:
        return self.exe is None or (self.script is not None and not any(self.words))

    @property
    def is_wrapper(self) -> bool:
        return self.script == "" or file_name(self.exe or self.name) in (WRAPPERS if self.exe else WRAPPERS | SHELLS)


class Ancestry(NamedTuple):
    """What is above one process. `script` runs it, or is what it runs itself; None where none has a name. `started_by` is the
    name of what started that, or a script of that. `acts_for` is the process that is the client: itself, or its script.
    `whole`: all of them could be looked at. One that is about to end has no program or arguments any more.
    """

    parents: tuple[str, ...]
    script: str | None
    started_by: str | None
    acts_for: Process
    whole: bool


def is_runtime(name: str) -> bool:
    """Whether a name is that of a program which runs containers."""
    return name.startswith(RUNTIMES)


def ancestry_of(
    proc: Path, process: Process, parent: int, *, words: Sequence[str], exe: str | None, of: Hashable
) -> Ancestry:
    """That of a process with this parent, arguments and program. `of` as for own_memory.heads."""
    own = script_of(words, exe)
    asked_with = is_fetcher(own or exe)
    above = _above(proc, parent, of, sought=2 if own == "" or asked_with else 1)
    script, rest = own or None, 0
    if own == "" or asked_with:
        named, rest = _named(above)
        script = named or script
    started_by = next((_said(each) for each in above[rest:] if not each.is_wrapper), None)
    return Ancestry(
        parents=tuple(each.name for each in above[:PARENTS_MAX]),
        script=script,
        started_by=None if started_by is None or is_runtime(started_by) else started_by,
        acts_for=_client(proc, process, words, exe, above) if is_shell(exe) or asked_with else process,
        whole=not above or (above[-1].is_root and not any(each.is_about_to_end for each in above)),
    )


def _named(above: Sequence[Ancestor]) -> tuple[str | None, int]:
    """The script that runs something, and how many of those above come before what started that."""
    for at, each in enumerate(above):
        if each.script:
            copies = sum(1 for other in above[at:] if other.words == each.words)  # as parentheses and pipes make them
            return each.script, at + copies
        if not each.is_wrapper:
            break
    return None, 0


def _client(proc: Path, process: Process, words: Sequence[str], exe: str | None, above: Sequence[Ancestor]) -> Process:
    """The shell that runs a fetcher; of a shell, the one that it is a copy of, as parentheses and pipes make them. Those that
    are about to end have no arguments any more, and are no copies of each other.
    """
    found, said = process, (exe, tuple(words)) if is_shell(exe) else None
    for each in above:
        if said is None and each.script is None and each.is_wrapper:
            continue
        if each.script is None or (said is not None and (said != (each.exe, each.words) or not any(each.words))):
            break
        found, said = (each.pid, start_ticks(proc, each.pid)), (each.exe, each.words)
    return found


def is_shell(exe: str | None) -> bool:
    return exe is not None and family(file_name(exe)) in SHELLS


def _above(proc: Path, first: int, of: Hashable, *, sought: int) -> list[Ancestor]:
    """The nearest first, PARENTS_MAX of them at least. Arguments are read up to where `sought` of them have a name of their own: a
    script, and what started that.
    """
    found: list[Ancestor] = []
    parent = first
    while parent > 1 and len(found) < (GENERATIONS_MAX if sought else PARENTS_MAX):
        at = proc / str(parent)
        try:
            status = status_of(at)
        except OSError:
            found[-1:] = [found[-1]._replace(is_root=not sought)] if found else []
            break
        ancestor = _ancestor(at, parent, status.get("Name", ""), of, with_arguments=sought > 0)
        if sought and not ancestor.is_wrapper and not (found and found[-1].words == ancestor.words):
            sought = sought - 1 if ancestor.script else 0
        found.append(ancestor)
        above = status.get("PPid", "0")
        parent = int(above) if above.isdigit() else 0
    return found


def _ancestor(at: Path, pid: int, comm: str, of: Hashable, *, with_arguments: bool) -> Ancestor:
    try:
        exe = read_link(at / "exe")
    except OSError:
        return Ancestor(pid, kept_name(comm, None, ()), None, None, ())
    name, words = kept_name(comm, exe, ()), list[str]()
    runs_others = with_arguments and (script_of((), exe) is not None or file_name(exe) in ("busybox", "toybox"))
    if name != comm or runs_others:
        try:
            words = arguments(at, of=of)
        except OSError:
            words = []
        name = kept_name(comm, exe, words)
    script = script_of(words, exe) if runs_others else None
    if script and file_name(script) in WRAPPERS:
        script = ""  # as GNU's parallel is one of perl
    return Ancestor(pid, name, exe, script, tuple(words))


def _said(ancestor: Ancestor) -> str:
    return ancestor.script or ancestor.name


def is_between(path: str) -> bool:
    """Whether a program that was executed only runs another one, which may have a name of its own."""
    return script_of((), path) is not None or file_name(path) in WRAPPERS


def status_of(at: Path) -> dict[str, str]:
    """The lines of /proc/PID/status. Raises OSError."""
    text = read_head(at / "status", 4096).decode(errors="replace")
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in pairs}
