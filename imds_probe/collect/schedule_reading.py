"""What the parser reads of schedules: what will run in a system, and the code that it would load, as if it were started."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from imds_probe.collect import schedules_kept
from imds_probe.collect.begun_reading import at_start, of_asked, of_begun, runs_of
from imds_probe.collect.code_tasks import Begun, Due, Piece, Program, Schedules
from imds_probe.collect.due_reading import of_schedule, since_s
from imds_probe.collect.due_systems import DueSystem
from imds_probe.collect.dues import shortest
from imds_probe.collect.program_reading import LEARNT_AT_A_TIME, following_in, learnt_since
from imds_probe.collect.root_views import RootViews
from imds_probe.collect.schedule_memory import ScheduleMemory, listed
from imds_probe.collect.schedules_kept import Listed
from imds_probe.escape import encodable
from imds_probe.facts.code import Runs
from imds_probe.inventory.code import unread
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.schedules import cloud_init, named_in_settings
from imds_probe.inventory.schedules.accounts import accounts, number_of
from imds_probe.inventory.schedules.cloud_init_places import CLOUD, SERVED
from imds_probe.inventory.schedules.commands.following import Following as Commands
from imds_probe.inventory.schedules.commands.settings_named import NamedSettings
from imds_probe.inventory.schedules.scheduled import Kind, Scheduled
from imds_probe.inventory.schedules.settings_known import BY_SUPERVISOR
from imds_probe.inventory.schedules.sources import SETTINGS, SOURCES, Source, of_source
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles
from imds_probe.kept.shapes import OMITTED, is_path
from imds_probe.system import rootfs

# What systemd reads beside a unit to know when it is started: a directory changes with each unit that is enabled.
UNIT_KINDS = ("service", "socket", "mount", "swap")
AHEAD = 32  # schedules
WEIGHT_MAX = 300  # of what is sent together
WHERE_ENABLED = ("/etc/systemd/system", "/etc/systemd/system/timers.target.wants")
NOT_KNOWN = "nobody knows when"
NAMED = "settings that command lines name"
RUNS: dict[Kind, Runs] = {"scheduled": "scheduled", "boot": "boot", "login": "scheduled", "once": "once"}


def started_by(path: str, how_often: str) -> str:
    """A schedule as a report names it. A path may be whatever its owner likes."""
    return f"{path if is_path(path) else OMITTED}, {how_often}"


def read_due(asked: Schedules) -> Iterator[tuple[Due, ...]]:
    """What will run in a system, and the programs of each schedule, one after the other; of what is remembered several at once:
    each message takes as long as ten of them.
    """
    reading = asked.reading
    # Recognisers know who uses what they found, but not who will: nothing is left to them.
    # What programs load is remembered with the schedules that start them.
    following = replace(following_in(reading), trails=None)
    ground = following.ground
    ground.reads_ahead = True  # by what stands behind the views
    commands = Commands(SystemFiles(Path(reading.root)))
    system = DueSystem(
        reading, ground, following, commands, ScheduleMemory(schedules_kept.decoded(asked.kept), ground), asked.image
    )
    files = SystemFiles(ground.root, of_image=asked.image)
    system.accounts = accounts(SystemFiles(ground.root))  # what of them is left out, who reads schedules says
    system.views = RootViews(ground.root)
    with rootfs.read_by(system.views.door):
        sources = [each for each in SOURCES if each.by in asked.by]
        if asked.begun is not None:
            yield from _of_container(asked.begun, system)
            if SETTINGS not in sources:
                runs = runs_of(asked.begun.runs)
                sources.append(replace(SETTINGS, look=partial(named_in_settings.of_running, runs=runs)))
                system.at_start = at_start(asked.begun, system)
        for source in (each for each in sources if not each.of_users):
            yield from _of_source(source, files, system)
        if asked.user_data and not system.is_late():
            yield from _of_user_data(asked.user_data, system)
        for source in (each for each in sources if each.of_users):
            yield from _of_source(source, files, system)
        yield from _of_named(files, system)
    if system.is_late():
        yield (Due(Piece(left_out=unread.NO_TIME)),)
    yield _troubles(commands.files.troubles)
    yield from _learnt(system, 0)
    if (kept := system.memory.learnt()) is not None:
        yield (Due(kept=schedules_kept.encoded(kept)),)
    yield (Due(Piece(searched=reading.bytes - ground.limits.bytes)),)


def _of_container(begun: Begun, system: DueSystem) -> Iterator[tuple[Due, ...]]:
    """What it begins with, and what schedules of the host run in it."""
    for each, dues in of_begun(begun, system):
        yield tuple(_dated(each, dues, system))
    for by, dues in of_asked(begun, system):
        yield tuple(_as_asked(by, dues, system))


def _of_named(files: SystemFiles, system: DueSystem) -> Iterator[tuple[Due, ...]]:
    """What settings start that command lines name. What they start may name others."""
    done: set[tuple[int | None, NamedSettings]] = set()
    while new := [each for each in system.named if each not in done]:
        done.update(new)
        owners = dict.fromkeys(owner_uid for owner_uid, _ in new)
        for owner_uid in sorted(owners, key=lambda each: (each is not None, each)):
            named = [each for owner, each in new if owner == owner_uid]
            # Remembered are those of just these files.
            digest = hashlib.sha256(repr((owner_uid, named)).encode("utf-8", "replace")).hexdigest()
            look = partial(named_in_settings.of_named, named, owner_uid)
            source = Source(f"{NAMED} ({digest[:16]})", look, "init", of_users=owner_uid is not None)
            yield from _of_source(source, files, system)


def _as_asked(by: Due, dues: Iterable[Due], system: DueSystem) -> Iterator[Due]:
    """What a schedule of the host comes to, with when it does by that schedule."""
    for due in dues:
        program = due.piece.program
        standing_s = _standing_s(program.name if program is not None else "/", due, system.ground)
        yield replace(
            due,
            runs=by.runs,
            started_by=by.started_by,
            every_s=None if due.passes_over else by.every_s,
            standing_s=shortest(each for each in (by.standing_s, standing_s) if each is not None),
        )


def _troubles(troubles: Iterable[str]) -> tuple[Due, ...]:
    return tuple(Due(trouble=trouble) for trouble in troubles)


def _learnt(system: DueSystem, at_least: int) -> Iterator[tuple[Due, ...]]:
    """What a later run can have of files, once it is so much: what comes after it may take all the time that there is."""
    if len(system.ground.learnt) - system.learnt >= at_least:
        yield from ((Due(piece),) for piece in learnt_since(system.ground, system.learnt))
        system.learnt = len(system.ground.learnt)


def _of_source(source: Source, files: SystemFiles, system: DueSystem) -> Iterator[tuple[Due, ...]]:
    """All schedules of one kind, as they are remembered where nothing of it has changed."""
    if system.is_late():
        return
    memory = system.memory
    known = memory.source(source.what)
    if known is not None:
        memory.keep(source.what, (each.key for each in known.listed))
        yield from _at_once(due for each in known.listed for due in _dated(each, memory.entry(each.key) or (), system))
        yield _troubles(known.troubles)
        return
    said, told, files.trail = files.said, len(files.troubles), set()
    found: list[Listed] = []
    for each, scheduled in _with_ahead(of_source(source, files), system):
        if system.is_late():
            return
        found.append(each)
        yield tuple(_dated(each, _of_one(each.key, scheduled, system), system))
        yield from _learnt(system, LEARNT_AT_A_TIME)
    troubles = files.troubles[told:]
    left_out = files.take_left_out()
    yield tuple(_left_out(each, source) for each in left_out)
    if files.said - said == len(troubles) and not left_out:  # or one was said before, of another kind
        memory.learn_source(source.what, found, troubles, files.trail)
    yield _troubles(troubles)


def _left_out(left: LeftOut, source: Source) -> Due:
    """It may start anything. What a user's own systemd or shell would start runs on his own account."""
    runner_uid = left.owner_uid if source.of_users and source.by == "init" else None
    path = encodable(left.path)
    program = Program(path, (), why=left.why, runner_uid=runner_uid)
    return Due(Piece(program=program), "scheduled", started_by(path, NOT_KNOWN), starter_uid=left.owner_uid)


