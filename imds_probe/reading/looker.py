"""An opener that the run asks by itself, for what the kernel reads from the memory of processes: see system/own_memory.py.

That takes some 100 us, where a process does not keep it waiting. One that does costs itself its answer, and nobody else.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import TypeVar

from imds_probe.dataclass import dataclass
from imds_probe.reading import messages as m
from imds_probe.reading import worker_messages as w
from imds_probe.reading.connection import Connection, Garbage
from imds_probe.reading.fork_server import ForkServerLost
from imds_probe.reading.workers import FORK_S, Worker, Workers
from imds_probe.system.own_memory import Read

BATCH_MAX_BYTES = 4 * 1024 * 1024
BATCH_MAX = 256
GOING_S = 0.1  # what is not gone by then may stay where it is, and its place is remembered
REFUSED_MAX, REFUSED_S = 4096, 60.0  # numbers of processes are used again
OWNERS_MAX = 1024
SHOWN_MAX = 5
R = TypeVar("R")
_GONE = (EOFError, Garbage, ForkServerLost)


@dataclass(frozen=True)
class Patience:
    """How long an answer is waited for, at first and once something did not answer. Whoever kept somebody waiting is not
    asked for `rest` times as long: a daemon has others to listen to.
    """

    first_s: float
    then_s: float
    rest: float


OF_A_RUN = Patience(1.0, 0.1, 0.0)
OF_A_DAEMON = Patience(0.1, 0.1, 20.0)


class Looker:
    """See own_memory.Reads. Asked from any thread, one at a time."""

    def __init__(self, workers: Workers, patience: Patience) -> None:
        self._workers, self._patience = workers, patience
        self._lock = threading.Lock()
        self._opener: Worker | None = None
        self._door: Connection[m.Reply] | None = None
        self._granted: tuple[str, tuple[bytes, ...]] | None = None
        self._refused: OrderedDict[tuple[str, bytes], float] = OrderedDict()
        self._resting: OrderedDict[Hashable, float] = OrderedDict()
        self.unanswered: set[str] = set()  # the processes, as paths, that did not answer

    def heads(self, proc: Path, paths: Sequence[str], limit_bytes: int, of: Hashable = None) -> Sequence[Read]:
        """See own_memory.heads."""
        size = max(1, min(BATCH_MAX, BATCH_MAX_BYTES // max(1, limit_bytes)))
        found: list[Read] = []
        with self._lock:
            for at in range(0, len(paths), size):
                found += self._batch(str(proc), paths[at : at + size], limit_bytes, of)
        return found

    def said_of_unanswered(self) -> tuple[str, ...]:
        """A sentence about those that did not answer; empty where all did."""
        silent = sorted(self.unanswered)
        if not silent:
            return ()
        more = f" and {len(silent) - SHOWN_MAX} more" if len(silent) > SHOWN_MAX else ""
        return (
            f"processes keep whoever reads their arguments or environment waiting: {', '.join(silent[:SHOWN_MAX])}{more}",
        )

    def begin(self) -> None:
        """Have its opener forked."""
        with self._lock, contextlib.suppress(*_GONE):
            self._ready()

    def close(self) -> None:
        """Let go of the opener, which ends with the others."""
        if self._opener is not None and self._door is not None:
            self._opener.close()
            self._door.close()
        self._opener = self._door = None

    def _batch(self, proc: str, paths: Sequence[str], limit_bytes: int, of: Hashable) -> Sequence[Read]:
        def look(door: Connection[m.Reply], deadline: float) -> Sequence[Read]:
            door.send(m.Heads(os.fsencode(proc), [path.encode() for path in paths], limit_bytes), deadline)
            reply = door.receive(deadline)
            if not isinstance(reply, m.Contents) or len(reply.contents) != len(paths):
                raise Garbage("no contents")
            return [
                each if isinstance(each, bytes) else OSError(each, os.strerror(each), path)
                for path, each in zip(paths, reply.contents, strict=True)
            ]

        found = self._asked(proc, of, look)
        return [found] * len(paths) if isinstance(found, OSError) else found

    def _asked(self, proc: str, of: Hashable, look: Callable[[Connection[m.Reply], float], R]) -> R | OSError:
        """What comes of asking; asked again without what did not answer. Each loss is one process's, and refused then."""
        while True:
            if self._resting.get(of, 0.0) > time.monotonic():
                return OSError(errno.EHOSTDOWN, os.strerror(errno.EHOSTDOWN))
            wait_s = self._patience.then_s if self._refused else self._patience.first_s
            try:
                door = self._granting(proc)
                return look(door, time.monotonic() + wait_s)
            except TimeoutError:
                if not self._learned(of, wait_s):
                    return OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
            except _GONE:
                self._end()
                return OSError(errno.EHOSTDOWN, os.strerror(errno.EHOSTDOWN))

    def _learned(self, of: Hashable, lost_s: float) -> bool:
        """End the opener that hangs. Whether it said where, and had not been there before."""
        assert self._opener is not None  # noqa: S101 - it has been asked
        where = self._opener.where
        root = os.fsdecode(where.root)
        self._end()
        now = time.monotonic()
        if self._patience.rest:
            self._resting[of] = now + lost_s * self._patience.rest
            _shortened(self._resting, OWNERS_MAX)
        process = b"/" + where.path.strip(b"/").partition(b"/")[0]
        if not root or process == b"/":
            return False
        self.unanswered.add(root + os.fsdecode(process))
        known = (root, process) in self._refused
        self._refused[root, process] = now + REFUSED_S
        _shortened(self._refused, REFUSED_MAX)
        return not known

    def _granting(self, proc: str) -> Connection[m.Reply]:
        """The way to an opener that may look below `proc`."""
        door = self._ready()
        now = time.monotonic()
        while self._refused and next(iter(self._refused.values())) < now:
            self._refused.popitem(last=False)
        own = (path for root, path in self._refused if root == proc)
        refused = tuple(dict.fromkeys((*own, *self._workers.refused(proc))))
        if self._granted != (proc, refused):
            assert self._opener is not None  # noqa: S101 - it is ready
            self._opener.connection.send(w.Revoke(), now + FORK_S)
            self._opener.connection.send(w.Grant(os.fsencode(proc), list(refused), []), now + FORK_S)
            self._granted = proc, refused
        return door

    def _ready(self) -> Connection[m.Reply]:
        if self._door is None:
            ours, theirs = socket.socketpair()
            with theirs:
                try:
                    self._opener = self._workers.spawned("opener", theirs)
                except ForkServerLost:
                    ours.close()
                    raise
            self._door, self._granted = Connection(ours, m.Reply), None
        return self._door

    def _end(self) -> None:
        opener, door = self._opener, self._door
        self._opener = self._door = None
        if door is not None:
            door.close()
        if opener is not None:
            self._workers.end(opener, GOING_S)


def _shortened(entries: OrderedDict[R, float], most: int) -> None:
    while len(entries) > most:
        entries.popitem(last=False)
