"""Several processes that work off the same list. Each is forked, may open files to read them and do nothing else, has one task at a
time, and ends with the socket that brings it.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NoReturn

from imds_probe.errors import ProbeError
from imds_probe.reading.confinement import Limits, confine

_LENGTH = 8  # bytes before each message, whose first byte says what it is
_RESULT, _DONE, _BUG, _UNCONFINED = b"r", b"d", b"b", b"u"
# A document of 64 MB may be as much as this once it is taken apart. Of time, a year's exports take their hours.
LIMITS = Limits(memory_bytes=1 << 30, cpu_s=24 * 3600, files=64)
Work = Callable[[bytes], Iterator[bytes]]
Lost = Callable[[bytes], Iterable[bytes]]


class WorkerLost(ProbeError):
    """A process ended before its work was done, or could not begin it."""


def worked(tasks: Iterator[bytes], work: Work, processes: int, lost: Lost | None = None) -> Iterator[bytes]:
    """All that `work` makes of the tasks, in whichever order. The next task is only taken from the iterator when a process is free.
    What `work` needs has to be imported before. Where a process is killed, as the kernel does when memory is short, `lost` says
    which tasks are to be done in the place of its last one, and another process begins; some of that task's results have come.
    Raises WorkerLost where the kernel cannot confine a process, and without `lost` where one is killed.
    """
    workers: dict[int, _Worker] = {}
    selector = selectors.DefaultSelector()
    again: deque[bytes] = deque()

    def begin() -> None:
        while len(workers) < processes and (task := again.popleft() if again else next(tasks, None)) is not None:
            worker = _Worker(work, tuple(each.connection for each in workers.values()))
            workers[worker.connection.fileno()] = worker
            selector.register(worker.connection, selectors.EVENT_READ)
            worker.give(task)

    def replace(worker: _Worker) -> None:
        if lost is None:
            raise WorkerKilled
        end(worker)
        again.extend(lost(worker.task))

    def end(worker: _Worker) -> None:
        selector.unregister(worker.connection)
        del workers[worker.connection.fileno()]
        worker.end()

    try:
        begin()
        while workers:
            for key, _ in selector.select():
                worker = workers[key.fd]
                try:
                    result = worker.take()
                except WorkerKilled:
                    replace(worker)
                    continue
                if result is not None:
                    yield result
                elif (task := again.popleft() if again else next(tasks, None)) is not None:
                    worker.give(task)
                else:
                    end(worker)
            begin()
    finally:
        selector.close()
        for worker in workers.values():
            worker.end(at_once=True)


class WorkerKilled(WorkerLost):
    """The kernel or somebody else ended a process."""

    def __init__(self) -> None:
        super().__init__(
            "a process that read reports was ended from outside, perhaps because memory was short",
            "Run the command again with --jobs 1.",
        )


class _Worker:
    def __init__(self, work: Work, others: Sequence[socket.socket]) -> None:
        self.connection, its = socket.socketpair()
        self._pid = os.fork()
        if self._pid == 0:
            # What another process holds open would never seem to end.
            for each in (self.connection, *others):
                each.close()
            _serve(work, its)
        its.close()
        self.task = b""

    def give(self, task: bytes) -> None:
        self.task = task
        with contextlib.suppress(OSError):  # it has ended, and what it said last, or nothing, comes by `take`
            _send(self.connection, task)

    def take(self) -> bytes | None:
        """A result, or None where the task is done."""
        try:
            message = _receive(self.connection)
        except OSError:
            message = None
        if message is None:
            raise WorkerKilled
        kind, content = message[:1], message[1:]
        if kind == _BUG:
            raise RuntimeError(f"in a process that reads reports:\n{content.decode(errors='replace')}")
        if kind == _UNCONFINED:
            raise WorkerLost(
                f"the kernel cannot confine a process that reads reports: {content.decode(errors='replace')}"
            )
        return content if kind == _RESULT else None

    def end(self, *, at_once: bool = False) -> None:
        self.connection.close()
        if at_once:
            os.kill(self._pid, signal.SIGKILL)  # it is ours, and not yet waited for
        os.waitpid(self._pid, 0)


def _serve(work: Work, connection: socket.socket) -> NoReturn:
    """The process: it never returns into what its parent was about to do."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
        try:
            confine("opener", LIMITS)
        except OSError as error:
            _send(connection, _UNCONFINED + str(error).encode(errors="replace"))
            os._exit(0)
        while (task := _receive(connection)) is not None:
            for result in work(task):
                _send(connection, _RESULT + result)
            _send(connection, _DONE)
    except (BrokenPipeError, ConnectionError):
        pass  # nobody wants to know any more
    except BaseException:  # noqa: BLE001 - the parent tells of it
        _send(connection, _BUG + traceback.format_exc().encode(errors="backslashreplace"))
    finally:
        os._exit(0)


def _send(connection: socket.socket, message: bytes) -> None:
    connection.sendall(len(message).to_bytes(_LENGTH, "big") + message)


def _receive(connection: socket.socket) -> bytes | None:
    """None at the end."""
    head = _exactly(connection, _LENGTH)
    return None if head is None else _exactly(connection, int.from_bytes(head, "big"))


def _exactly(connection: socket.socket, length: int) -> bytes | None:
    parts = []
    while length:
        part = connection.recv(min(length, 1024 * 1024))
        if not part:
            return None
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
