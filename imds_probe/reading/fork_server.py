"""The fork server as the run sees it: forked while this process has one thread, it forks the workers, whatever threads there
are by then. What it does itself is in forking.py.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from imds_probe.errors import ProbeError
from imds_probe.reading import worker_messages as w
from imds_probe.reading.connection import Connection, Garbage

GOING_S = 0.5  # what was killed is waited for; what is in the kernel's hands may stay there
BUG = 70
K = TypeVar("K", w.Spawned, w.Imported, w.Ended)
LOST = "the process that starts the reader processes has ended"


class ForkServerLost(ProbeError):
    """There is no fork server any more."""


class ForkServer:
    """The run's side of it. `modules` are imported by the fork server as soon as it is there, beside what this process does
    then. `functions` are those that parsers work on tasks with, by the ids of the tasks, where they are in no module.
    """

    def __init__(
        self, modules: Sequence[str] = (), functions: Mapping[str, Callable[[Any], Iterator[Any]]] | None = None
    ) -> None:
        ours, theirs = (_above_standard(each) for each in socket.socketpair())
        # What is there already stays shared: no child's collector touches it. Nor does this process's again, where it is all
        # that was imported, which nobody lets go of before the end.
        gc.freeze()
        self.pid = os.fork()
        if not self.pid:
            _be_the_server(theirs, modules, functions or {})
        theirs.close()
        self._connection: Connection[w.Account] = Connection(ours, w.Account)
        self._lock = threading.Lock()  # several may have workers of their own
        self._lost = False  # or out of step: an answer that came too late would be taken for the next one

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, terms: w.Terms, deadline: float) -> None:
        """Say what holds for all workers, before the first one. Raises ForkServerLost."""
        with self._lock:
            try:
                self._connection.send(terms, deadline)
            except (EOFError, TimeoutError):
                self._lost = True
                raise ForkServerLost(LOST) from None

    def spawn(self, role: str, sockets: list[int], deadline: float) -> int:
        """Fork a worker with these descriptors; its PID. Raises ForkServerLost."""
        return self._asked(w.Spawn(role), deadline, w.Spawned, sockets).pid

    def load(self, modules: Sequence[str], deadline: float) -> None:
        """Import modules, for the workers that come. Raises ForkServerLost."""
        self._asked(w.Import(list(modules)), deadline, w.Imported)

    def end(self, pid: int, deadline: float, within_s: float = GOING_S) -> w.Ended:
        """Kill a worker, and wait so long for its end. Raises ForkServerLost."""
        return self._asked(w.End(pid, within_s), deadline, w.Ended)

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
        while not self._has_ended():
            if time.monotonic() > deadline:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.001)

    def _has_ended(self) -> bool:
        try:
            return os.waitpid(self.pid, os.WNOHANG)[0] != 0
        except ChildProcessError:
            return True  # somebody else has reaped it

    def _asked(self, errand: w.Errand, deadline: float, kind: type[K], descriptors: Sequence[int] = ()) -> K:
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


def _be_the_server(
    run: socket.socket, modules: Sequence[str], functions: Mapping[str, Callable[[Any], Iterator[Any]]]
) -> None:
    """The whole life of the child. Never returns."""
    try:
        from imds_probe.reading import forking  # noqa: PLC0415 - the run itself needs none of it

        forking.lived(lambda: forking.Server(run, modules, functions).serve(), (run.fileno(),))
    finally:
        os._exit(BUG)


def _above_standard(sock: socket.socket) -> socket.socket:
    """The same where it is none of the descriptors 0 to 2, which may be free: a program can be started without them."""
    if sock.fileno() > 2:
        return sock
    with sock:
        return socket.socket(fileno=fcntl.fcntl(sock, fcntl.F_DUPFD_CLOEXEC, 3))
