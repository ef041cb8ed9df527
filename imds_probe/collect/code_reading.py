"""What the parser reads of code: the programs that run in a system, and what lies where they look for libraries."""

from __future__ import annotations

import re
import shlex
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from imds_probe.collect.code_tasks import LYING, Lying, Owning, Piece, Program, Running
from imds_probe.collect.program_reading import (
    LEARNT_AT_A_TIME,
    PROGRAM_MIN_S,
    following_in,
    learnt_since,
    left_of,
    loads_of,
    program_of,
    spoken_encodable,
    trails_of,
)
from imds_probe.dataclass import dataclass
from imds_probe.inventory.code import unread
from imds_probe.inventory.code.environment import naming
from imds_probe.inventory.code.following import python
from imds_probe.inventory.code.following.command import start_of
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.known import Known
from imds_probe.inventory.code.following.loads import Load, Loads, below
from imds_probe.inventory.code.following.program import CODE, MACHINES, Following, known_as
from imds_probe.inventory.code.following.trail import key_of
from imds_probe.inventory.code.owned import Owned
from imds_probe.inventory.code.owning import owners
from imds_probe.inventory.code.units import Wholes, lying, spoken, units
from imds_probe.inventory.code.words import search_bytes
from imds_probe.inventory.sdks.profiles import CHOOSING, Profiles
from imds_probe.inventory.sdks.running import VARIABLES, all_variables, open_archives, process, runtimes
from imds_probe.inventory.sdks.start import Start
from imds_probe.system.small_file import control_groups, read_several

# Of the variables by which programs of Python are told of a directory of libraries. Names of the system's own are of no use.
_PLACE = re.compile(
    r"(?!PWD|OLDPWD|HOME|XDG_|SSH_|PYENV|CREDENTIALS|RUNTIME|STATE|CACHE|LOGS)\w{0,60}(?:LIBS?|LIBRARY|LIBRARIES|PATHS?|DIRS?|ROOT|BASE|PACKAGES|MODULES)"
)
FOLLOWED_BY = VARIABLES | CHOOSING | {"ERL_LIBS", "PERL5LIB", "RUBYLIB"}
# Libraries that have credentials from where a profile says, by what their packages are called, and variables that say which.
_OF_SDKS = re.compile(r"(?:aio)?boto.*|@?aws-.*|aws\.?sdk.*")
_OF_PROFILES = CHOOSING - {"HOME"}
STATM_BYTES = 64
LYING_ENDS = (".py", ".pyc", ".so", ".rb", ".pm", ".pl", ".js", ".cjs", ".mjs", ".php", ".jar")
LYING_MAX = 1000  # files of one package
# Where a library puts a copy of something for as long as it runs: what it is a copy of was read.
_COPIES = ("/tmp/", "/var/tmp/", "/dev/", "/memfd:", "/run/")  # noqa: S108 - paths to pass over


@dataclass
class _Group:
    """Processes that were started alike."""

    start: Start
    pids: list[int]
    mapped: set[str]
    replaced: set[str]


def read_running(running: Running) -> Iterator[Piece]:
    """The programs of processes, and what each loads, one after the other."""
    reading, proc = running.reading, Path(running.processes.proc)
    following = following_in(reading)
    ground, profiles = following.ground, Profiles(following.ground.root)
    groups: dict[object, _Group] = {}
    for pid in running.processes.pids:
        try:
            yield from _sorted_in(groups, following, proc, pid)
        except (PermissionError, TimeoutError):
            yield Piece(program=Program("", (pid,), why=unread.HIDDEN))
    wholes: defaultdict[frozenset[str], Wholes] = defaultdict(Wholes)
    learnt = 0
    # Programs by themselves first: what scripts load can be as much as it likes.
    for group in sorted(groups.values(), key=lambda each: following.language_of(each.start) is not None):
        yield Piece(begun=tuple(group.pids))
        now = time.monotonic()
        ground.limits.deadline = min(reading.deadline, now + max(PROGRAM_MIN_S, (reading.deadline - now) / 2))
        following.left = left = left_of(reading, group.pids)
        yield from _of_group(group, following, proc, wholes[left], profiles)
        if len(ground.learnt) - learnt >= LEARNT_AT_A_TIME:
            yield from learnt_since(ground, learnt)
            learnt = len(ground.learnt)
    yield from learnt_since(ground, learnt)
    yield from trails_of(following)
    yield Piece(searched=reading.bytes - ground.limits.bytes)


