"""Several processes that work off the same list. Each is forked, has one task at a time and ends with the pipe that brings it."""

from __future__ import annotations

import os
import selectors
import signal
from collections.abc import Callable, Iterator
from typing import NoReturn

from imds_probe.errors import ProbeError

_LENGTH = 8  # bytes before each message


class WorkerLost(ProbeError):
    """A process ended before its work was done."""


Work = Callable[[bytes], Iterator[bytes]]


def worked(tasks: Iterator[bytes], work: Work, processes: int) -> Iterator[bytes]:
    """All that `work` makes of the tasks, in whichever order; none of it is empty. The next task is only taken from the iterator
    when a process is free. Raises WorkerLost where a process is killed, as the kernel does when memory is short.
    """
    workers: dict[int, _Worker] = {}
    selector = selectors.DefaultSelector()
    try:
        while len(workers) < processes and (task := next(tasks, None)) is not None:
            worker = _Worker(work, tuple(workers.values()))
            workers[worker.output] = worker
            selector.register(worker.output, selectors.EVENT_READ)
            worker.give(task)
        while workers:
            for key, _ in selector.select():
                worker = workers[key.fd]
                if result := worker.take():
                    yield result
                elif (task := next(tasks, None)) is not None:
                    worker.give(task)
                else:
                    selector.unregister(key.fd)
                    del workers[key.fd]
                    worker.end()
    finally:
        selector.close()
        for worker in workers.values():
            worker.end(at_once=True)


class _Worker:
    def __init__(self, work: Work, others: tuple[_Worker, ...]) -> None:
        tasks, self._tasks = os.pipe()
        self.output, results = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _work(work, tasks, results, [self._tasks, self.output, *(fd for other in others for fd in other.own)])
        os.close(tasks)
        os.close(results)

    @property
    def own(self) -> tuple[int, int]:
        """Ends that no other process may hold, or nobody would see that this one has left."""
        return self._tasks, self.output

    def give(self, task: bytes) -> None:
        try:
            _send(self._tasks, task)
        except BrokenPipeError:
            raise self._lost() from None

    def take(self) -> bytes:
        """A result, or nothing where the task is done."""
        result = _receive(self.output)
        if result is None:
            raise self._lost()
        return result

    def _lost(self) -> WorkerLost:
        return WorkerLost(
            "a process that read reports was ended from outside, perhaps because memory was short",
            "Run the command again with --jobs 1.",
        )

    def end(self, *, at_once: bool = False) -> None:
        os.close(self._tasks)
        os.close(self.output)
        if at_once:
            os.kill(self._pid, signal.SIGKILL)  # it is ours, and not yet waited for
        os.waitpid(self._pid, 0)


def _work(work: Work, tasks: int, results: int, others: list[int]) -> NoReturn:
    """The process: it never returns into what its parent was about to do."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
        for fd in others:
            os.close(fd)
        while (task := _receive(tasks)) is not None:
            for result in work(task):
                _send(results, result)
            _send(results, b"")
        code = 0
    except BrokenPipeError:
        code = 0  # nobody wants to know any more
    except BaseException:
        import traceback  # noqa: PLC0415

        os.write(2, traceback.format_exc().encode(errors="backslashreplace"))
        raise
    finally:
        os._exit(code)


def _send(fd: int, message: bytes) -> None:
    left = memoryview(len(message).to_bytes(_LENGTH, "big") + message)
    while left:
        left = left[os.write(fd, left) :]


def _receive(fd: int) -> bytes | None:
    """None at the end."""
    head = _exactly(fd, _LENGTH)
    return None if head is None else _exactly(fd, int.from_bytes(head, "big"))


def _exactly(fd: int, length: int) -> bytes | None:
    parts = []
    while length:
        part = os.read(fd, min(length, 1024 * 1024))
        if not part:
            return None
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
