"""What a running process has loaded, and where its interpreter looks for libraries: all from /proc, nothing is executed.

Paths are as the process sees them, below its own root directory. Source: proc(5).
"""

from __future__ import annotations

import errno
import os
import posixpath
import re
from collections.abc import Collection, Iterator
from dataclasses import field, replace
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.facts.sdk_settings import Variable
from imds_probe.inventory.sdks import java, java_properties
from imds_probe.inventory.sdks.profiles import CHOOSING
from imds_probe.inventory.sdks.recogniser import Recogniser, Runtime
from imds_probe.inventory.sdks.recognisers import RECOGNISERS
from imds_probe.inventory.sdks.start import Start
from imds_probe.inventory.sdks.variables import variables_in
from imds_probe.system.small_file import needed, read_links, read_several

MAPS_LIMIT_BYTES = 4 * 1024 * 1024  # a JVM with thousands of mappings has some hundred KB
LIMIT_BYTES = 256 * 1024
DELETED = " (deleted)"  # what the kernel puts behind the path of a file that has no name any more: proc(5)
DESCRIPTORS_MAX = 20_000  # looked at of a JVM, for the archives that it holds open
# The environment first: it is the one of them that may be missed.
_FILES = (("environ", LIMIT_BYTES), ("cmdline", LIMIT_BYTES), ("statm", 64), ("maps", MAPS_LIMIT_BYTES))
_LINKS = ("exe", "root", "cwd")
_RUNTIMES = [(each, each.runtime) for each in RECOGNISERS if each.runtime is not None]
# Names of programs, without numbers at their ends, whose own file is long and holds no SDK: what they run matters.
INTERPRETERS = frozenset({"perl", "bash", "dash"}).union(*(runtime.programs for _, runtime in _RUNTIMES))
VARIABLES = frozenset[str]().union(*(runtime.variables for _, runtime in _RUNTIMES))
_MAPPED = re.compile(rb"^\S+ \S+ \S+ \S+ [1-9]\d* +(/.*)$", re.MULTILINE)  # those with an inode have a file


@dataclass(frozen=True)
class Running:
    """One process. `loaded` are the files that it has mapped or holds open: its executable, shared objects, archives.

    `directories` are where libraries would be found, each behind the key of the recogniser that knows them, the most
    specific first; they need not exist. `base` are those of a Python outside of its virtual
    environment, whose prefix may be one of `prefixes`. `scripts` are what an interpreter may have been started with.
    `replaced` are files that are mapped and no longer there: an upgrade that the process has not seen yet.
    `without_tls` is a directory of modules that is to be asked whether TLS is one of them: then this process has not
    loaded it. `variables` are those that were asked for and that are set in its environment; None where that may not be read.
    `choosing` are those of CHOOSING that are set, with their values. `own_code` is how it was started, behind the key of each
    recogniser that reads its own code or settings. `properties` are those of a JVM that steer SDKs.
    `unread` says why it may have more loaded than this.
    """

    pid: int
    executable: str
    loaded: frozenset[str]
    directories: tuple[tuple[str, str], ...]
    replaced: frozenset[str] = frozenset()
    base: tuple[tuple[str, str], ...] = ()
    prefixes: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    without_tls: str = ""
    variables: tuple[Variable, ...] | None = ()
    choosing: tuple[tuple[str, str], ...] = ()
    own_code: tuple[tuple[str, Start], ...] = ()
    unread: str = ""
    properties: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # their values may be secrets


@dataclass(frozen=True)
class Process:
    """One process as /proc has it. `replaced` as of Running, `environ` is the content of its file, or why that is hidden; `root`
    is the text of the link to its root directory. `cut_short`: it has more mapped than was read.
    """

    start: Start
    replaced: frozenset[str]
    environ: bytes | OSError
    root: str
    cut_short: bool = False


def process(proc: Path, pid: int, below: Path | None = None, variables: Collection[str] = VARIABLES) -> Process | None:
    """One process, with these variables of its environment; None where it has ended or is a kernel's. `below` is its root
    directory, where that is known by another name. Raises PermissionError where it may not be looked at, TimeoutError where it
    does not answer.
    """
    at = proc / str(pid)
    environ, *rest = read_several(at, _FILES, _LINKS)
    try:
        cmdline, statm = map(needed, rest[:2])
        arguments = _split(cmdline)
        # Kernel threads and zombies have no arguments and no memory; a program may have wiped its arguments.
        if not arguments and statm.split()[:1] in ([], [b"0"]):
            return None
        maps, exe, root_link, cwd = map(needed, rest[2:])
    except (PermissionError, TimeoutError):
        raise
    except OSError as error:
        if error.errno == errno.EHOSTDOWN:
            raise TimeoutError(*error.args) from None
        return None
    executable, root, directory = map(os.fsdecode, (exe, root_link, cwd))
    mapped, replaced = _mapped(maps, root)
    if executable.endswith(DELETED):
        executable = executable.removesuffix(DELETED)
        replaced.add(_below(executable, root))
    executable = _below(executable, root)
    environment = _environment(environ, variables)
    start = Start(executable, _below(directory, root), tuple(arguments), environment, mapped, below or at / "root")
    return Process(start, frozenset(replaced), environ, root, len(maps) >= MAPS_LIMIT_BYTES)