def _sorted_in(groups: dict[object, _Group], following: Following, proc: Path, pid: int) -> Iterator[Piece]:
    """Put a process to those that were started alike. Raises PermissionError and TimeoutError as running.process."""
    found = process(proc, pid, following.ground.root, FOLLOWED_BY)
    if found is None:
        yield Piece(ended=(pid,))
        return
    start = _with_addresses(found.start, found.environ, following)
    if ends := tuple(end for _, runtime in runtimes(start.executable, start.mapped) for end in runtime.holds_open):
        start = replace(start, mapped=start.mapped | set(open_archives(proc / str(pid), found.root, ends)))
    # A program by itself is one whatever it was started with, and what its processes call themselves.
    alike: object = start.executable
    if following.language_of(start) is not None or following.script_of(start):
        alike = start.executable, start.arguments, start.directory, tuple(sorted(start.environment.items()))
    group = groups.setdefault(alike, _Group(start, [], set(), set()))
    group.pids.append(pid)
    group.mapped |= start.mapped
    group.replaced |= found.replaced


def _with_addresses(start: Start, environ: bytes | OSError, following: Following) -> Start:
    """With the variables, besides, that its code may take an address of the service from, or a directory of libraries."""
    if isinstance(environ, OSError):
        return start
    names_service, is_python = bool(search_bytes(environ)), following.language_of(start) is python.LANGUAGE
    if not names_service and not is_python:
        return start
    variables = all_variables(environ)
    environment = {**start.environment, **(naming(variables) if names_service else {})}
    if is_python:
        places = {name: value for name, value in variables.items() if _PLACE.fullmatch(name) and value[:1] == "/"}
        environment = {**places, **environment}
    return replace(start, environment=environment)


def _of_group(group: _Group, following: Following, proc: Path, wholes: Wholes, profiles: Profiles) -> Iterator[Piece]:
    ground, pids = following.ground, tuple(group.pids)
    start = replace(group.start, mapped=frozenset(group.mapped) | frozenset(_in_place(group.replaced, ground)))
    loads = loads_of(start, following)
    if loads is None:
        yield Piece(ended=pids)
        return
    program, said = program_of(start, loads, ground, wholes, lambda load: _known(load, start, following, proc, pids[0]))
    if not any(_is_there(proc, pid) for pid in pids):
        yield Piece(ended=pids)  # while it was read: what could not be is no matter any more
        return
    why = program.why or _gone(group.replaced, ground)
    matters = why or loads.unresolved or program.by_name or program.roots
    cgroups = tuple(sorted({control_groups(proc, pid) for pid in pids})) if matters else ()
    yield Piece(program=replace(program, pids=pids, why=why, cgroups=cgroups), spoken=said)
    if following.left or not _OF_PROFILES.isdisjoint(start.environment) or _has_an_sdk(loads):
        yield from _for_credentials(
            start, following, profiles.with_home(start.environment, proc, pids[0]), pids, profiles
        )


def _has_an_sdk(loads: Loads) -> bool:
    return any(
        _OF_SDKS.fullmatch(name)
        for root in {each.package_root for each in loads.files if each.package_root}
        for name in known_as(root)
    )


