"""The daemon in fast motion: fast_motion.py STATE CONFIG PROGRAM SHARE starts one for each line of its input, and prints its
PID.

Where a daemon would wait for nothing, the clock goes on by as long instead. While an assessment runs, time passes as it does
everywhere: what is asked meanwhile has been answered by its end. Packets and connects are as old as they are by that clock.
PROGRAM stands for the assessments, which take no part in the watch, and asks the service itself. The clock goes on from one
daemon to the next. All daemons end with the input.

What the watch remembers is bounded by a SHAREth of what it is elsewhere: 1 leaves it, and with more, all is full after fewer
assessments. The kernel notes the connects of other tests on this machine, too: as far as these can be told, they are left out,
and nobody's container is looked for.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import select
import signal
import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
MANY = 500
REAL = {name: getattr(time, name) for name in ("time", "monotonic", "time_ns", "monotonic_ns")}
SHARED = mmap.mmap(-1, mmap.PAGESIZE)  # with what is forked


def ahead_ns() -> int:
    """How far this clock is ahead of the machine's."""
    return int.from_bytes(SHARED[:8], "little")


def go_on(seconds: float) -> None:
    SHARED[:8] = (ahead_ns() + int(seconds * 1e9)).to_bytes(8, "little")


def set_clocks() -> None:
    """Before anything is imported that takes them over by name."""
    for name in ("time", "monotonic"):
        setattr(time, name, lambda name=name: REAL[name]() + ahead_ns() / 1e9)
        setattr(time, f"{name}_ns", lambda name=name: REAL[f"{name}_ns"]() + ahead_ns())


class Waiting:
    """As select.poll, in fast motion."""

    running: Any = None  # the assessment

    def __init__(self) -> None:
        self._poll = select.poll()

    def register(self, fd: int, events: int) -> None:
        self._poll.register(fd, events)

    def unregister(self, fd: int) -> None:
        self._poll.unregister(fd)

    def poll(self, milliseconds: float) -> list[tuple[int, int]]:
        if self.running is not None and self.running.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                return self._beside(os.pidfd_open(self.running.pid), milliseconds)
        ready = self._poll.poll(0)
        if not ready:
            go_on(milliseconds / 1000)
        return ready

    def _beside(self, ending: int, milliseconds: float) -> list[tuple[int, int]]:
        """Until there is something, or the assessment has ended."""
        self._poll.register(ending, select.POLLIN)
        try:
            ready = self._poll.poll(milliseconds)
        finally:
            self._poll.unregister(ending)
            os.close(ending)
        if [fd for fd, _ in ready] == [ending]:
            go_on(milliseconds / 1000)
        return [(fd, event) for fd, event in ready if fd != ending]


def is_elsewhere(tid: int) -> bool:
    """Whether a thread that runs still is in another network than we are."""
    try:
        return os.stat(f"/proc/{tid}/ns/net").st_ino != os.stat("/proc/self/ns/net").st_ino
    except OSError:
        return False


def in_fast_motion(program: str) -> None:
    """Have the daemon, its watch and its schedule live by it."""
    from imds_probe.service import schedule
    from imds_probe.watch import names, ring, tracepoint, watcher

    watcher.select = types.SimpleNamespace(poll=Waiting, POLLIN=select.POLLIN)
    watcher.time = types.SimpleNamespace(**{name: getattr(time, name) for name in REAL}, sleep=go_on)
    schedule.sys = types.SimpleNamespace(executable=program)
    starts, packets, connects = schedule.process.start, ring.Ring.packets, tracepoint.Tracepoint.connects

    def start(*arguments: Any, **named: Any) -> Any:
        Waiting.running = starts(*arguments, **named)
        return Waiting.running

    def as_old(self: ring.Ring) -> Iterator[ring.Packet]:
        return (packet._replace(at=packet.at + ahead_ns() / 1e9) for packet in packets(self))

    def as_old_too(self: tracepoint.Tracepoint) -> Iterator[tracepoint.Connect]:
        return (
            connect._replace(at=connect.at + ahead_ns()) for connect in connects(self) if not is_elsewhere(connect.tid)
        )

    schedule.process = types.SimpleNamespace(start=start, stop=schedule.process.stop)
    ring.Ring.packets = as_old  # type: ignore[method-assign]
    tracepoint.Tracepoint.connects = as_old_too  # type: ignore[method-assign]
    names.ContainerNames.meet = lambda self, caller: False  # type: ignore[method-assign]


def remember_less(share: int) -> None:
    """Have the watch keep a share of what it keeps a great number of at most."""
    from imds_probe.watch import callers, connections, connects, lives

    for module in (callers, connections, connects, lives):
        for name, bound in list(vars(module).items()):
            if name.endswith("_MAX") and isinstance(bound, int) and bound >= MANY:
                setattr(module, name, bound // share)


def daemon(state: Path, config: Path, log: Path) -> None:
    """One, to its end. It does not outlive whoever started it."""
    from imds_probe.commands.dispatch import main

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.setsid()
    said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(said, stream)
    os._exit(main(["daemon", "--state-directory", str(state), "--config", str(config)]))


def main(state: Path, config: Path, program: str, share: int) -> None:
    set_clocks()
    from imds_probe.commands import daemon as _  # noqa: F401
    from imds_probe.service import daemon as _too  # noqa: F401

    in_fast_motion(program)
    remember_less(share)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _line in sys.stdin:
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            daemon(state, config, state.with_suffix(".log"))
        print(pid, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
