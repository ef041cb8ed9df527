"""What the fork server does: it imports what workers need, forks them, and ends them.

It reads nothing of strangers, and it is the parent of the workers: their numbers are theirs until it has reaped them.
"""

from __future__ import annotations

import codecs
import contextlib
import gc
import importlib
import math
import os
import resource
import select
import signal
import socket
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from imds_probe.reading import worker_messages as w
from imds_probe.reading.confinement import Limits, confine, detach
from imds_probe.reading.connection import Connection, Garbage
from imds_probe.reading.fork_server import BUG, GOING_S
from imds_probe.reading.opener import Opener
from imds_probe.reading.parser import Parser
from imds_probe.reading.task import module_of

MIB = 1024 * 1024
# The opener holds one piece of a file at a time, and the names of a directory.
OPENER_MIB, OPENER_FILES, PARSER_FILES = 32, 256, 16
CPU_S = 1000  # where there is no end by which all is to be read: then who asks has one for each task
# What is known of files is kept to the end of a task, and has no cycles: to look through all of it again is in vain.
COLLECTED_AFTER = 20_000, 50, 100
# Python imports these when they are met for the first time: json takes texts in all of them, and a parser imports nothing.
ENCODINGS = (
    *("utf-8-sig", "utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-32-be", "utf-32-le"),
    *("ascii", "latin-1", "unicode_escape", "raw_unicode_escape"),
)


class Server:
    """Told what to do by the `run`. The rest as of fork_server.ForkServer."""

    def __init__(
        self, run: socket.socket, modules: Sequence[str], functions: Mapping[str, Callable[[Any], Iterator[Any]]]
    ) -> None:
        self._run: Connection[w.Errand] = Connection(run, w.Errand, takes_descriptors=True)
        self._modules, self._functions = modules, functions
        self._terms = w.Terms(0, 0.0, None, {}, [])
        self._workers: set[int] = set()
        self._going: set[int] = set()  # those of them that were killed, and had not ended yet
        self._is_prepared = False

    def serve(self) -> None:
        """Until the run has gone. Then nothing of it is left but what the kernel does not let go."""
        _imported(self._modules)
        try:
            while True:
                errand = self._run.receive()
                self._reap_late()
                if isinstance(errand, w.Terms):
                    self._terms = errand
                elif isinstance(errand, w.Spawn):
                    self._run.send(w.Spawned(self._forked(errand.role)))
                    self._prepare()  # while the run has its first opener to work with
                elif isinstance(errand, w.Import):
                    _imported(errand.modules)
                    self._run.send(w.Imported())
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
        _imported((*map(module_of, self._terms.functions.values()), *self._terms.modules))
        gc.freeze()
        self._is_prepared = True

    def _forked(self, role: str) -> int:
        if role == "parser":
            self._prepare()
        descriptors = self._run.descriptors
        self._run.descriptors = []
        pid = os.fork()
        if not pid:
            lived(lambda: self._worker(role, descriptors), descriptors)
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
            gc.set_threshold(*COLLECTED_AFTER)
            parser = Parser(first, second, {**self._functions, **self._terms.functions}, self._terms.reply_s)
            confine("parser", Limits(self._terms.memory_mib * MIB, self._cpu_s(), PARSER_FILES))
            parser.serve()

    def _cpu_s(self) -> int:
        """For a worker that is forked now. Whole seconds, and one that who asks does not wait for any more."""
        end = self._terms.deadline
        return CPU_S if end is None else max(0, math.ceil(end - time.monotonic())) + 1

    def _ended(self, pid: int, within_s: float) -> w.Ended:
        if pid not in self._workers:
            return w.Ended(True, 0.0, 0)
        _kill(pid)
        deadline = time.monotonic() + min(within_s, GOING_S)
        while (usage := _reaped(pid)) is None and time.monotonic() < deadline:
            select.select((), (), (), 0.001)
        if usage is None:
            self._going.add(pid)
            return w.Ended(False, 0.0, 0)
        self._workers.discard(pid)
        return w.Ended(True, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)

    def _reap_late(self) -> None:
        """Whoever took longer to end than it was waited for: a daemon's server lives for months, and each would stay a zombie."""
        ended = {pid for pid in self._going if _reaped(pid) is not None}
        self._going -= ended
        self._workers -= ended


def _imported(modules: Collection[str]) -> None:
    for module in modules:
        with contextlib.suppress(Exception):  # who needs it says so
            importlib.import_module(module)


def lived(life: Callable[[], object], keep: tuple[int, ...] | list[int]) -> None:
    """The whole life of a child of ours, of which nothing but these descriptors is left of its parent's. Never returns."""
    code = BUG
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
