"""The fork server: forked while this process has one thread, it forks the workers, whatever threads there are by then.

It reads nothing of strangers, and it is the parent of the workers: their numbers are theirs until it has reaped them.
"""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import gc
import importlib
import math
import os
import resource
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.reading import messages as m
from imds_probe.reading.confinement import Limits, confine, detach
from imds_probe.reading.connection import Connection, Garbage
from imds_probe.reading.opener import Opener
from imds_probe.reading.parser import Parser
from imds_probe.reading.task import Task

MIB = 1024 * 1024
# The opener holds one piece of a file at a time, and the names of a directory.
OPENER_MIB, OPENER_FILES, PARSER_FILES = 32, 256, 16
CPU_S = 1000  # where there is no end by which all is to be read: then who asks has one for each task
# Python imports these when they are met for the first time: json takes texts in all of them, and a parser imports nothing.
ENCODINGS = (
    *("utf-8-sig", "utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-32-be", "utf-32-le"),
    *("ascii", "latin-1", "unicode_escape", "raw_unicode_escape"),
)
GOING_S = 0.5  # what was killed is waited for; what is in the kernel's hands may stay there
K = TypeVar("K", m.Spawned, m.Imported, m.Ended)
LOST = "the process that starts the reader processes has ended"


class ForkServerLost(ProbeError):
    """There is no fork server any more."""


@dataclass(frozen=True)
class Terms:
    """The memory that a parser may take, and for how long it waits for an answer of its opener's. No worker may use more of a CPU
    than there is until `deadline`, a time.monotonic.
    """

    memory_mib: int
    reply_s: float
    deadline: float | None = None


class ForkServer:
    """The run's side of it. `tasks` are those that parsers work on, by their ids; their modules are imported by now, and
    `modules` by the fork server itself, before it forks anything.
    """

    def __init__(self, tasks: Mapping[str, Task[Any, Any]], modules: Sequence[str], terms: Terms) -> None:
        ours, theirs = (_above_standard(each) for each in socket.socketpair())
        # What is there already stays shared: no child's collector touches it. Nor does this process's again, where it is all
        # that was imported, which nobody lets go of before the end.
        gc.freeze()
        self.pid = os.fork()
        if not self.pid:
            _lived(lambda: _Server(theirs, tasks, modules, terms).serve(), (theirs.fileno(),))
        theirs.close()
        self._connection: Connection[m.Account] = Connection(ours, m.Account)
        self._lock = threading.Lock()  # several may have workers of their own
        self._lost = False  # or out of step: an answer that came too late would be taken for the next one

    def spawn(self, role: str, sockets: list[int], deadline: float) -> int:
        """Fork a worker with these descriptors; its PID. Raises ForkServerLost."""
        return self._asked(m.Spawn(role), deadline, m.Spawned, sockets).pid

    def load(self, modules: Sequence[str], deadline: float) -> None:
        """Import modules, for the workers that come. Raises ForkServerLost."""
        self._asked(m.Import(list(modules)), deadline, m.Imported)

    def end(self, pid: int, deadline: float, within_s: float = GOING_S) -> m.Ended:
        """Kill a worker, and wait so long for its end. Raises ForkServerLost."""
        return self._asked(m.End(pid, within_s), deadline, m.Ended)

    def leave(self) -> None:
        """Have it end all workers and itself, which takes it a moment."""
        with contextlib.suppress(OSError):  # it has gone already
            self._connection.socket.shutdown(socket.SHUT_RDWR)  # another thread may be asking just now

    def close(self) -> None:
        """The same, and reap it."""
        self.leave()
        self._lost = True
        self._connection.close()
        deadline = time.monotonic() + 2 * GOING_S
        while _reaped(self.pid) is None:
            if time.monotonic() > deadline:
                _kill(self.pid)
            time.sleep(0.001)

    def _asked(self, errand: m.Errand, deadline: float, kind: type[K], descriptors: Sequence[int] = ()) -> K:
        with self._lock:
            if self._lost:
                raise ForkServerLost(LOST)
            self._lost = True
            try:
                self._connection.send(errand, deadline, descriptors)
                account = self._connection.receive(deadline)
            except (EOFError, Garbage, TimeoutError):
                raise ForkServerLost(LOST) from None
            if not isinstance(account, kind):
                raise ForkServerLost(LOST)
            self._lost = False
            return account


