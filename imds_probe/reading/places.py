"""Files that the run looks at by itself, by way of an opener: what does not answer costs a look its answer, and nothing else."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from imds_probe.reading import messages as m
from imds_probe.reading import worker_messages as w
from imds_probe.reading.connection import Connection
from imds_probe.reading.fork_server import ForkServerLost
from imds_probe.reading.remote_files import REPLY_S, RemoteFiles
from imds_probe.reading.workers import FORK_S, Worker, Workers
from imds_probe.system.local_files import LocalFiles

GOING_S = 0.1  # what is not gone by then may stay where it is, and its place is remembered
LOST_MAX = 20  # openers: a host with more dead shares than that is left to itself


class Places(RemoteFiles):
    """See door.Files, for this process itself. Asked from any thread, one at a time. A root need not be granted: it is as soon as
    somebody asks below it. Whole paths are those of /proc's own files, which the kernel answers for: these it reads itself.
    """

    def __init__(self, workers: Workers, reply_s: float = REPLY_S) -> None:
        super().__init__(None, self._replaced, reply_s)
        self._workers = workers
        self._lock = threading.RLock()
        self._here = LocalFiles()
        self._opener: Worker | None = None
        self._granted: dict[bytes, list[bytes]] = {}
        self._losses = 0

    def begin(self) -> None:
        """Have its opener forked."""
        with self._lock:
            if self._opener is None and self._losses < LOST_MAX:
                self._door = self._ready()

    def close(self) -> None:
        """Let go of the opener, which ends with the others. From then on nothing answers."""
        with self._lock:
            self._losses = LOST_MAX
            if self._door is not None:
                self._door.close()
            if self._opener is not None:
                self._opener.close()
            self._door = self._opener = None

    def head(self, path: Path, limit_bytes: int) -> bytes:
        return self._here.head(path, limit_bytes)

    def pieces(self, path: Path, limit_bytes: int) -> bytes:
        return self._here.pieces(path, limit_bytes)

    def link(self, path: Path) -> str:
        return self._here.link(path)

    def several(
        self, directory: Path, files: Sequence[tuple[str, int]], links: Sequence[str]
    ) -> tuple[bytes | OSError, ...]:
        return self._here.several(directory, files, links)

    def links(self, directory: Path, most: int) -> tuple[str, ...]:
        return self._here.links(directory, most)

    def _asked(self, request: m.Request) -> m.Reply:
        with self._lock:
            self.begin()
            if self._opener is not None and (root := getattr(request, "root", None)) is not None:
                with contextlib.suppress(EOFError, TimeoutError):  # then it does not answer either
                    self._grant(self._opener, root)
            return super()._asked(request)

    def _grant(self, opener: Worker, root: bytes) -> None:
        refused = self._workers.refused(os.fsdecode(root))
        if self._granted.get(root) != refused:
            opener.connection.send(w.Grant(root, refused, []), time.monotonic() + FORK_S)
            self._granted[root] = refused

    def _replaced(self, hangs: bool) -> Connection[m.Reply] | None:
        opener, self._opener = self._opener, None
        self._losses += 1
        if opener is not None:
            if hangs:
                self._workers.learn(opener)
            self._workers.end(opener, GOING_S)
        return self._ready() if self._losses < LOST_MAX else None

    def _ready(self) -> Connection[m.Reply] | None:
        """The way to a new opener."""
        self._granted.clear()
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._opener = self._workers.spawned("opener", theirs)
            except ForkServerLost:
                ours.close()
                return None
        return Connection(ours, m.Reply)
