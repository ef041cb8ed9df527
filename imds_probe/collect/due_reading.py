"""What one schedule comes to, in the parser: its programs are followed as if they were started, also in other roots."""

from __future__ import annotations

import posixpath
import re
import shlex
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from imds_probe.collect.code_tasks import Due, Piece, Program
from imds_probe.collect.due_programs import of_start
from imds_probe.collect.due_systems import DueSystem
from imds_probe.collect.due_texts import asks_itself, in_network, of_text
from imds_probe.collect.program_reading import OF_SYSTEM, PROGRAM_MIN_S, following_in
from imds_probe.collect.schedule_memory import ScheduleMemory
from imds_probe.escape import encodable
from imds_probe.facts.code import OF_IMAGE, Speaks
from imds_probe.inventory.code import unread
from imds_probe.inventory.code.following.language import Language
from imds_probe.inventory.code.owning import owners
from imds_probe.inventory.images import stores
from imds_probe.inventory.schedules.commands.container_run import ImageRun
from imds_probe.inventory.schedules.commands.followed import NO_NAME, NO_SCRIPT, OF_LIMITS, Followed
from imds_probe.inventory.schedules.commands.following import Following as Commands
from imds_probe.inventory.schedules.commands.programs import READ
from imds_probe.inventory.schedules.scheduled import Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.sdks.start import Start
from imds_probe.kept.shapes import OMITTED, is_path

USERS_ENGINES = frozenset(
    ("podman", "nerdctl")
)  # what users start with these is theirs; Docker's containers are root's
IMAGE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@+-]{0,255}")


def since_s(changed_ns: int | None) -> float | None:
    return None if changed_ns is None else max(0.0, (time.time_ns() - changed_ns) / 1e9)


def of_schedule(scheduled: Scheduled, system: DueSystem) -> Iterator[Due]:
    """All that it comes to: what its text asks by itself, and its programs."""
    _take_share(system)
    followed = system.commands.follow(scheduled)
    inside = any(_has_own_network(run, scheduled) and _asks(run) for run in followed.images)
    apart = any(not each.path and each.network == "own" and asks_itself(each.text) for each in followed.apart)
    texts = [
        replace(due, own_network=inside or apart or due.own_network) for due in of_text(scheduled, followed, system)
    ]
    said = {each.speaks for due in texts for each in due.piece.spoken}
    for due in (*texts, *_of_programs(scheduled, followed, system, said)):
        yield replace(due, passes_over=True) if followed.passes_over else due


def of_programs(scheduled: Scheduled, system: DueSystem) -> Iterator[Due]:
    """The same without its text, which stands elsewhere, and was searched there."""
    _take_share(system)
    followed = system.commands.follow(scheduled)
    for due in _of_programs(scheduled, followed, system):
        yield replace(due, passes_over=True) if followed.passes_over else due


def _take_share(system: DueSystem) -> None:
    deadline, now = system.reading.deadline, time.monotonic()
    system.ground.limits.deadline = min(deadline, now + max(PROGRAM_MIN_S, (deadline - now) / 2))


def _of_programs(
    scheduled: Scheduled, followed: Followed, system: DueSystem, said: Collection[Speaks] = ()
) -> Iterator[Due]:
    if any(not each.script for each in followed.unfollowed):
        yield _unfollowed(scheduled)
    # What people's shells load is mostly found while they start. Entry points of images start what they are handed, and all of a
    # directory, by names of variables: both are read by themselves.
    if scheduled.kind != "login" and system.runs is None:
        yield from _of_scripts(followed, system)
    for run in followed.images:
        own = _has_own_network(run, scheduled)
        yield from (replace(due, own_network=own or due.own_network) for due in _in_image(run, scheduled, system))
    if followed.settings:
        system.remembers = False  # what they come to stands by itself
        system.named.update({(scheduled.owner_uid, each): None for each in followed.settings})
    for asked in followed.containers:
        system.remembers = False  # what it is told may be secret
        yield replace(_unfollowed(scheduled), asked=asked)
    for entered in followed.roots:
        system.remembers = False
        found = system.views.of_directory(entered.directory) if system.views is not None else None
        if found is None:
            yield _unfollowed(scheduled)
            continue
        inner = replace(
            scheduled,
            command=entered.words,
            directory=entered.within,
            environment=entered.environment,
            root="",
            network=entered.network,
        )
        yield from _inside(*found, inner, system) or [_unfollowed(scheduled)]  # there is no such program in there
    for started in followed.started:
        start = started.start(system.ground.root)
        if system.runs is not None and system.runs(start):
            continue
        # What a script starts by its name is read with the script. But where an interpreter looks depends on what the script did
        # before, on the directory that it went to and the virtual environment that it entered; and what it starts in a loop, or
        # hands to another program, is known here alone.
        if (
            not started.script
            or start.arguments[:1] == (READ,)
            or not _is_of_system(start, system.following.language_of(start))
        ):
            script = system.ground.visit(started.script).said if started.script else None
            in_script = {script.speaks} if script is not None and script.speaks is not None else ()
            dues = of_start(start, system, in_script if started.script else said)
            dues = in_network(dues, started.network, followed)
            yield from _perhaps(dues) if started.perhaps else dues
    # What was left out while all this was followed may be started, too.
    for each in system.commands.files.take_left_out():
        if each.why in (unread.MORE, unread.NO_SCRIPT):
            yield Due(Piece(program=Program(encodable(each.path), (), why=each.why)))


def _is_of_system(start: Start, language: Language | None) -> bool:
    """Whether it is a program by itself that the system has. Scripts there may be an administrator's own."""
    return language is None and start.executable.startswith(OF_SYSTEM)


