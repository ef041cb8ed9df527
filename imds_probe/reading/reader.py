"""Having strangers' bytes read: tasks for the parser, with a deadline each; what hangs or breaks is replaced."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import field
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import msgspec

from imds_probe.dataclass import dataclass
from imds_probe.facts.collector_run import TOO_SLOW
from imds_probe.reading import worker_messages as w
from imds_probe.reading.connection import Garbage
from imds_probe.reading.fork_server import ForkServer, ForkServerLost
from imds_probe.reading.looker import OF_A_RUN, Looker, Patience
from imds_probe.reading.places import Places
from imds_probe.reading.remote_files import REPLY_S
from imds_probe.reading.task import Answer, Task
from imds_probe.reading.whereabouts import NOWHERE, Where
from imds_probe.reading.workers import FORK_S, Worker, Workers
from imds_probe.system.background import Background
from imds_probe.system.bug import TellBug, untold
from imds_probe.system.give_way import give_way

A = TypeVar("A")
R = TypeVar("R")
LEFT_S = 0.5  # that whoever asks may take to notice that all have gone
MEMORY_MIB = 64  # that a parser may take, unless the run says otherwise
RESULTS_MAX_BYTES = 32 * 1024 * 1024  # a task
OPENERS_MAX = 6  # that may be lost in one task
LITTLE_S = 0.25  # work that disturbs nobody: to replace workers that gave way takes a fifth of it
OUT_OF_TIME = TOO_SLOW
OUT_OF_MEMORY = "the reading took more memory than allowed"
BROKEN = "the reader process ended early"
NONSENSE = "the reader process returned invalid data"
TOO_MUCH = "the reading found more than the limit"


def _go_on(piece: object) -> str:
    del piece
    return ""


def share_of(deadline: float, most_s: float) -> float:
    """When one of many has to be at its end: never with more than half of what is left until a deadline for all."""
    now = time.monotonic()
    return now + min(most_s, max(0.0, deadline - now) / 2)


@dataclass
class _Gathering:
    """What came of a task so far."""

    decode: Callable[[bytes], Any]
    seen: Callable[[Any], str]
    stuck_s: float | None
    found: list[Any] = field(default_factory=list)
    size_bytes: int = 0
    lost: int = 0
    given_up: str = ""
    began_at: Where = NOWHERE


class Reader:
    """The workers of one run, who can work on these tasks. Made while the process has one thread, unless the `server` was; asked
    from any.

    `state` is where it is kept which mounts hang processes that cannot be killed. `modules` are there for all tasks,
    and `memory_mib` is what a parser may take. All is read by `deadline`, a time.monotonic: no worker may use more of a CPU
    than there is until then. `bug` is told of errors in tasks that nobody expected. A place that does not answer is given up
    after `reply_s`.
    """

    def __init__(
        self,
        tasks: Sequence[Task[Any, Any]],
        state: Path | None = None,
        modules: Collection[str] = (),
        patience: Patience = OF_A_RUN,
        *,
        server: ForkServer | None = None,
        bug: TellBug = untold,
        memory_mib: int = MEMORY_MIB,
        reply_s: float = REPLY_S,
        deadline: float | None = None,
    ) -> None:
        named = {task.id: task.work for task in tasks if isinstance(task.work, str)}
        terms = w.Terms(memory_mib, reply_s, deadline, named, list(modules))
        if server is None:
            server = ForkServer(functions={each.id: each.work for each in tasks if not isinstance(each.work, str)})
        self._workers, self._bug = Workers(server, terms, state), bug
        self.looker = Looker(self._workers, patience)
        self.places = Places(self._workers, reply_s)
        self._loaded: set[str] = set(modules)
        self._lock = threading.Lock()
        self._parser: Worker | None = None
        self._opener: Worker | None = None
        self._modest = False  # the task that is worked on is
        self._gave_way = False  # the workers that there are have, for good
        self._began_s = 0.0  # when the task that is worked on was, a time.monotonic
        self._worked_s = 0.0  # what the workers that there are have taken for all tasks before

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The child of this process that all workers come from."""
        return self._workers.pid

    @property
    def cpu_s(self) -> float:
        """What the workers took that have ended."""
        return self._workers.cpu_s

    @property
    def peak_memory_bytes(self) -> int:
        """What all workers together took at most, without what they share with this process; of those that were there when a
        worker ended, or all were about to.
        """
        return self._workers.peak_memory_bytes

    def begin(self) -> None:
        """Have the first workers forked while something else is done."""
        Background("readers", self._begin)

    def remember(self, state: Path) -> None:
        """Keep what hangs in `state` from now on: for whoever cannot know beforehand whether that answers."""
        self._workers.remember(state)

    def rest(self) -> None:
        """End whoever reads files, until the next task, which has new ones: for who asks rarely and stays for long. Nothing is done
        while somebody asks.
        """
        if self._lock.acquire(blocking=False):
            try:
                self._discard()
            finally:
                self._lock.release()

    def leave(self) -> None:
        """Have all workers ended, and wait for none of them; `close` does."""
        self._workers.leave()

    def close(self) -> None:
        """End all workers. Whoever asks still is told that they have gone."""
        self._workers.leave()
        held = self._lock.acquire(timeout=LEFT_S)
        for worker in (self._parser, self._opener):
            if worker is not None:
                worker.close()
        self._parser = self._opener = None
        self.looker.close()
        self.places.close()
        if held:
            self._lock.release()
        self._workers.close()

    def ask(
        self,
        task: Task[A, R],
        arguments: A,
        roots: Sequence[Path],
        deadline: float,
        *,
        modules: Collection[str] = (),
        seen: Callable[[R], str] = _go_on,
        stuck_s: float | None = None,
        modest: bool = False,
    ) -> Answer[R]:
        """What the task finds below these roots until `deadline`, a time.monotonic. One task at a time: others wait.

        `modules` are those that it imports when it needs them, which it cannot: they are there beforehand. `seen` is called
        with each piece as it comes; what it says that is not empty is a reason to end the task. A file at which nothing comes
        of the task for `stuck_s` ends it, and is not read again in this run, nor is one that the parser broke at.
        `modest`: by workers who leave the CPU and the disk to others, unless all that they did yet, with this, took them LITTLE_S.
        """
        gathering = _Gathering(msgspec.msgpack.Decoder(task.result).decode, seen, stuck_s)
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not self._lock.acquire(timeout=left_s):
            return Answer((), OUT_OF_TIME)
        self._began_s = time.monotonic()
        try:
            self._load(modules)
            if self._gave_way and not modest:
                self._discard()  # there is no way back
            self._modest = modest
            failed, traceback = self._attempt(task, arguments, [str(root) for root in roots], gathering, deadline)
        finally:
            self._worked_s += time.monotonic() - self._began_s
            self._lock.release()
        if traceback:
            self._bug(f"reading {task.id}", BugInTask(traceback))
        return Answer(tuple(gathering.found), failed, traceback, gathering.given_up)

    def _attempt(
        self, task: Task[A, R], arguments: A, roots: Sequence[str], gathering: _Gathering, deadline: float
    ) -> tuple[str, str]:
        """Why the task ended early, and where in the code; empty for one that did not. What came is in `gathering`."""
        try:
            ask = w.Ask(task.id, msgspec.msgpack.encode(arguments), [os.fsencode(root) for root in roots])
            parser = self._ready(roots, deadline)
            gathering.began_at = self._where()
            parser.connection.send(ask, deadline)
            while True:
                word = self._next(parser, gathering, deadline)
                if isinstance(word, w.Result):
                    self._take(word, gathering)
                elif isinstance(word, w.DoorLost):
                    if word.hangs:
                        self._pass_over(gathering)
                    self._replace(parser, roots, gathering, deadline)
                else:
                    return self._ended(word, gathering)
        except _Enough as enough:
            self._discard()
            return str(enough), ""
        except TimeoutError:
            self._discard()
            return OUT_OF_TIME, ""
        except _Stuck:
            why = OUT_OF_TIME
            self._pass_over(gathering)
        except EOFError:
            why = BROKEN
        except Garbage:
            why = NONSENSE
        except ForkServerLost as lost:
            return lost.problem, ""
        self._give_up(gathering)
        self._discard()
        return why, ""

    def _begin(self) -> None:
        self.places.begin()
        with self._lock, contextlib.suppress(ForkServerLost, EOFError, TimeoutError):  # said where somebody asks
            self._ready((), time.monotonic() + FORK_S)
        self.looker.begin()  # who looks at processes comes after who reads os-release

    def _next(self, parser: Worker, gathering: _Gathering, deadline: float) -> Any:
        """The parser's next word. Raises _Stuck where none comes and the opener does not get on either."""
        if self._modest and not self._gave_way:
            until = min(deadline, self._began_s + LITTLE_S - self._worked_s)
            if time.monotonic() < until:
                with contextlib.suppress(TimeoutError):
                    return parser.connection.receive(until)
            self._give_way()
        while gathering.stuck_s is not None and time.monotonic() + gathering.stuck_s < deadline:
            where = self._where()
            try:
                return parser.connection.receive(time.monotonic() + gathering.stuck_s)
            except TimeoutError:
                if self._where() == where:
                    raise _Stuck from None
        return parser.connection.receive(deadline)

    def _where(self) -> Where:
        """Where the opener is."""
        return self._opener.where if self._opener else NOWHERE

    def _give_up(self, gathering: _Gathering) -> None:
        """Do not read the file again that the parser was at."""
        where = self._where()
        if where.reads and gathering.stuck_s is not None and where != gathering.began_at:
            self._workers.give_up(os.fsdecode(where.root), where.path)
            gathering.given_up = os.fsdecode(where.path)

    def _pass_over(self, gathering: _Gathering) -> None:
        """Do not touch the place again that the opener is still at, which is no file that it could read from."""
        where = self._where()
        if self._opener and where.root and not where.reads and where != gathering.began_at:
            self._workers.learn(self._opener)
            gathering.given_up = os.fsdecode(where.path)

    def _load(self, modules: Collection[str]) -> None:
        """Those that are new, for a parser that is forked then."""
        new = set(modules) - self._loaded
        if new:
            self._discard()
            self._loaded |= new
            with contextlib.suppress(ForkServerLost):  # said where a worker is asked for
                self._workers.load(sorted(new))

    def _ended(self, word: w.Done | w.Trouble | w.OutOfMemory, gathering: _Gathering) -> tuple[str, str]:
        if isinstance(word, w.OutOfMemory):
            self._give_up(gathering)
            self._discard()
            return OUT_OF_MEMORY, ""
        if isinstance(word, w.Trouble):
            self._give_up(gathering)
        return (word.reason, word.traceback) if isinstance(word, w.Trouble) else ("", "")

    def _take(self, word: w.Result, gathering: _Gathering) -> None:
        gathering.size_bytes += len(word.encoded)
        if gathering.size_bytes > RESULTS_MAX_BYTES:
            raise _Enough(TOO_MUCH)
        try:
            gathering.found.append(gathering.decode(word.encoded))
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:  # ValueError: text that is not UTF-8
            raise Garbage(str(error)) from None
        if enough := gathering.seen(gathering.found[-1]):
            raise _Enough(enough)

    def _ready(self, roots: Sequence[str], deadline: float) -> Worker:
        """A parser whose opener knows these roots and no others."""
        if self._parser is None or self._opener is None:
            self._discard()
            door, behind = socket.socketpair()
            with door, behind:
                self._opener = self._workers.spawned("opener", behind)
                self._parser = self._workers.spawned("parser", door)
        self._workers.grant(self._opener, roots, deadline)
        return self._parser

    def _replace(self, parser: Worker, roots: Sequence[str], gathering: _Gathering, deadline: float) -> None:
        """Another opener in the place of one that hangs or is gone, with what is known not to answer kept from it."""
        lost, self._opener = self._opener, None
        if lost is None:
            raise Garbage("there is no opener that could be lost")
        self._workers.end(lost)
        gathering.lost += 1
        if gathering.lost > OPENERS_MAX:
            parser.connection.send(w.GoOn(), deadline)
            return
        door, behind = socket.socketpair()
        with door, behind:
            self._opener = self._workers.spawned("opener", behind)
            if self._gave_way:
                give_way(self._opener.pid)
            self._workers.grant(self._opener, roots, deadline)
            parser.connection.send(w.NewDoor(), deadline, (door.fileno(),))

    def _give_way(self) -> None:
        for worker in (self._opener, self._parser):
            if worker is not None:
                give_way(worker.pid)
        self._gave_way = True

    def _discard(self) -> None:
        """End the workers; the next task has new ones."""
        for worker in (self._parser, self._opener):
            if worker is not None:
                self._workers.end(worker)
        self._parser = self._opener = None
        self._gave_way, self._worked_s = False, 0.0


class BugInTask(Exception):
    """A task met an error that nobody expected: its words are where that came from."""


class _Enough(Exception):
    """A task is to end, as enough came of it."""


class _Stuck(Exception):
    """Nothing comes of a task any more."""
