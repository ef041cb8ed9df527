"""A process whose arguments and environment cannot be read: whoever tries waits for a lock that it does not let go of.

As a program: silent_process.py FILE maps FILE, which lies on a share that never answers a read, and reads that page by way of
/proc/self/mem. The kernel waits for the page with the process's map of its memory locked for readers, a second thread wants
to change the map, and whoever comes after that one waits behind it. Any user can do the same with a FUSE mount of his own.
With a directory in the place of FILE it mounts the share there itself, where nobody else sees it. Is an address named besides,
it calls that by IMDSv1 once it is silent, and prints what came back.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from fuse_share import OPERATIONS, Share, mounted, share
from soon import wait_for

HOLDS, WAITS = "holds", "waits"  # what the two threads are called
PR_SET_NAME = 15  # <linux/prctl.h>


REQUEST = b"GET /latest/meta-data/ami-id HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n"


def _main(path: str, called: str = "") -> None:
    alone = os.path.isdir(path)
    path = _share_of_its_own(path) if alone else path
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    file, memory = os.open(path, os.O_RDONLY), os.open("/proc/self/mem", os.O_RDONLY)
    page = libc.mmap(None, mmap.PAGESIZE, mmap.PROT_READ, mmap.MAP_PRIVATE, file, 0)
    go, caller = threading.Event(), socket.socket()

    def holds() -> None:
        libc.prctl(PR_SET_NAME, HOLDS.encode(), 0, 0, 0)
        os.pread(memory, 1, page)

    def waits() -> None:
        libc.prctl(PR_SET_NAME, WAITS.encode(), 0, 0, 0)
        go.wait()
        libc.mmap(None, mmap.PAGESIZE, mmap.PROT_READ, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)

    def calls() -> None:
        # What it needs for that it had before: room for more, it would have to wait for like any other.
        caller.connect((called, 80))
        caller.send(REQUEST)
        os.write(1, caller.recv(12) + b"\n")

    signal.signal(signal.SIGUSR1, lambda *_: go.set())
    signal.signal(signal.SIGUSR2, lambda *_: calls())
    if alone:
        _watched_by_a_child(bool(called))
    threads = [threading.Thread(target=each, daemon=True) for each in (waits, holds)]
    for each in threads:
        each.start()
    while True:
        signal.pause()


def _watched_by_a_child(calls: bool) -> None:
    """Have this process told when it is held up. Looking by itself it could need room, and wait before its time."""
    watched = os.getpid()
    if os.fork():
        return
    for name, number in ((HOLDS, signal.SIGUSR1), (WAITS, signal.SIGUSR2 if calls else 0)):
        while not is_held_up(watched, name):
            time.sleep(0.01)
        os.kill(watched, number)
    os._exit(0)


def _share_of_its_own(directory: str) -> str:
    """The file of a share that a child of this process serves."""
    fuse = mounted(directory)
    if not os.fork():
        Share(fuse, OPERATIONS["read"], b"x" * mmap.PAGESIZE).serve()
        os._exit(0)
    os.close(fuse)
    return f"{directory}/file"


def is_held_up(pid: int, name: str) -> bool:
    """Whether the thread of this name waits: that which HOLDS the lock for the share, and no moment for anything else, or the
    other one would change the map before it; the other one for the lock.
    """
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            text = (thread / "stat").read_text()
            waits = (
                (thread / "wchan").read_text() == "request_wait_answer"
                if name == HOLDS
                else text.rpartition(") ")[2].startswith("D")
            )
            if f"({name})" in text and waits:
                return True
    return False


@contextlib.contextmanager
def silent_process(directory: Path) -> Iterator[int]:
    """Its PID. It and its share, which is mounted at `directory` where nobody else sees it, are gone afterwards."""
    argv = (sys.executable, __file__, str(directory / "file"))
    with share(directory, "read", mmap.PAGESIZE, argv) as (_, pid):
        wait_for(lambda: is_held_up(pid, HOLDS))
        os.kill(pid, signal.SIGUSR1)
        wait_for(lambda: is_held_up(pid, WAITS))
        yield pid


if __name__ == "__main__":
    _main(*sys.argv[1:])