class _Server:
    """The server itself."""

    def __init__(
        self, run: socket.socket, tasks: Mapping[str, Task[Any, Any]], modules: Sequence[str], terms: Terms
    ) -> None:
        self._run: Connection[m.Errand] = Connection(run, m.Errand, takes_descriptors=True)
        self._tasks, self._modules, self._terms = tasks, modules, terms
        self._workers: set[int] = set()
        self._is_prepared = False

    def serve(self) -> None:
        """Until the run has gone. Then nothing of it is left but what the kernel does not let go."""
        try:
            while True:
                errand = self._run.receive()
                if isinstance(errand, m.Spawn):
                    self._run.send(m.Spawned(self._forked(errand.role)))
                    self._prepare()  # while the run has its first opener to work with
                elif isinstance(errand, m.Import):
                    _imported(errand.modules)
                    self._run.send(m.Imported())
                else:
                    self._run.send(self._ended(errand.pid, errand.within_s))
        except (EOFError, Garbage):
            pass
        for pid in self._workers:
            _kill(pid)
        deadline = time.monotonic() + GOING_S
        while self._workers and time.monotonic() < deadline:
            self._workers -= {pid for pid in self._workers if _reaped(pid) is not None}
            select.select((), (), (), 0.001)

    def _prepare(self) -> None:
        """Import what parsers take for granted. Openers need none of it, and the run waits for its first one."""
        if self._is_prepared:
            return
        for encoding in ENCODINGS:
            codecs.lookup(encoding)
        _imported(self._modules)
        gc.freeze()
        self._is_prepared = True

    def _forked(self, role: str) -> int:
        if role == "parser":
            self._prepare()
        descriptors = self._run.descriptors
        self._run.descriptors = []
        pid = os.fork()
        if not pid:
            _lived(lambda: self._worker(role, descriptors), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        self._workers.add(pid)
        return pid

    def _worker(self, role: str, descriptors: list[int]) -> None:
        first, second = (socket.socket(fileno=each) for each in descriptors[:2])
        if role == "opener":
            opener = Opener(first, second, descriptors[2])
            confine("opener", Limits(OPENER_MIB * MIB, self._cpu_s(), OPENER_FILES))
            opener.serve()
        else:
            parser = Parser(first, second, self._tasks, self._terms.reply_s)
            confine("parser", Limits(self._terms.memory_mib * MIB, self._cpu_s(), PARSER_FILES))
            parser.serve()

    def _cpu_s(self) -> int:
        """For a worker that is forked now. Whole seconds, and one that who asks does not wait for any more."""
        end = self._terms.deadline
        return CPU_S if end is None else max(0, math.ceil(end - time.monotonic())) + 1

    def _ended(self, pid: int, within_s: float) -> m.Ended:
        if pid not in self._workers:
            return m.Ended(True, 0.0, 0)
        _kill(pid)
        deadline = time.monotonic() + min(within_s, GOING_S)
        while (usage := _reaped(pid)) is None and time.monotonic() < deadline:
            select.select((), (), (), 0.001)
        if usage is None:
            return m.Ended(False, 0.0, 0)
        self._workers.discard(pid)
        return m.Ended(True, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def _imported(modules: Sequence[str]) -> None:
    for module in modules:
        with contextlib.suppress(Exception):  # who needs it says so
            importlib.import_module(module)


def _lived(life: Callable[[], object], keep: tuple[int, ...] | list[int]) -> None:
    """The whole life of a child of ours, of which nothing but these descriptors is left of its parent's. Never returns."""
    code = 70
    try:
        detach(keep)
        life()
        code = 0
    except BaseException:  # noqa: BLE001, S110 - there is nobody to tell: who asked sees that it ended
        pass
    finally:
        os._exit(code)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _reaped(pid: int) -> resource.struct_rusage | None:
    """What it used, once it has ended."""
    try:
        ended, _, usage = os.wait4(pid, os.WNOHANG)
    except ChildProcessError:
        return resource.getrusage(resource.RUSAGE_CHILDREN)  # somebody else has reaped it
    return usage if ended else None


def _above_standard(sock: socket.socket) -> socket.socket:
    """The same where it is none of the descriptors 0 to 2, which may be free: a program can be started without them."""
    if sock.fileno() > 2:
        return sock
    with sock:
        return socket.socket(fileno=fcntl.fcntl(sock, fcntl.F_DUPFD_CLOEXEC, 3))
