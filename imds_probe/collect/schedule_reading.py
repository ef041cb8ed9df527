"""What the parser reads of schedules: what will run in a system, and the code that it would load, as if it were started."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from imds_probe.collect.code_tasks import OF_IMAGE, Due, Piece, Program, Reading, Schedules
from imds_probe.collect.program_reading import (
    PROGRAM_MIN_S,
    following_in,
    learnt_since,
    loads_of,
    program_of,
    spoken_encodable,
    trails_of,
)
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
from imds_probe.inventory.schedules.sources import schedules
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.sdks.start import Start
from imds_probe.kept.shapes import OMITTED, is_path

# What systemd reads beside a unit to know when it is started: a directory changes with each unit that is enabled.
UNIT_KINDS = ("service", "socket", "mount", "swap")
WHERE_ENABLED = ("/etc/systemd/system", "/etc/systemd/system/timers.target.wants")
IMAGE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@+-]{0,255}")
RUNS: dict[Kind, Runs] = {"scheduled": "scheduled", "boot": "boot", "login": "scheduled", "once": "once"}


@dataclass
class _System:
    """What was read so far."""

    reading: Reading
    ground: Ground
    following: Following
    commands: Commands
    said: dict[str, Spoken | None]
    programs: dict[object, Program | None]


def started_by(scheduled: Scheduled) -> str:
    """The schedule as a report names it. A path may be whatever its owner likes."""
    path = scheduled.place.path
    return f"{path if is_path(path) else OMITTED}, {scheduled.how_often}"


def read_due(asked: Schedules) -> Iterator[Due]:
    """What will run in a system, and the programs of each schedule, one after the other."""
    reading = asked.reading
    # Recognisers know who uses what they found, but not who will: nothing is left to them.
    following = following_in(reading)
    ground = following.ground
    commands = Commands(SystemFiles(Path(reading.root)))
    system = _System(reading, ground, following, commands, {}, {})
    learnt = 0
    for each in _all(asked, commands.files):
        if isinstance(each, str):
            yield Due(trouble=each)
            continue
        now = time.monotonic()
        if now > reading.deadline:
            yield Due(Piece(left_out=unread.NO_TIME))
            break
        ground.limits.deadline = min(reading.deadline, now + max(PROGRAM_MIN_S, (reading.deadline - now) / 2))
        try:
            for due in _of_schedule(each, system):
                yield replace(
                    due,
                    runs=_runs(each, image=asked.image),
                    started_by=started_by(each),
                    every_s=each.every_s,
                    standing_s=_standing_s(each, due, ground),
                )
        except Exception as error:
            if each.place.path != SERVED:
                raise
            yield Due(trouble=_not_to_its_end(error))
        for piece in learnt_since(ground, learnt):
            yield Due(piece)
        learnt = len(ground.learnt)
    yield from (Due(trouble=trouble) for trouble in commands.files.troubles)
    yield from (Due(piece) for piece in trails_of(following))
    yield Due(Piece(searched=reading.bytes - ground.limits.bytes))


def _runs(scheduled: Scheduled, *, image: bool) -> Runs:
    """How it counts. What cloud-init has kept of one instance is that one's, and the next of the same image has its own."""
    if image and scheduled.kind == "once" and not scheduled.place.path.startswith(f"{CLOUD}/instance"):
        return "boot"
    return RUNS[scheduled.kind]


def _all(asked: Schedules, files: SystemFiles) -> Iterator[Scheduled | str]:
    yield from schedules(Path(asked.reading.root), asked.by)
    if asked.user_data:
        try:
            yield from (each.encodable() for each in cloud_init.served(asked.user_data, files))
        except Exception as error:  # noqa: BLE001 - see _not_to_its_end
            yield _not_to_its_end(error)


def _not_to_its_end(error: Exception) -> str:
    """Of user data that was served: its text may be in an error, which is written to a log."""
    return f"{SERVED} was not read to its end: {type(error).__name__}"


def _standing_s(scheduled: Scheduled, due: Due, ground: Ground) -> float | None:
    """Since when it comes as it does, and is what it is: by the file that says so, what else has a say in when, and the program."""
    path = scheduled.place.path
    stem, _, kind = path.rpartition(".")
    around = (f"{stem}.timer", *WHERE_ENABLED) if kind in UNIT_KINDS else ()
    program = due.piece.program
    changed_ns = ground.changed_ns([path, *around, *([program.name] if program is not None else [])])
    return None if changed_ns is None else max(0.0, (time.time_ns() - changed_ns) / 1e9)


def _of_schedule(scheduled: Scheduled, system: _System) -> Iterator[Due]:
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
    root = f"{place.path}:{place.line}:{len(system.said)}"
    owner = system.ground.visit(place.path).owner_uid
    found = spoken_encodable(replace(shown(root, place.path, words, words.speaks, owner), line=place.line))
    system.said[root] = found
    yield Due(Piece(spoken=(found,)), roots=(found.root,))


def _of_start(start: Start, system: _System) -> Iterator[Due]:
    key = start.executable, start.arguments, start.directory, tuple(sorted(start.environment.items()))
    new: tuple[Spoken, ...] = ()
    if key not in system.programs:
        loads = loads_of(start, system.following)
        program = None
        if loads is not None:
            program, new = program_of(
                start, loads, system.ground, system.said, lambda load: system.ground.visit(load.path)
            )
        system.programs[key] = program
    found = system.programs[key]
    if found is not None:
        yield Due(Piece(program=found, spoken=new), roots=found.roots)