def look(proc: Path, pid: int, below: Path | None = None, variables: Collection[str] = ()) -> Running | None:
    """What one process has loaded; see `process`. `variables` are names that are asked for in its environment."""
    found = process(proc, pid, below, VARIABLES | CHOOSING | java_properties.VARIABLES)
    if found is None:
        return None
    choosing = {name: value for name, value in found.start.environment.items() if name in CHOOSING}
    own = {name: value for name, value in found.start.environment.items() if name in VARIABLES}
    start = replace(found.start, environment=own)
    here = list(runtimes(start.executable, start.mapped))
    loaded = {start.executable, *start.mapped}
    is_java = any(recogniser is java.RECOGNISER for recogniser, _ in here)
    unread = f"process {pid} has more files mapped than were looked at" if found.cut_short else ""
    if ends := tuple(end for _, runtime in here for end in runtime.holds_open):
        held, whole = _held_open(proc / str(pid), found.root, ends)
        loaded.update(held)
        if not whole:
            unread = f"process {pid} has more files open than were looked at"
    directories = [(recogniser.key, place) for recogniser, runtime in here for place in runtime.places(start)]
    return Running(
        pid,
        start.executable,
        frozenset(loaded),
        tuple(dict.fromkeys(directories)),
        replaced=found.replaced,
        base=tuple((recogniser.key, place) for recogniser, runtime in here for place in runtime.base(start)),
        prefixes=tuple(prefix for _, runtime in here for prefix in runtime.prefixes(start)),
        scripts=tuple(start.scripts()) if any(runtime.reads_scripts for _, runtime in here) else (),
        without_tls=next((asked for _, runtime in here if (asked := runtime.without_tls(start))), ""),
        unread=unread,
        choosing=tuple(choosing.items()),
        own_code=tuple((each.key, start) for each, runtime in here if runtime.own_code is not None),
        properties=tuple(java_properties.given(start.arguments, found.start.environment).items()) if is_java else (),
        variables=None if isinstance(found.environ, OSError) else variables_in(found.environ, variables),
    )


def runtimes(executable: str, mapped: frozenset[str]) -> Iterator[tuple[Recogniser, Runtime]]:
    """What runs here, by the program's name or what it has mapped."""
    name = posixpath.basename(executable)
    libraries = {posixpath.basename(path).partition(".so")[0] for path in mapped}
    for recogniser, runtime in _RUNTIMES:
        if runtime.runs(name, libraries):
            yield recogniser, runtime


def _mapped(maps: bytes, root: str) -> tuple[frozenset[str], set[str]]:
    """Files that are mapped, and those of them that are gone."""
    there: set[str] = set()
    gone: set[str] = set()
    for raw in set(_MAPPED.findall(maps)):
        path = raw.decode(errors="replace")
        (gone if path.endswith(DELETED) else there).add(_below(path.removesuffix(DELETED), root))
    return frozenset(there), gone


def open_archives(at: Path, root: str, ends: tuple[str, ...]) -> Iterator[str]:
    """Files whose names end so that the process at /proc/PID holds open. Raises PermissionError where it may not be looked at."""
    yield from _held_open(at, root, ends)[0]


def _held_open(at: Path, root: str, ends: tuple[str, ...]) -> tuple[list[str], bool]:
    """The same, and whether it has no more files open than were looked at."""
    try:
        targets = read_links(at / "fd", DESCRIPTORS_MAX)
    except PermissionError:
        raise
    except OSError:
        return [], True  # it has ended
    held = [_below(each, root) for each in targets if each.startswith("/") and each.endswith(ends)]
    return held, len(targets) < DESCRIPTORS_MAX


def _environment(environ: bytes | OSError, variables: Collection[str]) -> dict[str, str]:
    """Only what says where libraries are; others may be secrets. Empty where it may not be read."""
    if isinstance(environ, OSError):
        return {}
    return {name: value for name, value in all_variables(environ).items() if name in variables}


def all_variables(environ: bytes) -> dict[str, str]:
    """What the content of /proc/PID/environ sets. The last of a name counts. It may have secrets, and is not to be kept."""
    pairs = (entry.partition("=") for entry in _split(environ))
    return {name: value for name, separator, value in pairs if separator}


def arguments_of(cmdline: bytes) -> list[str]:
    """What /proc/PID/cmdline has."""
    return _split(cmdline)


def _split(content: bytes) -> list[str]:
    return [part.decode(errors="replace") for part in content.split(b"\0") if part]


def _below(path: str, root: str) -> str:
    """The path without the root directory of a process that was chrooted without a mount namespace of its own."""
    return path if root == "/" else path.removeprefix(root) or "/"