def _with_ahead(all_of_them: Iterator[Scheduled], system: DueSystem) -> Iterator[tuple[Listed, Scheduled]]:
    """Each with what is kept of it. What some of them start is asked for at once."""
    while some := [(listed(each), each) for each in itertools.islice(all_of_them, AHEAD)]:
        memory = system.memory
        system.commands.ahead(
            scheduled for each, scheduled in some if each.key not in system.done and not memory.has(each.key)
        )
        yield from some


def _at_once(dues: Iterable[Due]) -> Iterator[tuple[Due, ...]]:
    """As many together as have room in a message: of what programs load there may be much."""
    some: list[Due] = []
    weight = 0
    for due in dues:
        some.append(due)
        program = due.piece.program
        weight += 1 + (len(program.parts) + len(program.loaded) if program is not None else 0)
        if weight >= WEIGHT_MAX:
            yield tuple(some)
            some, weight = [], 0
    yield tuple(some)


def _of_user_data(content: bytes, system: DueSystem) -> Iterator[tuple[Due, ...]]:
    """It is nothing to be remembered. An error at it ends nothing else."""
    try:
        for scheduled in cloud_init.served(content, system.commands.files):
            if system.is_late():
                return
            each = listed(scheduled.encodable())
            yield tuple(_dated(each, tuple(of_schedule(scheduled.encodable(), system)), system))
    except Exception as error:  # noqa: BLE001 - see _not_to_its_end
        # What it would run at each boot counts as the programs of schedules do; of the rest, nothing runs here again.
        cut = Program(SERVED, (), why=unread.TOO_LONG)
        yield (Due(Piece(program=cut), "scheduled", started_by(SERVED, NOT_KNOWN), trouble=_not_to_its_end(error)),)


