"""Giving way to the host's own work: what searches disks has the CPU and the disk when nobody else wants them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading

NICE = 10  # a tenth of the CPU where it is fought over; not 19, as who waits for the result would wait for very long
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}  # <asm/unistd.h>: glibc has no function for it
_WHO_PROCESS, _CLASS_IDLE, _CLASS_SHIFT = 1, 3, 13  # <linux/ioprio.h>


def give_way(thread: int | None = None) -> None:
    """From here on the calling thread, or the process of that number, and what it starts. Not to be taken
    back, as that takes a privilege.

    Where the kernel does not know one of both, the other counts. Source: setpriority(2) and ioprio_set(2), which on Linux
    are about single threads.
    """
    thread = threading.get_native_id() if thread is None else thread
    with contextlib.suppress(OSError):
        # Whoever started us may have been more modest still.
        os.setpriority(os.PRIO_PROCESS, thread, max(NICE, os.getpriority(os.PRIO_PROCESS, thread)))
    number = _IOPRIO_SET.get(os.uname().machine)
    if number is not None:
        ctypes.CDLL(None).syscall(number, _WHO_PROCESS, thread, _CLASS_IDLE << _CLASS_SHIFT)
