"""What the parser reads of schedules: what will run in a system, and the code that it would load, as if it were started."""

from __future__ import annotations

import hashlib
import io
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import field, replace
from pathlib import Path

from imds_probe.collect.code_tasks import OF_IMAGE, Due, Listed, Piece, Program, Reading, Schedules
from imds_probe.collect.program_reading import (
    LEARNT_AT_A_TIME,
    PROGRAM_MIN_S,
    following_in,
    learnt_since,
    loads_of,
    program_of,
    spoken_encodable,
    trails_of,
)
from imds_probe.collect.schedule_memory import ScheduleMemory, listed
from imds_probe.dataclass import dataclass
from imds_probe.facts.code import Runs
from imds_probe.inventory.code import unread
from imds_probe.inventory.code.file import said_by
from imds_probe.inventory.code.following import shell
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.program import Following
from imds_probe.inventory.code.spoken import Spoken
from imds_probe.inventory.code.units import shown
from imds_probe.inventory.schedules import cloud_init
from imds_probe.inventory.schedules.cloud_init_places import CLOUD, SERVED
from imds_probe.inventory.schedules.commands.following import Followed
from imds_probe.inventory.schedules.commands.following import Following as Commands
from imds_probe.inventory.schedules.scheduled import Kind, Scheduled
from imds_probe.inventory.schedules.sources import SOURCES, Source, of_source
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.sdks.start import Start
from imds_probe.kept.shapes import OMITTED, is_path

# What systemd reads beside a unit to know when it is started: a directory changes with each unit that is enabled.
UNIT_KINDS = ("service", "socket", "mount", "swap")
WHERE_ENABLED = ("/etc/systemd/system", "/etc/systemd/system/timers.target.wants")
IMAGE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@+-]{0,255}")
RUNS: dict[Kind, Runs] = {"scheduled": "scheduled", "boot": "boot", "login": "scheduled", "once": "once"}


@dataclass
class _Came:
    """What a program came to, and the paths that this stood on."""

    program: Program | None
    spoken: tuple[Spoken, ...]
    stood_on: frozenset[str]


@dataclass
class _System:
    """What was read so far. `trail` are the paths that the schedule stands on which is worked on."""

    reading: Reading
    ground: Ground
    following: Following
    commands: Commands
    memory: ScheduleMemory
    image: bool
    said: dict[str, Spoken | None] = field(default_factory=dict)
    programs: dict[object, _Came] = field(default_factory=dict)
    learnt: int = 0
    done: dict[str, tuple[Due, ...]] = field(default_factory=dict)
    trail: set[str] = field(default_factory=set)

    def is_late(self) -> bool:
        """Whether its time is over."""
        return time.monotonic() > self.reading.deadline


def started_by(path: str, how_often: str) -> str:
    """A schedule as a report names it. A path may be whatever its owner likes."""
    return f"{path if is_path(path) else OMITTED}, {how_often}"


def read_due(asked: Schedules) -> Iterator[Due]:
    """What will run in a system, and the programs of each schedule, one after the other."""
    reading = asked.reading
    # Recognisers know who uses what they found, but not who will: nothing is left to them.
    following = following_in(reading)
    ground = following.ground
    commands = Commands(SystemFiles(Path(reading.root)))
    system = _System(reading, ground, following, commands, ScheduleMemory(asked.kept, ground), asked.image)
    files = SystemFiles(ground.root)
    for source in (each for each in SOURCES if each.by in asked.by):
        yield from _of_source(source, files, system)
    if asked.user_data and not system.is_late():
        yield from _of_user_data(asked.user_data, system)
    if system.is_late():
        yield Due(Piece(left_out=unread.NO_TIME))
    yield from (Due(trouble=trouble) for trouble in commands.files.troubles)
    yield from _learnt(system, 0)
    yield from (Due(piece) for piece in trails_of(following))
    if (kept := system.memory.learnt()) is not None:
        yield Due(kept=kept)
    yield Due(Piece(searched=reading.bytes - ground.limits.bytes))


def _learnt(system: _System, at_least: int) -> Iterator[Due]:
    """What a later run can have of files, once it is so much: what comes after it may take all the time that there is."""
    if len(system.ground.learnt) - system.learnt >= at_least:
        yield from (Due(piece) for piece in learnt_since(system.ground, system.learnt))
        system.learnt = len(system.ground.learnt)


def _of_source(source: Source, files: SystemFiles, system: _System) -> Iterator[Due]:
    """All schedules of one kind, as they are remembered where nothing of it has changed."""
    if system.is_late():
        return
    memory = system.memory
    known = memory.source(source.what)
    if known is not None:
        memory.keep(source.what, (each.key for each in known.listed))
        for each in known.listed:
            yield from _dated(each, memory.entry(each.key) or (), system)
        yield from (Due(trouble=trouble) for trouble in known.troubles)
        return
    said, told, files.trail = files.said, len(files.troubles), set()
    found: list[Listed] = []
    for scheduled in of_source(source, files):
        if system.is_late():
            return
        found.append(each := listed(scheduled))
        yield from _dated(each, _of_one(each.key, scheduled, system), system)
        yield from _learnt(system, LEARNT_AT_A_TIME)
    troubles = files.troubles[told:]
    if files.said - said == len(troubles):  # or one was said before, of another kind
        memory.learn_source(source.what, found, troubles, files.trail)
    yield from (Due(trouble=trouble) for trouble in troubles)