def _of_one(key: str, scheduled: Scheduled, system: DueSystem) -> tuple[Due, ...]:
    """What one comes to: remembered, made before in this run, or made now."""
    memory = system.memory
    if key in system.done:
        return system.done[key]
    if (known := memory.entry(key)) is not None:
        memory.keep_entry(key)
        return tuple(known)
    files, said = system.commands.files, system.commands.files.said
    files.owner_uid = scheduled.owner_uid
    files.trail = system.trail = system.ground.trail = {scheduled.place.path}
    system.remembers = True
    is_at_start = scheduled.kind == "boot" or scheduled.how_often == BY_SUPERVISOR
    of_container = system.at_start if is_at_start else None
    found = tuple(of_schedule(scheduled, system)) if of_container is None else of_container(scheduled)
    dues = system.done[key] = found
    # What kept us from reading may be over in the next run, without a trace on any file.
    cut_short = any(due.piece.program and due.piece.program.why in (unread.NO_TIME, unread.HIDDEN) for due in dues)
    if system.remembers and files.said == said and not cut_short:
        memory.learn_entry(key, dues, system.trail)
    files.trail = system.ground.trail = None
    return dues


def _dated(each: Listed, dues: Iterable[Due], system: DueSystem) -> Iterator[Due]:
    """What it comes to, with when it does."""
    runs, by = _runs(each, image=system.image), started_by(each.path, each.how_often)
    for due in dues:
        standing_s = _standing_s(each.path, due, system.ground)
        # One that passes over some of its starts has not come round when its time has.
        every_s = None if due.passes_over else each.every_s
        came = replace(
            due, runs=runs, started_by=by, every_s=every_s, standing_s=standing_s, starter_uid=each.owner_uid
        )
        yield replace(came, uid=number_of(each.user, system.accounts))


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
    named = [program.name] if program is not None and not due.inside else []
    changed_ns = ground.changed_ns([path, *around, *named])
    return shortest(each for each in (since_s(changed_ns), due.standing_s) if each is not None)
