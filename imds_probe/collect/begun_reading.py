"""What a container begins with at each of its starts, and what others start in it, in the parser: read as what is scheduled is.

The shell of an entry point mostly gives way to the application (exec "$@"), so that no process shows any more what it asked.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from imds_probe.collect.code_tasks import Begun, Due, Piece, Program
from imds_probe.collect.due_reading import of_programs, of_schedule
from imds_probe.collect.due_systems import DueSystem
from imds_probe.collect.schedules_kept import Listed
from imds_probe.dataclass import dataclass
from imds_probe.escape import encodable
from imds_probe.inventory.code import unread
from imds_probe.inventory.containers.checks import WHEN_CHECKED
from imds_probe.inventory.containers.description import Begins
from imds_probe.inventory.schedules.commands.programs import DEFAULT_PATH, MARK, SHELLS, Programs
from imds_probe.inventory.schedules.scheduled import AT_START, Place, Scheduled
from imds_probe.inventory.sdks.running import all_variables, arguments_of, process
from imds_probe.inventory.sdks.start import Start
from imds_probe.kept.shapes import OMITTED, is_path
from imds_probe.system.small_file import read_several
from imds_probe.system.unchanged import identity_of

PROCESSES_MAX, CMDLINE_BYTES = 300, 64 * 1024
# Where images have their entry points, for containers of which no record says what they begin with.
USUAL = tuple(
    f"{directory}/{name}"
    for directory in ("", "/usr/local/bin", "/usr/bin", "/app", "/opt")
    for name in ("docker-entrypoint.sh", "entrypoint.sh", "entrypoint", "docker-entrypoint", "start.sh", "run.sh")
)
PATHS_MAX, SHARED_MAX = 3000, 20_000  # of one, and of all together: the parser has little memory
# Variables of one container alone. A script that takes a path from them is nowhere the same.
_OF_ONE = frozenset(
    (
        *("HOSTNAME", "ECS_CONTAINER_METADATA_URI", "ECS_CONTAINER_METADATA_URI_V4", "ECS_AGENT_URI"),
        *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "POD_NAME", "POD_IP", "POD_UID"),
    )
)
SCRIPT_MAX_BYTES = 256 * 1024
_SHELLS = frozenset(f"{top}/bin/{name}" for top in ("", "/usr", "/usr/local") for name in SHELLS)
# Variables as an environment has them; of those with a default, that counts.
_USED = re.compile(r"\$\{?([A-Z][A-Z0-9_]{0,60})")
_DEFAULT = re.compile(r"\$\{([A-Z][A-Z0-9_]{0,60}):?[-=]")
_ARE_SHELLS = SHELLS | {"toybox"}
_INITS = frozenset(("init", "s6-svscan"))  # they start the command behind them once they have started all else


@dataclass
class _Inside:
    """What runs in the container: `commands` by their executables and arguments. `environment` and `directory` are those of its
    first process, whose command line are the `words`.
    """

    words: tuple[str, ...] = ()
    directory: str = "/"
    environment: Mapping[str, str] = field(default_factory=dict)
    commands: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    executables: set[str] = field(default_factory=set)
    is_whole: bool = False  # the environment


@dataclass(frozen=True)
class _Known:
    """What a container came to, and the files that this stood on."""

    paths: tuple[str, ...]
    identities: tuple[tuple[int, ...] | None, ...]
    found: tuple[tuple[Listed, tuple[Due, ...]], ...]

    @property
    def weight(self) -> int:
        """How many paths it has in all."""
        programs = [due.piece.program for _, dues in self.found for due in dues if due.piece.program is not None]
        return len(self.paths) + sum(len(each.parts) + len(each.loaded) + len(each.roots) for each in programs)


_shared: dict[object, _Known] = {}


def of_begun(begun: Begun, system: DueSystem) -> Iterator[tuple[Listed, tuple[Due, ...]]]:
    """What it begins with, each command line with what that comes to. What runs as a process was read by that. Containers of one
    image that begin alike come to the same, as long as all files are that it stands on.
    """
    inside = _inside(begun, system)
    key = _key(begun, inside, system)
    known = _shared.get(key)
    if known is not None and _identities(known.paths, system) == known.identities:
        yield from known.found
        return
    files, ground = system.commands.files, system.ground
    files.trail = system.trail = ground.trail = set()
    system.remembers, said = True, files.said
    found = tuple(_found(begun, inside, system))
    paths = tuple(sorted(files.trail | system.trail))
    files.trail = ground.trail = None
    cut_short = any(
        due.piece.program is not None and due.piece.program.why in (unread.NO_TIME, unread.HIDDEN)
        for _, dues in found
        for due in dues
    )
    if system.remembers and files.said == said and not cut_short and not system.is_late() and len(paths) <= PATHS_MAX:
        new = _Known(paths, _identities(paths, system), found)
        if sum(each.weight for each in _shared.values()) + new.weight > SHARED_MAX:
            _shared.clear()
        if new.weight <= SHARED_MAX:
            _shared[key] = new
    yield from found


def _key(begun: Begun, inside: _Inside, system: DueSystem) -> object:
    """What tells containers apart that begin otherwise. Of each its own are its name and a few addresses."""
    environment = {name: value for name, value in inside.environment.items() if name not in _OF_ONE}
    return (
        system.reading.image,
        begun.begins,
        begun.checks,
        (inside.words, inside.directory) if begun.begins is None else (),
        tuple(sorted(environment.items())),
        frozenset(inside.commands),
    )


def _identities(paths: Sequence[str], system: DueSystem) -> tuple[tuple[int, ...] | None, ...]:
    """By what files are known again in another container of their image: each has a device of its own."""
    statuses = system.ground.statuses(paths)
    return tuple(None if status is None else identity_of(status)[1:] for status in statuses)


def at_start(begun: Begun, system: DueSystem) -> Callable[[Scheduled], tuple[Due, ...]]:
    """What comes of each thing more that is done at each start of the container, by what it begins with, in its environment."""
    inside = _inside(begun, system)

    def done(scheduled: Scheduled) -> tuple[Due, ...]:
        around = {**scheduled.environment, **inside.environment}
        if inside.is_whole:
            said = scheduled.command if isinstance(scheduled.command, str) else " ".join(scheduled.command)
            around = _with_unset(around, (said,))
        return _done(replace(scheduled, environment=around).encodable(), inside, system)

    return done


def _done(scheduled: Scheduled, inside: _Inside, system: DueSystem) -> tuple[Due, ...]:
    """Scripts of images go through files by names of variables: a shell that is given one is no more than that."""
    system.runs, system.following.shown = _is_run(inside, system), inside.executables | _SHELLS
    told = inside.executables | (_SHELLS - {scheduled.place.path})  # or it is the command itself that was not followed
    found = tuple(due for due in of_schedule(scheduled, system) if not _is_known_to_run(due, told))
    if scheduled.place.given and _is_shell_that_runs(scheduled.command, inside):
        found = tuple(replace(due, piece=replace(due.piece, spoken=())) for due in found)  # its process says it
    system.runs, system.following.shown = None, ()
    return found


def _found(begun: Begun, inside: _Inside, system: DueSystem) -> Iterator[tuple[Listed, tuple[Due, ...]]]:
    programs, path = Programs(system.commands.files), ""
    for words, directory, is_handed in _begins(begun, inside, system):
        if system.is_late():
            return
        if not is_handed:
            path = programs.found(words[0], inside.environment.get("PATH") or DEFAULT_PATH, directory)
            path = path or (words[0] if is_path(words[0]) else OMITTED)
        texts = " ".join(words), _script(path, system)
        around = _with_unset(inside.environment, texts) if inside.is_whole else inside.environment
        scheduled = Scheduled(
            words, Place(path, given=True), "boot", AT_START, environment=around, directory=directory
        ).encodable()
        yield Listed("", scheduled.place.path, "boot", AT_START, None), _done(scheduled, inside, system)
    yield from _checked(begun, inside, system)


def _checked(begun: Begun, inside: _Inside, system: DueSystem) -> Iterator[tuple[Listed, tuple[Due, ...]]]:
    """What is run in it to see whether it is well. Its image has the program, or the check fails."""
    programs = Programs(system.commands.files)
    directory = begun.begins.directory if begun.begins is not None else inside.directory
    for check in begun.checks:
        path = programs.found(check.words[0], inside.environment.get("PATH") or DEFAULT_PATH, directory)
        if not path or system.is_late():
            continue
        texts = " ".join(check.words), _script(path, system)
        around = _with_unset(inside.environment, texts) if inside.is_whole else inside.environment
        scheduled = Scheduled(
            check.words, Place(path, given=True), "scheduled", WHEN_CHECKED, check.every_s, around, directory
        ).encodable()
        yield Listed("", path, "scheduled", WHEN_CHECKED, check.every_s), tuple(of_schedule(scheduled, system))


def of_asked(begun: Begun, system: DueSystem) -> Iterator[tuple[Due, tuple[Due, ...]]]:
    """What schedules of the host run in it, each with what that comes to: nothing where there is no such program, and it is not
    sure that this container is meant.
    """
    inside = _inside(begun, system) if begun.asked else _Inside()
    directory = begun.begins.directory if begun.begins is not None else inside.directory
    for by in begun.asked:
        asked = by.asked
        if asked is None or not asked.words or system.is_late():
            continue
        name = asked.words[0] if is_path(asked.words[0]) else by.piece.program.name if by.piece.program else ""
        scheduled = Scheduled(
            asked.words,
            Place(name),
            "scheduled",
            by.started_by,
            environment={**inside.environment, **asked.environment},
            directory=asked.directory or directory,
        ).encodable()
        found = tuple((of_schedule if asked.own_text else of_programs)(scheduled, system))
        path = Programs(system.commands.files).found(
            asked.words[0], scheduled.environment.get("PATH") or DEFAULT_PATH, scheduled.directory
        )
        if path and not found:  # a text for a shell that starts nothing
            found = (Due(Piece(program=Program(encodable(path), ()))),)
        if found or asked.name is not None:
            yield by, found or (Due(by.piece),)


def _inside(begun: Begun, system: DueSystem) -> _Inside:
    proc, pids = Path(begun.processes.proc), begun.processes.pids[:PROCESSES_MAX]
    found = _Inside()
    for pid in pids[:1]:
        try:
            first = process(proc, pid, system.ground.root)
        except (PermissionError, TimeoutError):
            break
        if first is not None:
            found.words, found.directory = first.start.arguments, first.start.directory
            if not isinstance(first.environ, OSError):
                found.environment, found.is_whole = all_variables(first.environ), True
    for pid in pids:
        cmdline, exe, root = read_several(proc / str(pid), (("cmdline", CMDLINE_BYTES),), ("exe", "root"))
        if isinstance(cmdline, bytes) and isinstance(exe, bytes):
            executable = os.fsdecode(exe)
            if isinstance(root, bytes) and len(root) > 1:  # it was chrooted: the kernel says where that is for us
                executable = executable.removeprefix(os.fsdecode(root))
            found.commands.add((executable, tuple(arguments_of(cmdline)[1:])))
            found.executables.add(executable)
    return found


def _is_run(inside: _Inside, system: DueSystem) -> Callable[[Start], bool]:
    """Whether a process runs just that. A program by itself is the same whatever it is started with."""
    following = system.following

    def runs(start: Start) -> bool:
        if (start.executable, tuple(filter(None, start.arguments[1:]))) in inside.commands:
            return True
        by_itself = following.language_of(start) is None and not following.script_of(start)
        return by_itself and start.executable in inside.executables

    return runs


def _is_known_to_run(due: Due, told: Collection[str]) -> bool:
    """Whether it is an interpreter whose script only running tells, and a process of it tells; or a shell."""
    program = due.piece.program
    return program is not None and program.why == unread.NO_SCRIPT and program.name in told


def _is_shell_that_runs(command: tuple[str, ...] | str, inside: _Inside) -> bool:
    """Whether it is a text for a shell, and a shell that was handed just that runs."""
    if isinstance(command, str) or posixpath.basename(command[0]) not in SHELLS:
        return False
    arguments = tuple(filter(None, command[1:]))
    return any(
        given == arguments and posixpath.basename(executable) in _ARE_SHELLS for executable, given in inside.commands
    )


def _begins(begun: Begun, inside: _Inside, system: DueSystem) -> Iterator[tuple[tuple[str, ...], str, bool]]:
    """The command lines that it begins with, in which directory, and whether the one before was handed it."""
    known = begun.begins or Begins(inside.words, inside.directory)
    if known.words:
        yield known.words, known.directory, False
        if rest := _handed(known, inside, system):
            yield rest, known.directory, True
    if begun.begins is None:
        usual = (path for path in system.commands.files.files(USUAL) if path not in known.words)
        yield from (((path,), known.directory, False) for path in usual)


def _script(path: str, system: DueSystem) -> str:
    """The text of a script; empty of what is none."""
    files = system.commands.files
    is_script = path.startswith("/") and files.head(path, len(MARK)) == MARK
    return (files.text(path, SCRIPT_MAX_BYTES) or "") if is_script else ""


def _with_unset(environment: Mapping[str, str], texts: Sequence[str]) -> dict[str, str]:
    """With nothing for each variable that these texts use and that is not set: a container's environment is known."""
    used = {match[1]: "" for text in texts for match in _USED.finditer(text)}
    defaults = {match[1] for text in texts for match in _DEFAULT.finditer(text)}
    return {**{name: "" for name in used if name not in defaults}, **environment}


def _handed(begins: Begins, inside: _Inside, system: DueSystem) -> tuple[str, ...]:
    """What an entry point is handed, which it mostly starts in the end; nothing where the first word is the application."""
    name, rest = posixpath.basename(begins.words[0]), begins.words[1:]
    if not rest or name in SHELLS:
        return ()
    path = inside.environment.get("PATH") or DEFAULT_PATH
    at = Programs(system.commands.files).found(begins.words[0], path, begins.directory)
    is_script = bool(at) and system.commands.files.head(at, len(MARK)) == MARK
    return rest if is_script or name in _INITS else ()


def runs_of(programs: Sequence[str]) -> frozenset[str]:
    """Programs by all that software is known by: their paths, and the names of their files."""
    return frozenset((*programs, *map(posixpath.basename, programs)))