def _for_credentials(
    start: Start, following: Following, environment: Mapping[str, str], pids: tuple[int, ...], profiles: Profiles
) -> Iterator[Piece]:
    """The programs that SDKs of a process start for their credentials, each time that these are asked for."""
    ground = following.ground
    for command in profiles.programs(environment):
        words = _words_of(command)
        found = start_of(words, ground, directory=start.directory, environment=start.environment) if words else None
        if found is None:  # what SDKs of other languages hand to a shell
            found = start_of(
                ("/bin/sh", "-c", command), ground, directory=start.directory, environment=start.environment
            )
        loads = loads_of(found, following) if found is not None else None
        if found is None or loads is None:
            continue
        program, said = program_of(found, loads, ground, Wholes(), lambda load: _unless_left(load, following))
        yield Piece(program=replace(program, pids=pids), spoken=said)


def _words_of(command: str) -> Sequence[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return ()


def _is_there(proc: Path, pid: int) -> bool:
    """Whether a process still runs: one that has ended has no memory, and soon no directory. proc_pid_statm(5)."""
    (content,) = read_several(proc / str(pid), (("statm", STATM_BYTES),))
    return isinstance(content, bytes) and content.split()[:1] not in ([], [b"0"])


def _known(load: Load, start: Start, following: Following, proc: Path, pid: int) -> Known | None:
    """What a file of a process's program says; None of one that is left to who knows it."""
    known = _unless_left(load, following)
    if known is None:
        return None
    if load.path == start.executable and known.unread in (unread.GONE, unread.HIDDEN):
        return following.ground.visit_program(proc, pid, load.path)
    return known


def _unless_left(load: Load, following: Following) -> Known | None:
    return None if following.is_left(load) else following.ground.visit(load.path)


def _in_place(replaced: set[str], ground: Ground) -> Iterator[str]:
    """What lies now in the place of code that was replaced under a running process: the best that there is to be read."""
    yield from (path for path in replaced if CODE.fullmatch(path) and ground.first([path]))


def _gone(replaced: set[str], ground: Ground) -> str:
    gone = (path for path in replaced if CODE.fullmatch(path) and not path.startswith(_COPIES) and not ground.has(path))
    return unread.GONE if any(not MACHINES.fullmatch(path.rpartition("/")[2]) for path in gone) else ""


def read_lying(lying_in: Lying) -> Iterator[Piece]:
    """The libraries that lie in directories, one after the other."""
    reading = lying_in.reading
    following = following_in(reading)
    following.left = left_of(reading, None)
    ground = following.ground
    for environment in lying_in.environments:
        loaded = [root for root in lying_in.loaded if below(root, (environment,))]

        def files(environment: str = environment, loaded: Sequence[str] = loaded) -> Loads:
            return Loads(tuple(_beside(environment, loaded, following)))

        key = key_of(Start(LYING.id, environment, tuple(loaded), {}, frozenset(), ground.root), following.left)
        there = following.trails.loads(key, files) if following.trails else files()
        ground.look_up([load.path for load in there.files])
        for root, paths in units(there.files, environment).items():
            if ground.limits.spent:
                yield Piece(left_out=unread.NO_TIME)
                break
            found = spoken(root, {path: ground.visit(path) for path in paths})
            yield Piece(spoken=(spoken_encodable(found),) if found is not None else ())
    yield from learnt_since(ground, 0)
    yield from trails_of(following)
    yield Piece(searched=reading.bytes - ground.limits.bytes)


def _beside(environment: str, loaded: Sequence[str], following: Following) -> Iterator[Load]:
    """The files of the packages that nobody has loaded."""
    ground = following.ground
    for root in lying(environment, ground.listed(environment), loaded):
        if following.is_left(Load(f"{root}/", root)):
            continue
        paths = list(ground.walked(root, LYING_ENDS, LYING_MAX)) or ([root] if root.endswith(LYING_ENDS) else [])
        yield from (load for path in paths if not following.is_left(load := Load(path, root)))


def read_owned(owning: Owning) -> Iterator[Owned]:
    """The package of each file that has one."""
    yield from owners(Path(owning.root), owning.paths, owning.deadline, owning.copied)
