"""The parser: works on tasks with bytes that the opener brings, and gives back plain values. It can open nothing."""

from __future__ import annotations

import gc
import os
import socket
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from imds_probe.errors import ProbeError
from imds_probe.escape import encodable
from imds_probe.reading import messages as m
from imds_probe.reading import worker_messages as w
from imds_probe.reading.connection import Connection
from imds_probe.reading.remote_files import RemoteFiles
from imds_probe.reading.task import argument_of, function_of
from imds_probe.system import rootfs

TRACEBACK_MAX = 8000


class Parser:
    """`run` leads to whoever asks, `door` to the opener, which may take `reply_s` for an answer. `functions` work on tasks, by
    the ids of these.
    """

    def __init__(
        self,
        run: socket.socket,
        door: socket.socket,
        functions: Mapping[str, str | Callable[[Any], Iterator[Any]]],
        reply_s: float,
    ) -> None:
        self._run: Connection[w.Command] = Connection(run, w.Command, takes_descriptors=True)
        self._files = RemoteFiles(Connection(door, m.Reply), self._lost, reply_s)
        self._functions = functions

    def serve(self) -> None:
        """Until the run has gone, or a task took too much memory: what it had is given back with the process."""
        rootfs.behind(self._files)
        try:
            while True:
                command = self._run.receive()
                if isinstance(command, w.Ask):
                    word = self._worked(command)
                    self._run.send(word)
                    if isinstance(word, w.OutOfMemory):
                        return
        except EOFError:
            return

    def _worked(self, ask: w.Ask) -> w.Word:
        self._files.roots([os.fsdecode(root) for root in ask.roots])
        try:
            work = function_of(self._functions[ask.task])
            for result in work(msgspec.msgpack.decode(ask.arguments, type=argument_of(work))):
                self._run.send(w.Result(msgspec.msgpack.encode(result)))
        except MemoryError:
            gc.collect()
            return w.OutOfMemory()
        except EOFError:
            raise
        except ProbeError as trouble:
            return w.Trouble(encodable(str(trouble)), "")  # names of files are any bytes
        except Exception as error:  # noqa: BLE001 - said to whoever asked, with where it came from
            shown = "".join(traceback.format_exception(error))[-TRACEBACK_MAX:]
            return w.Trouble(encodable(f"{type(error).__name__}: {error}"[:300]), encodable(shown))
        return w.Done()

    def _lost(self, hangs: bool) -> Connection[m.Reply] | None:
        """Say so, and take the way to the next opener."""
        self._run.send(w.DoorLost(hangs))
        command = self._run.receive()
        if not isinstance(command, w.NewDoor) or not self._run.descriptors:
            return None
        door = self._run.descriptors.pop()
        # All is said of it that Python would otherwise ask the kernel by calls that are refused here.
        return Connection(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=door), m.Reply)