def _of_scripts(followed: Followed, system: DueSystem) -> Iterator[Due]:
    """Scripts that start something whose name is only known while they run, or more than is followed. A distribution's own start
    what its packages have, and the catalog knows what of these asks.
    """
    why = {each.script: unread.MORE for each in followed.unfollowed if each.script and each.why in OF_LIMITS}
    why |= {
        each.script: unread.BY_NAME for each in followed.unfollowed if each.script and each.why in (NO_NAME, NO_SCRIPT)
    }
    for script in system.own_of(why):
        yield Due(Piece(program=Program(encodable(script), (), why=why[script])))


def _perhaps(dues: Iterator[Due]) -> Iterator[Due]:
    """What is one of several that may be started: who starts it was not read as a whole, if it asks without a token."""
    for due in dues:
        program = due.piece.program
        own = [each for each in due.piece.spoken if each.library is None]
        if program is not None and (program.why or any(each.speaks in ("v1", "both") for each in own)):
            yield Due(Piece(program=replace(program, roots=(), why=program.why or unread.BY_NAME)))
        if libraries := tuple(replace(each, speaks="both") for each in due.piece.spoken if each.library is not None):
            yield Due(Piece(spoken=libraries), roots=tuple(each.root for each in libraries))


def _unfollowed(scheduled: Scheduled) -> Due:
    return Due(Piece(program=Program(scheduled.encodable().place.path, (), why=unread.NO_SCRIPT)))


def _has_own_network(run: ImageRun, scheduled: Scheduled) -> bool:
    """Whether a container gets a network of its own that root made: a user's engine makes one behind a relay."""
    of_user = scheduled.owner_uid is not None or scheduled.user not in ("root", "0", "")
    return run.own_network and not (of_user and run.engine in USERS_ENGINES)


def _asks(run: ImageRun) -> bool:
    """Whether the words that a container is given call the service, as a request by curl does."""
    return asks_itself(shlex.join(run.words))


def _in_image(run: ImageRun, scheduled: Scheduled, system: DueSystem) -> Iterator[Due]:
    """What a container of an image begins with, read in the image's layers."""
    system.remembers = False
    name = f"{OF_IMAGE}{run.name if IMAGE_NAME.fullmatch(run.name) else OMITTED}"
    of_user = _of_user(run, scheduled, system)
    stored = stores.image(system.ground.root, run.name, run.engine, of_user) if system.views is not None else None
    root = (
        system.views.of_layers(stored.layers, stored.opaque, run.mounts)
        if stored is not None and system.views is not None
        else None
    )
    if stored is None or root is None:
        # Nothing but the user's own systemd starts his own unit files, on his account.
        runner_uid = scheduled.owner_uid if scheduled.image is not None else None
        yield Due(Piece(program=Program(name, (), why=unread.IMAGE, runner_uid=runner_uid)))
        return
    found: list[Due] = []
    around = dict(stored.config.environment) | dict(run.environment)
    inside = replace(
        scheduled,
        directory=run.directory or stored.config.directory,
        environment=around,
        image=None,
        root="",
        network="host",
    )
    for words in stored.config.started_by(run):
        inner = replace(inside, command=words)
        if not run.whole:  # what the image starts by itself stands nowhere else
            yield from of_text(scheduled, Followed(shlex.join(words)), system)
        entry = () if run.whole else stored.config.entrypoint
        entry = entry if words[: len(entry)] == entry else ()
        found += (_of_entry_point(due, entry) for due in _inside(name, root, inner, system))
    yield from found or [Due(Piece(program=Program(name, (), why=unread.NO_SCRIPT)))]
    if check := stored.config.check if run.check is None else run.check:
        if run.check is None:
            yield from of_text(scheduled, Followed(shlex.join(check)), system)
        yield from _inside(name, root, replace(inside, command=check), system)


def _of_user(run: ImageRun, scheduled: Scheduled, system: DueSystem) -> tuple[str, int] | None:
    """The home and number of the user whose own engine runs it; None of what is root's."""
    if scheduled.user in ("root", "0", "") or run.engine not in ("", *USERS_ENGINES):
        return None
    account = system.accounts.get(scheduled.user)
    return (account.home, account.number) if account is not None and account.number else None


def _of_entry_point(due: Due, words: Sequence[str]) -> Due:
    """What an image's entry point goes through by names of variables its images seldom have, and what it is handed is read by
    itself.
    """
    program = due.piece.program
    names = {posixpath.basename(word) for word in words}
    if program is None or program.why != unread.BY_NAME or posixpath.basename(program.name) not in names:
        return due
    return replace(due, piece=replace(due.piece, program=replace(program, why="")))


def _inside(name: str, root: Path, scheduled: Scheduled, system: DueSystem) -> list[Due]:
    """What a command comes to in another root. Its text was searched with the whole command's."""
    if root not in system.others:
        reading = replace(system.reading, root=str(root), image=str(root), kept={}, trails={}, before_ns=None)
        following = following_in(reading)
        following.ground.limits = system.ground.limits
        memory = ScheduleMemory(None, following.ground)
        commands = Commands(SystemFiles(root))
        system.others[root] = DueSystem(reading, following.ground, following, commands, memory, system.image)
    other = system.others[root]
    scheduled = scheduled.encodable()  # what a file of JSON has may be no text
    followed = other.commands.follow(scheduled)
    found: list[Due] = []
    for due in _of_programs(scheduled, followed, other):
        program, paths = due.piece.program, [each.path for each in due.piece.spoken]
        changed_ns = other.ground.changed_ns([program.name]) if program is not None else None
        owned = tuple(owners(root, paths, system.ground.limits.deadline)) if paths else ()
        said = name if is_path(name) or name.startswith(OF_IMAGE) else OMITTED
        found.append(replace(due, inside=said, owned=owned, standing_s=since_s(changed_ns)))
    return found
