"""What a program comes to that a schedule starts: it is followed as if it ran."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from imds_probe.collect.code_tasks import Due, Piece, Program
from imds_probe.collect.due_libraries import Further, Recognising, with_libraries
from imds_probe.collect.due_systems import Came, DueSystem
from imds_probe.collect.program_reading import loads_of, program_of
from imds_probe.facts.code import Speaks
from imds_probe.inventory.code import unread
from imds_probe.inventory.code.following import java, shell
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.java_plugins import launched, plugged
from imds_probe.inventory.code.following.loads import Load, Loads
from imds_probe.inventory.code.spoken import Spoken, says_already
from imds_probe.inventory.schedules.commands.programs import READ, READ_SOME
from imds_probe.inventory.sdks.start import Start

READ_TOGETHER = 100
# Of a version that no system has, whose libraries lie nowhere.
LANGUAGES_READ = {".py": "python2.0", ".rb": "ruby", ".pl": "perl", ".pm": "perl", ".js": "node"}
OF_LIBRARIES = ("/site-packages/", "/dist-packages/", "/gems/")


def of_start(start: Start, system: DueSystem, said: Collection[Speaks]) -> Iterator[Due]:
    """What a start comes to. What the text that starts it says already of code among its arguments is not said again."""
    key = start.executable, start.arguments, start.directory, tuple(sorted(start.environment.items()))
    if key not in system.programs:
        before, system.ground.trail = system.ground.trail, set()
        program, spoken = _program(start, system)
        system.programs[key] = Came(program, spoken, frozenset(system.ground.trail or ()))
        system.ground.trail = before
    came = system.programs[key]
    system.trail |= came.stood_on
    if came.program is not None:
        again = {
            each.root
            for each in came.spoken
            if each.root.startswith(f"{each.path} ") and any(says_already(one, each.speaks) for one in said)
        }
        spoken = tuple(each for each in came.spoken if each.root not in again)
        roots = tuple(root for root in came.program.roots if root not in again)
        yield Due(Piece(program=replace(came.program, roots=roots), spoken=spoken), roots=roots)


def _read_ahead(paths: Sequence[str], ground: Ground) -> None:
    """Trees of settings may have thousands of small files, which come together."""
    for at in range(0, len(paths), READ_TOGETHER):
        some = paths[at : at + READ_TOGETHER]
        ground.ahead(some)
        for path in some:
            ground.visit(path)


def _of_files(start: Start, system: DueSystem) -> Loads:
    """Files that are read, and what lies beside a single one or is started by it: where else its software looks, nobody knows."""
    paths = start.arguments[1:]
    language = LANGUAGES_READ.get(posixpath.splitext(paths[0])[1]) if len(paths) == 1 else None
    beside: tuple[Load, ...] = ()
    if language is not None and start.arguments[0] == READ:
        alone = replace(start, executable=f"/{READ}/bin/{language}", arguments=(language, paths[0]))
        others = [mark for mark in OF_LIBRARIES if mark not in paths[0]]
        found = (load for load in system.following.follow(alone).files if load.path != paths[0])
        beside = tuple(load for load in found if not any(mark in load.path for mark in others))
    return Loads(tuple(dict.fromkeys((*map(Load, paths), *beside))), script=start.executable)


def _program(start: Start, system: DueSystem) -> tuple[Program | None, tuple[Spoken, ...]]:
    """The program, with the wholes of it that name the service."""
    ground = system.ground
    if start.arguments[0] in (READ, READ_SOME):
        loads: Loads | None = _of_files(start, system)
    else:
        loads = loads_of(start, system.following)
    if loads is None:
        return None, ()
    if ground.trail is not None:
        ground.trail.update(load.path for load in loads.files)
    if start.arguments[0] in (READ, READ_SOME):
        _read_ahead([load.path for load in loads.files], ground)
    program, spoken = program_of(start, loads, ground, system.wholes, lambda load: ground.visit(load.path))
    if start.arguments[0] != READ_SOME:
        ground.more = False
        language = system.following.language_of(start)
        further = Further(
            plugged(start, ground) if language is java.LANGUAGE else (),
            launched(start, ground) if language is shell.LANGUAGE else (),
        )
        program = replace(program, why=program.why or unread.MORE) if ground.more else program
        by = Recognising(system.reading.names, system.archives)
        program, libraries = with_libraries(program, loads, ground, by, further)
        return program, (*spoken, *libraries)
    why = unread.BY_NAME if any(each.speaks in ("v1", "both") for each in spoken) else ""
    return replace(program, roots=(), why=program.why or why), ()
