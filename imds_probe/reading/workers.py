"""The workers of one run: forked and ended by the fork server, told where they may go, and watched for where they hang."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imds_probe.dataclass import dataclass
from imds_probe.reading import worker_messages as w
from imds_probe.reading.confinement import Role
from imds_probe.reading.connection import Connection
from imds_probe.reading.fork_server import GOING_S, ForkServer, ForkServerLost
from imds_probe.reading.unanswered import Place, Unanswered
from imds_probe.reading.whereabouts import NOWHERE, Where, Whereabouts
from imds_probe.system.usage import own_memory, resident_memory

FORK_S = 5.0  # takes milliseconds, unless the machine is all but standing still
RESULT_MAX_BYTES = 4 * 1024 * 1024  # one piece


@dataclass
class Worker:
    """An opener or a parser by its PID, and the run's connection to it."""

    pid: int
    connection: Connection[Any]
    whereabouts: Whereabouts | None = None

    @property
    def where(self) -> Where:
        """Where an opener is, as far as that is known."""
        return self.whereabouts.get() if self.whereabouts else NOWHERE

    def close(self) -> None:
        """The run's side of it; the process is not touched."""
        self.connection.close()
        if self.whereabouts is not None:
            self.whereabouts.close()


class Workers:
    """`state` is where it is kept which mounts hang processes that cannot be killed. Those of a `server` that has not begun yet."""

    def __init__(self, server: ForkServer, terms: w.Terms, state: Path | None) -> None:
        self._server = server
        with contextlib.suppress(ForkServerLost):  # said where a worker is asked for
            server.begin(terms, time.monotonic() + FORK_S)
        self._unanswered = Unanswered(state)
        self._given_up: defaultdict[str, list[bytes]] = defaultdict(list)  # paths by their root
        self._there: set[int] = set()  # by PID
        self.cpu_s = 0.0  # of the workers that have ended
        self.peak_memory_bytes = 0  # of all together and the fork server, without what they share with this process

    @property
    def pid(self) -> int:
        """The child of this process that all workers come from."""
        return self._server.pid

    def leave(self) -> None:
        """Have all ended, and wait for none of them."""
        self._measure()
        self._server.leave()

    def close(self) -> None:
        """End all."""
        self._server.close()

    def load(self, modules: Sequence[str]) -> None:
        """Import modules, for the workers that come. Raises ForkServerLost."""
        self._server.load(modules, time.monotonic() + FORK_S)

    def spawned(self, role: Role, door: socket.socket) -> Worker:
        """A new worker with its end of the socket between opener and parser. Raises ForkServerLost."""
        ours, theirs = socket.socketpair()
        whereabouts = Whereabouts.made() if role == "opener" else None
        worker = Worker(0, Connection(ours, w.Word, frame_max_bytes=RESULT_MAX_BYTES), whereabouts)
        shared = [whereabouts.descriptor] if whereabouts else []
        with theirs:
            given = [theirs.fileno(), door.fileno(), *shared]
            try:
                worker.pid = self._server.spawn(role, given, time.monotonic() + FORK_S)
            except ForkServerLost:
                worker.close()
                raise
        self._there.add(worker.pid)
        return worker

    def grant(self, opener: Worker, roots: Sequence[str], deadline: float) -> None:
        """Let an opener look below these roots and no others, and not at what is known not to answer."""
        opener.connection.send(w.Revoke(), deadline)
        for root in roots:
            refused, given_up = self._unanswered.refused(root), self._given_up.get(root, [])
            opener.connection.send(w.Grant(os.fsencode(root), refused, given_up), deadline)

    def give_up(self, root: str, path: bytes) -> None:
        """A file that no parser could bear is not read again in this run."""
        self._given_up[root].append(path)

    def learn(self, opener: Worker) -> Place | None:
        """The place where an opener is is not gone to again; None where it has not been anywhere."""
        where = opener.where
        return self._unanswered.learn(os.fsdecode(where.root), where.path) if where.root else None

    def remember(self, state: Path) -> None:
        """Keep it in `state` from now on, where earlier runs kept theirs."""
        self._unanswered.remember(state)

    def refused(self, root: str) -> list[bytes]:
        """The paths below a root that are known not to answer."""
        return self._unanswered.refused(root)

    def end(self, worker: Worker, within_s: float = GOING_S) -> None:
        """Kill a worker. One that the kernel does not let go is left behind, and later runs are told where."""
        lives = self._measure().get(worker.pid, 0) > 0
        self._there.discard(worker.pid)
        try:
            ended = self._server.end(worker.pid, time.monotonic() + FORK_S, within_s)
        except ForkServerLost:
            worker.close()
            return
        self.cpu_s += ended.seconds
        if not lives:  # it had ended by itself: what it had more than what it was forked with
            self._measure(ended.resident_bytes - resident_memory(self.pid))
        if not ended.gone and (place := self.learn(worker)) is not None:
            self._unanswered.leave_behind(place, worker.pid)
        worker.close()

    def _measure(self, besides_bytes: int = 0) -> dict[int, int]:
        """Each by its own peak, as if all had had theirs at this moment. To ask takes the kernel a millisecond for each."""
        there = {pid: own_memory(pid) for pid in (self.pid, *tuple(self._there))}
        self.peak_memory_bytes = max(self.peak_memory_bytes, sum(there.values()) + max(0, besides_bytes))
        return there