def _of_user_data(content: bytes, system: _System) -> Iterator[Due]:
    """It is nothing to be remembered. An error at it ends nothing else."""
    try:
        for scheduled in cloud_init.served(content, system.commands.files):
            if system.is_late():
                return
            each = listed(scheduled.encodable())
            yield from _dated(each, tuple(_of_schedule(scheduled.encodable(), system)), system)
    except Exception as error:  # noqa: BLE001 - see _not_to_its_end
        yield Due(trouble=_not_to_its_end(error))


def _of_one(key: str, scheduled: Scheduled, system: _System) -> tuple[Due, ...]:
    """What one comes to: remembered, made before in this run, or made now."""
    memory = system.memory
    if key in system.done:
        return system.done[key]
    if (known := memory.entry(key)) is not None:
        memory.keep_entry(key)
        return tuple(known)
    files, said = system.commands.files, system.commands.files.said
    files.trail = system.trail = system.ground.trail = {scheduled.place.path}
    dues = system.done[key] = tuple(_of_schedule(scheduled, system))
    whole = files.said == said and not any(
        due.piece.program and due.piece.program.why == unread.NO_TIME for due in dues
    )
    if whole:
        memory.learn_entry(key, dues, system.trail)
    files.trail = system.ground.trail = None
    return dues


def _dated(each: Listed, dues: Iterable[Due], system: _System) -> Iterator[Due]:
    """What it comes to, with when it does."""
    for due in dues:
        yield replace(
            due,
            runs=_runs(each, image=system.image),
            started_by=started_by(each.path, each.how_often),
            every_s=each.every_s,
            standing_s=_standing_s(each.path, due, system.ground),
        )


def _runs(scheduled: Listed, *, image: bool) -> Runs:
    """How it counts. What cloud-init has kept of one instance is that one's, and the next of the same image has its own."""
    if image and scheduled.kind == "once" and not scheduled.path.startswith(f"{CLOUD}/instance"):
        return "boot"
    return RUNS[scheduled.kind]


def _not_to_its_end(error: Exception) -> str:
    """Of user data that was served: its text may be in an error, which is written to a log."""
    return f"{SERVED} was not read to its end: {type(error).__name__}"


def _standing_s(path: str, due: Due, ground: Ground) -> float | None:
    """Since when it comes as it does, and is what it is: by the file that says so, what else has a say in when, and the program."""
    stem, _, kind = path.rpartition(".")
    around = (f"{stem}.timer", *WHERE_ENABLED) if kind in UNIT_KINDS else ()
    program = due.piece.program
    changed_ns = ground.changed_ns([path, *around, *([program.name] if program is not None else [])])
    return None if changed_ns is None else max(0.0, (time.time_ns() - changed_ns) / 1e9)


def _of_schedule(scheduled: Scheduled, system: _System) -> Iterator[Due]:
    ground, now = system.ground, time.monotonic()
    deadline = system.reading.deadline
    ground.limits.deadline = min(deadline, now + max(PROGRAM_MIN_S, (deadline - now) / 2))
    followed = system.commands.follow(scheduled)
    yield from _of_text(scheduled, followed, system)
    if any(not each.script for each in followed.unfollowed):
        yield Due(Piece(program=Program(scheduled.encodable().place.path, (), why=unread.NO_SCRIPT)))
    for image in followed.images:
        yield Due(
            Piece(
                program=Program(f"{OF_IMAGE}{image if IMAGE_NAME.fullmatch(image) else OMITTED}", (), why=unread.IMAGE)
            )
        )
    for started in followed.started:
        start = started.start(system.ground.root)
        # What a script starts is read with the script. But where an interpreter looks depends on what the script did before:
        # on the directory that it went to, and the virtual environment that it entered.
        if not started.script or system.following.language_of(start) not in (None, shell.LANGUAGE):
            yield from _of_start(start, system)


def _of_text(scheduled: Scheduled, followed: Followed, system: _System) -> Iterator[Due]:
    """What the command asks by itself: curl in a crontab."""
    text = followed.text.encode("utf-8", "replace")
    words = said_by(io.BytesIO(text), "-" if text.startswith(b"#!") else "-.sh")
    if words.speaks is None:
        return
    place = scheduled.place
    root = f"{place.path}:{place.line}:{hashlib.sha256(text).hexdigest()[:16]}"
    owner = system.ground.visit(place.path).owner_uid
    found = spoken_encodable(replace(shown(root, place.path, words, words.speaks, owner), line=place.line))
    yield Due(Piece(spoken=(found,)), roots=(found.root,))


def _of_start(start: Start, system: _System) -> Iterator[Due]:
    key = start.executable, start.arguments, start.directory, tuple(sorted(start.environment.items()))
    if key not in system.programs:
        before, system.ground.trail = system.ground.trail, set()
        program, spoken = _program(start, system)
        system.programs[key] = _Came(program, spoken, frozenset(system.ground.trail or ()))
        system.ground.trail = before
    came = system.programs[key]
    system.trail |= came.stood_on
    if came.program is not None:
        yield Due(Piece(program=came.program, spoken=came.spoken), roots=came.program.roots)


def _program(start: Start, system: _System) -> tuple[Program | None, tuple[Spoken, ...]]:
    """The program, with all wholes of it that name the service: each schedule is remembered by itself."""
    ground = system.ground
    loads = loads_of(start, system.following)
    if loads is None:
        return None, ()
    if ground.trail is not None:
        ground.trail.update(load.path for load in loads.files)
    program, new = program_of(start, loads, ground, system.said, lambda load: ground.visit(load.path))
    known = (each for root in program.roots if (each := system.said.get(root)) is not None)
    return program, tuple({each.root: each for each in (*known, *new)}.values())
